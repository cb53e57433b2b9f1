"""A toolkit that reaches nothing: what the face asks of it is recorded, what it answers is set by the test."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from expressway.aws.values.target import Target
from expressway.cloudformation.template import AppTemplates, Template
from expressway.containerize.result import Containerization
from expressway.core.progress import Cancellation, NeverCancelled, Phase, Progress, ProgressSink, ignore_progress
from expressway.deploy.delete.delete import DeleteResult
from expressway.deploy.deploy import DeployResult
from expressway.deploy.shapes import BuiltImageJson, DeletionStepJson
from expressway.deploy.status.list_apps import AppList
from expressway.diagnose.actions import Troubleshooting
from expressway.image.context.values import BuildContext
from expressway.image.values import PlannedImage
from expressway.knowledge.values import KnowledgeResult
from expressway.plan.plan import Plan
from expressway.plan.shapes import DetailsJson, ImageJson, PrerequisitesJson, RoleJson
from expressway.privacy.gates import Gates
from expressway.synth.lint.linter import LintFinding
from expressway.toolkit import AppSource, Toolkit

_NEVER = NeverCancelled()
LONG = 60.0
"""Seconds after which a hanging test fails."""
TARGET = Target("000000000000", "us-east-1", caller_arn="arn:aws:iam::000000000000:user/ann")
URL = "https://sh-1.ecs.us-east-1.on.aws/"


@dataclass(frozen=True)
class FakeSynthesis:
    templates: AppTemplates
    findings: tuple[LintFinding, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class FakeShape:
    """An answer that has the shape it shows."""

    shape: Mapping[str, Any]

    def to_dict(self) -> Mapping[str, Any]:
        return self.shape


def templates_of(app: str) -> AppTemplates:
    return AppTemplates(
        Template(f"{app}-ecr-infrastructure", '{"Resources": {"Repository": {"Type": "AWS::ECR::Repository"}}}'),
        Template(f"{app}-express-service", '{"Resources": {"A": {}, "B": {}}}'),
    )


@dataclass
class FakeToolkit:
    """Every method notes its call in `calls` and raises `fails` when that is set.

    Work that outlives its request has an id once its call is noted and its steps are told: who hears of the id, finds
    both.
    """

    calls: list[tuple[str, Any]] = field(default_factory=list[tuple[str, Any]])
    threads: list[str] = field(default_factory=list[str])
    fails: BaseException | None = None
    findings: tuple[LintFinding, ...] = ()
    warnings: tuple[str, ...] = ()
    status_shape: Mapping[str, Any] = field(
        default_factory=lambda: {"app_name": "shop", "status": "ready", "message": "It serves."}
    )
    delete_errors: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    readiness: Mapping[str, Any] = field(
        default_factory=lambda: {"status": "success", "message": "It serves.", "url": URL, "elapsed_seconds": 0.1}
    )
    knowledge: KnowledgeResult = field(
        default_factory=lambda: KnowledgeResult("https://knowledge.example", {"result": ["a page"]})
    )
    troubleshooting: Mapping[str, Any] = field(
        default_factory=lambda: {"status": "success", "assessment": "Nothing is wrong.", "findings": []}
    )
    api_answer: Mapping[str, Any] = field(default_factory=lambda: {"clusterArns": []})
    read: list[BuildContext | None] = field(default_factory=list["BuildContext | None"])
    steps: list[Progress] = field(default_factory=list[Progress])
    go_on: threading.Event = field(default_factory=threading.Event)
    begun: threading.Event = field(default_factory=threading.Event)
    cancelled: threading.Event = field(default_factory=threading.Event)
    finished: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.go_on.set()

    @property
    def target(self) -> Target:
        return TARGET

    def at(self, profile: str | None = None, region: str | None = None) -> "FakeToolkit":
        if profile or region:
            self.calls.append(("at", (profile, region)))
        return self

    def regions(self) -> tuple[str, ...]:
        return ("us-east-1", "eu-west-1")

    def renew_credentials(self) -> None:
        self.calls.append(("renew_credentials", None))
        self.fails = None

    def list_apps(self, regions: Sequence[str] = ()) -> AppList:
        self._note("list_apps", tuple(regions), ignore_progress)
        return AppList((), tuple(regions), {})

    def synth(self, source: AppSource, *, lint: bool = True, progress: ProgressSink = ignore_progress) -> FakeSynthesis:
        self._note("synth", source, progress)
        return FakeSynthesis(templates_of(source.definition.name), self.findings, self.warnings)

    def diff(
        self,
        source: AppSource,
        *,
        adopt: bool = False,
        allow_replacement: bool = False,
        rebuild: bool = False,
        progress: ProgressSink = ignore_progress,
    ) -> Plan:
        self._note("diff", (source, adopt, allow_replacement, rebuild), progress)
        image = PlannedImage("to_rebuild" if rebuild else "to_build", tag="abc") if source.definition.build else None
        return Plan(source.definition.name, TARGET.describe(), (), image, {}, adopt, allow_replacement)

    def deploy(
        self,
        source: AppSource,
        *,
        approved_plan: str | None = None,
        adopt: bool = False,
        allow_replacement: bool = False,
        continue_rollback: bool = False,
        rebuild: bool = False,
        read: BuildContext | None = None,
        progress: ProgressSink = ignore_progress,
        cancellation: Cancellation,
        on_started: Callable[[str], None] | None = None,
    ) -> DeployResult:
        assert on_started is not None
        self.read.append(read)
        self._note("deploy", (approved_plan, adopt, allow_replacement, continue_rollback, rebuild), progress)
        on_started("deploy-shop-1")
        self._hold(cancellation)
        return DeployResult(
            *("deploy-shop-1", source.definition.name, "deployed", URL, "sh-1", "arn:s", "img@sha256:1", "d1g35t"),
            target=TARGET.describe(),
        )

    def status(self, app_name: str) -> FakeShape:
        self._note("status", app_name, ignore_progress)
        return FakeShape(self.status_shape)

    def delete(
        self,
        app_name: str,
        service_arn: str | None = None,
        *,
        progress: ProgressSink = ignore_progress,
        cancellation: Cancellation,
        on_started: Callable[[str], None] | None = None,
    ) -> DeleteResult:
        assert on_started is not None
        self._note("delete", (app_name, service_arn), progress)
        on_started("delete-shop-1")
        self._hold(cancellation)
        gone: DeletionStepJson = {"status": "deleted", "message": "Gone."}
        return DeleteResult(app_name, gone, gone, "Deleted.", tuple(self.delete_errors), target=TARGET.describe())

    def build(
        self,
        app_name: str,
        app_path: str,
        tag: str | None = None,
        *,
        read: BuildContext | None = None,
        progress: ProgressSink = ignore_progress,
        cancellation: Cancellation,
        on_started: Callable[[str], None] | None = None,
    ) -> BuiltImageJson:
        assert on_started is not None
        self.read.append(read)
        self._note("build", (app_name, app_path, tag), progress)
        on_started("build-shop-1")
        self._hold(cancellation)
        host = "000000000000.dkr.ecr.us-east-1.amazonaws.com"
        return {
            "repository_uri": f"{host}/{app_name}-repo",
            "image_tag": tag or "c0ffee",
            "full_image_uri": f"{host}/{app_name}-repo:{tag or 'c0ffee'}",
            "ecr_push_pull_role_arn": f"arn:aws:iam::000000000000:role/{app_name}-ecr-push-pull-role",
            "stack_name": f"{app_name}-ecr-infrastructure",
        }

    def wait(
        self,
        cluster: str,
        service_name: str,
        timeout_seconds: int = 300,
        *,
        progress: ProgressSink = ignore_progress,
        cancellation: Cancellation,
    ) -> FakeShape:
        self._note("wait", (cluster, service_name, timeout_seconds), progress)
        self._hold(cancellation)
        return FakeShape(self.readiness)

    def prerequisites(
        self,
        image_uri: str,
        execution_role_arn: str = "unset",
        infrastructure_role_arn: str = "unset",
    ) -> PrerequisitesJson:
        self._note("prerequisites", (image_uri, execution_role_arn, infrastructure_role_arn), ignore_progress)
        roles: tuple[RoleJson, RoleJson] = ({"status": "valid"}, {"status": "valid"})
        image: ImageJson = {"uri": image_uri, "status": "valid"}
        details: DetailsJson = {"execution_role": roles[0], "infrastructure_role": roles[1], "image": image}
        return {"valid": True, "errors": [], "warnings": [], "details": details}

    def troubleshoot(
        self, action: str = "get_ecs_troubleshooting_guidance", parameters: Mapping[str, Any] | None = None
    ) -> Troubleshooting:
        self._note("troubleshoot", (action, parameters), ignore_progress)
        return Troubleshooting(action, self.troubleshooting, str((parameters or {}).get("detail", "summary")))

    def call_api(
        self,
        operation: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        query: str | None = None,
        limit: int | None = None,
        max_bytes: int | None = None,
        gates: Gates = Gates(),  # noqa: B008 - frozen
    ) -> Mapping[str, Any]:
        self._note("call_api", (operation, parameters, query, limit, gates), ignore_progress)
        return self.api_answer

    def consult_knowledge(
        self, tool: str, arguments: Mapping[str, Any], *, cancellation: Cancellation = _NEVER
    ) -> KnowledgeResult:
        self._note("consult_knowledge", (tool, dict(arguments)), ignore_progress)
        self._hold(cancellation)
        return self.knowledge

    def containerize(
        self,
        app_path: str,
        port: int | None = None,
        *,
        framework: str | None = None,
        write: bool = False,
        overwrite: bool = False,
    ) -> Containerization:
        self._note("containerize", (app_path, port, framework, write, overwrite), ignore_progress)
        return Containerization("shop", port or 8080, "/", "b:1", files={"Dockerfile": "F"})

    def close(self) -> None:
        self.calls.append(("close", None))

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.calls]

    def _note(self, name: str, arguments: Any, progress: ProgressSink) -> None:
        self.calls.append((name, arguments))
        self.threads.append(threading.current_thread().name)
        for step in self.steps:
            progress(step)
        if self.fails is not None:
            raise self.fails

    def _hold(self, cancellation: Cancellation) -> None:
        """Work that takes until the test lets it go, or until it is cancelled."""
        self.begun.set()
        try:
            while not self.go_on.wait(0.02):
                cancellation.raise_if_cancelled()
        except BaseException:
            self.cancelled.set()
            raise
        finally:
            self.finished.set()


def source_of(fake: FakeToolkit | Toolkit) -> Callable[[], Toolkit]:
    """The fake as the toolkit that it stands for; a test holds its methods against the toolkit's."""
    return lambda: cast("Toolkit", fake)


def step(phase: Phase, message: str) -> Progress:
    return Progress(phase, message)


def write_app(folder: Path, name: str = "shop", *, extra: str = "") -> Path:
    """A folder with the definition of an app that needs no build."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "expressway.yaml").write_text(
        f"name: {name}\nimage: public.ecr.aws/docker/library/httpd:2.4\n{extra}", encoding="utf-8"
    )
    return folder
