"""Tags that cannot be overwritten, with exclusions: IMMUTABLE_WITH_EXCLUSION and MUTABLE_WITH_EXCLUSION.

API reference of Amazon ECR, ImageTagMutabilityExclusionFilter: a filter is a text with up to two ``*``. An
excluded tag behaves the other way round. ministack drops the filters and knows plain IMMUTABLE only.
"""

import json
import re
from collections.abc import Callable
from typing import Any

from expressway_sandbox import emulator
from expressway_sandbox.emulator import Answer, AwsFault

Request = dict[str, Any]
Handler = Callable[[Request], Answer]
FILTERS = "imageTagMutabilityExclusionFilters"


def hook() -> None:
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
    patterns = [str(f.get("filter", "")) for f in repository.get(FILTERS) or []]
    excluded = mutability.endswith("_WITH_EXCLUSION") and any(_fits(tag, pattern) for pattern in patterns)
    return mutability.startswith("IMMUTABLE") != excluded


def _fits(tag: str, pattern: str) -> bool:
    return re.fullmatch(".*".join(re.escape(part) for part in pattern.split("*")), tag) is not None


def _keep_filters(original: Handler, request: Request) -> Answer:
    answer = original(request)
    if answer[0] >= 400:
        return answer
    repository: Any = emulator.module("services.ecr")._repositories[request["repositoryName"]]
    repository[FILTERS] = request.get(FILTERS) or []
    payload = emulator.read_json(answer)
    if repository[FILTERS]:
        payload.get("repository", payload)[FILTERS] = repository[FILTERS]
    return answer[0], answer[1], json.dumps(payload).encode()


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
