"""The adapters of one target that troubleshooting reads through."""

from __future__ import annotations

from typing import TYPE_CHECKING

from expressway.diagnose.ports import TroubleshootPorts

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from expressway.aws.session import AwsSession
    from expressway.diagnose.ports import DependencyPorts, NetworkPorts
    from expressway.diagnose.service_cache import ServiceCache
    from expressway.image.context.excluded import ExcludedFrom


def troubleshoot_ports(
    session: AwsSession, *, now: Callable[[], datetime], cache: ServiceCache, excluded_from: ExcludedFrom
) -> TroubleshootPorts:
    """Ports for one question; what not every action reads is made by the action that needs it."""
    from expressway.aws.ecs.client import Ecs
    from expressway.aws.elbv2 import LoadBalancers
    from expressway.aws.logs import Logs
    from expressway.cloudformation.history_reader import StackHistories

    return TroubleshootPorts(
        target=session.target,
        now=now,
        ecs=Ecs(session),
        logs=Logs(session),
        targets=LoadBalancers(session),
        network=lambda: _network_ports(session),
        dependencies=lambda: _dependency_ports(session),
        stacks=lambda: StackHistories(session),
        cache=cache,
        excluded_from=excluded_from,
    )


def _network_ports(session: AwsSession) -> NetworkPorts:
    from expressway.aws.ec2 import Network
    from expressway.aws.ecs.client import Ecs
    from expressway.aws.elbv2 import LoadBalancers
    from expressway.diagnose.ports import NetworkPorts

    return NetworkPorts(session.target.region, Ecs(session), Network(session), LoadBalancers(session))


def _dependency_ports(session: AwsSession) -> DependencyPorts:
    from expressway.aws.ecr import EcrRegistry, Repositories
    from expressway.aws.ecs.client import Ecs
    from expressway.aws.iam import Iam
    from expressway.aws.logs import Logs
    from expressway.aws.scaling import Alarms, Quotas, Scaling
    from expressway.aws.secrets import Secrets
    from expressway.diagnose.ports import DependencyPorts

    return DependencyPorts(
        target=session.target,
        task_definition=Ecs(session).task_definition,
        images=EcrRegistry(session),
        repositories=Repositories(session),
        roles=Iam(session),
        secrets=Secrets(session),
        log_groups=Logs(session),
        scaling=Scaling(session).of_service,
        alarms=Alarms(session).alarms,
        quotas=Quotas(session).fargate,
    )
