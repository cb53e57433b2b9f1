"""An account in memory with everything that services depend on; any of its reads can be refused."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from expressway.aws.values.dependencies import (
    AlarmFact,
    Decision,
    KeyFact,
    QuotaFact,
    RoleState,
    ScalingFact,
    SecretFact,
)
from expressway.aws.values.image import RegistryImage
from expressway.aws.values.service import ClusterState, DeploymentState, RevisionState, ServiceState, TaskState
from expressway.aws.values.target import Target
from expressway.aws.values.task_definition import SecretReference, TaskDefinition
from expressway.diagnose.ports import DependencyPorts, TroubleshootPorts
from expressway.errors import ImageError, TargetError
from tests.diagnose.dependencies.samples import (
    ACCOUNT,
    DEFINITION_ARN,
    EXECUTION_ROLE_ARN,
    HEALTHY,
    INFRASTRUCTURE_ROLE_ARN,
    KEY_ARN,
    REGION,
    REQUIREMENTS,
)
from tests.diagnose.fakes import ClusterWorld

DIGEST = "sha256:" + "0" * 64


@dataclass
class Account:
    """All that the ports of dependencies and of image pulls can be asked; `denied` names what AWS refuses."""

    definitions: dict[str, TaskDefinition] = field(default_factory=lambda: {DEFINITION_ARN: REQUIREMENTS})
    found_images: dict[str, dict[str, tuple[str, ...]]] = field(
        default_factory=lambda: {"team/web": {"v1": ("linux/amd64",)}}
    )
    secret_facts: dict[str, SecretFact] = field(
        default_factory=lambda: {one.reference.value_from: one for one in HEALTHY.secrets}
    )
    key_facts: dict[str, KeyFact] = field(default_factory=lambda: {KEY_ARN: HEALTHY.keys[0]})
    known_roles: dict[str, RoleState] = field(
        default_factory=lambda: {
            EXECUTION_ROLE_ARN: _role(HEALTHY.execution_role),
            INFRASTRUCTURE_ROLE_ARN: _role(HEALTHY.infrastructure_role),
        }
    )
    groups: set[str] = field(default_factory=lambda: {"/expressway/web"})
    scales: ScalingFact | None = HEALTHY.scaling
    known_alarms: tuple[AlarmFact, ...] = ()
    limits: tuple[QuotaFact, ...] = ()
    decisions: dict[tuple[str, str], Decision] = field(default_factory=dict[tuple[str, str], Decision])
    clusters: dict[str, tuple[ServiceState, ...]] = field(default_factory=lambda: {"default": ()})
    briefs: tuple[DeploymentState, ...] = ()
    known_revisions: tuple[RevisionState, ...] = ()
    known_tasks: tuple[TaskState, ...] = ()
    stacks: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    denied: set[str] = field(default_factory=set[str])
    fails_with: str = "access_denied"
    asked: list[tuple[str, Any]] = field(default_factory=list[tuple[str, Any]])

    def ports(self) -> DependencyPorts:
        return DependencyPorts(
            target=Target(ACCOUNT, REGION),
            task_definition=self.task_definition,
            images=self,
            repositories=self,
            roles=self,
            secrets=self,
            log_groups=self,
            scaling=self.of_service,
            alarms=self.alarms,
            quotas=self.fargate,
        )

    def pull_ports(self) -> TroubleshootPorts:
        return replace(
            ClusterWorld().ports(),
            target=Target(ACCOUNT, REGION),
            ecs=self,
            dependencies=self.ports,
            stacks=lambda: self,
        )

    def _ask(self, name: str, about: Any = None) -> None:
        self.asked.append((name, about))
        if name in self.denied:
            raise TargetError(self.fails_with, f"AWS did not allow {name}.")

    # -- what a task definition names -------------------------------------------------------------------------
    def task_definition(self, task_definition: str) -> TaskDefinition | None:
        self._ask("requirements", task_definition)
        return self.definitions.get(task_definition)

    def families(self, family_prefix: str, *, limit: int) -> tuple[str, ...]:
        self._ask("families", family_prefix)
        return tuple(name for name in self.definitions if name.startswith(family_prefix))[:limit]

    def find_image(
        self,
        repository_name: str,
        *,
        tag: str | None = None,
        digest: str | None = None,
        registry_id: str | None = None,
        region: str | None = None,
    ) -> RegistryImage | None:
        self._ask("find_image", (repository_name, tag, digest, registry_id, region))
        if repository_name not in self.found_images:
            raise ImageError("repository_missing", f"There is no repository {repository_name}.")
        if (tag or digest) not in self.found_images[repository_name]:
            return None
        return RegistryImage(repository_name, DIGEST, (tag,) if tag else (), 1)

    def platforms(self, repository: str, *, digest: str, registry_id: str, region: str) -> tuple[str, ...]:
        self._ask("platforms", repository)
        return next(iter(self.found_images[repository].values()))

    def policy(self, repository: str, *, registry_id: str, region: str) -> Mapping[str, Any] | None:
        self._ask("policy", repository)
        return None

    def tags(self, repository: str, *, registry_id: str, region: str) -> tuple[str, ...]:
        self._ask("tags", repository)
        return tuple(self.found_images[repository])

    def fact(self, reference: SecretReference) -> SecretFact:
        self._ask("fact", reference.value_from)
        return self.secret_facts.get(reference.value_from, SecretFact(reference, "missing"))

    def key(self, key_id: str, *, region: str) -> KeyFact:
        self._ask("key", key_id)
        return self.key_facts.get(key_id, KeyFact(key_id, "missing"))

    def role(self, role_name: str) -> RoleState | None:
        self._ask("role", role_name)
        return next((one for one in self.known_roles.values() if one.name == role_name), None)

    def simulate(self, role_arn: str, actions: Sequence[str], resource: str) -> Mapping[tuple[str, str], Decision]:
        self._ask("simulate", (tuple(actions), resource))
        return {(one, resource): self.decisions.get((one, resource), "allowed") for one in actions}

    def group(self, log_group: str) -> object | None:
        self._ask("group", log_group)
        return log_group if log_group in self.groups else None

    # -- scaling, alarms, quotas ------------------------------------------------------------------------------
    def of_service(self, cluster: str, service_name: str) -> ScalingFact | None:
        self._ask("scaling", service_name)
        return self.scales

    def alarms(self, names: Sequence[str]) -> tuple[AlarmFact, ...]:
        self._ask("alarms", tuple(names))
        return tuple(one for one in self.known_alarms if one.name in names)

    def fargate(self) -> tuple[QuotaFact, ...]:
        self._ask("quotas")
        return self.limits

    # -- services, tasks, stacks ------------------------------------------------------------------------------
    def cluster(self, name: str) -> ClusterState | None:
        self._ask("cluster", name)
        return ClusterState(name, f"arn:cluster/{name}", "ACTIVE") if name in self.clusters else None

    def cluster_names(self) -> tuple[str, ...]:
        self._ask("cluster_names")
        return tuple(self.clusters)

    def service_names(self, cluster: str) -> tuple[str, ...]:
        self._ask("service_names", cluster)
        return tuple(one.name for one in self.clusters.get(cluster, ()))

    def services(self, cluster: str, names: Sequence[str]) -> tuple[ServiceState, ...]:
        self._ask("services", tuple(names))
        return tuple(one for one in self.clusters.get(cluster, ()) if one.name in names)

    def task_arns(self, cluster: str, desired_status: str, *, service_name: str = "") -> tuple[str, ...]:
        self._ask("task_arns", desired_status)
        stopped = desired_status == "STOPPED"
        return tuple(one.arn for one in self.known_tasks if (one.status == "STOPPED") == stopped)

    def tasks(self, cluster: str, arns: Sequence[str]) -> tuple[TaskState, ...]:
        self._ask("tasks", tuple(arns))
        return tuple(one for one in self.known_tasks if one.arn in arns or one.task_id in arns)

    def deployment_briefs(self, cluster: str, service: str, *, limit: int = 5) -> tuple[DeploymentState, ...]:
        self._ask("deployment_briefs", service)
        return self.briefs[:limit]

    def revisions(self, revision_arns: Sequence[str]) -> tuple[RevisionState, ...]:
        self._ask("revisions", tuple(revision_arns))
        return tuple(one for one in self.known_revisions if one.arn in revision_arns)

    def deployments(self, arns: Sequence[str]) -> tuple[DeploymentState, ...]:
        self._ask("deployments", tuple(arns))
        return tuple(one for one in self.briefs if one.arn in arns)

    def express_service(self, service_arn: str) -> None:
        self._ask("express_service", service_arn)

    def history(self, stack_name_or_id: str) -> None:
        self._ask("history", stack_name_or_id)

    def deleted_id(self, stack_name: str) -> str:
        self._ask("deleted_id", stack_name)
        return ""

    def names(self) -> tuple[str, ...]:
        self._ask("names")
        return tuple(self.stacks)

    def resource_ids(self, stack_name: str, resource_types: Sequence[str]) -> tuple[str, ...] | None:
        self._ask("resource_ids", stack_name)
        return self.stacks.get(stack_name)


def _role(fact: Any) -> RoleState:
    return fact.role
