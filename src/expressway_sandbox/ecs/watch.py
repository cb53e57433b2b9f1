"""Watches the new tasks of a deployment until enough of them are healthy, or judges that they will not be."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from expressway_sandbox import emulator
from expressway_sandbox.ecs import tasks
from expressway_sandbox.elb import health
from expressway_sandbox.elb.health import Address, TargetHealth
from expressway_sandbox.services.model import Revision, Service, ServiceDeployment
from expressway_sandbox.settings import Settings

_PROBES_UNTIL_HEALTHY = 2
_PROBE_SECONDS = 0.15
# Tasks that never start are judged by time as well, since pulls may be slow to fail; tasks that crash are counted,
# as ECS counts them: how many did must not depend on how busy the machine is.
_JUDGED_BY_TIME_SECONDS = 8.0


class DeploymentFailedError(Exception):
    """The new tasks do not work; the text says why in one sentence."""


class DeploymentCancelledError(Exception):
    """A newer deployment or a deletion took over."""


@dataclass(slots=True)
class _Watched:
    """One task on its way to healthy."""

    arn: str
    address: Address | None = None
    running_since: float = 0.0
    successes: int = 0
    last: TargetHealth = field(default_factory=lambda: health.INITIAL)


class TaskWatch:
    """Keeps `wanted` tasks of a revision alive and probed; `publish` is told the addresses as they appear."""

    def __init__(
        self,
        service: Service,
        deployment: ServiceDeployment,
        revision: Revision,
        settings: Settings,
        publish: Callable[[list[Address]], None],
    ) -> None:
        self._service = service
        self._deployment = deployment
        self._revision = revision
        self._settings = settings
        self._publish = publish
        self._watched: list[_Watched] = []
        self._started = time.monotonic()

    @property
    def arns(self) -> list[str]:
        return [task.arn for task in self._watched]

    def until_healthy(self, wanted: int) -> None:
        """Start tasks and wait for them.

        Raises:
            DeploymentFailedError: a task stayed unhealthy, or tasks kept stopping.
            DeploymentCancelledError: the deployment was superseded.
        """
        self._start(wanted)
        while True:
            if self._deployment.cancelled.is_set():
                raise DeploymentCancelledError
            for task in list(self._watched):
                self._look_at(task)
            if sum(task.successes >= _PROBES_UNTIL_HEALTHY for task in self._watched) >= wanted:
                return
            time.sleep(_PROBE_SECONDS)

    def _start(self, count: int) -> None:
        arns = tasks.run(self._service, self._deployment, self._revision, count)
        self._watched.extend(_Watched(arn) for arn in arns)
        shown = " ".join(f"(task {arn.rsplit('/', 1)[-1]})" for arn in arns)
        self._service.say(f"has started {count} tasks: {shown}.")

    def _look_at(self, task: _Watched) -> None:
        state = tasks.state(task.arn)
        if state.is_stopped:
            self._replace(task, state)
        elif state.is_running:
            self._probe(task)

    def _replace(self, task: _Watched, state: tasks.TaskState) -> None:
        deployment = self._deployment
        self._watched.remove(task)
        self._announce()
        deployment.failed_tasks += 1
        deployment.updated_at = emulator.now()
        cause = state.cause()
        self._service.say(f"has stopped 1 running tasks: (task {state.task_id}).")
        long_enough = state.never_started and time.monotonic() - self._started > _JUDGED_BY_TIME_SECONDS
        if deployment.failed_tasks >= deployment.breaker_threshold or long_enough:
            self._service.say("is unable to consistently start tasks successfully.")
            raise DeploymentFailedError(cause)
        self._start(1)

    def _probe(self, task: _Watched) -> None:
        if task.address is None:
            task.address = tasks.address(task.arn, self._revision)
            if task.address is None:
                return
            task.running_since = time.monotonic()
            health.BOARD.note(task.address, health.INITIAL)
            self._announce()
        task.last = health.check(task.address, self._revision.configuration.health_check_path)
        if task.last.is_healthy:
            task.successes += 1
            health.BOARD.note(task.address, task.last)
            return
        task.successes = 0
        if task.last.answered:
            health.BOARD.note(task.address, task.last)
        self._judge(task)

    def _judge(self, task: _Watched) -> None:
        patience = self._settings.health_seconds if task.last.answered else self._settings.startup_seconds
        if time.monotonic() - task.running_since < patience or tasks.state(task.arn).is_stopped:
            return
        if task.address is not None:
            health.BOARD.note(task.address, task.last)
        group = self._service.resources.target_groups[self._revision.target_group_index].arn
        port = self._revision.container_port
        task_id = task.arn.rsplit("/", 1)[-1]
        self._service.say(
            f"(task {task_id}) (port {port}) is unhealthy in (target-group {group}) "
            f"due to (reason {task.last.description or task.last.reason})."
        )
        self._deployment.failed_tasks += 1
        raise DeploymentFailedError(f"Task failed ELB health checks in (target-group {group})")

    def _announce(self) -> None:
        self._publish([task.address for task in self._watched if task.address is not None])
