"""The error for a cluster or a service that is not there, with what the caller may have meant."""

from collections.abc import Callable, Sequence
from difflib import get_close_matches
from typing import TypeVar

from expressway.deploy.ports import ServiceReads
from expressway.errors import ServiceError, TargetError
from expressway.privacy.untrusted import named

_T = TypeVar("_T")
_SHOWN = 5
_CLUSTERS_SEARCHED = 20


def missing_service_error(ecs: ServiceReads, cluster: str, service_name: str) -> ServiceError:
    """``cluster_not_found`` or ``service_not_found``, naming near misses of the account."""
    if not _allowed(lambda: (ecs.cluster_exists(cluster),), otherwise=(True,))[0]:
        names = _allowed(ecs.cluster_names)
        return ServiceError(
            "cluster_not_found",
            f"There is no ECS cluster {named(cluster)} in this account and region.",
            _hint("clusters", cluster, names),
            {"cluster": cluster, "suggestions": _near(cluster, names)},
        )
    names = _allowed(lambda: ecs.service_names(cluster))
    elsewhere = _elsewhere(ecs, cluster, service_name)
    hint = _hint(f"services in {cluster}", service_name, names)
    if elsewhere:
        hint = f"A service of that name is in {' and '.join(elsewhere)}."
    return ServiceError(
        "service_not_found",
        f"There is no service {named(service_name)} in the cluster {named(cluster)}.",
        hint,
        {"service": service_name, "suggestions": _near(service_name, names), "found_in_clusters": elsewhere},
    )


def _elsewhere(ecs: ServiceReads, cluster: str, service_name: str) -> list[str]:
    others = [name for name in _allowed(ecs.cluster_names) if name != cluster][:_CLUSTERS_SEARCHED]
    return [other for other in others if service_name in _allowed(lambda other=other: ecs.service_names(other))]


def _near(wanted: str, names: Sequence[str]) -> list[str]:
    by_fold = {name.casefold(): name for name in names}
    close = get_close_matches(wanted.casefold(), by_fold, n=_SHOWN, cutoff=0.5)
    return [by_fold[name] for name in close]


def _hint(what: str, wanted: str, names: Sequence[str]) -> str:
    near = _near(wanted, names)
    if near:
        return f"Did you mean {' or '.join(near)}?"
    shown = sorted(names)[:_SHOWN]
    if not shown:
        return f"There are no {what} here; check the account and the region."
    return f"The {what} here are: {', '.join(shown)}{', …' if len(names) > _SHOWN else ''}."


def _allowed(read: Callable[[], tuple[_T, ...]], otherwise: tuple[_T, ...] = ()) -> tuple[_T, ...]:
    """What was read, or `otherwise` where that is not allowed: suggestions are a courtesy."""
    try:
        return read()
    except TargetError as error:
        if error.code == "access_denied":
            return otherwise
        raise
