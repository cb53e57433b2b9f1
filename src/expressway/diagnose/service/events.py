"""The diary of one service: its events of a time, its deployment, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from expressway.aws.values.service import Rollout, ServiceState
from expressway.core.concurrent_reads import ConcurrentReads
from expressway.diagnose.answer import shown_service
from expressway.diagnose.facts import ServiceFacts
from expressway.diagnose.not_found import nothing_there, place_findings
from expressway.diagnose.ports import TroubleshootPorts
from expressway.diagnose.request import TroubleshootRequest
from expressway.diagnose.service.collect import ServiceCollector
from expressway.diagnose.service.rules import service_findings
from expressway.privacy.untrusted import quoted

_THREADS = 12


def fetch_service_events(request: TroubleshootRequest, ports: TroubleshootPorts) -> Mapping[str, Any]:
    """A service's events between two moments, newest first, with its deployment and the findings about it.

    Returns:
        status, service_exists, message, window; events: message, timestamp (ISO, UTC) and id of each.
        deployment: the newest rollout; issues: failed or stalled rollouts and targets that are not healthy.
        findings, and gaps where there are any; raw_data: the service's counts.
    """
    with ConcurrentReads(_THREADS, name="events") as reads:
        asked_cluster = reads.ask("cluster", lambda: ports.ecs.cluster(request.cluster))
        facts = ServiceCollector(request.cluster, request.service, ports, reads).collect()
        cluster = reads.take_or_stop(asked_cluster, None)
        service = facts.service
        if service is None and reads.was_read("service"):
            place = nothing_there(request, ports, reads, cluster=cluster, service_exists=False)
            found = place_findings(place)
            return {
                "status": "success",
                "service_exists": False,
                "message": f"{found[0].cause} {found[0].remedy}",
                "events": [],
                "issues": [],
                "findings": [one.to_dict() for one in found],
                "raw_data": {},
            }
    return _answer(request, facts, reads.gaps)


def _answer(request: TroubleshootRequest, facts: ServiceFacts, gaps: Sequence[str]) -> dict[str, Any]:
    service = facts.service
    events = [one for one in (service.events if service else ()) if request.window.contains(one.created_at)]
    answer: dict[str, Any] = {
        "status": "success",
        "service_exists": service is not None and service.status != "INACTIVE",
        "message": f"{len(events)} events of the service {request.service} in the time asked for."
        if service
        else f"The service {request.service} could not be read (see gaps).",
        "findings": [one.to_dict() for one in service_findings(facts)],
        "deployment": _deployment(service),
        "issues": _issues(facts),
        "events": [
            {
                "message": one.message,
                "timestamp": one.created_at.isoformat() if one.created_at else None,
                "id": one.event_id,
            }
            for one in events
        ],
        "window": request.window.to_dict(),
        "raw_data": {"service": shown_service(service)} if service else {},
    }
    return {**answer, "gaps": list(gaps)} if gaps else answer


def _primary(service: ServiceState | None) -> Rollout | None:
    rollouts = service.rollouts if service else ()
    return next((one for one in rollouts if one.status == "PRIMARY"), None)


def _deployment(service: ServiceState | None) -> Mapping[str, Any]:
    primary = _primary(service)
    if primary is None:
        return {}
    return {
        "id": primary.deployment_id,
        "status": primary.status,
        "rollout_state": primary.state,
        "rollout_state_reason": quoted(primary.state_reason),
        "desired_count": primary.desired_count,
        "pending_count": primary.pending_count,
        "running_count": primary.running_count,
        "failed_count": primary.failed_count,
        "created_at": primary.created_at.isoformat() if primary.created_at else None,
        "updated_at": primary.updated_at.isoformat() if primary.updated_at else None,
    }


def _issues(facts: ServiceFacts) -> list[Mapping[str, Any]]:
    issues: list[Mapping[str, Any]] = []
    primary = _primary(facts.service)
    if primary is not None and primary.state == "FAILED":
        issues.append({"type": "failed_deployment", "reason": quoted(primary.state_reason)})
    elif primary is not None and primary.pending_count and primary.running_count < primary.desired_count:
        counts = {
            "pending_count": primary.pending_count,
            "running_count": primary.running_count,
            "desired_count": primary.desired_count,
        }
        issues.append({"type": "stalled_deployment", **counts})
    unhealthy = [one for one in facts.deployment.targets if one.state not in {"healthy", "unused", "draining"}]
    if unhealthy:
        details = [
            {"target": f"{one.target_id}:{one.port}", "state": one.state, "reason": one.description or one.reason}
            for one in unhealthy
        ]
        issues.append({"type": "unhealthy_targets", "count": len(unhealthy), "details": details})
    return issues
