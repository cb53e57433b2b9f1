"""Restart an app: replace its tasks by new ones of the same version, which read their secrets again.

ECS's UpdateService with ``forceNewDeployment`` does it; UpdateExpressGatewayService has no such member. Source: the API
reference of both.
"""

from dataclasses import asdict, dataclass
from typing import cast

from expressway.app.names import check_app_name
from expressway.aws.values.service import DeploymentState, ServiceState
from expressway.cloudformation.stack import ServiceLocation, StackState, service_location, service_stack_name
from expressway.core.clock import Clock, polling_delays
from expressway.core.progress import Cancellation, NeverCancelled, Progress, ProgressSink, ignore_progress
from expressway.core.write_once import write_once
from expressway.deploy.ports import Services
from expressway.deploy.read_gaps import ReadGaps
from expressway.deploy.shapes import RestartResultJson
from expressway.deploy.status.endpoint import access_hint_of
from expressway.deploy.status.wait import Readiness, ServicePorts, wait_for_service
from expressway.errors import ServiceError, StackError
from expressway.hints import command
from expressway.plan.planner import refuse_foreign
from expressway.plan.ports import StackReader

_BEGINS_WITHIN_SECONDS = 60.0
_NEVER = NeverCancelled()


@dataclass(frozen=True, slots=True)
class RestartPorts:
    """Everything outside that restarting needs."""

    stacks: StackReader
    ecs: Services
    service: ServicePorts
    clock: Clock
    target: str = ""


@dataclass(frozen=True, slots=True)
class RestartResult:
    """A restart that is done: the tasks that serve now and the ones that they replaced, by their ids.

    `gaps` names what may not be read of it.
    """

    app_name: str
    message: str
    url: str
    service_arn: str
    new_tasks: tuple[str, ...]
    replaced_tasks: tuple[str, ...]
    target: str = ""
    elapsed_seconds: float = 0.0
    gaps: tuple[str, ...] = ()

    def to_dict(self) -> RestartResultJson:
        parts = {"status": "restarted", **asdict(self), "access_hint": access_hint_of(self.url)}
        present = {name: list(part) if isinstance(part, tuple) else part for name, part in parts.items() if part}
        return cast("RestartResultJson", present)


def restart_app(
    app_name: str,
    *,
    ports: RestartPorts,
    continues: bool = False,
    timeout_seconds: float = 900.0,
    progress: ProgressSink = ignore_progress,
    cancellation: Cancellation = _NEVER,
) -> RestartResult:
    """Replace the app's tasks by new ones of the same version, and wait until these serve.

    With `continues`, a deployment that runs is the one that an earlier call began and did not wait out.

    Raises:
        DefinitionError: ``invalid_app_name``.
        RefusedError: ``stack_foreign``.
        StackError: ``stack_busy`` while its stack is being changed.
        ServiceError: ``app_not_deployed``, ``restart_refused``; ``restart_failed`` with the first real cause: what
            ran before is then what runs on, or what ECS went back to.
    """
    check_app_name(app_name)
    return _Restart(app_name, ports, continues, timeout_seconds, progress, cancellation).run()


@dataclass(slots=True)
class _Restart:
    app_name: str
    ports: RestartPorts
    continues: bool
    timeout_seconds: float
    progress: ProgressSink
    cancellation: Cancellation

    def run(self) -> RestartResult:
        started = self.ports.clock.monotonic()
        stack = self.ports.stacks.describe(service_stack_name(self.app_name))
        location = service_location(self.app_name, self._usable(stack))
        service = self._living(location)
        gaps = ReadGaps(lambda gap: self.progress(Progress("service", gap, level="warning")))
        before, running = self._newest(service, gaps), self._running(location, gaps)
        deployment = self._deployment(service, gaps) if self.continues else None
        if deployment is not None and deployment.running:
            self.progress(Progress("service", f"the restart of {location.name} runs already: waiting for it"))
        else:
            self.progress(Progress("service", f"restarting the service {location.name}"))
            write_once(
                lambda: self.ports.ecs.restart(location.cluster, service.arn),
                is_done=lambda: self._newest(service, ReadGaps()) != before,
            )
            self._await_begin(service, before, gaps)
        readiness = wait_for_service(
            location.cluster,
            location.name,
            ports=self.ports.service,
            clock=self.ports.clock,
            timeout_seconds=self.timeout_seconds,
            progress=self.progress,
            cancellation=self.cancellation,
        )
        if readiness.status not in {"success", "unverified"}:
            raise self._failed(readiness, service)
        after = self._running(location, gaps)
        return RestartResult(
            self.app_name,
            readiness.message,
            readiness.url,
            service.arn,
            tuple(task for task in after if task not in running),
            tuple(task for task in running if task not in after),
            self.ports.target,
            round(self.ports.clock.monotonic() - started, 3),
            tuple(dict.fromkeys((*gaps.messages, *readiness.gaps))),
        )

    def _usable(self, stack: StackState | None) -> StackState:
        if stack is None or stack.never_created:
            raise self._not_deployed(f"The app {self.app_name} has no service stack here.")
        refuse_foreign(stack, self.app_name)
        if stack.in_progress:
            raise StackError(
                "stack_busy",
                f"{stack.name} is being changed ({stack.status}); what it brings starts new tasks as well.",
                "Wait until that has ended, then restart if that is still needed.",
                {"stack": stack.name},
            )
        return stack

    def _living(self, location: ServiceLocation) -> ServiceState:
        service = self.ports.ecs.service(location.cluster, location.name)
        if service is None or service.status != "ACTIVE":
            state = f"is {service.status}" if service else "does not exist"
            raise self._not_deployed(f"The service {location.name} in the cluster {location.cluster} {state}.")
        return service

    def _not_deployed(self, message: str) -> ServiceError:
        hint = f"Deploy it first: {command('deploy')} (or look in another account or region)."
        return ServiceError("app_not_deployed", message, hint, {"app_name": self.app_name})

    def _newest(self, service: ServiceState, gaps: ReadGaps) -> str:
        """The newest deployment's ARN; where deployments may not be read, the id of the service's own rollout."""
        deployment = self._deployment(service, gaps)
        if deployment is not None:
            return deployment.arn
        now = self.ports.ecs.service(service.cluster, service.name)
        return now.primary_deployment_id if now else ""

    def _deployment(self, service: ServiceState, gaps: ReadGaps) -> DeploymentState | None:
        newest = self.ports.ecs.newest_deployments
        return next(iter(gaps.take("deployments", lambda: newest(service.cluster, service.arn, limit=1), ())), None)

    def _running(self, location: ServiceLocation, gaps: ReadGaps) -> tuple[str, ...]:
        tasks = gaps.take("tasks", lambda: self.ports.ecs.service_tasks(location.cluster, location.name), ())
        return tuple(task.task_id for task in tasks if task.running)

    def _await_begin(self, service: ServiceState, before: str, gaps: ReadGaps) -> None:
        """Wait until ECS lists the new deployment, so that the wait for readiness is for that one."""
        deadline = self.ports.clock.monotonic() + _BEGINS_WITHIN_SECONDS
        for delay in polling_delays():
            if self._newest(service, gaps) != before:
                return
            if self.ports.clock.monotonic() >= deadline:
                raise ServiceError(
                    "restart_failed",
                    f"ECS took the restart of {service.name}, and told no new deployment within "
                    f"{_BEGINS_WITHIN_SECONDS:.0f} s.",
                    f"See {command('status', self.app_name)}.",
                    {"service_arn": service.arn},
                )
            self.cancellation.raise_if_cancelled()
            self.ports.clock.sleep(delay)

    def _failed(self, readiness: Readiness, service: ServiceState) -> ServiceError:
        cause = readiness.cause
        return ServiceError(
            "restart_failed",
            f"The restarted tasks do not serve. {readiness.message}",
            (cause.remedy if cause else "") or f"See {command('troubleshoot', f'--app {self.app_name}')}.",
            {"service_arn": service.arn, "status": readiness.status} | ({"cause": cause.code} if cause else {}),
        )
