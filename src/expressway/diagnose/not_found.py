"""Whether what was asked for is there at all, and what may have been meant."""

from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import replace
from typing import Any, TypeVar

from expressway.aws.values.cluster import ClusterState
from expressway.aws.values.target import Target
from expressway.core.asked_once import or_none
from expressway.core.concurrent_reads import ConcurrentReads
from expressway.diagnose.place_findings import place_findings
from expressway.diagnose.ports import TroubleshootPorts
from expressway.diagnose.request import TroubleshootRequest
from expressway.diagnose.service.service_facts import AskedPlace
from expressway.errors import TargetError

_CLUSTERS_SEARCHED = 20
_MAY_BE_REFUSED = frozenset({"access_denied", "throttled", "service_unavailable", "aws_error"})

T = TypeVar("T")


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
    """What every action answers where it was asked in the wrong place: nothing was read."""
    (finding,) = place_findings(place)
    return {
        "status": "error",
        "error": finding.cause,
        "assessment": f"{finding.cause} {finding.remedy}",
        "target": place.place,
        "findings": [finding.to_dict()],
        "raw_data": {},
    }


def take_or_stop(reads: ConcurrentReads, future: "Future[T]", default: T) -> T:
    """What was read, or `default` and a gap where a permission is missing.

    Raises:
        TargetError: nothing at all can be asked: no credentials, no connection, no such region.
    """
    error = future.exception()
    stops = isinstance(error, TargetError) and error.code not in _MAY_BE_REFUSED
    if error is not None and stops and not reads.beside_a_failure:
        raise error
    return reads.take(future, default)


def was_read(reads: ConcurrentReads, name: str) -> bool:
    """Whether the read of that name was not refused."""
    return not any(gap.startswith(f"{name}:") for gap in reads.gaps)


def nothing_there(
    request: TroubleshootRequest,
    ports: TroubleshootPorts,
    reads: ConcurrentReads,
    *,
    cluster: ClusterState | None,
    service_exists: bool = True,
) -> AskedPlace:
    """What there is instead of the cluster or the service that was asked for."""
    clusters = reads.take(or_none(reads, "clusters", ports.cluster.cluster_names), None)
    living = cluster is not None and cluster.status != "INACTIVE"
    asked_services = or_none(reads, "services", lambda: ports.cluster.service_names(request.cluster) if living else ())
    others = (
        [name for name in clusters or () if name != request.cluster][:_CLUSTERS_SEARCHED] if request.service else []
    )
    asked_others = {
        name: reads.ask("services", lambda name=name: ports.cluster.services(name, [request.service]))
        for name in others
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
