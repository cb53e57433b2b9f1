"""Repositories in Amazon ECR of any account and region: their policies, their tags, and the platforms of images."""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from expressway.aws.errors import Raw, ask, aws_errors
from expressway.aws.iam import decode_document
from expressway.aws.session import AwsSession

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
            images = image_manifests(client, digest, **repository_of)
        return json_object(images[0]["imageManifest"]) if images else None

    def _of_configuration(
        self, repository_of: Mapping[str, str], manifest: Mapping[str, Any], region: str
    ) -> tuple[str, ...]:
        config = configuration_digest(manifest)
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
                return json_object(response.read(_CONFIGURATION_LIMIT_BYTES))
        except (OSError, urllib.error.URLError):
            return {}


def image_manifests(client: Any, digest: str, **repository: str) -> Sequence[Mapping[str, Any]]:
    """The image of a digest with its manifest (BatchGetImage); empty where there is none."""
    return client.batch_get_image(
        **repository, imageIds=[{"imageDigest": digest}], acceptedMediaTypes=list(_MANIFEST_TYPES)
    ).get("images", ())


def json_object(text: str | bytes) -> Mapping[str, Any]:
    """The object that a JSON text is; empty for anything else, since whoever pushes an image writes it."""
    try:
        value: Any = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def configuration_digest(manifest: Mapping[str, Any]) -> str | None:
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
