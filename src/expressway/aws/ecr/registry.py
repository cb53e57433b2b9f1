"""Amazon ECR: repositories, images, tags and the login that pushing needs."""

import base64
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from expressway.aws.ecr.repositories import configuration_digest, image_manifests, json_object
from expressway.aws.errors import Raw, ask, aws_error_code, aws_error_message, aws_errors, map_aws_error
from expressway.aws.session import AwsSession
from expressway.aws.values.image import RegistryImage, RegistryLogin, Repository
from expressway.core.clock import Clock
from expressway.core.pages import pages
from expressway.core.system_clock import SystemClock
from expressway.errors import ExpresswayError, ImageError, TargetError

_NO_REPOSITORY = "RepositoryNotFoundException"
# A role that has just been made cannot be assumed everywhere at once: IAM is eventually consistent.
_ROLE_DELAYS_SECONDS = (1.0, 2.0, 4.0, 8.0)


class EcrRegistry:
    """The private registry of one account and region.

    Every method raises TargetError where AWS refuses or cannot be reached (``access_denied``, ``throttled`` …), and
    ImageError ``repository_missing`` where there is no such repository, unless it answers None then.

    Args:
        push_role_arn: the role as which images are pushed and tagged; the caller's own identity when None.
        push_session_name: how that role's session is called in the account's trail, 64 characters at most.
    """

    def __init__(
        self,
        session: AwsSession,
        *,
        push_role_arn: str | None = None,
        push_session_name: str = "expressway-push",
        clock: Clock | None = None,
    ) -> None:
        self._session = session
        self._push_role_arn = push_role_arn
        self._push_session_name = push_session_name
        self._clock = clock or SystemClock()

    def through_role(self, role_arn: str, *, session_name: str) -> "EcrRegistry":
        """The same registry, pushed to as `role_arn`; whatever only reads stays with the caller's own identity."""
        return EcrRegistry(self._session, push_role_arn=role_arn, push_session_name=session_name, clock=self._clock)

    def authorization(self) -> RegistryLogin:
        """A login for this registry, valid for 12 hours (GetAuthorizationToken)."""
        client = self._push_session().client("ecr")
        with aws_errors("give a login for the image registry"):
            data: Mapping[str, Any] = client.get_authorization_token()["authorizationData"][0]
        username, _, password = base64.b64decode(data["authorizationToken"]).decode().partition(":")
        return RegistryLogin(self._session.target.push_host, username, password, data.get("expiresAt"))

    def describe_repository(self, name: str) -> Repository | None:
        """The repository, or None when there is none of that name."""
        call = self._session.client("ecr").describe_repositories
        answer = ask(call, f"describe the repository {name}", missing={_NO_REPOSITORY}, repositoryNames=[name])
        return self._repository(answer["repositories"][0]) if answer else None

    def find_image(
        self,
        repository_name: str,
        *,
        tag: str | None = None,
        digest: str | None = None,
        registry_id: str | None = None,
        region: str | None = None,
    ) -> RegistryImage | None:
        """The image with that tag, or that digest, or None; `registry_id` and `region` reach other registries."""
        answer = _ask(
            self._session.client("ecr", region=region).describe_images,
            "describe an image of",
            repository_name,
            missing="ImageNotFoundException",
            imageIds=[{"imageDigest": digest} if digest else {"imageTag": tag}],
            **_registry(registry_id),
        )
        details = answer["imageDetails"] if answer else ()
        return _image(details[0]) if details else None

    def list_images(self, repository_name: str) -> tuple[RegistryImage, ...]:
        """Every image of the repository, tagged or not."""
        ask_page = partial(
            _ask, self._session.client("ecr").describe_images, "list the images of", repository_name, missing=""
        )
        found = pages(ask_page, doing=f"list the images of {repository_name}", by="nextToken")
        return tuple(_image(detail) for page in found for detail in page["imageDetails"])

    def configuration_digest(self, repository_name: str, *, digest: str) -> str | None:
        """The digest of an image's configuration, which Docker's own image ids are; None for a manifest list."""
        with _repository_errors("read an image's manifest in", repository_name):
            found = image_manifests(self._session.client("ecr"), digest, repositoryName=repository_name)
        return configuration_digest(json_object(found[0]["imageManifest"])) if found else None

    def tag_image(self, repository_name: str, *, digest: str, tag: str) -> None:
        """Give an image that is there another tag, without moving a byte (PutImage of the same manifest).

        Raises:
            ImageError: ``tag_immutable``, ``image_missing``.
        """
        client = self._push_session().client("ecr")
        try:
            found = image_manifests(client, digest, repositoryName=repository_name)
            if not found:
                raise ImageError(
                    "image_missing",
                    f"{repository_name} no longer holds {digest}.",
                    "Repeat the command: the image is then pushed again.",
                )
            client.put_image(
                repositoryName=repository_name,
                imageManifest=found[0]["imageManifest"],
                imageManifestMediaType=found[0]["imageManifestMediaType"],
                imageTag=tag,
                imageDigest=digest,
            )
        except (ClientError, BotoCoreError) as exc:
            if aws_error_code(exc) == "ImageAlreadyExistsException":
                return  # this image has this tag already
            if aws_error_code(exc) == "ImageTagAlreadyExistsException":
                raise ImageError(
                    "tag_immutable",
                    f"The repository {repository_name} keeps its tags, and {tag} names another image.",
                    "Choose another tag, or leave the tag out to have one made from the content.",
                ) from exc
            raise _repository_error(exc, repository_name, f"set the tag {tag} in") from exc

    def lifecycle_policy(
        self, repository_name: str, *, registry_id: str | None = None, region: str | None = None
    ) -> str | None:
        """The text of the repository's lifecycle policy (JSON), or None when it has none (GetLifecyclePolicy)."""
        answer = _ask(
            self._session.client("ecr", region=region).get_lifecycle_policy,
            "read the lifecycle policy of",
            repository_name,
            missing="LifecyclePolicyNotFoundException",
            **_registry(registry_id),
        )
        return answer["lifecyclePolicyText"] if answer else None

    def _push_session(self) -> AwsSession:
        if self._push_role_arn is None:
            return self._session
        for delay in (*_ROLE_DELAYS_SECONDS, None):
            try:
                return self._session.assume_role(self._push_role_arn, self._push_session_name)
            except TargetError as exc:
                if exc.code != "access_denied" or delay is None:
                    raise
            self._clock.sleep(delay)
        raise AssertionError("the last attempt returns or raises")

    def _repository(self, raw: Mapping[str, Any]) -> Repository:
        name, uri = str(raw["repositoryName"]), str(raw["repositoryUri"])
        target = self._session.target
        host = target.push_host if target.is_sandbox else uri.partition("/")[0]
        return Repository(
            name=name,
            arn=str(raw["repositoryArn"]),
            uri=uri,
            registry_id=str(raw["registryId"]),
            push_address=f"{host}/{name}",
            tag_mutability=str(raw.get("imageTagMutability", "MUTABLE")),
            excluded_tags=tuple(str(item["filter"]) for item in raw.get("imageTagMutabilityExclusionFilters", [])),
        )


def _image(raw: Mapping[str, Any]) -> RegistryImage:
    pushed_at = raw.get("imagePushedAt")
    return RegistryImage(
        repository_name=str(raw["repositoryName"]),
        digest=str(raw["imageDigest"]),
        tags=tuple(sorted(map(str, raw.get("imageTags", [])))),
        size_bytes=int(raw.get("imageSizeInBytes", 0)),
        pushed_at=pushed_at if isinstance(pushed_at, datetime) else None,
    )


def _registry(registry_id: str | None) -> dict[str, str]:
    return {"registryId": registry_id} if registry_id else {}


def _ask(call: Callable[..., Raw], doing: str, repository: str, *, missing: str, **arguments: Any) -> Raw | None:
    """The answer about a repository, or None where AWS refuses it with the error code `missing`."""
    try:
        return call(repositoryName=repository, **arguments)
    except (ClientError, BotoCoreError) as exc:
        if missing and aws_error_code(exc) == missing:
            return None
        raise _repository_error(exc, repository, doing) from exc


@contextmanager
def _repository_errors(doing: str, repository: str) -> Generator[None]:
    try:
        yield
    except (ClientError, BotoCoreError) as exc:
        raise _repository_error(exc, repository, doing) from exc


def _repository_error(exc: ClientError | BotoCoreError, name: str, doing: str) -> ExpresswayError:
    if aws_error_code(exc) == _NO_REPOSITORY:
        return ImageError(
            "repository_missing",
            f"There is no repository {name}: {aws_error_message(exc)}",
            "Deploy the repository stack first, or check account and region.",
        )
    return map_aws_error(exc, f"{doing} the repository {name}")
