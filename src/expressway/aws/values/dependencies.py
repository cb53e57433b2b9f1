"""What a service depends on, and what was found of it: collected and judged in `diagnose/dependencies`.

A thing is ``present``, ``missing``, or ``unread`` where a permission was missing (nothing is concluded then);
``elsewhere`` is what cannot be looked up from here, such as an image in a registry outside ECR.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from expressway.aws.values.service import LogConfiguration
from expressway.aws.values.task_definition import ContainerImage, SecretReference, TaskDefinition


@dataclass(frozen=True, slots=True)
class RolePolicy:
    """One policy of a role. `arn` is empty for an inline one; `document` is None when it could not be read."""

    name: str
    arn: str = ""
    document: Mapping[str, Any] | None = None

    @property
    def is_aws_managed(self) -> bool:
        return ":iam::aws:policy/" in self.arn


@dataclass(frozen=True, slots=True)
class RoleState:
    """A role with its trust document and all its policies."""

    name: str
    arn: str
    trust: Mapping[str, Any] = field(default_factory=dict[str, Any])
    policies: tuple[RolePolicy, ...] = ()
    permissions_boundary_arn: str = ""


def role_name_of(name_or_arn: str) -> str:
    """The role's name, from a name or an ARN with any path (``arn:aws:iam::…:role/team/web`` → ``web``)."""
    return name_or_arn.rsplit("/", 1)[-1] if name_or_arn.startswith("arn:") else name_or_arn


Presence = Literal["present", "missing", "unread", "elsewhere"]
ImagePresence = Literal[
    "present", "repository_missing", "tag_missing", "digest_missing", "unread", "elsewhere", "invalid"
]
Decision = Literal["allowed", "denied", "unsure"]


@dataclass(frozen=True, slots=True)
class ImageFact:
    """An image that a task definition names, as its registry knows it.

    Attributes:
        task_definition_arn: the definition that names it.
        wanted_platform: what the tasks run on.
        platforms: what it is built for; empty when nothing tells.
        repository_arn: of a repository in ECR; empty elsewhere.
        repository_policy: the repository's own policy; None when there is none, or it was not read.
        policy_read: False when the repository's policy could not be read.
        tags: some tags that the repository does hold, where the one that is asked for is missing.
    """

    reference: ContainerImage
    task_definition_arn: str
    presence: ImagePresence
    wanted_platform: str = "linux/amd64"
    digest: str = ""
    platforms: tuple[str, ...] = ()
    repository_arn: str = ""
    account_id: str = ""
    region: str = ""
    repository_policy: Mapping[str, Any] | None = None
    policy_read: bool = True
    tags: tuple[str, ...] = ()
    detail: str = ""

    @property
    def runs_on_tasks(self) -> bool:
        """Whether it is known to be built for what the tasks run on; ``linux/arm64/v8`` is ``linux/arm64``."""
        return self.wanted_platform in {"/".join(platform.split("/")[:2]) for platform in self.platforms}


@dataclass(frozen=True, slots=True)
class SecretFact:
    """A secret or parameter, by its metadata alone.

    Attributes:
        arn: its full ARN, where it was found.
        kms_key_id: the key that it names; empty for AWS's own key.
        deleted_at: set while a secret waits for its deletion: it cannot be read any more.
        stages: the version stages that the secret has; empty for a parameter.
        resource_policy: the secret's own policy; None when there is none.
        policy_read: False when that policy could not be read; `policy_gap` says why.
        is_encrypted: False for a parameter that is plain text.
    """

    reference: SecretReference
    presence: Presence
    arn: str = ""
    kms_key_id: str = ""
    deleted_at: datetime | None = None
    stages: tuple[str, ...] = ()
    resource_policy: Mapping[str, Any] | None = None
    policy_read: bool = True
    is_encrypted: bool = True
    policy_gap: str = ""


@dataclass(frozen=True, slots=True)
class KeyFact:
    """A KMS key that a secret is encrypted with.

    Attributes:
        key_id: id, alias or ARN, as the secret names it.
        state: such as Enabled, Disabled, PendingDeletion.
        policy: the key's own policy; None where it was not read.
        policy_gap: why it could not be read; empty where it was, and for AWS's own keys, which nobody is asked about.
    """

    key_id: str
    presence: Presence
    arn: str = ""
    state: str = ""
    is_customer_managed: bool = False
    policy: Mapping[str, Any] | None = None
    policy_read: bool = False
    policy_gap: str = ""


@dataclass(frozen=True, slots=True)
class RoleFact:
    """A role that the service names; `role` is None when it is missing or could not be read.

    `simulated` are IAM's own decisions by (action, resource), asked for where the policies alone do not tell.
    """

    arn: str
    presence: Presence
    role: RoleState | None = None
    simulated: Mapping[tuple[str, str], Decision] = field(default_factory=dict[tuple[str, str], Decision])


@dataclass(frozen=True, slots=True)
class LogGroupFact:
    """A log group that a container writes to."""

    reference: LogConfiguration
    presence: Presence


@dataclass(frozen=True, slots=True)
class ScalingActivity:
    """One activity of Application Auto Scaling; `not_scaled_reasons` are its machine-readable codes."""

    status: str
    description: str = ""
    cause: str = ""
    status_message: str = ""
    not_scaled_reasons: tuple[str, ...] = ()
    started_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ScalingPolicy:
    """A scaling policy; `alarm_names` are the alarms that drive it, `target_value` that of a target tracking one."""

    name: str
    metric: str = ""
    target_value: float | None = None
    alarm_names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ScalingFact:
    """The scalable target of a service; activities newest first."""

    minimum: int
    maximum: int
    scaling_out_suspended: bool = False
    policies: tuple[ScalingPolicy, ...] = ()
    activities: tuple[ScalingActivity, ...] = ()


@dataclass(frozen=True, slots=True)
class AlarmFact:
    """A CloudWatch alarm. `state` is OK, ALARM or INSUFFICIENT_DATA; `state_reason` is CloudWatch's own text."""

    name: str
    state: str
    arn: str = ""
    state_reason: str = ""
    metric: str = ""
    namespace: str = ""
    comparison: str = ""
    threshold: float | None = None
    dimensions: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class QuotaFact:
    """A service quota with what is in use of it; `used` is None where nothing tells."""

    code: str
    name: str
    value: float
    used: float | None = None


@dataclass(frozen=True, slots=True)
class DependencySubject:
    """The service whose dependencies are read, as far as others have read it already.

    Attributes:
        task_definition_arn: of the revision to explain; empty when unknown.
        infrastructure_role_arn: of an Express service; empty for a plain one.
        triggered_alarms: the alarms that rolled a deployment back.
        has_failed: a deployment has failed or tasks stop, so that the service cannot be called healthy.
        is_stuck: infrastructure that ECS manages for it is still being made, or could not be made.
        names_a_quota: ECS spoke of a quota or of vCPUs, so that the quotas are worth reading.
        task_statements: what ECS said about tasks that stopped or cannot start.
    """

    cluster: str
    service_name: str
    service_arn: str = ""
    task_definition_arn: str = ""
    infrastructure_role_arn: str = ""
    desired_count: int = 0
    running_count: int = 0
    triggered_alarms: tuple[str, ...] = ()
    has_failed: bool = False
    is_stuck: bool = False
    names_a_quota: bool = False
    task_statements: tuple[str, ...] = ()

    @property
    def resource(self) -> str:
        return self.service_arn or self.service_name

    @property
    def serves(self) -> bool:
        """All wanted tasks run, so that what is wrong around it only hits the next task."""
        return self.desired_count > 0 and self.running_count >= self.desired_count and not self.has_failed


@dataclass(frozen=True, slots=True)
class DependencyFacts:
    """Everything that the rules about dependencies may look at; see the module about what could not be read.

    Attributes:
        requirements: None when the task definition is unknown or could not be read.
        account_id, region: those of the service.
        gaps: what could not be read and why, one phrase each.
    """

    subject: DependencySubject
    account_id: str = ""
    region: str = ""
    requirements: TaskDefinition | None = None
    images: tuple[ImageFact, ...] = ()
    secrets: tuple[SecretFact, ...] = ()
    keys: tuple[KeyFact, ...] = ()
    execution_role: RoleFact | None = None
    task_role: RoleFact | None = None
    infrastructure_role: RoleFact | None = None
    log_groups: tuple[LogGroupFact, ...] = ()
    scaling: ScalingFact | None = None
    alarms: tuple[AlarmFact, ...] = ()
    quotas: tuple[QuotaFact, ...] = ()
    gaps: tuple[str, ...] = ()

    def key(self, key_id: str) -> KeyFact | None:
        """The key of that id, alias or ARN."""
        return next((key for key in self.keys if key_id in {key.key_id, key.arn}), None)
