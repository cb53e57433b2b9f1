"""The adapters of one target that troubleshooting reads through."""

from __future__ import annotations

from typing import TYPE_CHECKING

from expressway.operations.troubleshoot.ports import TroubleshootPorts

if TYPE_CHECKING:
    from expressway.operations.troubleshoot.dependency_ports import DependencyPorts, ImagePullPorts
    from expressway.operations.troubleshoot.network_ports import NetworkPorts
    from expressway.toolkit.wiring import Wiring


def troubleshoot_ports(wiring: Wiring) -> TroubleshootPorts:
    """Ports over the adapters that the target has already; the rest is made by the action that needs it."""
    from expressway.adapters.ecs_cluster import EcsCluster
    from expressway.adapters.stack_history import StackHistories
    from expressway.adapters.target_health import LoadBalancerTargets

    return TroubleshootPorts(
        target=wiring.session.target,
        now=wiring.clock.now,
        cluster=EcsCluster(wiring.session),
        express=wiring.ecs,
        logs=wiring.logs,
        targets=LoadBalancerTargets(wiring.session),
        network=lambda: _network_ports(wiring),
        dependencies=lambda: _dependency_ports(wiring),
        image_pulls=lambda: _image_pull_ports(wiring),
        stacks=lambda: StackHistories(wiring.session),
    )


def _network_ports(wiring: Wiring) -> NetworkPorts:
    from expressway.adapters.load_balancers import LoadBalancers
    from expressway.adapters.network import Network
    from expressway.adapters.placements import Placements
    from expressway.operations.troubleshoot.network_ports import NetworkPorts

    session = wiring.session
    return NetworkPorts(session.target.region, Placements(session), Network(session), LoadBalancers(session))


def _image_pull_ports(wiring: Wiring) -> ImagePullPorts:
    from expressway.adapters.ecs_cluster import EcsCluster
    from expressway.adapters.stack_history import StackHistories
    from expressway.operations.troubleshoot.dependency_ports import ImagePullPorts

    session = wiring.session
    return ImagePullPorts(
        dependencies=_dependency_ports(wiring),
        services=EcsCluster(session),
        revisions=wiring.ecs,
        stacks=StackHistories(session),
    )


def _dependency_ports(wiring: Wiring) -> DependencyPorts:
    from expressway.adapters.alarms import Alarms
    from expressway.adapters.image_platforms import ImagePlatforms
    from expressway.adapters.keys import Keys
    from expressway.adapters.parameters import Parameters
    from expressway.adapters.quotas import Quotas
    from expressway.adapters.repositories import Repositories
    from expressway.adapters.scaling import Scaling
    from expressway.adapters.secrets import Secrets
    from expressway.adapters.task_definitions import TaskDefinitions
    from expressway.operations.troubleshoot.dependency_ports import DependencyPorts

    session = wiring.session
    return DependencyPorts(
        target=session.target,
        definitions=TaskDefinitions(session),
        images=wiring.registry,
        platforms=ImagePlatforms(session),
        repositories=Repositories(session),
        roles=wiring.iam,
        secrets=Secrets(session),
        parameters=Parameters(session),
        keys=Keys(session),
        log_groups=wiring.logs,
        scaling=Scaling(session),
        alarms=Alarms(session),
        quotas=Quotas(session),
    )
