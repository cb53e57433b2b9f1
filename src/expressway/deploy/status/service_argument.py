"""Which service a caller means, by name or ARN, and the error for one that does not exist."""

from collections.abc import Callable, Sequence
from difflib import get_close_matches
from typing import TypeVar

from expressway.aws.values.target import Arn, Target, parse_arn
from expressway.deploy.ports import Services
from expressway.errors import ServiceError, TargetError, UsageError
from expressway.privacy.untrusted import echoed, named


def service_argument(cluster: str, service_name: str, target: Target) -> tuple[str, str]:
    """The names of the cluster and the service; asks nobody.

    Raises:
        UsageError: ``invalid_arguments`` for the ARN of something else.
        ServiceError: ``wrong_account_or_region``, ``wrong_cluster``: an ARN names another place than is asked.
    """
    of_cluster, of_service = _place(cluster, "cluster", target), _place(service_name, "service", target)
    asked = of_cluster.name if of_cluster else cluster
    if of_service is None:
        return asked, service_name
    if of_service.cluster not in {"", asked}:
        raise ServiceError(
            "wrong_cluster",
            f"The service {of_service.arn} is in the cluster {of_service.cluster}, but {asked} was asked.",
            f"Ask with the cluster {of_service.cluster}, or for a service of {asked}.",
        )
    return asked, of_service.name


def _place(text: str, kind: str, target: Target) -> Arn | None:
    """The parts of an ARN, checked against the target; None for a name."""
    if not text.startswith("arn:"):
        return None
    place = parse_arn(text)
    if place is None or (place.service, place.kind) != ("ecs", kind):
        raise UsageError(
            "invalid_arguments",
            f"Expected the name or the ARN of a {kind}, got {echoed(text)}.",
            "Give the name, or copy the ARN from the answer of another tool.",
        )
    if not place.is_in(target):
        raise ServiceError(
            "wrong_account_or_region",
            f"The {kind} {text} belongs to {place.describe()}, but {target.describe()} was asked.",
            "Choose the profile and region of the ARN.",
        )
    return place


_T = TypeVar("_T")
_SHOWN = 5
_CLUSTERS_SEARCHED = 20


def missing_service_error(ecs: Services, cluster: str, service_name: str) -> ServiceError:
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


def _elsewhere(ecs: Services, cluster: str, service_name: str) -> list[str]:
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
