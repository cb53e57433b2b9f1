"""Lifecycle policies of repositories, carried out: ministack keeps their text alone.

AWS expires images within a day after they meet a rule; here they go at once, after each push and each new policy, so
that a test sees the worst case. Images that an index refers to stay, as on AWS.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from expressway.aws.values.ecr import RegistryImage
from expressway.image.lifecycle_policy import expired_images, parse_lifecycle_policy
from expressway_sandbox import emulator
from expressway_sandbox.emulator import Answer, AwsFault

Request = dict[str, Any]
Handler = Callable[[Request], Answer]


def hook() -> None:
    """Expire images after what can make them expire; to be put around all other hooks of these operations."""
    ecr = emulator.module("services.ecr")
    ecr._put_image = _then_expire(ecr._put_image)
    ecr._put_lifecycle_policy = _then_expire(_only_valid(ecr._put_lifecycle_policy))
    ecr._v2_put_manifest = _pushed_then_expire(ecr._v2_put_manifest)


def _then_expire(original: Handler) -> Handler:
    def handle(request: Request) -> Answer:
        answer = original(request)
        if answer[0] < 400:
            _expire(str(request.get("repositoryName", "")))
        return answer

    return handle


def _pushed_then_expire(original: Callable[..., Answer]) -> Callable[..., Answer]:
    def put_manifest(name: str, *arguments: Any) -> Answer:
        answer = original(name, *arguments)
        if answer[0] < 400:
            _expire(name)
        return answer

    return put_manifest


def _only_valid(original: Handler) -> Handler:
    def handle(request: Request) -> Answer:
        try:
            parse_lifecycle_policy(str(request.get("lifecyclePolicyText", "")))
        except ValueError as exc:
            message = f"Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint: {exc}"
            return emulator.fault_json(AwsFault("InvalidParameterException", message))
        return original(request)

    return handle


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
