"""Whether cluster and service exist, and which similar names do."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import Any

from expressway.aws.values.service import ClusterState
from expressway.aws.values.target import Target
from expressway.core.concurrent_reads import ConcurrentReads, or_none
from expressway.diagnose.catalog import make_finding
from expressway.diagnose.facts import AskedPlace
from expressway.diagnose.finding import Finding
from expressway.diagnose.ports import TroubleshootPorts
from expressway.diagnose.request import TroubleshootRequest
from expressway.hints import action

_SHOWN = 5
_FAILED_BEFORE = f"If an app's first deployment failed, {action('stack')} shows why its stack has no service."


def place_findings(place: AskedPlace) -> tuple[Finding, ...]:
    """Why nothing can be said about what was asked for; empty when cluster and service are there."""
    found = next((finding for rule in _RULES if (finding := rule(place)) is not None), None)
    return (found.in_own_words(),) if found is not None else ()


def near_names(wanted: str, names: Sequence[str]) -> list[str]:
    """The names most like the wanted one, whatever their case."""
    by_fold = {name.casefold(): name for name in names}
    return [by_fold[name] for name in get_close_matches(wanted.casefold(), by_fold, n=_SHOWN, cutoff=0.5)]


def _foreign_place(place: AskedPlace) -> Finding | None:
    if not place.foreign:
        return None
    return make_finding(
        code="wrong_account_or_region",
        cause=f"The ARN belongs to {place.foreign}, but {place.place} was asked.",
        evidence=(f"asked: {place.place}",),
        resource=place.arn,
    )


def _wrong_cluster(place: AskedPlace) -> Finding | None:
    if not place.named_cluster:
        return None
    return make_finding(
        code="wrong_cluster",
        cause=f"The ARN belongs to the cluster {place.named_cluster}, but the cluster {place.cluster_name} was asked.",
        evidence=(f"asked: {place.cluster_name} in {place.place}",),
        remedy=f"Ask with the cluster {place.named_cluster}, or for something of {place.cluster_name}.",
        resource=place.arn,
    )


def _cluster_missing(place: AskedPlace) -> Finding | None:
    if place.cluster is not None and place.cluster.status != "INACTIVE":
        return None
    name = place.cluster_name
    near = near_names(name, place.cluster_names or ())
    deleted = place.cluster is not None
    state = "has been deleted (INACTIVE)" if deleted else "does not exist"
    return make_finding(
        code="cluster_inactive" if deleted else "cluster_not_found",
        cause=f"The cluster {name} {state} in {place.place}.",
        evidence=(_listed("clusters", place.cluster_names),),
        remedy=f"{_meant(near)}Check the cluster's name, the account and the region that were asked: {place.place}. "
        f"{_FAILED_BEFORE}",
        resource=name,
    )


def _service_missing(place: AskedPlace) -> Finding | None:
    if place.service_exists:
        return None
    name = place.service_name
    elsewhere = f"A service of that name is in the cluster {' and '.join(place.elsewhere)}. " if place.elsewhere else ""
    near = _meant(near_names(name, place.service_names or ())) if not elsewhere else ""
    return make_finding(
        code="service_not_found",
        cause=f"The service {name} does not exist in the cluster {place.cluster_name} of {place.place}.",
        evidence=(_listed(f"services of {place.cluster_name}", place.service_names),),
        remedy=f"{elsewhere}{near}Check the service's name, the cluster, the account and the region. {_FAILED_BEFORE}",
        resource=name,
    )


def _listed(what: str, names: Sequence[str] | None) -> str:
    if names is None:
        return f"{what} there: they may not be listed"
    shown = ", ".join(sorted(names)[:_SHOWN])
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{what} there: {shown or 'none'}{more}"


def _meant(near: Sequence[str]) -> str:
    return f"Did you mean {' or '.join(near)}? " if near else ""


_RULES = (_foreign_place, _wrong_cluster, _cluster_missing, _service_missing)


_CLUSTERS_SEARCHED = 20


def wrong_place(request: TroubleshootRequest, target: Target) -> AskedPlace | None:
    """What was asked where, if an ARN among the parameters names another account, region or cluster."""
    asked = AskedPlace(target.describe(), request.cluster, request.service)
    for one in request.named_places:
        if not one.is_in(target):
            return replace(asked, arn=one.arn, foreign=one.describe())
    for one in request.named_places:
        if one.cluster not in {"", request.cluster}:
            return replace(asked, arn=one.arn, named_cluster=one.cluster)
    return None


def wrong_place_answer(place: AskedPlace) -> Mapping[str, Any]:
    """The answer of every action to an ARN of another place: nothing was read."""
    (finding,) = place_findings(place)
    return {
        "status": "error",
        "error": finding.cause,
        "assessment": f"{finding.cause} {finding.remedy}",
        "target": place.place,
        "findings": [finding.to_dict()],
        "raw_data": {},
    }


def nothing_there(
    request: TroubleshootRequest,
    ports: TroubleshootPorts,
    reads: ConcurrentReads,
    *,
    cluster: ClusterState | None,
    service_exists: bool = True,
) -> AskedPlace:
    """What exists in place of the cluster or the service that was asked for."""
    clusters = reads.take(or_none(reads, "clusters", ports.ecs.cluster_names), None)
    living = cluster is not None and cluster.status != "INACTIVE"
    asked_services = or_none(reads, "services", lambda: ports.ecs.service_names(request.cluster) if living else ())
    others = (
        [name for name in clusters or () if name != request.cluster][:_CLUSTERS_SEARCHED] if request.service else []
    )
    asked_others = {
        name: reads.ask("services", lambda name=name: ports.ecs.services(name, [request.service])) for name in others
    }
    elsewhere = [
        name for name, asked in asked_others.items() if any(one.status != "INACTIVE" for one in reads.take(asked, ()))
    ]
    return AskedPlace(
        place=ports.target.describe(),
        cluster_name=request.cluster,
        service_name=request.service,
        cluster=cluster,
        service_exists=service_exists,
        cluster_names=clusters,
        service_names=reads.take(asked_services, None),
        elsewhere=tuple(elsewhere),
    )
