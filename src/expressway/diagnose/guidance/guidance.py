"""What is wrong with a service, or with any service of a cluster: one question, one answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

from expressway.aws.values.dependencies import DependencySubject
from expressway.aws.values.service import ClusterState, ServiceState
from expressway.core.concurrent_reads import ConcurrentReads
from expressway.diagnose.answer import shown_cluster, shown_definition, shown_service
from expressway.diagnose.catalog import deduplicate
from expressway.diagnose.dependency_checks import DependencyChecks, check_dependencies, check_network, softened
from expressway.diagnose.exits.rules import with_platform
from expressway.diagnose.facts import AskedPlace, ServiceFacts
from expressway.diagnose.finding import Finding
from expressway.diagnose.guidance.cluster import ClusterScan, scan_cluster
from expressway.diagnose.guidance.summary import (
    assessment,
    cluster_headline,
    how_well,
    not_looked_into,
    nothing_wrong,
    service_headline,
    shown_symptoms,
)
from expressway.diagnose.guidance.symptoms import across_services, checks_everything, steered, understood
from expressway.diagnose.not_found import nothing_there, place_findings
from expressway.diagnose.ports import TroubleshootPorts
from expressway.diagnose.request import TroubleshootRequest
from expressway.diagnose.service.collect import ServiceCollector
from expressway.diagnose.service.health_status import service_health
from expressway.diagnose.service.rules import service_findings

_THREADS = 16


def get_ecs_troubleshooting_guidance(request: TroubleshootRequest, ports: TroubleshootPorts) -> Mapping[str, Any]:
    """What is wrong with one service, or cluster-wide with any, the most severe first.

    Returns:
        status: ``success``; ``error`` (with ``error``) when cluster or service are not there.
        assessment: whether it serves, in words; target: the account and region that were asked.
        findings: see `expressway.diagnose.finding`; one of code ``nothing_wrong`` when all is well.
        not_looked_into: what was left out, since the service serves or its containers end by themselves; with
            ``detail: full``, or symptoms of more than a crash, it is read too.
        gaps: what could not be read, where there is any. symptoms: how they were understood.
        raw_data: cluster_details, service_details, task_definitions, load_balancers, image_check_results.

    Raises:
        TargetError: no read is possible (``credentials_expired``, ``connection_failed``, …).
    """
    return _one_service(request, ports) if request.service else _whole_cluster(request, ports)


def _one_service(request: TroubleshootRequest, ports: TroubleshootPorts) -> Mapping[str, Any]:
    asked_around: list[Future[DependencyChecks]] = []
    with ConcurrentReads(_THREADS, name="troubleshoot") as reads:

        def begin(subject: DependencySubject, needs_checks: bool) -> None:
            if checks_everything(request) or needs_checks:
                network = reads.ask("network", lambda: check_network(request.cluster, [request.service], ports))
                asked_around.extend((reads.ask("dependencies", lambda: check_dependencies(subject, ports)), network))

        collector = ServiceCollector(request.cluster, request.service, ports, reads, begin=begin)
        asked_cluster = reads.ask("cluster", lambda: ports.ecs.cluster(request.cluster))
        facts = collector.collect()
        cluster = reads.take_or_stop(asked_cluster, None)
        missing = facts.service is None and reads.was_read("service")
        if missing or (cluster is None and reads.was_read("cluster")):
            place = nothing_there(request, ports, reads, cluster=cluster, service_exists=not missing)
            return _not_there(request, place, reads.gaps)
        around = [reads.take(one, DependencyChecks()) for one in asked_around]
    own = with_platform(service_findings(facts), images_fit=any(one.images_fit for one in around))
    gone = any(one.code in {"service_inactive", "service_draining"} for one in own)
    if around:
        *_, network = around
        around[-1] = replace(network, findings=softened(network.findings, [facts]))
    found = own if gone else deduplicate((*own, *(one for part in around for one in part.findings)))
    gaps = tuple(dict.fromkeys([*reads.gaps, *(gap for one in around for gap in one.gaps)]))
    scan = ClusterScan(
        cluster=cluster,
        services=(facts.service,) if facts.service else (),
        looked_into=(facts,),
        findings=found,
        target_states=tuple(target.state for target in facts.deployment.targets),
        gaps=gaps,
    )

    def headline(ordered: Sequence[Finding]) -> str:
        return service_headline(request.service, service_health(facts, ordered), ordered)

    unread = "" if asked_around or gone or facts.service is None else not_looked_into()
    return _answer(request, ports, scan, what=f"the service {request.service}", headline=headline, unread=unread)


def _whole_cluster(request: TroubleshootRequest, ports: TroubleshootPorts) -> Mapping[str, Any]:
    scan = scan_cluster(request, ports)
    if scan.missing is not None:
        return _not_there(request, scan.missing, scan.gaps)
    number = len(scan.services)
    what = f"the cluster {request.cluster} with {number} service{'' if number == 1 else 's'}"

    def headline(ordered: Sequence[Finding]) -> str:
        return cluster_headline(scan, request.cluster, ordered)

    unread = not_looked_into(scan.around_unread, number) if scan.around_unread else ""
    return {**_answer(request, ports, scan, what=what, headline=headline, unread=unread), "services": scan.overview}


def _answer(
    request: TroubleshootRequest,
    ports: TroubleshootPorts,
    scan: ClusterScan,
    *,
    what: str,
    headline: Callable[[Sequence[Finding]], str],
    unread: str,
) -> dict[str, Any]:
    cluster, services, gaps = scan.cluster, scan.services, scan.gaps
    symptoms = understood(request.symptoms)
    if request.service:
        ordered = steered(scan.findings, symptoms)
    else:
        ordered = across_services(scan.findings, symptoms, scan.of_named)
    if not gaps and all(one.severity == "info" for one in ordered):
        resource = services[0].arn if request.service and services else (cluster.arn if cluster else request.cluster)
        well = how_well(services, scan.target_states)
        running = [f"{one.name}: {one.running_count} of {one.desired_count} tasks run" for one in services[:3]]
        ordered = (nothing_wrong(what, well, running, resource, around=not unread), *ordered)
    answer: dict[str, Any] = {
        "status": "success",
        "assessment": assessment(headline(ordered), ordered, gaps),
        "target": ports.target.describe(),
        "findings": [one.to_dict() for one in ordered],
    }
    if gaps:
        answer["gaps"] = list(gaps)
    if unread:
        answer["not_looked_into"] = unread
    shown = shown_symptoms(symptoms, scan.named)
    if shown is not None:
        answer["symptoms"] = shown
    answer["raw_data"] = _raw_data(request, cluster, services, scan.looked_into)
    return answer


def _raw_data(
    request: TroubleshootRequest,
    cluster: ClusterState | None,
    services: Sequence[ServiceState],
    looked_into: Sequence[ServiceFacts],
) -> dict[str, Any]:
    definitions = {one.definition.arn: one.definition for one in looked_into if one.definition}
    targets = [target for one in looked_into for target in one.deployment.targets]
    asked = {"cluster_name": request.cluster, "service_name": request.service, "symptoms_description": request.symptoms}
    return {
        **{key: value for key, value in asked.items() if value},
        "cluster_details": shown_cluster(cluster),
        "service_details": [shown_service(one) for one in services],
        "task_definitions": [shown_definition(one) for one in definitions.values()],
        "load_balancers": [
            {"targetGroupArn": one.target_group_arn, "target": f"{one.target_id}:{one.port}", "state": one.state}
            for one in targets
        ],
        "image_check_results": [],
    }


def _not_there(request: TroubleshootRequest, place: AskedPlace, gaps: Sequence[str]) -> dict[str, Any]:
    findings = place_findings(place)
    message = findings[0].cause
    answer: dict[str, Any] = {
        "status": "error",
        "error": message,
        "assessment": f"{message} {findings[0].remedy}",
        "target": place.place,
        "findings": [one.to_dict() for one in findings],
        "raw_data": _raw_data(request, place.cluster, (), ()),
    }
    return {**answer, "gaps": list(gaps)} if gaps else answer
