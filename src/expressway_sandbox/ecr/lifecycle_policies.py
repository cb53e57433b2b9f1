"""Lifecycle policies of repositories, carried out: ministack keeps their text alone.

AWS expires images within a day after they meet a rule; here they go at once, after each push and each new policy, so
that a test sees the worst case. Images that an index refers to stay, as on AWS.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from expressway.aws.values.image import RegistryImage
from expressway.image.lifecycle_policy import expired_images, parse_lifecycle_policy
from expressway_sandbox import emulator
from expressway_sandbox.emulator import Answer, AwsFault

Request = dict[str, Any]
_EXPIRING = ("_put_image", "_put_lifecycle_policy", "_v2_put_manifest")


def hook() -> None:
    """Expire images after what can make them expire; to be put around all other hooks of these operations."""
    emulator.wrap("services.ecr", _put_lifecycle_policy=_put_valid)
    emulator.wrap("services.ecr", **dict.fromkeys(_EXPIRING, _then_expire))


def _then_expire(original: Callable[..., Answer], target: Request | str, *rest: Any) -> Answer:
    """`target` is a request, or the repository's name where the registry takes a manifest."""
    answer = original(target, *rest)
    if answer[0] < 400:
        _expire(target if isinstance(target, str) else str(target.get("repositoryName", "")))
    return answer


@emulator.answering
def _put_valid(original: Callable[[Request], Answer], request: Request) -> Answer:
    try:
        parse_lifecycle_policy(str(request.get("lifecyclePolicyText", "")))
    except ValueError as exc:
        message = f"Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint: {exc}"
        raise AwsFault("InvalidParameterException", message) from exc
    return original(request)


def _expire(name: str) -> None:
    ecr = emulator.module("services.ecr")
    policy = ecr._lifecycle_policies.get(name)
    if not policy:
        return
    held: list[dict[str, Any]] = ecr._images.get(name, [])
    newest_first = [_image(name, image) for image in reversed(held)]
    expired = expired_images(parse_lifecycle_policy(str(policy)), newest_first, now=datetime.now(UTC))
    gone = expired - _referred_to(held)
    held[:] = [image for image in held if image["imageDigest"] not in gone]
    for digest in gone:
        (ecr._manifest_blobs.get(name) or {}).pop(digest, None)


def _image(name: str, image: dict[str, Any]) -> RegistryImage:
    pushed_at = datetime.fromtimestamp(float(image.get("imagePushedAt") or 0), UTC)
    return RegistryImage(name, str(image["imageDigest"]), tuple(image.get("imageTags") or ()), 0, pushed_at)


def _referred_to(held: list[dict[str, Any]]) -> set[str]:
    """Digests of the images that the indexes of a repository consist of."""
    found: set[str] = set()
    for image in held:
        try:
            manifest: Any = json.loads(str(image.get("imageManifest", "{}")))
        except ValueError:
            continue
        children: list[Any] = manifest.get("manifests") or [] if isinstance(manifest, dict) else []
        found.update(str(child.get("digest", "")) for child in children)
    return found
