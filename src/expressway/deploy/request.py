"""The request, the ports and the result of a deployment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from expressway.app.definition import AppDefinition
from expressway.app.origin import Origin
from expressway.aws.values.target import Target
from expressway.cloudformation.stack import StackEvent
from expressway.cloudformation.template import AppTemplates
from expressway.core.clock import Clock
from expressway.core.progress import Cancellation, ProgressSink
from expressway.deploy.ports import Images, Stacks
from expressway.deploy.shapes import DeployResultJson
from expressway.deploy.status.endpoint import access_hint_of
from expressway.deploy.status.wait import Readiness
from expressway.diagnose.finding import Finding
from expressway.image.context.excluded import RecordExcluded
from expressway.plan.ports import AccountReads

if TYPE_CHECKING:
    from expressway.image.context.values import BuildContext
    from expressway.plan.preflight.referenced_resources import ReferenceReads


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
        rebuild: build the image again with its base images pulled again, also where its content is published.
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
    stacks: Stacks
    account: AccountReads
    named: Callable[[], ReferenceReads]
    images: Images
    explain: Explain
    wait_for_service: WaitForService
    clock: Clock
    record_excluded: RecordExcluded


@dataclass(frozen=True, slots=True)
class DeployResult:
    """What deploying did, where, and what its checks warned of.

    `url` answers HTTP when `status` is ``deployed`` or ``unchanged``, unless a warning says that this could not be
    verified: a permission was missing. `stacks` says of each stack whether it was
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

    def to_dict(self) -> DeployResultJson:
        shape: DeployResultJson = {
            "operation_id": self.operation_id,
            "app_name": self.app_name,
            "status": self.status,
            "url": self.url,
            "endpoint": self.endpoint,
            "service_arn": self.service_arn,
            "image_uri": self.image_uri,
            "plan_digest": self.plan_digest,
            "target": self.target,
            "stacks": self.stacks,
            "termination_protection": self.termination_protection,
            "elapsed_seconds": self.elapsed_seconds,
            "warnings": list(self.warnings),
        }
        if self.rebuilt:
            shape["rebuilt"] = self.rebuilt
        if access_hint := access_hint_of(self.url):
            shape["access_hint"] = access_hint
        return shape
