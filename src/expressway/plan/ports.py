"""The ports of plans and the checks before them: what does not exist is None; a refused read raises TargetError."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

from expressway.core.progress import Phase, Progress, ProgressSink
from expressway.errors import TargetError

if TYPE_CHECKING:
    from expressway.aws.values.dependencies import Decision, KeyFact, RoleState, SecretFact
    from expressway.aws.values.network import SecurityGroup, Subnet
    from expressway.aws.values.service import ClusterState, LogGroup, ServiceState
    from expressway.aws.values.task_definition import SecretReference
    from expressway.cloudformation.stack import StackState
    from expressway.image.ports import ImageRegistry

T = TypeVar("T")


class StackReader(Protocol):
    """Stacks by name or id (cloudformation.client.CloudFormation)."""

    def describe(self, stack_name: str) -> StackState | None: ...


class Services(Protocol):
    """Clusters by name or ARN, and their services by name (aws.ecs.client.Ecs)."""

    def cluster(self, name: str) -> ClusterState | None: ...
    def service(self, cluster: str, service_name: str) -> ServiceState | None: ...


class Identities(Protocol):
    """Roles with their policies and IAM's own decisions, and users (aws.iam.Iam)."""

    def role(self, role_name: str) -> RoleState | None: ...
    def policy_names(self, role_name: str) -> frozenset[str] | None: ...
    def user_arn(self, user_name: str) -> str | None: ...
    def simulate(self, role_arn: str, actions: Sequence[str], resource: str) -> Mapping[tuple[str, str], Decision]: ...


class Networks(Protocol):
    """Subnets and security groups; those that do not exist are left out (aws.ec2.Network)."""

    def subnets(self, subnet_ids: Sequence[str]) -> tuple[Subnet, ...]: ...
    def security_groups(self, group_ids: Sequence[str]) -> tuple[SecurityGroup, ...]: ...


class Secrets(Protocol):
    """Metadata of secrets and parameters, and of the KMS keys behind them (aws.secrets.Secrets)."""

    def fact(self, reference: SecretReference) -> SecretFact: ...
    def complete_arn(self, reference: SecretReference) -> str | None: ...
    def key(self, key_id: str, *, region: str) -> KeyFact: ...


class LogGroups(Protocol):
    """Log groups that come and go (aws.logs.Logs)."""

    def group(self, log_group: str) -> LogGroup | None: ...
    def delete_group(self, log_group: str) -> bool: ...


@dataclass(frozen=True, slots=True)
class AccountReads:
    """The reads that look up resources by name; each client is made when it is needed."""

    services: Callable[[], Services]
    roles: Callable[[], Identities]
    log_groups: Callable[[], LogGroups]
    repositories: Callable[[], ImageRegistry]

    def living_service(self, cluster: str, service_name: str) -> ServiceState | None:
        """The service; one that is INACTIVE only lives on in ECS's memory and counts as gone."""
        service = self.services().service(cluster, service_name)
        return None if service is None or service.status == "INACTIVE" else service


def if_allowed(read: Callable[[], T], default: T, *, what: str, phase: Phase, progress: ProgressSink) -> T:
    """The answer of `read`, or `default` with a warning where the caller has no permission: AWS checks again later.

    Raises:
        TargetError: anything but ``access_denied``.
    """
    try:
        return read()
    except TargetError as error:
        if error.code != "access_denied":
            raise
        progress(Progress(phase, f"{what} could not be verified: {error.message}", level="warning"))
        return default
