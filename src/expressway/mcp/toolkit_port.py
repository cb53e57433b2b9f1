"""What the face asks of the toolkit; `expressway.toolkit.Toolkit` satisfies it, and tests bring their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from expressway.model.progress import Cancellation, ProgressSink
from expressway.policy.gates import Gates

if TYPE_CHECKING:  # loading these costs time that starting the server does not have
    from expressway.model.build_context import BuildContext
    from expressway.model.knowledge import KnowledgeResult
    from expressway.model.lint import LintFinding
    from expressway.model.plan import Plan
    from expressway.model.target import Target
    from expressway.model.template import AppTemplates
    from expressway.operations.deploy import DeployResult
    from expressway.operations.troubleshoot.actions import Troubleshooting
    from expressway.toolkit import AppSource


class Synthesized(Protocol):
    """Templates, what the linters say about them, and what in the definition's values may be meant otherwise."""

    @property
    def templates(self) -> AppTemplates: ...
    @property
    def findings(self) -> tuple[LintFinding, ...]: ...
    @property
    def warnings(self) -> tuple[str, ...]: ...


class Shown(Protocol):
    """A value that has the one shape which every face shows."""

    def to_dict(self) -> Mapping[str, Any]: ...


class ListedApps(Shown, Protocol):
    """The apps of several regions."""

    def raise_unless_read(self) -> None: ...


class ToolkitPort(Protocol):
    """Everything blocks; the face calls it in worker threads."""

    @property
    def target(self) -> Target: ...
    def at(self, profile: str | None = None, region: str | None = None) -> ToolkitPort: ...
    def regions(self) -> tuple[str, ...]: ...
    def renew_credentials(self) -> None: ...
    def list_apps(self, regions: Sequence[str] = ()) -> ListedApps: ...
    def synth(self, source: AppSource, *, lint: bool = True, progress: ProgressSink = ...) -> Synthesized: ...
    def diff(
        self,
        source: AppSource,
        *,
        adopt: bool = False,
        allow_replacement: bool = False,
        rebuild: bool = False,
        progress: ProgressSink = ...,
    ) -> Plan: ...
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
        progress: ProgressSink = ...,
        cancellation: Cancellation = ...,
        on_started: Callable[[str], None] | None = None,
    ) -> DeployResult: ...
    def status(self, app_name: str) -> Shown: ...
    def delete(
        self,
        app_name: str,
        service_arn: str | None = None,
        *,
        progress: ProgressSink = ...,
        cancellation: Cancellation = ...,
        on_started: Callable[[str], None] | None = None,
    ) -> Shown: ...
    def build(
        self,
        app_name: str,
        app_path: str,
        tag: str | None = None,
        *,
        read: BuildContext | None = None,
        progress: ProgressSink = ...,
        cancellation: Cancellation = ...,
        on_started: Callable[[str], None] | None = None,
    ) -> Mapping[str, Any]: ...
    def wait(
        self,
        cluster: str,
        service_name: str,
        timeout_seconds: int = 300,
        *,
        progress: ProgressSink = ...,
        cancellation: Cancellation = ...,
    ) -> Shown: ...
    def prerequisites(
        self, image_uri: str, execution_role_arn: str = ..., infrastructure_role_arn: str = ...
    ) -> Mapping[str, Any]: ...
    def troubleshoot(self, action: str = ..., parameters: Mapping[str, Any] | None = None) -> Troubleshooting: ...
    def call_api(
        self,
        operation: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        query: str | None = None,
        limit: int | None = None,
        max_bytes: int | None = None,
        gates: Gates = ...,
    ) -> Mapping[str, Any]: ...
    def consult_knowledge(
        self, tool: str, arguments: Mapping[str, Any], *, cancellation: Cancellation = ...
    ) -> KnowledgeResult: ...
    def containerize(
        self,
        app_path: str,
        port: int | None = None,
        *,
        framework: str | None = None,
        write: bool = False,
        overwrite: bool = False,
    ) -> Shown: ...
    def close(self) -> None: ...


ToolkitSource = Callable[[], ToolkitPort]
"""Gives the one toolkit, made on the first call; blocks while it is made."""
