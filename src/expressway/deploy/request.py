"""What deploying is asked for, what it needs, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from expressway.app.definition import AppDefinition
from expressway.app.origin import Origin
from expressway.aws.values.operation import OperationRecord
from expressway.aws.values.target import Target
from expressway.cloudformation.stack import StackEvent
from expressway.cloudformation.template import AppTemplates
from expressway.core.clock import Clock
from expressway.core.progress import Cancellation, ProgressSink
from expressway.deploy.stack.request import StackGateway
from expressway.deploy.status.endpoint import access_hint_of
from expressway.diagnose.finding import Finding
from expressway.image.context.excluded import ExcludedFiles, RecordExcluded
from expressway.image.planned import PlannedImage
from expressway.plan.preflight.account import AccountReads

if TYPE_CHECKING:
    from expressway.image.context.values import BuildContext
    from expressway.image.protect import ImageProtection
    from expressway.plan.preflight.resources import NamedReads


class AppImage(Protocol):
    """The image of one app: planned without changing anything, published when it is its turn.

    `planned` is None when the app's own task definition names the image; `stack_outputs` are those of the
    repository stack, which stands when it is published. `is_there` looks again for an image that was planned by its
    digest: it may be deleted or expire until the service is touched. `renewed` is the running image where it was built
    of this content again, and `as_planned` the image with what a plan made of it. `build` gives what to go on with.
    """

    @property
    def planned(self) -> PlannedImage | None: ...
    @property
    def warnings(self) -> tuple[str, ...]: ...
    @property
    def excluded_files(self) -> ExcludedFiles: ...
    def is_there(self) -> bool: ...
    def renewed(self, running: str) -> PlannedImage | None: ...
    def as_planned(self, planned: PlannedImage | None) -> AppImage: ...
    def build(self, *, progress: ProgressSink, cancellation: Cancellation) -> AppImage: ...
    def protection(self, *, stack_outputs: Mapping[str, str], progress: ProgressSink) -> ImageProtection | None: ...
    def publish(
        self, *, stack_outputs: Mapping[str, str], progress: ProgressSink, cancellation: Cancellation
    ) -> str: ...


class Images(Protocol):
    """Checks everything about an app's image that can be checked before AWS is changed."""

    def check(
        self,
        definition: AppDefinition,
        base_dir: Path,
        *,
        progress: ProgressSink,
        rebuild: bool,
        read: BuildContext | None,
    ) -> AppImage: ...


class OperationLog(Protocol):
    """Where this operation writes down how far it is."""

    @property
    def current(self) -> OperationRecord: ...
    def record(self, **changes: Any) -> None: ...


class Readiness(Protocol):
    """How waiting for a service ended."""

    @property
    def status(self) -> str: ...
    @property
    def message(self) -> str: ...
    @property
    def url(self) -> str | None: ...
    @property
    def gaps(self) -> tuple[str, ...]: ...


Explain = Callable[[str, str, tuple[StackEvent, ...]], Finding | None]
"""(cluster, service name, the stack's events) → the first real cause of a failing deployment, if there is one."""

WaitForService = Callable[[str, str, ProgressSink, Cancellation], Readiness]
Synthesize = Callable[[AppDefinition, ProgressSink], AppTemplates]


@dataclass(frozen=True, slots=True)
class DeployRequest:
    """What to deploy, and what the caller allows.

    Attributes:
        base_dir: the folder that the definition's build context is relative to.
        approved_plan: digest of the plan that was shown; when given, nothing else is carried out.
        adopt: take over stacks that carry no Expressway ownership mark, and what an earlier deletion has kept.
        origin: where this is deployed from; None where that does not matter.
        allow_replacement: allow resources to be replaced (the service's URL then changes).
        rebuild: build the image again with its base images pulled anew, also where its content is published.
        read: the build context where the caller has read it already.
    """

    definition: AppDefinition
    base_dir: Path
    approved_plan: str | None = None
    adopt: bool = False
    allow_replacement: bool = False
    continue_rollback: bool = False
    origin: Origin | None = None
    rebuild: bool = False
    read: BuildContext | None = None


@dataclass(frozen=True, slots=True)
class DeployPorts:
    """Everything outside that deploying needs; `named` is got where the plan makes something of a name.

    `record_excluded` remembers what was kept out of an image for whoever explains a crash of it.
    """

    target: Target
    synthesize: Synthesize
    stacks: StackGateway
    account: AccountReads
    named: Callable[[], NamedReads]
    images: Images
    explain: Explain
    wait_for_service: WaitForService
    clock: Clock
    record_excluded: RecordExcluded


@dataclass(frozen=True, slots=True)
class DeployResult:
    """What deploying did, where, and what its checks warned of.

    `url` answers HTTP when `status` is ``deployed`` or ``unchanged``, unless a warning says that this could not be
    verified: the permission to look was missing. `stacks` tells of each stack whether it was
    ``created``, ``updated`` or left ``unchanged``; `termination_protection`, of each whose protection was switched,
    whether that is ``on`` or ``off`` now. `warnings` are those of the checks, and name what somebody else changed
    meanwhile where no plan was approved. `rebuilt` says what came of building the image again, if that was asked for.
    """

    operation_id: str
    app_name: str
    status: Literal["deployed", "unchanged"]
    url: str | None
    endpoint: str
    service_arn: str
    image_uri: str
    plan_digest: str
    target: str = ""
    stacks: dict[str, str] = field(default_factory=dict[str, str])
    termination_protection: dict[str, str] = field(default_factory=dict[str, str])
    elapsed_seconds: float = 0.0
    warnings: tuple[str, ...] = ()
    rebuilt: str = ""

    def to_dict(self) -> Mapping[str, Any]:
        """The shape for every face; `access_hint` says how to reach a sandbox service whose name does not resolve."""
        shape = asdict(self)
        optional = {"rebuilt": shape.pop("rebuilt"), "access_hint": access_hint_of(self.url)}
        return shape | {name: value for name, value in optional.items() if value}
