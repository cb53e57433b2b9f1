"""What is around services: the network they are in, and what their tasks depend on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from expressway.model.finding import Finding
from expressway.operations.troubleshoot.ports import TroubleshootPorts


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Findings about what is around services, and what could not be read of it."""

    findings: tuple[Finding, ...] = ()
    gaps: tuple[str, ...] = ()


def network_around(cluster: str, service_names: Sequence[str], ports: TroubleshootPorts) -> Surroundings:
    """Findings about the network of the named services."""
    from expressway.diagnosis.network_rules import network_findings
    from expressway.operations.troubleshoot.network import gather_network

    facts = gather_network(cluster, ports=ports.network(), service_names=service_names)
    return Surroundings(tuple(network_findings(facts)), facts.gaps)


Around = Callable[[str, Sequence[str], TroubleshootPorts], Surroundings]
AROUND: tuple[tuple[str, Around], ...] = (("network", network_around),)
"""What is looked at beside the service itself, by the name of its gap."""
