"""The ports of plans and the checks before them: what does not exist is None; a refused read raises TargetError."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

from expressway.aws.values.service import ServiceState
from expressway.core.progress import Phase, Progress, ProgressSink
from expressway.errors import TargetError

if TYPE_CHECKING:
    from expressway.aws.values.dependencies import KeyFact, SecretFact
    from expressway.aws.values.iam import RoleState
    from expressway.aws.values.network import SecurityGroup, Subnet
    from expressway.aws.values.service import ClusterState, ServiceState
    from expressway.aws.values.task_definition import SecretReference
    from expressway.cloudformation.stack import StackState

T = TypeVar("T")


class Clusters(Protocol):
    """Clusters by name or ARN, or None (aws.ecs.client.Ecs)."""

    def cluster(self, name: str) -> ClusterState | None: ...


class Identities(Protocol):
    """Roles and users by name (aws.iam.Iam)."""

    def role(self, role_name: str) -> RoleState | None: ...
    def user_arn(self, user_name: str) -> str | None: ...


class Networks(Protocol):
    """Subnets and security groups; those that do not exist are left out (aws.ec2.client.Network)."""

    def subnets(self, subnet_ids: Sequence[str]) -> tuple[Subnet, ...]: ...
    def security_groups(self, group_ids: Sequence[str]) -> tuple[SecurityGroup, ...]: ...


class Secrets(Protocol):
    """Metadata of secrets or parameters (aws.secretsmanager.Secrets, aws.ssm.Parameters)."""

    def fact(self, reference: SecretReference) -> SecretFact: ...


class Keys(Protocol):
    """KMS keys (aws.kms.Keys)."""

    def key(self, key_id: str, *, region: str) -> KeyFact: ...


class RoleReads(Protocol):
    """Roles with their policies (aws.iam.Iam)."""

    def role(self, role_name: str) -> RoleState | None: ...


class Services(Protocol):
    """Services by cluster and name (aws.ecs.client.Ecs)."""

    def service(self, cluster: str, service_name: str) -> ServiceState | None: ...


class Roles(Protocol):
    """Roles by name, and the names of their policies; None for a role that is not there (aws.iam.Iam)."""

    def role(self, role_name: str) -> object | None: ...
    def policy_names(self, role_name: str) -> frozenset[str] | None: ...


class LogGroups(Protocol):
    """Log groups by name, or None (aws.logs.Logs)."""

    def group(self, log_group: str) -> object | None: ...


class Repositories(Protocol):
    """Repositories by name, or None (aws.ecr.registry.EcrRegistry)."""

    def describe_repository(self, name: str) -> object | None: ...


class SecretArns(Protocol):
    """Secrets by ARN, complete or not (aws.secretsmanager.Secrets)."""

    def complete_arn(self, reference: SecretReference) -> str | None: ...


class KnownSecrets(Secrets, SecretArns, Protocol):
    """Secrets by whatever ARN, also what their complete ARN is."""


class StackReader(Protocol):
    """The one read that a plan needs."""

    def describe(self, stack_name: str) -> StackState | None: ...


@dataclass(frozen=True, slots=True)
class AccountReads:
    """The reads that tell whether something of a name is there; each is got when it is needed."""

    services: Callable[[], Services]
    roles: Callable[[], Roles]
    log_groups: Callable[[], LogGroups]
    repositories: Callable[[], Repositories]

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
