"""Which images of an engine were built for an app, told by their names."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from expressway.image.context.values import CONTENT_TAG
from expressway.image.values import LOCAL_PREFIX

_LOOPBACK = "127.0.0.1:"


def names_of_app(
    images: Sequence[Mapping[str, Any]], app_name: str, *, repository_name: str, registry_host: str | None
) -> tuple[str, ...]:
    """The names among an engine's `images` (as it lists them) that belong to an app.

    These are the builds' own names, and those in the `repository_name` of `registry_host`, or of any private
    registry; the loopback registries of sandboxes count as one, since their ports change. An image was built
    here when one of its names has a content tag. (A label would say so too, but it is a step more to build.)
    """
    own: set[str] = set()
    for image in images:
        names = {name for name in _names(image) if _is_of_app(name, app_name, repository_name, registry_host)}
        if any(CONTENT_TAG.fullmatch(name.rpartition(":")[2]) for name in names):
            own |= names
    return tuple(sorted(own))


def _names(image: Mapping[str, Any]) -> Iterator[str]:
    for name in (*(image.get("RepoTags") or ()), *(image.get("RepoDigests") or ())):
        if "<none>" not in name:
            yield str(name)


def _is_of_app(name: str, app_name: str, repository_name: str, registry_host: str | None) -> bool:
    repository, at, _ = name.partition("@")
    if not at:
        repository = name.rpartition(":")[0]
    host, _, path = repository.partition("/")
    pushed = path == repository_name and _is_registry(host, registry_host)
    return pushed or repository == f"{LOCAL_PREFIX}/{app_name}"


def _is_registry(host: str, registry_host: str | None) -> bool:
    if host.startswith(_LOOPBACK):
        return registry_host is None or registry_host.startswith(_LOOPBACK)
    return ".dkr.ecr" in host if registry_host is None else host == registry_host
