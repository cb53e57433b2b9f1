"""The adapters of one target that troubleshooting reads through."""

from __future__ import annotations

from typing import TYPE_CHECKING

from expressway.operations.troubleshoot.ports import TroubleshootPorts

if TYPE_CHECKING:
    from expressway.adapters.session import AwsSession
    from expressway.operations.troubleshoot.dependency_ports import DependencyPorts, ImagePullPorts
    from expressway.operations.troubleshoot.network_ports import NetworkPorts
    from expressway.toolkit.wiring import Wiring


def troubleshoot_ports(wiring: Wiring) -> TroubleshootPorts:
    """Ports for one question; what not every action reads is made by the action that needs it."""
    from expressway.adapters.ecs import Ecs
    from expressway.adapters.logs import Logs
    from expressway.adapters.stack_history import StackHistories
    from expressway.adapters.target_health import LoadBalancerTargets

    session = wiring.questions.for_one_question()
    return TroubleshootPorts(
        target=session.target,
        now=wiring.clock.now,
        cluster=Ecs(session),
        express=Ecs(session),
        logs=Logs(session),
        targets=LoadBalancerTargets(session),
        network=lambda: _network_ports(session),
        dependencies=lambda: _dependency_ports(session),
        image_pulls=lambda: _image_pull_ports(session),
        stacks=lambda: StackHistories(session),
        seen=wiring.seen_services,
        excluded_from=wiring.excluded_files.of_image,
    )


def _network_ports(session: AwsSession) -> NetworkPorts:
    from expressway.adapters.ecs import Ecs
    from expressway.adapters.load_balancers import LoadBalancers
    from expressway.adapters.network import Network
    from expressway.operations.troubleshoot.network_ports import NetworkPorts

    return NetworkPorts(session.target.region, Ecs(session), Network(session), LoadBalancers(session))


def _image_pull_ports(session: AwsSession) -> ImagePullPorts:
    from expressway.adapters.ecs import Ecs
    from expressway.adapters.stack_history import StackHistories
    from expressway.operations.troubleshoot.dependency_ports import ImagePullPorts

    return ImagePullPorts(
        dependencies=_dependency_ports(session),
        services=Ecs(session),
        revisions=Ecs(session),
        stacks=StackHistories(session),
    )


def _dependency_ports(session: AwsSession) -> DependencyPorts:
    from expressway.adapters.alarms import Alarms
    from expressway.adapters.ecr import EcrRegistry
    from expressway.adapters.ecs import Ecs
    from expressway.adapters.iam import Iam
    from expressway.adapters.image_platforms import ImagePlatforms
    from expressway.adapters.keys import Keys
    from expressway.adapters.logs import Logs
    from expressway.adapters.parameters import Parameters
    from expressway.adapters.quotas import Quotas
    from expressway.adapters.repositories import Repositories
    from expressway.adapters.scaling import Scaling
    from expressway.adapters.secrets import Secrets
    from expressway.operations.troubleshoot.dependency_ports import DependencyPorts

    return DependencyPorts(
        target=session.target,
        definitions=Ecs(session),
        images=EcrRegistry(session),
        platforms=ImagePlatforms(session),
        repositories=Repositories(session),
        roles=Iam(session),
        secrets=Secrets(session),
        parameters=Parameters(session),
        keys=Keys(session),
        log_groups=Logs(session),
        scaling=Scaling(session),
        alarms=Alarms(session),
        quotas=Quotas(session),
    )
