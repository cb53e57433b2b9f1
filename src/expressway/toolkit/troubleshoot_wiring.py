"""The adapters of one target that troubleshooting reads through."""

from __future__ import annotations

from typing import TYPE_CHECKING

from expressway.operations.troubleshoot.ports import TroubleshootPorts

if TYPE_CHECKING:
    from expressway.operations.troubleshoot.network_ports import NetworkPorts
    from expressway.toolkit.wiring import Wiring


def troubleshoot_ports(wiring: Wiring) -> TroubleshootPorts:
    """Ports over the adapters that the target has already; the rest is made by the action that needs it."""
    from expressway.adapters.ecs_cluster import EcsCluster
    from expressway.adapters.target_health import LoadBalancerTargets

    return TroubleshootPorts(
        target=wiring.session.target,
        now=wiring.clock.now,
        cluster=EcsCluster(wiring.session),
        express=wiring.ecs,
        logs=wiring.logs,
        targets=LoadBalancerTargets(wiring.session),
        network=lambda: _network_ports(wiring),
    )


def _network_ports(wiring: Wiring) -> NetworkPorts:
    from expressway.adapters.load_balancers import LoadBalancers
    from expressway.adapters.network import Network
    from expressway.adapters.placements import Placements
    from expressway.operations.troubleshoot.network_ports import NetworkPorts

    session = wiring.session
    return NetworkPorts(session.target.region, Placements(session), Network(session), LoadBalancers(session))
