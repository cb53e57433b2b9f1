"""Amazon ECR: repositories with their policies, images with tags and platforms, and the login that pushing needs."""

import base64
import json
import urllib.error
import urllib.request
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from botocore.exceptions import BotoCoreError, ClientError

from expressway.aws.errors import Raw, ask, aws_error_code, aws_error_message, aws_errors, map_aws_error
from expressway.aws.iam import decode_document
from expressway.aws.session import AwsSession
from expressway.aws.values.image import RegistryImage, RegistryLogin, Repository
from expressway.core.clock import Clock
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

    def configuration_digest(self, repository_name: str, *, digest: str) -> str | None:
        """The digest of an image's configuration, which Docker's own image ids are; None for a manifest list."""
        with _repository_errors("read an image's manifest in", repository_name):
            found = _image_manifests(self._session.client("ecr"), digest, repositoryName=repository_name)
        return _configuration_digest(_json_object(found[0]["imageManifest"])) if found else None

    def tag_image(self, repository_name: str, *, digest: str, tag: str) -> None:
        """Give an image that is there another tag, without moving a byte (PutImage of the same manifest).

        Raises:
            ImageError: ``tag_immutable``, ``image_missing``.
        """
        client = self._push_session().client("ecr")
        try:
            found = _image_manifests(client, digest, repositoryName=repository_name)
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


_IMAGES_READ = 1000  # one call's most (API reference of DescribeImages, maxResults)
_MANIFEST_TYPES = (
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
)
_CONFIGURATION_LIMIT_BYTES = 1_000_000
_SECONDS = 10


class Repositories:
    """Repositories of any registry that lets us look."""

    def __init__(self, session: AwsSession) -> None:
        self._session = session

    def policy(self, repository: str, *, registry_id: str, region: str) -> Mapping[str, Any] | None:
        """The repository's own policy, or None when it has none."""
        answer = ask(
            self._session.client("ecr", region=region).get_repository_policy,
            f"read the policy of the repository {repository}",
            missing={"RepositoryPolicyNotFoundException", "RepositoryNotFoundException"},
            registryId=registry_id,
            repositoryName=repository,
        )
        return decode_document(answer.get("policyText")) if answer else None

    def tags(self, repository: str, *, registry_id: str, region: str) -> tuple[str, ...]:
        """The tags of (at most a thousand of) its images, the newest push first."""
        answer = ask(
            self._session.client("ecr", region=region).describe_images,
            f"list the tags of the repository {repository}",
            missing={"RepositoryNotFoundException"},
            registryId=registry_id,
            repositoryName=repository,
            filter={"tagStatus": "TAGGED"},
            maxResults=_IMAGES_READ,
        )
        images: Sequence[Raw] = answer["imageDetails"] if answer else ()
        newest = sorted(images, key=lambda image: image["imagePushedAt"].timestamp(), reverse=True)
        return tuple(tag for image in newest for tag in image.get("imageTags", []))

    def platforms(self, repository: str, *, digest: str, registry_id: str, region: str) -> tuple[str, ...]:
        """The platforms that an image is built for, such as ``linux/amd64``; empty where nothing states them.

        A manifest list names its platforms; a single image only in its configuration, which is a blob of its own.
        """
        repository_of = {"repositoryName": repository, "registryId": registry_id}
        manifest = self._manifest(repository_of, digest, region)
        if manifest is None:
            return ()
        return (
            _of_index(manifest) if "manifests" in manifest else self._of_configuration(repository_of, manifest, region)
        )

    def _manifest(self, repository_of: Mapping[str, str], digest: str, region: str) -> Mapping[str, Any] | None:
        client = self._session.client("ecr", region=region)
        with aws_errors("read the image's manifest"):
            images = _image_manifests(client, digest, **repository_of)
        return _json_object(images[0]["imageManifest"]) if images else None

    def _of_configuration(
        self, repository_of: Mapping[str, str], manifest: Mapping[str, Any], region: str
    ) -> tuple[str, ...]:
        config = _configuration_digest(manifest)
        if config is None:
            return ()
        client = self._session.client("ecr", region=region)
        with aws_errors("read the image's configuration"):
            url = client.get_download_url_for_layer(**repository_of, layerDigest=config)["downloadUrl"]
        return _of_platform(self._download(url))

    def _download(self, url: str) -> Mapping[str, Any]:
        """The blob at a URL that ECR signed; on the sandbox it lies behind the gateway, never on AWS's host."""
        gateway = self._session.target.sandbox_url
        if gateway is not None:
            url = urlunsplit(urlsplit(gateway)[:2] + urlsplit(url)[2:])
        if not url.startswith("https://") and gateway is None:
            return {}
        try:
            with urllib.request.urlopen(url, timeout=_SECONDS) as response:  # noqa: S310 - https, or our own loopback
                return _json_object(response.read(_CONFIGURATION_LIMIT_BYTES))
        except (OSError, urllib.error.URLError):
            return {}


def _image_manifests(client: Any, digest: str, **repository: str) -> Sequence[Mapping[str, Any]]:
    """The image of a digest with its manifest (BatchGetImage); empty where there is none."""
    return client.batch_get_image(
        **repository, imageIds=[{"imageDigest": digest}], acceptedMediaTypes=list(_MANIFEST_TYPES)
    ).get("images", ())


def _json_object(text: str | bytes) -> Mapping[str, Any]:
    """The object that a JSON text is; empty for anything else, since whoever pushes an image writes it."""
    try:
        value: Any = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _configuration_digest(manifest: Mapping[str, Any]) -> str | None:
    """The digest of an image's configuration; None where its manifest names none, as a manifest list."""
    digest = _member(manifest, "config").get("digest")
    return digest if isinstance(digest, str) else None


def _member(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    inside = value.get(name)
    return inside if isinstance(inside, dict) else {}


def _of_index(manifest: Mapping[str, Any]) -> tuple[str, ...]:
    """Platforms of a manifest list; attestations carry the platform ``unknown/unknown``."""
    listed = manifest["manifests"] if isinstance(manifest["manifests"], list) else []
    platforms = [name for one in listed if isinstance(one, dict) for name in _of_platform(_member(one, "platform"))]
    return tuple(dict.fromkeys(name for name in platforms if not name.startswith("unknown")))


def _of_platform(platform: Mapping[str, Any]) -> tuple[str, ...]:
    if not platform.get("os") or not platform.get("architecture"):
        return ()
    return (f"{platform['os']}/{platform['architecture']}",)
