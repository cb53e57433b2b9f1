"""Plans and prerequisites as every face shows them: typed JSON, of which the output schemas of tools are made."""

from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict

ChangeAction = Literal["create", "import", "restore", "update", "replace", "delete"]
"""``import``: it exists already, and the stack takes it over as it is. ``restore``: the stack holds it, and
somebody removed it, or policies of it, by other means."""


class PropertyChangeJson(TypedDict):
    path: str
    before: Any
    after: Any
    requires_replacement: NotRequired[bool]


class ResourceChangeJson(TypedDict):
    action: ChangeAction
    logical_id: str
    type: str
    properties: NotRequired[list[PropertyChangeJson]]


class StackChangeJson(TypedDict):
    """One stack; of one that is unchanged, no more than that. `outputs` are names."""

    stack_name: str
    change: Literal["create", "update", "none"]
    resources: NotRequired[list[ResourceChangeJson]]
    parameters: NotRequired[list[PropertyChangeJson]]
    outputs: NotRequired[list[str]]
    settings: NotRequired[list[PropertyChangeJson]]


class PlannedImageJson(TypedDict):
    state: Literal["given", "published", "to_build", "to_rebuild"]
    uri: NotRequired[str]
    tag: NotRequired[str]


class PlanJson(TypedDict):
    """A plan as every face shows it."""

    app_name: str
    target: str
    plan_digest: str
    nothing_to_do: bool
    allows: list[str]
    image: PlannedImageJson | None
    stacks: list[StackChangeJson]
    missing_service: NotRequired[str]
    unused_stacks: NotRequired[list[str]]
    warnings: NotRequired[list[str]]


Status = Literal["valid", "invalid", "not_found", "unverified"]


class RoleJson(TypedDict):
    """A role that was found has `name`, `arn` and `policies` (their names); any other has `role`, as it was given."""

    status: Status
    role: NotRequired[str]
    name: NotRequired[str]
    arn: NotRequired[str]
    policies: NotRequired[list[str]]


class ImageFactsJson(TypedDict):
    digest: NotRequired[str]
    platforms: NotRequired[list[str]]


class ImageJson(ImageFactsJson):
    """`registry` only of an image outside private ECR, what is optional besides only of one in it."""

    uri: str
    status: Status
    registry: NotRequired[str]
    repository: NotRequired[str]
    account_id: NotRequired[str]
    region: NotRequired[str]


class DetailsJson(TypedDict):
    execution_role: RoleJson
    infrastructure_role: RoleJson
    image: ImageJson


class PrerequisitesJson(TypedDict):
    """The outcome of the checks as every face shows it."""

    valid: bool
    errors: list[str]
    warnings: list[str]
    details: DetailsJson
