"""What is around services: the network they are in, and what their tasks depend on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from expressway.aws.values.dependencies import DependencySubject
from expressway.diagnose.finding import Finding
from expressway.diagnose.ports import TroubleshootPorts
from expressway.diagnose.service.service_facts import ServiceFacts


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Findings about what is around services, and what could not be read of it.

    `images_fit` says that the images are known to be built for the platform that the tasks run on.
    """

    findings: tuple[Finding, ...] = ()
    gaps: tuple[str, ...] = ()
    images_fit: bool = False


def network_around(cluster: str, service_names: Sequence[str], ports: TroubleshootPorts) -> Surroundings:
    """Findings about the network of the named services."""
    from expressway.diagnose.network.action import gather_network
    from expressway.diagnose.network.rules import network_findings

    facts = gather_network(cluster, ports=ports.network(), service_names=service_names)
    return Surroundings(tuple(network_findings(facts)), facts.gaps)


def dependencies_of(subject: DependencySubject, ports: TroubleshootPorts) -> Surroundings:
    """Findings about images, secrets, roles, log groups, scaling, alarms and quotas of one service."""
    from expressway.diagnose.dependencies.collect import gather_dependencies
    from expressway.diagnose.dependencies.rules import dependency_findings
    from expressway.diagnose.image.program_format import images_fit

    facts = gather_dependencies(subject, ports=ports.dependencies())
    return Surroundings(dependency_findings(facts), facts.gaps, images_fit(facts))


def softened(findings: Iterable[Finding], services: Sequence[ServiceFacts]) -> tuple[Finding, ...]:
    """The findings as warnings where all services that were looked at serve: they show that nothing is cut off."""
    serving = bool(services) and all(one.serves and one.service and one.service.running_count for one in services)
    return tuple(
        replace(one, severity="warning") if serving and one.severity == "critical" else one for one in findings
    )
