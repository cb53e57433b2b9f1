"""Amazon ECR: repositories, images, tags and the login that pushing needs."""

import base64
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from expressway.aws.ecr.repositories import configuration_digest, image_manifests, json_object
from expressway.aws.errors import ask, aws_error_code, aws_error_message, aws_errors, map_aws_error
from expressway.aws.session import AwsSession
from expressway.aws.values.image import DeletedImages, RegistryImage, RegistryLogin, Repository
from expressway.core.clock import Clock
from expressway.core.pages import pages
from expressway.core.system_clock import SystemClock
from expressway.errors import ExpresswayError, ImageError, TargetError

_NO_REPOSITORY = "RepositoryNotFoundException"
_ROUNDS = 20
_BATCH = 100  # images that one BatchDeleteImage takes
# A role that has just been made cannot be assumed everywhere at once: IAM is eventually consistent.
_ROLE_DELAYS_SECONDS = (1.0, 2.0, 4.0, 8.0)


class EcrRegistry:
    """The private registry of one account and region.

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
        """A login for this registry, valid for 12 hours (GetAuthorizationToken).

        Raises:
            TargetError: ``access_denied``, ``credentials_expired``, ``throttled``, ``connection_failed`` …
        """
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
        """The image with that tag, or that digest, or None; `registry_id` and `region` reach other registries.

        Raises:
            ImageError: ``repository_missing``.
            TargetError: when AWS refuses.
        """
        wanted = {"imageDigest": digest} if digest else {"imageTag": tag}
        request = {"repositoryName": repository_name, "imageIds": [wanted]}
        if registry_id:
            request["registryId"] = registry_id
        try:
            details = self._session.client("ecr", region=region).describe_images(**request)["imageDetails"]
        except (ClientError, BotoCoreError) as exc:
            if aws_error_code(exc) == "ImageNotFoundException":
                return None
            raise _repository_error(exc, repository_name, "describe an image of") from exc
        return _image(details[0]) if details else None

    def list_images(self, repository_name: str) -> tuple[RegistryImage, ...]:
        """Every image of the repository, tagged or not.

        Raises:
            ImageError: ``repository_missing``.
        """
        try:
            ask = partial(self._session.client("ecr").describe_images, repositoryName=repository_name)
            found = pages(ask, doing=f"list the images of {repository_name}", by="nextToken")
            return tuple(_image(detail) for page in found for detail in page["imageDetails"])
        except (ClientError, BotoCoreError) as exc:
            raise _repository_error(exc, repository_name, "list the images of") from exc

    def configuration_digest(self, repository_name: str, *, digest: str) -> str | None:
        """The digest of an image's configuration, which Docker's own image ids are; None for a manifest list.

        Raises:
            ImageError: ``repository_missing``.
            TargetError: ``access_denied`` without ecr:BatchGetImage, and the like.
        """
        try:
            found = image_manifests(self._session.client("ecr"), digest, repositoryName=repository_name)
        except (ClientError, BotoCoreError) as exc:
            raise _repository_error(exc, repository_name, "read an image's manifest in") from exc
        return configuration_digest(json_object(found[0]["imageManifest"])) if found else None

    def tag_image(self, repository_name: str, *, digest: str, tag: str) -> None:
        """Give an image that is there another tag, without moving a byte (PutImage of the same manifest).

        Raises:
            ImageError: ``tag_immutable``, ``image_missing``, ``repository_missing``.
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
        """The text of the repository's lifecycle policy (JSON), or None when it has none (GetLifecyclePolicy).

        Raises:
            ImageError: ``repository_missing``.
            TargetError: ``access_denied`` without ecr:GetLifecyclePolicy, and the like.
        """
        request = {"repositoryName": repository_name} | ({"registryId": registry_id} if registry_id else {})
        try:
            return self._session.client("ecr", region=region).get_lifecycle_policy(**request)["lifecyclePolicyText"]
        except (ClientError, BotoCoreError) as exc:
            if aws_error_code(exc) == "LifecyclePolicyNotFoundException":
                return None
            raise _repository_error(exc, repository_name, "read the lifecycle policy of") from exc

    def delete_images(self, repository_name: str) -> DeletedImages:
        """Delete every image, 100 at a time; what a manifest list still refers to goes in a further round.

        Raises:
            ImageError: ``repository_missing``.
        """
        deleted = 0
        failures: list[str] = []
        for _ in range(_ROUNDS):
            digests = [image.digest for image in self.list_images(repository_name)]
            failures = []
            removed = 0
            for start in range(0, len(digests), _BATCH):
                gone, failed = self._delete_batch(repository_name, digests[start : start + _BATCH])
                removed += gone
                failures += failed
            deleted += removed
            if not failures or not removed:
                break
        return DeletedImages(deleted, tuple(failures))

    def delete_repository(self, repository_name: str) -> bool:
        """Delete the repository, which has to be empty. False when there was none.

        Raises:
            ImageError: ``repository_not_empty``.
        """
        try:
            self._session.client("ecr").delete_repository(repositoryName=repository_name, force=False)
        except (ClientError, BotoCoreError) as exc:
            if aws_error_code(exc) == _NO_REPOSITORY:
                return False
            if aws_error_code(exc) == "RepositoryNotEmptyException":
                raise ImageError(
                    "repository_not_empty",
                    f"The repository {repository_name} still holds images.",
                    "Delete its images first.",
                ) from exc
            raise map_aws_error(exc, f"delete the repository {repository_name}") from exc
        return True

    def _delete_batch(self, repository_name: str, digests: Sequence[str]) -> tuple[int, list[str]]:
        try:
            answer = self._session.client("ecr").batch_delete_image(
                repositoryName=repository_name, imageIds=[{"imageDigest": digest} for digest in digests]
            )
        except (ClientError, BotoCoreError) as exc:
            raise _repository_error(exc, repository_name, "delete images of") from exc
        failed = [item for item in answer.get("failures", []) if item.get("failureCode") != "ImageNotFound"]
        stayed = {item.get("imageId", {}).get("imageDigest") for item in failed}
        texts = [f"{item['imageId'].get('imageDigest')}: {item.get('failureReason')}" for item in failed]
        return len([digest for digest in digests if digest not in stayed]), texts

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


def _repository_error(exc: ClientError | BotoCoreError, name: str, doing: str) -> ExpresswayError:
    if aws_error_code(exc) == _NO_REPOSITORY:
        return ImageError(
            "repository_missing",
            f"There is no repository {name}: {aws_error_message(exc)}",
            "Deploy the repository stack first, or check account and region.",
        )
    return map_aws_error(exc, f"{doing} the repository {name}")
