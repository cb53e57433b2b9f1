"""How tools get their work done: in worker threads, with progress, never on the event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NotRequired, TypeAlias, TypeVar

import anyio
from mcp.server.mcpserver import Context
from typing_extensions import TypedDict

from expressway.core.progress import ProgressSink, cancelled_by
from expressway.errors import DefinitionError, ExpresswayError, TargetError
from expressway.mcp.audit.trail import current_audit
from expressway.mcp.background import (
    BackgroundOperation,
    BackgroundOperations,
    in_thread,
)
from expressway.mcp.progress import relayed_progress
from expressway.mcp.target import selected_target
from expressway.privacy.gates import Gates
from expressway.privacy.untrusted import echoed

if TYPE_CHECKING:
    from expressway.image.check import AppContent
    from expressway.image.context.values import BuildContext
    from expressway.toolkit import AppSource, Toolkit

LONGEST_WAIT_SECONDS = 50
DEFAULT_WAIT_SECONDS = 45
"""Many clients give a call up after 60 s."""
SIGN_OF_LIFE_SECONDS = 10.0
EXPIRED = "credentials_expired"
_IDENTIFY_SECONDS = 5.0

ResultT = TypeVar("ResultT")
ToolkitSource: TypeAlias = "Callable[[], Toolkit]"
"""Gives the one toolkit, made on the first call; blocks while it is made."""


class RequestCancellation:
    """Set when the client no longer waits for a request; work that only serves this request then stops."""

    def __init__(self) -> None:
        self._cancelled = threading.Event()

    def cancel(self) -> None:
        self._cancelled.set()

    def raise_if_cancelled(self) -> None:
        if self._cancelled.is_set():
            raise ExpresswayError("cancelled", "The client cancelled the request.", "Call again to start over.")


class RunningJson(TypedDict):
    """What a call answers whose work goes on without it."""

    status: Literal["running"]
    operation_id: NotRequired[str]
    target: NotRequired[str]
    phase: str
    message: str
    warnings: NotRequired[list[str]]
    next: str


@dataclass(frozen=True)
class ToolExecutor:
    """What all tools share."""

    source_of_toolkits: ToolkitSource
    gates: Gates
    background: BackgroundOperations = field(default_factory=BackgroundOperations)
    sign_of_life_seconds: float = SIGN_OF_LIFE_SECONDS

    def toolkit(self) -> ToolkitSource:
        """Gives the toolkit for the target that the call asks for; ask here, on the event loop, and use it anywhere.

        Nothing reaches AWS without it, so that this is where the audit log gets the intent of a call that changes it.

        Raises (when the toolkit is asked for):
            RefusedError: ``profile_not_allowed``, ``region_not_allowed``.
        """
        selected, audit = selected_target(), current_audit()

        def toolkit() -> Toolkit:
            it = self.source_of_toolkits().at(selected.profile, selected.region)
            if audit is not None:
                audit.intend(lambda: it.target, selected.profile, selected.region)
            return it

        return toolkit

    async def run(
        self,
        ctx: Context,
        work: Callable[[Toolkit, ProgressSink, RequestCancellation], ResultT],
    ) -> ResultT:
        """Work that lives and ends with the request; it only reads, so it is done again with renewed credentials."""
        cancellation = RequestCancellation()
        toolkit, audit = self.toolkit(), current_audit()
        async with relayed_progress(ctx, self.gates) as progress:

            def reading() -> ResultT:
                with cancelled_by(cancellation):
                    return _renewing(toolkit, lambda it: work(it, progress, cancellation))

            try:
                return await in_thread(audit.followed(reading) if audit is not None else reading)
            finally:
                cancellation.cancel()

    async def start_or_join(
        self,
        ctx: Context,
        key: str,
        work: Callable[[BackgroundOperation], ResultT],
        *,
        request: str,
        wait_seconds: int,
        content_of: Callable[[], str] | None = None,
    ) -> ResultT | RunningJson:
        """Work that outlives the request: its outcome if it ends within `wait_seconds`, else where it stands.

        `content_of` tells, in a worker thread, what the files say that it works on: work on others is not joined.
        """
        operation = self._begin(key, work, request, await in_thread(content_of) if content_of else "")
        async with relayed_progress(ctx, self.gates) as progress:
            stop_watching = operation.watch(progress)
            try:
                with anyio.move_on_after(min(wait_seconds, LONGEST_WAIT_SECONDS)):
                    return await asyncio.wrap_future(operation.done)
                with anyio.move_on_after(_IDENTIFY_SECONDS):
                    await asyncio.wrap_future(operation.identified)
            finally:
                stop_watching()
        return operation.done.result() if operation.done.done() else _still_running(operation)

    async def finish_or_join(
        self,
        ctx: Context,
        key: str,
        work: Callable[[BackgroundOperation], ResultT],
        *,
        request: str,
        content_of: Callable[[], str],
    ) -> ResultT:
        """Work that outlives the request, waited for as long as the client waits: always its outcome.

        Clients whose timeout restarts with each progress message get one while nothing else is reported.
        `content_of` as for `start_or_join`.
        """
        operation = self._begin(key, work, request, await in_thread(content_of))
        async with relayed_progress(ctx, self.gates) as progress:
            stop_watching = operation.watch(progress)
            try:
                while True:
                    with anyio.move_on_after(self.sign_of_life_seconds):
                        return await asyncio.wrap_future(operation.done)
                    if operation.latest is not None:
                        progress(operation.latest)
            finally:
                stop_watching()

    def _begin(
        self, key: str, work: Callable[[BackgroundOperation], object], request: str, content: str
    ) -> BackgroundOperation:
        toolkit = self.toolkit()

        def renewing(operation: BackgroundOperation) -> object:
            try:
                return work(operation)
            except TargetError as error:
                if error.code == EXPIRED:
                    toolkit().renew_credentials()  # for the next call, which continues the work
                raise

        audit = current_audit()
        followed = audit.followed(renewing) if audit is not None else renewing
        operation = self.background.start(selected_target().key(key), followed, request=request, content=content)
        if audit is not None:
            audit.joins(operation)
        return operation

    async def source(self, app_path: str, definition: Mapping[str, Any] | str | None) -> AppSource:
        """The app that the arguments name, read in a worker thread."""
        return await in_thread(lambda: _source(app_path, definition))

    async def known_definition(self, app_name: str, app_path: str) -> Mapping[str, Any] | None:
        """What the definition in the app's folder says; None when there is none.

        Raises:
            DefinitionError: ``app_name_mismatch``; whatever is wrong with the definition.
        """
        return await in_thread(lambda: _known_definition(app_name, app_path))


@dataclass(slots=True)
class ReadOnce:
    """What a call would build: read to compare it with the work in progress, and kept for the work that then begins."""

    read: Callable[[], AppContent]
    context: BuildContext | None = None

    def text(self) -> str:
        content = self.read()
        self.context = content.context
        return content.text


def deployed_content(source: AppSource) -> ReadOnce:
    """What deploying an app would build."""

    def read() -> AppContent:
        from expressway.image.check import deployed_content

        return deployed_content(source)

    return ReadOnce(read)


def built_content(app_name: str, app_path: str) -> ReadOnce:
    """What building a folder's image would build."""

    def read() -> AppContent:
        from expressway.image.check import built_content

        return built_content(app_name, app_path)

    return ReadOnce(read)


def _renewing(toolkit: ToolkitSource, work: Callable[[Toolkit], ResultT]) -> ResultT:
    """`work`, once more with the credentials that are there now when those of a long-lived server have expired."""
    it = toolkit()
    try:
        return work(it)
    except TargetError as error:
        if error.code != EXPIRED:
            raise
    it.renew_credentials()
    return work(it)


def _source(app_path: str, definition: Mapping[str, Any] | str | None) -> AppSource:
    from expressway.app.file import is_folder
    from expressway.app.given_path import given_path
    from expressway.toolkit import app_source, inline_source

    if definition is None:
        return app_source(app_path)
    folder = given_path(app_path).resolve()
    if not is_folder(folder):
        raise DefinitionError(
            "folder_missing",
            "Expected app_path to be a folder, which the definition's build context is relative to; got "
            f"{echoed(app_path)}.",
            "Pass the absolute path of the app's folder.",
        )
    return inline_source(definition, folder)


def _known_definition(app_name: str, app_path: str) -> Mapping[str, Any] | None:
    from expressway.app.given_path import given_path
    from expressway.app.source import source_of

    source = source_of(app_name, given_path(app_path).resolve())
    return source.definition.model_dump(mode="json", exclude_unset=True) if source else None


def _still_running(operation: BackgroundOperation) -> RunningJson:
    latest = operation.latest
    running: RunningJson = {
        "status": "running",
        "phase": latest.phase if latest else "check",
        "message": latest.message if latest else "started",
        "next": "The work continues without this request. Call get_deployment_status until it is no longer running.",
    }
    if operation.operation_id is not None:
        running["operation_id"] = operation.operation_id
    if operation.target is not None:
        running["target"] = operation.target
    if operation.warnings:
        running["warnings"] = list(operation.warnings)
    return running
