"""The results of this folder as every face shows them: typed JSON, of which the output schemas of tools are made."""

from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict

from expressway.deploy.operation import OperationKind, OperationState


class DeployResultJson(TypedDict):
    """A deployment's result as every face shows it; `access_hint`: how to reach a sandbox service by loopback."""

    operation_id: str
    app_name: str
    status: Literal["deployed", "unchanged"]
    url: str | None
    endpoint: str
    service_arn: str
    image_uri: str
    plan_digest: str
    target: str
    stacks: dict[str, str]
    termination_protection: dict[str, str]
    elapsed_seconds: float
    warnings: list[str]
    rebuilt: NotRequired[str]
    access_hint: NotRequired[str]


class RestartResultJson(TypedDict):
    """A restart as every face shows it; parts with nothing to say are left out."""

    status: Literal["restarted"]
    app_name: str
    message: str
    url: NotRequired[str]
    service_arn: str
    new_tasks: NotRequired[list[str]]
    replaced_tasks: NotRequired[list[str]]
    target: NotRequired[str]
    elapsed_seconds: NotRequired[float]
    gaps: NotRequired[list[str]]
    access_hint: NotRequired[str]


class BuiltImageJson(TypedDict):
    """A built image as every face shows it; `full_image_uri` has the tag."""

    repository_uri: str
    image_tag: str
    full_image_uri: str
    ecr_push_pull_role_arn: str
    stack_name: str


DeletionStatus = Literal["deleted", "absent", "kept", "failed", "not_started"]


class DeletionStepJson(TypedDict):
    """What became of the service, or of the repository.

    `status`: ``absent`` (nothing was there), ``kept`` (by its removal policy, or as it belongs to somebody else),
    ``not_started`` (something before it failed).
    """

    status: DeletionStatus
    message: str
    service_arn: NotRequired[str]
    cluster: NotRequired[str]
    repository: NotRequired[str]
    stack: NotRequired[str]


class KeptJson(TypedDict):
    resource: str
    reason: str


class DeleteResultJson(TypedDict):
    """A deletion as every face shows it; `errors` have the shape of `ExpresswayError.to_dict`."""

    service_deletion: DeletionStepJson
    ecr_deletion: DeletionStepJson
    summary: str
    errors: list[dict[str, Any]]
    kept: list[KeptJson]
    target: str


class ListedAppJson(TypedDict):
    app_name: str
    region: str
    stacks: dict[str, str]
    endpoint: NotRequired[str]


class UnreadStackJson(TypedDict):
    region: str
    stack: str
    message: str


class AppListJson(TypedDict):
    """A list of apps as every face shows it; `failed_regions`: each region's error with its `region`."""

    apps: list[ListedAppJson]
    regions: list[str]
    failed_regions: NotRequired[list[dict[str, Any]]]
    unread_stacks: NotRequired[list[UnreadStackJson]]


ReadinessStatus = Literal["success", "timeout", "failed", "unverified"]


class ReadinessJson(TypedDict):
    """The outcome of a wait as every face shows it; `cause` has the shape of `Finding.to_dict`."""

    status: ReadinessStatus
    message: str
    cause: NotRequired[dict[str, Any]]
    url: NotRequired[str]
    access_hint: NotRequired[str]
    gaps: NotRequired[list[str]]
    elapsed_seconds: float


AppState = Literal["absent", "deploying", "deleting", "ready", "degraded", "failed", "unknown"]


class ServiceJson(TypedDict):
    """`serving_revision`: the id of the revision that serves; `url_answers`: the HTTP status, or why none came."""

    arn: str
    cluster: str
    status: str
    serving_revision: NotRequired[str]
    url_answers: NotRequired[int | str]


class DeploymentJson(TypedDict):
    """The newest deployment; `stage` while it runs, `reason` where it failed, `created_at` as ISO 8601."""

    status: NotRequired[str]
    stage: NotRequired[str]
    reason: NotRequired[str]
    revision: NotRequired[str]
    created_at: NotRequired[str]


class RevisionJson(TypedDict):
    id: str
    image: str


class TasksJson(TypedDict):
    """Counts of the tasks of the revision that serves; `recently_failed` are the newest deployment's."""

    desired: int
    running: NotRequired[int]
    pending: NotRequired[int]
    healthy: NotRequired[int]
    recently_failed: NotRequired[int]


class OperationJson(TypedDict):
    """The last operation that this machine knows; `hint` of one that was interrupted."""

    operation_id: str
    kind: OperationKind
    state: OperationState
    phase: str
    message: str
    updated_at: str
    hint: NotRequired[str]


class LastErrorJson(TypedDict):
    code: str
    message: str
    hint: NotRequired[str]
    gaps: NotRequired[list[str]]


class AppStatusJson(TypedDict):
    """An app's status as every face shows it; `access_hint`: how to reach a sandbox service by loopback."""

    app_name: str
    status: AppState
    message: str
    target: NotRequired[str]
    url: NotRequired[str]
    access_hint: NotRequired[str]
    stacks: NotRequired[dict[str, str]]
    service: NotRequired[ServiceJson]
    deployment: NotRequired[DeploymentJson]
    revisions: NotRequired[list[RevisionJson]]
    tasks: NotRequired[TasksJson]
    operation: NotRequired[OperationJson]
    last_error: NotRequired[LastErrorJson]
    gaps: NotRequired[list[str]]
