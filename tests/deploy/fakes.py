"""Everything that a deployment needs, in memory: images, journal, explanations, readiness."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from expressway.app.definition import AppDefinition
from expressway.app.parse import parse_definition
from expressway.aws.values.dependencies import KeyFact, RoleState, SecretFact
from expressway.aws.values.network import SecurityGroup, Subnet
from expressway.aws.values.service import ClusterState, ServiceState
from expressway.aws.values.target import Target
from expressway.aws.values.task_definition import SecretReference
from expressway.cloudformation.stack import StackEvent
from expressway.cloudformation.template import AppTemplates, Template
from expressway.core.progress import Cancellation, NeverCancelled, Progress, ProgressSink
from expressway.deploy.deploy import DeployPorts, DeployRequest, DeployResult, deploy_app
from expressway.deploy.operation import OperationRecord
from expressway.deploy.ports import Stacks
from expressway.deploy.request import WaitForService
from expressway.deploy.status.wait import Readiness
from expressway.diagnose.finding import Finding
from expressway.errors import ExpresswayError, TargetError
from expressway.image.context.excluded import ExcludedFiles
from expressway.image.context.values import BuildContext
from expressway.image.ports import ImageRegistry
from expressway.image.protect import ImageProtection
from expressway.image.values import PlannedImage
from expressway.plan.ports import AccountReads
from expressway.plan.preflight.referenced_resources import ReferenceReads
from tests.cloudformation.fakes import InMemoryCloudFormation, ManualClock

REPOSITORY = "hello-ecr-infrastructure"
SERVICE = "hello-express-service"
TARGET = Target("111122223333", "us-east-1", caller_arn="arn:aws:iam::111122223333:user/someone")
OUTPUTS = {"Endpoint": "ex-1.ecs.us-east-1.on.aws", "ServiceArn": "arn:aws:ecs:us-east-1:111122223333:service/hello"}


ORIGIN = {"Type": "String", "Default": "", "MaxLength": 1024}


def templates(cpu: str = "256", service_name: str = "hello", deletion_policy: str = "Delete") -> AppTemplates:
    mark = {"Metadata": {"Expressway": {"App": "hello", "Schema": 1}}}
    repository = {
        "Parameters": {"PusherArn": {"Type": "String", "Default": ""}, "Origin": ORIGIN},
        "Resources": {
            "Repository": {
                "Type": "AWS::ECR::Repository",
                "Properties": {"RepositoryName": "hello-repo"},
                "DeletionPolicy": deletion_policy,
            },
            "PushPullRole": {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "hello-ecr-push-pull-role"}},
        },
    }
    properties = {"ServiceName": service_name, "Cpu": cpu, "PrimaryContainer": {"Image": {"Ref": "ImageUri"}}}
    service = {
        "Parameters": {"ImageUri": {"Type": "String"}, "Origin": ORIGIN},
        "Resources": {
            "LogGroup": {
                "Type": "AWS::Logs::LogGroup",
                "Properties": {"LogGroupName": "/expressway/hello"},
                "DeletionPolicy": deletion_policy,
            },
            "Service": {"Type": "AWS::ECS::ExpressGatewayService", "Properties": properties},
        },
    }
    return AppTemplates(
        Template(REPOSITORY, json.dumps(mark | repository)), Template(SERVICE, json.dumps(mark | service))
    )


@dataclass
class InMemoryImages:
    """Images whose content has a tag; publishing the same content twice pushes it once."""

    content: str = "content-1"
    published: dict[str, str] = field(default_factory=dict)
    pushes: list[str] = field(default_factory=list)
    wrong: ExpresswayError | None = None
    fails: ExpresswayError | None = None
    push_fails: ExpresswayError | None = None
    warnings: tuple[str, ...] = ()
    check_warns: str = ""
    while_looking_again: Callable[[], None] = lambda: None
    while_building: Callable[[], None] = lambda: None
    registry: ImageRegistry | None = None
    uri: str = "repo@sha256:"
    outputs_seen: dict[str, str] | None = None
    excluded_files: ExcludedFiles = field(default_factory=ExcludedFiles)
    base: str = ""

    def check(
        self,
        definition: AppDefinition,
        base_dir: Path,
        *,
        progress: ProgressSink,
        rebuild: bool,
        read: BuildContext | None = None,
    ) -> "InMemoryImage":
        if self.wrong is not None:
            raise self.wrong
        if self.check_warns:
            progress(Progress("check", self.check_warns, level="warning"))
        if rebuild:
            return InMemoryImage(self, PlannedImage("to_rebuild", None, self.content))
        uri = self.published.get(self.content)
        return InMemoryImage(self, PlannedImage("published" if uri else "to_build", uri, self.content))


@dataclass
class InMemoryImage:
    images: InMemoryImages
    planned: PlannedImage | None
    content: str = ""

    def renewed(self, running: str) -> PlannedImage | None:
        again = self.planned is not None and self.planned.state == "to_rebuild"
        same = running.startswith(f"{self.images.uri}{self.images.content}-")
        return PlannedImage("published", running, self.images.content) if same and not again else None

    def as_planned(self, planned: PlannedImage | None) -> "InMemoryImage":
        return replace(self, planned=planned)

    @property
    def excluded_files(self) -> ExcludedFiles:
        return self.images.excluded_files

    @property
    def warnings(self) -> tuple[str, ...]:
        return self.images.warnings

    def is_there(self) -> bool:
        self.images.while_looking_again()
        uri = self.planned.uri if self.planned else None
        return uri is None or uri in self.images.published.values()

    def build(self, *, progress: ProgressSink, cancellation: Cancellation) -> "InMemoryImage":
        self.images.while_building()
        if self.images.fails is not None:
            raise self.images.fails
        if self.planned is None or self.planned.state != "to_rebuild":
            return self
        content = f"{self.images.content}-{self.images.base}" if self.images.base else self.images.content
        uri = self.images.published.get(content)
        return InMemoryImage(self.images, PlannedImage("published" if uri else "to_build", uri, content), content)

    def protection(self, *, stack_outputs: Mapping[str, str], progress: ProgressSink) -> ImageProtection | None:
        registry = self.images.registry
        return None if registry is None else ImageProtection(registry, "hello-repo", progress)

    def push(self, *, stack_outputs: Mapping[str, str], progress: ProgressSink, cancellation: Cancellation) -> str:
        images = self.images
        images.outputs_seen = dict(stack_outputs)
        if images.push_fails is not None:
            raise images.push_fails
        content = self.content or images.content
        if content not in images.published:
            images.pushes.append(content)
            images.published[content] = f"{images.uri}{content}"
        return images.published[content]


@dataclass
class InMemoryAccount:
    """What an account holds by name. A service exists as long as a stack holds it, unless it was `deleted`."""

    stacks: InMemoryCloudFormation
    names: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    denied: set[str] = field(default_factory=set)
    policies: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)

    def service(self, cluster: str, service_name: str) -> ServiceState | None:
        stack = self.stacks.stacks.get(f"{service_name}-express-service")
        in_stack = stack is not None and stack.healthy and "AWS::ECS::ExpressGatewayService" in stack.template
        held = in_stack and service_name not in self.deleted
        there = self._look(service_name) or held
        return ServiceState(service_name, f"arn:{service_name}", cluster, "ACTIVE") if there else None

    def role(self, role_name: str) -> str | None:
        return role_name if self._look(role_name) else None

    def policy_names(self, role_name: str) -> frozenset[str] | None:
        return frozenset(self.policies) if self._holds(role_name) else None

    def group(self, log_group: str) -> str | None:
        return log_group if self._holds(log_group) else None

    def describe_repository(self, name: str) -> str | None:
        return name if self._holds(name) else None

    def reads(self) -> AccountReads:
        return AccountReads(lambda: self, lambda: self, lambda: self, lambda: self)

    def _holds(self, name: str) -> bool:
        """What stacks hold is there as well, unless somebody removed it."""
        named = self._look(name)
        held = any(stack.healthy and f'"{name}"' in stack.template for stack in self.stacks.stacks.values())
        return named or (held and name not in self.stacks.removed)

    def _look(self, name: str) -> bool:
        self.asked.append(name)
        if name in self.denied:
            raise TargetError("access_denied", f"AWS did not describe {name}: not authorized", "Ask.")
        return name in self.names


@dataclass
class InMemoryNamed:
    """What a definition may name, by name, id or ARN; `denied` may not be looked at, `asked` was."""

    there: dict[str, Any] = field(default_factory=dict[str, Any])
    denied: set[str] = field(default_factory=set[str])
    asked: list[str] = field(default_factory=list[str])
    complete: dict[str, str] = field(default_factory=dict[str, str])

    def cluster(self, name: str) -> ClusterState | None:
        return self._look(name)

    def role(self, role_name: str) -> RoleState | None:
        return self._look(role_name)

    def user_arn(self, user_name: str) -> str | None:
        return self._look(user_name)

    def subnets(self, subnet_ids: Sequence[str]) -> tuple[Subnet, ...]:
        return tuple(found for one in subnet_ids if (found := self._look(one)))

    def security_groups(self, group_ids: Sequence[str]) -> tuple[SecurityGroup, ...]:
        return tuple(found for one in group_ids if (found := self._look(one)))

    def fact(self, reference: SecretReference) -> SecretFact:
        return self._look(reference.value_from) or SecretFact(reference, "missing")

    def complete_arn(self, reference: SecretReference) -> str | None:
        if reference.secret_id in self.denied:
            raise TargetError("access_denied", f"AWS did not describe {reference.secret_id}: not authorized", "Ask.")
        return self.complete.get(reference.secret_id)

    def key(self, key_id: str, *, region: str) -> KeyFact:
        return self._look(key_id) or KeyFact(key_id, "missing")

    def reads(self) -> ReferenceReads:
        return ReferenceReads(*[lambda: self] * len(fields(ReferenceReads)))

    def _look(self, name: str) -> Any:
        self.asked.append(name)
        if name in self.denied:
            raise TargetError("access_denied", f"AWS did not describe {name}: not authorized", "Ask.")
        return self.there.get(name)


@dataclass
class InMemoryOperation:
    """The record of a run; `history` has every phase that was written down."""

    current: OperationRecord = field(
        default_factory=lambda: OperationRecord("deploy-hello-1", "hello", "deploy", "running", "check", "", "", "")
    )
    history: list[str] = field(default_factory=list)

    def record(self, **changes: Any) -> None:
        self.current = replace(self.current, **changes)
        if "phase" in changes:
            self.history.append(self.current.phase)


READY = Readiness("success", "serves", url="https://ex-1.ecs.us-east-1.on.aws/")


@dataclass
class World:
    """AWS as it stands, and what a run may find there."""

    stacks: InMemoryCloudFormation = field(default_factory=lambda: InMemoryCloudFormation(outputs=OUTPUTS))
    images: InMemoryImages = field(default_factory=InMemoryImages)
    clock: ManualClock = field(default_factory=ManualClock)
    operation: InMemoryOperation = field(default_factory=InMemoryOperation)
    readiness: Readiness = READY
    templates: AppTemplates = field(default_factory=templates)
    causes: list[Finding | ExpresswayError | None] = field(default_factory=list)
    asked: list[tuple[float, tuple[StackEvent, ...]]] = field(default_factory=list)
    explaining_seconds: float = 0.0
    termination_protection: bool = False
    definition: dict[str, Any] = field(default_factory=dict[str, Any])
    named: InMemoryNamed = field(default_factory=InMemoryNamed)
    waits: int = 0
    excluded: dict[str, ExcludedFiles] = field(default_factory=dict[str, ExcludedFiles])
    synthesized: list[AppDefinition] = field(default_factory=list[AppDefinition])
    told: list[Progress] = field(default_factory=list)
    gateway: Stacks | None = None
    wait_for_service: WaitForService | None = None
    account: InMemoryAccount = field(init=False)

    def __post_init__(self) -> None:
        self.account = InMemoryAccount(self.stacks)

    def deploy(
        self,
        *,
        cancellation: Cancellation | None = None,
        progress: Callable[[ProgressSink], ProgressSink] = lambda sink: sink,
        **options: Any,
    ) -> DeployResult:
        """One run with a fresh record; what an unfinished earlier run left in the journal is handed on."""
        earlier = self.operation.current
        fresh = InMemoryOperation()
        fresh.current = replace(fresh.current, approved=earlier.approved, continues=options.pop("continues", ""))
        self.operation = fresh
        definition = parse_definition(
            {"name": "hello", "build": {"context": "."}, "termination_protection": self.termination_protection}
            | self.definition
        )
        ports = DeployPorts(
            target=TARGET,
            synthesize=self._synthesize,
            stacks=self.gateway or self.stacks,
            account=self.account.reads(),
            named=self.named.reads,
            images=self.images,
            explain=self._explain,
            wait_for_service=self.wait_for_service or self.wait,
            clock=self.clock,
            record_excluded=lambda image, excluded_files, _warn: self.excluded.update({image: excluded_files}),
        )
        return deploy_app(
            DeployRequest(definition, Path(), **options),
            ports,
            operation=self.operation,
            progress=progress(self.told.append),
            cancellation=cancellation or NeverCancelled(),
        )

    @property
    def errors_told(self) -> list[str]:
        return [one.message for one in self.told if one.level == "error" and one.resource is None]

    def _synthesize(self, definition: AppDefinition, _progress: ProgressSink) -> AppTemplates:
        self.synthesized.append(definition)
        return self.templates

    def _explain(self, cluster: str, service_name: str, events: tuple[StackEvent, ...]) -> Finding | None:
        assert (cluster, service_name) == (self.definition.get("cluster", "default"), "hello")
        self.asked.append((self.clock.now, events))
        self.clock.sleep(self.explaining_seconds)
        answer = self.causes.pop(0) if self.causes else None
        if isinstance(answer, ExpresswayError):
            raise answer
        return answer

    def wait(self, cluster: str, service_name: str, progress: ProgressSink, cancellation: Cancellation) -> Readiness:
        self.waits += 1
        cancellation.raise_if_cancelled()
        return self.readiness
