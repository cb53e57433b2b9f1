"""The tasks of a cluster that failed in a time, sorted by what ended them, and what is wrong with their services."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from expressway.aws.values.service import ClusterState, ContainerState, ServiceState, TaskState
from expressway.core.clock import not_before
from expressway.core.concurrent_reads import ConcurrentReads
from expressway.diagnose.answer import shown_cluster
from expressway.diagnose.catalog import codes_with
from expressway.diagnose.exits.rules import category_of
from expressway.diagnose.facts import first_failed_container
from expressway.diagnose.finding import Finding, ranked
from expressway.diagnose.not_found import nothing_there, place_findings
from expressway.diagnose.ports import TroubleshootPorts
from expressway.diagnose.request import TroubleshootRequest
from expressway.diagnose.service.collect import ServiceCollector, marked
from expressway.diagnose.service.rules import service_findings
from expressway.diagnose.tasks.failed import unexplained_failures

_THREADS = 12
_SERVICES_LOOKED_INTO = 10
_READS_EACH = 6
_DEFINITIONS_READ = 10


def fetch_task_failures(request: TroubleshootRequest, ports: TroubleshootPorts) -> Mapping[str, Any]:
    """Tasks of the cluster that stopped of their own fault between two moments, newest first.

    ECS remembers stopped tasks for about an hour; a longer time shows no more of them.

    Returns:
        status, cluster_exists, message, window.
        failed_tasks: task_id, task_definition, service, times (ISO, UTC), stop_code, stopped_reason, and of each
        container name, exit_code and reason, the one that ended the task first. failure_categories: task and container
        by what ended them.
        stopped_normally: how many others stopped, by scaling or a newer deployment.
        findings about the services concerned, and about what ended tasks that are no fault of theirs now: of a version
        that was replaced, or run by themselves. gaps where there are any; raw_data: the cluster's counts.
    """
    with ConcurrentReads(_THREADS, name="failures") as reads:
        asked_cluster = reads.ask("cluster", lambda: ports.ecs.cluster(request.cluster))
        asked_stopped = reads.ask("stopped tasks", lambda: ports.cluster_tasks(request.cluster, "STOPPED"))
        cluster = reads.take_or_stop(asked_cluster, None)
        if cluster is None and reads.was_read("cluster"):
            return _no_cluster(request, ports, reads)
        stopped = [one for one in reads.take(asked_stopped, ()) if request.window.contains(one.stopped_at)]
        failed = [one for one in stopped if one.failed]
        asked = {arn: reads.ask("task definition", partial(ports.ecs.task_definition, arn)) for arn in _telling(failed)}
        services = _services(request.cluster, failed, ports, reads)
        left = [task for task in failed if not any(one.explains(task) for one in services)]
        states = [one.state for one in services if one.state is not None]
        past = unexplained_failures(request.cluster, left, states, ports, reads)
        findings = ranked((*(finding for one in services for finding in one.findings), *past))
        definitions = {arn: reads.take(future, None) for arn, future in asked.items()}
        failed = [marked(task, definitions) for task in failed]
    return _answer(request, cluster, stopped, failed, findings, reads.gaps)


def _telling(failed: Sequence[TaskState]) -> list[str]:
    """The task definitions needed to decide which of several containers ended a task."""
    several = [one for one in failed if sum(each.exit_code is not None for each in one.containers) > 1]
    return list(dict.fromkeys(one.task_definition_arn for one in several))[:_DEFINITIONS_READ]


@dataclass(frozen=True, slots=True)
class _Service:
    """What is wrong with a service now; `state` is None where it could not be read.

    `tasks` are all of the service that were read, `deployment` those among them that the findings are about.
    """

    state: ServiceState | None
    findings: tuple[Finding, ...]
    tasks: tuple[TaskState, ...]
    deployment: tuple[TaskState, ...]
    gaps: tuple[str, ...]

    def explains(self, task: TaskState) -> bool:
        """Whether a finding explains the task; tasks of a deleted service of the same name are not explained."""
        if self.state is None or task.service_name != self.state.name:
            return False
        if not not_before(task.created_at, self.state.created_at):
            return False
        codes = {finding.code for finding in self.findings}
        if task.stop_code == "SpotInterruption" and "spot_interrupted" in codes:
            return True
        return bool(codes - codes_with("normal_end")) and self._is_of_deployment(task)

    def _is_of_deployment(self, task: TaskState) -> bool:
        """By its ARN; a task that was not read belongs to the deployment if it was started as the deployment's were."""
        if any(one.arn == task.arn for one in self.tasks):
            return any(one.arn == task.arn for one in self.deployment)
        return (task.task_definition_arn, task.started_by) in {
            (one.task_definition_arn, one.started_by) for one in self.deployment
        }


def _services(
    cluster: str, failed: Sequence[TaskState], ports: TroubleshootPorts, reads: ConcurrentReads
) -> list[_Service]:
    """The services whose tasks failed."""
    names = list(dict.fromkeys(task.service_name for task in failed if task.service_name))[:_SERVICES_LOOKED_INTO]
    asked = [reads.ask(name, lambda name=name: _service(cluster, name, ports)) for name in names]
    found = [reads.take(future, _UNREAD) for future in asked]
    reads.gaps.extend(dict.fromkeys(gap for one in found for gap in one.gaps if gap not in reads.gaps))
    return found


def _service(cluster: str, name: str, ports: TroubleshootPorts) -> _Service:
    with ConcurrentReads(_READS_EACH, name=name) as reads:
        facts = ServiceCollector(cluster, name, ports, reads).collect()
    findings = tuple(replace(one, resource=facts.resource) for one in service_findings(facts))
    return _Service(facts.service, findings, facts.tasks, facts.deployment.tasks, tuple(reads.gaps))


_UNREAD = _Service(None, (), (), (), ())


def _answer(
    request: TroubleshootRequest,
    cluster: ClusterState | None,
    stopped: Sequence[TaskState],
    failed: Sequence[TaskState],
    findings: Sequence[Finding],
    gaps: Sequence[str],
) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "status": "success",
        "cluster_exists": cluster is not None and cluster.status != "INACTIVE",
        "message": f"{len(failed)} tasks of {request.cluster} failed in the time asked for.",
        "findings": [one.to_dict() for one in findings],
        "failure_categories": _categories(failed),
        "failed_tasks": [_task(one) for one in failed],
        "stopped_normally": len(stopped) - len(failed),
        "window": request.window.to_dict(),
        "raw_data": {
            "cluster": next(iter(shown_cluster(cluster)), {}),
            "running_tasks_count": cluster.running_tasks if cluster else None,
        },
    }
    return {**answer, "gaps": list(gaps)} if gaps else answer


def _no_cluster(request: TroubleshootRequest, ports: TroubleshootPorts, reads: ConcurrentReads) -> dict[str, Any]:
    found = place_findings(nothing_there(request, ports, reads, cluster=None))
    return {
        "status": "success",
        "cluster_exists": False,
        "message": f"{found[0].cause} {found[0].remedy}",
        "findings": [one.to_dict() for one in found],
        "failed_tasks": [],
        "failure_categories": {},
        "raw_data": {},
    }


def _categories(failed: Sequence[TaskState]) -> dict[str, list[Mapping[str, str]]]:
    found: dict[str, list[Mapping[str, str]]] = {}
    for task in failed:
        container = first_failed_container(task)
        entry = {"task_id": task.task_id, "service": task.service_name}
        named = {**entry, "container": container.name} if container else entry
        found.setdefault(category_of(task), []).append(named)
    return found


def _task(task: TaskState) -> dict[str, Any]:
    first_failed = first_failed_container(task)
    shape = {
        "task_id": task.task_id,
        "task_definition": task.task_definition_arn.rsplit("/", 1)[-1],
        "service": task.service_name,
        "started_at": task.started_at.isoformat() if task.started_at else None,
        "stopped_at": task.stopped_at.isoformat() if task.stopped_at else None,
        "stop_code": task.stop_code,
        "stopped_reason": task.stopped_reason,
        "containers": [_container(one) for one in sorted(task.containers, key=lambda one: one is not first_failed)],
    }
    return {key: value for key, value in shape.items() if value not in (None, "")}


def _container(container: ContainerState) -> dict[str, Any]:
    shape = {"name": container.name, "exit_code": container.exit_code, "reason": container.reason}
    return {key: value for key, value in shape.items() if value not in (None, "")}
