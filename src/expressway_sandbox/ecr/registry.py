"""ECR operations where ministack differs from AWS in what a deployment sees.

Sizes, missing images, tags that share an image, layers that are there already, and leftovers of deleted
repositories and images. API reference of Amazon ECR, 2015-09-21.
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from expressway_sandbox import emulator
from expressway_sandbox.emulator import Answer, AwsFault

Request = dict[str, Any]
Handler = Callable[[Request], Answer]


_OF_A_REPOSITORY = (
    *("_describe_repositories", "_delete_repository", "_describe_images", "_list_images", "_batch_get_image"),
    *("_batch_delete_image", "_batch_check_layer_availability", "_put_image", "_get_download_url_for_layer"),
    *("_get_repository_policy", "_get_lifecycle_policy"),
)


def hook() -> None:
    """Put the operations in the place of ministack's."""
    ecr = emulator.module("services.ecr")
    ecr._describe_images = emulator.answering(_describe_images)
    ecr._list_images = emulator.answering(_list_images)
    ecr._batch_delete_image = emulator.answering(_batch_delete_image)
    ecr._batch_check_layer_availability = emulator.answering(_batch_check_layer_availability)
    emulator.wrap("services.ecr", _put_image=_put_image, _delete_repository=_delete_repository)
    emulator.wrap("services.ecr", **dict.fromkeys(_OF_A_REPOSITORY, _in_this_registry))
    emulator.wrap("services.ecr", _v2_put_manifest=_put_manifest)
    _hook_tag_filters()


@emulator.answering
def _in_this_registry(original: Handler, request: Request) -> Answer:
    """The operation, refused for another account's registry, which ministack would answer from this one."""
    asked = str(request.get("registryId") or emulator.account_id())
    if asked == emulator.account_id():
        return original(request)
    raise _not_found(request.get("repositoryName") or next(iter(request.get("repositoryNames") or []), ""), asked)


def _not_found(name: str, registry: str) -> AwsFault:
    message = f"The repository with name '{name}' does not exist in the registry with id '{registry}'"
    return AwsFault("RepositoryNotFoundException", message)


def _images(request: Request) -> tuple[str, list[dict[str, Any]]]:
    ecr = emulator.module("services.ecr")
    name = str(request.get("repositoryName", ""))
    if name not in ecr._repositories:
        raise _not_found(name, emulator.account_id())
    return name, list(ecr._images.get(name, []))


def _describe_images(request: Request) -> dict[str, Any]:
    """DescribeImages: an id that names nothing is an error; sizes are those of the layers."""
    name, images = _images(request)
    wanted: list[dict[str, str]] = request.get("imageIds") or []
    if wanted:
        images = [_find(name, images, image_id) for image_id in wanted]
        images = [image for i, image in enumerate(images) if image not in images[:i]]
    status = (request.get("filter") or {}).get("tagStatus")
    shown = [_detail(name, image) for image in images if _has_status(image, status)]
    return emulator.page(shown, request, member="imageDetails", size=1000)


def _find(name: str, images: list[dict[str, Any]], image_id: dict[str, str]) -> dict[str, Any]:
    found = next((image for image in images if _matches(image, image_id)), None)
    if found is not None:
        return found
    shown = "imageId {" + ", ".join(f"{k}:'{v}'" for k, v in sorted(image_id.items())) + "}"
    message = (
        f"The image with {shown} does not exist within the repository with name '{name}' in the registry with "
        f"id '{emulator.account_id()}'"
    )
    raise AwsFault("ImageNotFoundException", message)


def _matches(image: dict[str, Any], image_id: dict[str, str]) -> bool:
    digest, tag = image_id.get("imageDigest"), image_id.get("imageTag")
    same_digest = digest is None or image["imageDigest"] == digest
    same_tag = tag is None or tag in image.get("imageTags", [])
    return same_digest and same_tag and bool(digest or tag)


def _has_status(image: dict[str, Any], status: str | None) -> bool:
    tagged = bool(image.get("imageTags"))
    return status not in ("TAGGED", "UNTAGGED") or tagged == (status == "TAGGED")


def _detail(name: str, image: dict[str, Any]) -> dict[str, Any]:
    media_type = image.get("imageManifestMediaType", "application/vnd.docker.distribution.manifest.v2+json")
    manifest = _manifest(str(image.get("imageManifest", "{}")))
    detail: dict[str, Any] = {
        "registryId": emulator.account_id(),
        "repositoryName": name,
        "imageDigest": image["imageDigest"],
        "imageSizeInBytes": _size(name, str(image.get("imageManifest", "{}"))),
        "imagePushedAt": image.get("imagePushedAt"),
        "imageManifestMediaType": media_type,
        "artifactMediaType": str((manifest.get("config") or {}).get("mediaType") or media_type),
    }
    return detail | ({"imageTags": list(image["imageTags"])} if image.get("imageTags") else {})


def _manifest(text: str) -> dict[str, Any]:
    try:
        read: dict[str, Any] = json.loads(text)
    except ValueError:
        return {}
    return read


def _size(name: str, text: str) -> int:
    """The bytes of an image's layers; those of all its images for an index."""
    manifest = _manifest(text)
    layers = sum(int(layer.get("size", 0)) for layer in manifest.get("layers") or [])
    blobs: Any = emulator.module("services.ecr")._manifest_blobs.get(name) or {}
    children = [blobs[c["digest"]] for c in manifest.get("manifests") or [] if c.get("digest") in blobs]
    return layers + sum(_size(name, child.decode(errors="replace")) for child in children)


def _list_images(request: Request) -> dict[str, Any]:
    """ListImages: one id for each tag."""
    _, images = _images(request)
    status = (request.get("filter") or {}).get("tagStatus")
    ids = [image_id for image in images if _has_status(image, status) for image_id in _ids(image)]
    return {"imageIds": ids}


def _ids(image: dict[str, Any]) -> Iterator[dict[str, str]]:
    for tag in image.get("imageTags") or [None]:
        yield {"imageDigest": image["imageDigest"], **({"imageTag": tag} if tag else {})}


def _batch_delete_image(request: Request) -> dict[str, Any]:
    """BatchDeleteImage: a tag is taken off; the image goes with its last tag or when named by digest."""
    name, _ = _images(request)
    ecr = emulator.module("services.ecr")
    deleted: list[dict[str, str]] = []
    failures: list[dict[str, Any]] = []
    for image_id in request.get("imageIds") or []:
        found = next((i for i in ecr._images[name] if _matches(i, image_id)), None)
        if found is None:
            reason = {"failureCode": "ImageNotFound", "failureReason": "Requested image not found"}
            failures.append({"imageId": image_id, **reason})
            continue
        tag = image_id.get("imageTag")
        tags: list[str] = found.get("imageTags") or []
        if tag and len(tags) > 1:
            tags.remove(tag)
            found["imageId"]["imageTag"] = tags[0]
            deleted.append({"imageDigest": found["imageDigest"], "imageTag": tag})
            continue
        deleted.extend(_ids(found))
        ecr._images[name].remove(found)
        (ecr._manifest_blobs.get(name) or {}).pop(found["imageDigest"], None)
    return {"imageIds": deleted, "failures": failures}


def _batch_check_layer_availability(request: Request) -> dict[str, Any]:
    """BatchCheckLayerAvailability from the layers that were really pushed."""
    name, _ = _images(request)
    blobs: Any = emulator.module("services.ecr")._layer_blobs.get(name) or {}
    layers: list[dict[str, Any]] = []
    failures: list[dict[str, Any]] = []
    for digest in request.get("layerDigests") or []:
        if digest in blobs:
            available = {"layerAvailability": "AVAILABLE", "layerSize": len(blobs[digest])}
            layers.append({"layerDigest": digest, **available})
        else:
            reason = {"failureCode": "MissingLayerDigest", "failureReason": "The layer does not exist."}
            failures.append({"layerDigest": digest, **reason})
    return {"layers": layers, "failures": failures}


@emulator.answering
def _put_image(original: Handler, request: Request) -> Answer:
    """PutImage: the same image under the same tag once more is its own error; some tags cannot be moved."""
    ecr = emulator.module("services.ecr")
    name, tag = str(request.get("repositoryName", "")), request.get("imageTag")
    digest = request.get("imageDigest") or ecr._image_digest(request.get("imageManifest", ""))
    for image in ecr._images.get(name, []):
        if image["imageDigest"] == digest and (not tag or tag in image.get("imageTags", [])):
            raise AwsFault(
                "ImageAlreadyExistsException",
                f"Image with digest '{digest}' and tag '{tag}' already exists in the repository with name "
                f"'{name}' in registry with id '{emulator.account_id()}'",
            )
    refuse_overwriting(name, tag, digest)
    return original(request)


def _delete_repository(original: Handler, request: Request) -> Answer:
    """DeleteRepository that forgets the content as well; ministack would serve it to a later repository."""
    answer = original(request)
    if answer[0] < 400:
        ecr = emulator.module("services.ecr")
        for store in (ecr._layer_blobs, ecr._manifest_blobs, ecr._uploads):
            store.pop(str(request.get("repositoryName", "")), None)
    return answer


def _put_manifest(
    original: Callable[..., Answer], name: str, reference: str, headers: dict[str, str], body: bytes
) -> Answer:
    """The registry's refusal of a taken tag, with ECR's text, which clients recognise."""
    ecr = emulator.module("services.ecr")
    try:
        if not reference.startswith("sha256:"):
            refuse_overwriting(name, reference, ecr._content_digest(body))
    except AwsFault as fault:
        answer: Answer = ecr._registry_error(400, "TAG_INVALID", fault.message, {"tag": reference})
        return answer
    return original(name, reference, headers, body)


FILTERS = "imageTagMutabilityExclusionFilters"


def _hook_tag_filters() -> None:
    """Keep and show the filters of repositories, from the API and from templates."""
    emulator.wrap("services.ecr", _create_repository=_keep_filters, _put_image_tag_mutability=_keep_filters)
    emulator.wrap("services.ecr", _repo_shape=_show_filters)
    provisioners = emulator.module("services.cloudformation.provisioners")
    emulator.wrap("services.cloudformation.provisioners", _ecr_cfn_to_api=_read_filters)
    emulator.wrap_entries(provisioners._RESOURCE_HANDLERS["AWS::ECR::Repository"], update=_update_filters)


def refuse_overwriting(name: str, tag: str | None, digest: str) -> None:
    """Refuse to move a tag that may not be moved.

    Raises:
        AwsFault: ImageTagAlreadyExistsException.
    """
    ecr = emulator.module("services.ecr")
    repository: Any = ecr._repositories.get(name)
    if not tag or repository is None or not _is_fixed(repository, tag):
        return
    for image in ecr._images.get(name, []):
        if tag in image.get("imageTags", []) and image["imageDigest"] != digest:
            raise AwsFault(
                "ImageTagAlreadyExistsException",
                f"The image tag '{tag}' already exists in the '{name}' repository and cannot be overwritten "
                "because the tag is immutable.",
            )


def _is_fixed(repository: Any, tag: str) -> bool:
    mutability = str(repository.get("imageTagMutability", "MUTABLE"))
    patterns = [re.escape(str(f.get("filter", ""))).replace(r"\*", ".*") for f in repository.get(FILTERS) or []]
    excluded = mutability.endswith("_WITH_EXCLUSION") and any(re.fullmatch(pattern, tag) for pattern in patterns)
    return mutability.startswith("IMMUTABLE") != excluded


@emulator.amending
def _keep_filters(payload: dict[str, Any], request: Request) -> dict[str, Any]:
    repository: Any = emulator.module("services.ecr")._repositories[request["repositoryName"]]
    repository[FILTERS] = request.get(FILTERS) or []
    if repository[FILTERS]:
        payload.get("repository", payload)[FILTERS] = repository[FILTERS]
    return payload


def _show_filters(original: Callable[[Any], dict[str, Any]], repository: Any) -> dict[str, Any]:
    return original(repository) | ({FILTERS: repository[FILTERS]} if repository.get(FILTERS) else {})


def _read_filters(original: Callable[[Any], dict[str, Any]], properties: Any) -> dict[str, Any]:
    return {**original(properties), FILTERS: _from_template(properties)}


def _update_filters(original: Callable[..., Any], physical_id: str, old: Any, new: Any, *rest: Any) -> Any:
    updated = original(physical_id, old, new, *rest)
    repository: Any = emulator.module("services.ecr")._repositories.get(updated[0])
    if repository is not None:
        repository[FILTERS] = _from_template(new)
    return updated


def _from_template(properties: Any) -> list[dict[str, str]]:
    prefix = "ImageTagMutabilityExclusionFilter"
    return [
        {"filterType": str(f.get(f"{prefix}Type", "WILDCARD")), "filter": str(f.get(f"{prefix}Value", ""))}
        for f in properties.get(f"{prefix}s") or []
    ]
