"""What is around services: the network they are in, and what their tasks depend on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from expressway.aws.values.dependencies import DependencySubject
from expressway.aws.values.service import DeploymentState, ExpressService, RevisionState, ServiceState, TaskState
from expressway.diagnose.facts import ServiceFacts
from expressway.diagnose.finding import Finding
from expressway.diagnose.messages import mask_user_identifiers
from expressway.diagnose.ports import TroubleshootPorts

_QUOTA = re.compile(r"quota|vCPU|limit on the number|LimitExceeded", re.IGNORECASE)
_UNFINISHED = frozenset({"PROVISIONING", "FAILED"})


def subject_of(
    service: ServiceState,
    express: ExpressService | None,
    deployment: DeploymentState | None,
    revision: RevisionState | None,
    tasks: Sequence[TaskState],
) -> DependencySubject:
    """The service as the rules about dependencies see it: what it runs, and whether it runs."""
    failed = deployment is not None and not deployment.successful and not deployment.running
    texts = [
        *(event.message for event in service.events),
        *(task.stopped_reason for task in tasks),
        *((deployment.status_reason, deployment.rollback_reason) if deployment else ()),
    ]
    return DependencySubject(
        cluster=service.cluster,
        service_name=service.name,
        service_arn=service.arn,
        task_definition_arn=(revision.task_definition_arn if revision else "") or service.task_definition_arn,
        infrastructure_role_arn=express.infrastructure_role_arn if express else "",
        desired_count=service.desired_count,
        running_count=service.running_count,
        triggered_alarms=deployment.triggered_alarms if deployment else (),
        has_failed=failed or any(task.failed for task in tasks),
        is_stuck=any(one.status in _UNFINISHED for one in (revision.managed_resources if revision else ())),
        names_a_quota=any(_QUOTA.search(mask_user_identifiers(text)) for text in texts),
        task_statements=tuple(
            text
            for task in tasks
            for text in (*(container.reason for container in task.containers), task.stopped_reason)
            if text
        ),
    )


@dataclass(frozen=True, slots=True)
class DependencyChecks:
    """Findings about what is around services, and what could not be read of it.

    `images_fit` says that the images are known to be built for the platform that the tasks run on.
    """

    findings: tuple[Finding, ...] = ()
    gaps: tuple[str, ...] = ()
    images_fit: bool = False


def check_network(cluster: str, service_names: Sequence[str], ports: TroubleshootPorts) -> DependencyChecks:
    """Findings about the network of the named services."""
    from expressway.diagnose.network.collect import gather_network
    from expressway.diagnose.network.rules import network_findings

    facts = gather_network(cluster, ports=ports.network(), service_names=service_names)
    return DependencyChecks(tuple(network_findings(facts)), facts.gaps)


def check_dependencies(subject: DependencySubject, ports: TroubleshootPorts) -> DependencyChecks:
    """Findings about images, secrets, roles, log groups, scaling, alarms and quotas of one service."""
    from expressway.diagnose.dependencies.collect import gather_dependencies
    from expressway.diagnose.dependencies.rules import dependency_findings
    from expressway.diagnose.exits.rules import images_fit

    facts = gather_dependencies(subject, ports=ports.dependencies())
    return DependencyChecks(dependency_findings(facts), facts.gaps, images_fit(facts))


def softened(findings: Iterable[Finding], services: Sequence[ServiceFacts]) -> tuple[Finding, ...]:
    """The findings as warnings where all services that were examined serve, since then no path is really blocked."""
    serving = bool(services) and all(one.serves and one.service and one.service.running_count for one in services)
    return tuple(
        replace(one, severity="warning") if serving and one.severity == "critical" else one for one in findings
    )
