"""Everything a user can ask for, wired to the real world: what both faces, and other programs, call.

    with Toolkit(region="eu-west-1") as toolkit:
        plan = toolkit.diff(app_source("./shop"))
        toolkit.deploy(app_source("./shop"), approved_plan=plan.digest)

Adapters are made on first use, so that asking for one thing does not load what another needs.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from expressway.app.names import app_names
from expressway.app.source import AppSource, source_of
from expressway.core.progress import Cancellation, NeverCancelled, Progress, ProgressSink, ignore_progress
from expressway.deploy.journal import RunningOperation
from expressway.privacy.gates import Gates
from expressway.toolkit.reads import TargetReads

if TYPE_CHECKING:
    from expressway.containerize.result import Containerization
    from expressway.deploy.delete.delete import DeleteResult
    from expressway.deploy.deploy import DeployResult
    from expressway.deploy.operation import OperationKind
    from expressway.deploy.restart import RestartResult
    from expressway.deploy.shapes import BuiltImageJson
    from expressway.image.context.values import BuildContext

_NEVER = NeverCancelled()
_EVERYTHING = Gates(allow_write=True, allow_sensitive_data=True)


class Toolkit(TargetReads):
    """One target and everything that can be done there; threads may share it.

    `on_started` of the methods below gets the operation's id; `read` is the build context where it was read already.
    """

    def containerize(
        self,
        app_path: Path | str,
        port: int | None = None,
        *,
        framework: str | None = None,
        write: bool = False,
        overwrite: bool = False,
    ) -> Containerization:
        """A folder's Dockerfile, .dockerignore and definition, or what is to be said of those it has.

        The folder is left as it is unless `write`; `overwrite` then applies the improvements, too.

        Raises: see `expressway.containerize.containerize.containerize_app`; also ImageError
            ``context_missing``, ``context_not_a_folder``, ``context_refused``.
        """
        from expressway.app.given_path import given_path
        from expressway.containerize.containerize import ContainerizeRequest, containerize_app
        from expressway.image.context.reader import resolve_context

        root = resolve_context(given_path(app_path))
        request = ContainerizeRequest(root, port, framework, write, overwrite)
        return containerize_app(request, self._local.containerize_ports)

    def build(
        self,
        app_name: str,
        app_path: str,
        tag: str | None = None,
        *,
        rebuild: bool = False,
        read: BuildContext | None = None,
        progress: ProgressSink = ignore_progress,
        cancellation: Cancellation = _NEVER,
        on_started: Callable[[str], None] | None = None,
    ) -> BuiltImageJson:
        """Build a folder's image, as its definition says if it has one, and push it to the app's repository.

        With `rebuild` it is built even where its content is in the repository, with its base images pulled again.

        Raises: see `expressway.deploy.build.build_app_image`; also DefinitionError ``app_name_mismatch`` and
            StillRunning ``operation_running``.
        """
        from expressway.app.given_path import given_path
        from expressway.deploy.build import build_app_image
        from expressway.image.check import build_request

        path = given_path(app_path)
        source = source_of(app_name, path)
        request = replace(build_request(app_name, path, tag, source), rebuild=rebuild, read=read)
        ports = self._wiring.build_ports
        with self._operation(app_name, "build", on_started, progress, cancellation) as work:
            built = build_app_image(
                request,
                source.definition if source else None,
                ports=ports,
                progress=work.progress,
                cancellation=work.cancellation,
            )
            image = built.to_dict()
            work.running.record(state="succeeded", message=f"built {image['full_image_uri']}", result=image)
            return image

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
        wait_seconds: float | None = None,
        progress: ProgressSink = ignore_progress,
        cancellation: Cancellation = _NEVER,
        on_started: Callable[[str], None] | None = None,
    ) -> DeployResult:
        """Bring an app to what its definition says; repeating continues what was interrupted.

        With `rebuild` its image is built again with its base images pulled again, and deployed if it differs.

        Raises: see `expressway.deploy.deploy.deploy_app`; also StillRunning: ``operation_running``, and
            ``still_running`` when AWS takes longer than `wait_seconds`.
        """
        from expressway.app.git_origin import source_origin
        from expressway.deploy.deploy import DeployRequest, deploy_app

        request = DeployRequest(
            definition=source.definition,
            base_dir=source.base_dir,
            approved_plan=approved_plan,
            adopt=adopt,
            allow_replacement=allow_replacement,
            continue_rollback=continue_rollback,
            origin=source_origin(source.base_dir, self.target),
            rebuild=rebuild,
            read=read,
        )
        name = source.definition.name
        with self._operation(name, "deploy", on_started, progress, cancellation, wait_seconds) as work:
            result = deploy_app(
                request,
                self._wiring.deploy_ports,
                operation=work.running,
                progress=work.progress,
                cancellation=work.cancellation,
            )
            work.running.record(state="succeeded", message=result.status, result={"url": result.url})
            return result

    def delete(
        self,
        app_name: str,
        service_arn: str | None = None,
        *,
        wait_seconds: float | None = None,
        progress: ProgressSink = ignore_progress,
        cancellation: Cancellation = _NEVER,
        on_started: Callable[[str], None] | None = None,
    ) -> DeleteResult:
        """Delete an app: its service with roles and logs, then its repository with images and push/pull role.

        Raises: see `expressway.deploy.delete.delete.delete_app`; also StillRunning as `deploy`.
        """
        from expressway.deploy.delete.delete import delete_app

        with self._operation(app_name, "delete", on_started, progress, cancellation, wait_seconds) as work:
            result = delete_app(
                app_name,
                service_arn,
                ports=self._wiring.delete_ports,
                progress=work.progress,
                cancellation=work.cancellation,
            )
            error = result.errors[0] if result.errors else None
            work.running.record(state="failed" if error else "succeeded", message=result.summary, error=error)
            return result

    def restart(
        self,
        app_name: str,
        *,
        wait_seconds: float | None = None,
        progress: ProgressSink = ignore_progress,
        cancellation: Cancellation = _NEVER,
        on_started: Callable[[str], None] | None = None,
    ) -> RestartResult:
        """Replace an app's tasks by new ones of the same version.

        Raises: see `expressway.deploy.restart.restart_app`; also StillRunning as `deploy`.
        """
        from expressway.deploy.restart import restart_app

        with self._operation(app_name, "restart", on_started, progress, cancellation, wait_seconds) as work:
            result = restart_app(
                app_name,
                ports=self._wiring.restart_ports,
                continues=bool(work.running.current.continues),
                progress=work.progress,
                cancellation=work.cancellation,
            )
            work.running.record(state="succeeded", message=result.message, result={"url": result.url})
            return result

    def remove_local_images(self, app_name: str) -> tuple[str, ...]:
        """Take an app's images out of the container engine; the names that are still there afterwards."""
        repository = app_names(app_name).repository
        self._wiring.engine.remove_app_images(app_name, repository_name=repository)
        return self._wiring.engine.app_image_names(app_name, repository_name=repository)

    @contextmanager
    def _operation(
        self,
        app_name: str,
        kind: OperationKind,
        on_started: Callable[[str], None] | None,
        progress: ProgressSink,
        cancellation: Cancellation,
        wait_seconds: float | None = None,
    ) -> Generator[_Work]:
        """An operation that the journal records, also each new phase, so that a restarted server knows it."""
        from expressway.deploy.timeout import WaitBudget

        def warn(message: str) -> None:
            progress(Progress("check", message, level="warning"))

        with self._wiring.journal.operation(app_name, kind, warn) as running:
            if on_started is not None:
                on_started(running.current.operation_id)

            def recording(event: Progress) -> None:
                if event.phase != running.current.phase:
                    running.record(phase=event.phase, message=event.message)
                progress(event)

            wait = WaitBudget(running.current, wait_seconds, clock=self._wiring.clock, cancellation=cancellation)
            yield _Work(running, wait.watching(recording), wait)


@dataclass(frozen=True, slots=True)
class _Work:
    running: RunningOperation
    progress: ProgressSink
    cancellation: Cancellation
