"""The ports through which troubleshooting sees what a service depends on; the adapters named satisfy them.

Every method raises TargetError where it is refused. What does not exist is None or left out. No method reads the
value of a secret.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from expressway.aws.values.dependencies import AlarmFact, Decision, QuotaFact, ScalingFact
from expressway.aws.values.iam import RoleState
from expressway.aws.values.service import ClusterState, DeploymentState, RevisionState, ServiceState, TaskState
from expressway.aws.values.target import Target
from expressway.aws.values.task_definition import TaskDefinition
from expressway.image.ports import ImageReads, PlatformReads
from expressway.plan.ports import Keys, LogGroups, Secrets


class RequirementReads(Protocol):
    """Task definitions as what they need around them (aws.ecs.client.Ecs)."""

    def task_definition(self, task_definition: str) -> TaskDefinition | None: ...
    def families(self, family_prefix: str, *, limit: int) -> tuple[str, ...]: ...


class RoleReads(Protocol):
    """Roles with their policies, and IAM's own decisions (aws.iam.Iam)."""

    def role(self, role_name: str) -> RoleState | None: ...
    def simulate(self, role_arn: str, actions: Sequence[str], resource: str) -> Mapping[tuple[str, str], Decision]: ...


class RepositoryReads(Protocol):
    """Policies and tags of repositories in any account and region (aws.ecr.repositories.Repositories)."""

    def policy(self, repository: str, *, registry_id: str, region: str) -> Mapping[str, Any] | None: ...
    def tags(self, repository: str, *, registry_id: str, region: str) -> tuple[str, ...]: ...


class ScalingReads(Protocol):
    """The scalable target of a service, or None (aws.autoscaling.Scaling)."""

    def of_service(self, cluster: str, service_name: str) -> ScalingFact | None: ...


class AlarmReads(Protocol):
    """CloudWatch alarms by name (aws.cloudwatch.Alarms)."""

    def alarms(self, names: Sequence[str]) -> tuple[AlarmFact, ...]: ...


class QuotaReads(Protocol):
    """The quotas that Fargate tasks count against (aws.service_quotas.Quotas)."""

    def fargate(self) -> tuple[QuotaFact, ...]: ...


@dataclass(frozen=True, slots=True)
class DependencyPorts:
    """What the dependencies of a service are read through."""

    target: Target
    definitions: RequirementReads
    images: ImageReads
    platforms: PlatformReads
    repositories: RepositoryReads
    roles: RoleReads
    secrets: Secrets
    parameters: Secrets
    keys: Keys
    log_groups: LogGroups
    scaling: ScalingReads
    alarms: AlarmReads
    quotas: QuotaReads


class ServiceTasks(Protocol):
    """Services, what they deployed, and what became of their tasks (aws.ecs.client.Ecs)."""

    def cluster(self, name: str) -> ClusterState | None: ...
    def cluster_names(self) -> tuple[str, ...]: ...
    def services(self, cluster: str, names: Sequence[str]) -> tuple[ServiceState, ...]: ...
    def service_names(self, cluster: str) -> tuple[str, ...]: ...
    def task_arns(self, cluster: str, desired_status: str, *, service_name: str = "") -> tuple[str, ...]: ...
    def tasks(self, cluster: str, arns: Sequence[str]) -> tuple[TaskState, ...]: ...
    def deployment_briefs(self, cluster: str, service: str, *, limit: int = 5) -> tuple[DeploymentState, ...]: ...


class Revisions(Protocol):
    """What services were asked to run (aws.ecs.client.Ecs)."""

    def revisions(self, revision_arns: Sequence[str]) -> tuple[RevisionState, ...]: ...


class StackResources(Protocol):
    """What a stack is made of; None when there is no such stack (cloudformation.history_reader.StackHistories)."""

    def names(self) -> tuple[str, ...]: ...
    def resource_ids(self, stack_name: str, resource_types: Sequence[str]) -> tuple[str, ...] | None: ...


@dataclass(frozen=True, slots=True)
class ImagePullPorts:
    """What images that cannot be pulled are looked for through."""

    dependencies: DependencyPorts
    services: ServiceTasks
    revisions: Revisions
    stacks: StackResources
