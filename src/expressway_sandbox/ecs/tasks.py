"""The tasks of a service: started, watched until healthy, stopped and reached; each is one or more real containers."""

import contextlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from expressway_sandbox import emulator
from expressway_sandbox.ecs.runtime import TASK_LABEL
from expressway_sandbox.elb import health
from expressway_sandbox.elb.health import Address, TargetHealth
from expressway_sandbox.emulator import AwsFault
from expressway_sandbox.services.model import Revision, Service, ServiceDeployment
from expressway_sandbox.settings import Settings, read_settings

# AWS's text for ministack's "Essential container exited".
ESSENTIAL_EXITED = "Essential container in task exited"
PENDING = ("PROVISIONING", "PENDING", "ACTIVATING")


@dataclass(frozen=True, slots=True)
class TaskState:
    """What a task does right now."""

    arn: str
    status: str
    stopped_reason: str
    stop_code: str
    exit_code: int | None

    @property
    def is_stopped(self) -> bool:
        return self.status == "STOPPED"

    @property
    def is_running(self) -> bool:
        return self.status == "RUNNING"

    @property
    def never_started(self) -> bool:
        return self.is_stopped and self.stop_code == "TaskFailedToStart"

    @property
    def task_id(self) -> str:
        return self.arn.rsplit("/", 1)[-1]

    def cause(self) -> str:
        """Why the task stopped, in one sentence."""
        if self.exit_code is not None and self.stop_code == "EssentialContainerExited":
            return f"{self.stopped_reason} (exit code: {self.exit_code})"
        return self.stopped_reason


def register_task_definition(service: Service, revision: Revision) -> None:
    """Register the task definition of a revision, with one container named Main."""
    configuration = revision.configuration
    container = configuration.container
    if container is None:
        return
    port = container.container_port
    logs = {
        "awslogs-group": container.log_group or service.own_log_group,
        "awslogs-region": service.region,
        "awslogs-stream-prefix": container.log_stream_prefix or "ecs",
    }
    shape = container.answer()
    definition: dict[str, Any] = {
        "name": "Main",
        "essential": True,
        "portMappings": [{"containerPort": port, "hostPort": port, "protocol": "tcp", "name": "main"}],
        "environment": [],
        "logConfiguration": {"logDriver": "awslogs", "options": logs},
        # A sandbox kills sooner than AWS, and the task definition shows when.
        "stopTimeout": read_settings().stop_timeout,
        **{name: value for name, value in shape.items() if name not in ("containerPort", "awsLogsConfiguration")},
    }
    request: dict[str, Any] = {
        "family": f"{service.cluster}-{service.name}",
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "cpu": configuration.cpu,
        "memory": configuration.memory,
        "runtimePlatform": {
            "cpuArchitecture": configuration.cpu_architecture or "X86_64",
            "operatingSystemFamily": "LINUX",
        },
        "containerDefinitions": [definition],
        "executionRoleArn": configuration.execution_role_arn or "",
        "taskRoleArn": configuration.task_role_arn or "",
    }
    answer = emulator.call_json("ecs", "RegisterTaskDefinition", request)
    revision.task_definition_arn = str(answer["taskDefinition"]["taskDefinitionArn"])


def deregister_task_definitions(service: Service) -> None:
    """Deregister the definitions that the service registered itself; a given one belongs to its owner."""
    own = {r.task_definition_arn for r in service.revisions if r.owns_task_definition and r.task_definition_arn}
    for arn in sorted(own):
        with contextlib.suppress(AwsFault):
            emulator.call_json("ecs", "DeregisterTaskDefinition", {"taskDefinition": arn})


def run(service: Service, deployment: ServiceDeployment, revision: Revision, count: int) -> list[str]:
    """Start `count` tasks of a revision and return their ARNs."""
    request = {
        "cluster": service.cluster,
        "taskDefinition": revision.task_definition_arn,
        "count": count,
        "group": service.group,
        "startedBy": deployment.ecs_id,
        "launchType": "FARGATE",
        "networkConfiguration": {"awsvpcConfiguration": service.vpc_configuration},
    }
    answer = emulator.call_json("ecs", "RunTask", request)
    return [str(task["taskArn"]) for task in answer["tasks"]]


def task_state(arn: str) -> TaskState:
    """The state of a task; one that ECS has forgotten counts as stopped."""
    task = _record(arn)
    if task is None:
        return TaskState(arn, "STOPPED", "Task is gone", "", None)
    codes = [c.get("exitCode") for c in task.get("containers", []) if c.get("exitCode") is not None]
    reason = str(task.get("stoppedReason") or "")
    if reason == "Essential container exited":
        reason = ESSENTIAL_EXITED
    exit_code = int(codes[0]) if codes else None
    return TaskState(arn, str(task["lastStatus"]), reason, str(task.get("stopCode") or ""), exit_code)


def service_tasks(service: Service) -> list[TaskState]:
    """Every task of the service that ECS still remembers, stopped ones included."""
    return [task_state(arn) for arn in _records(service)]


def _records(service: Service) -> dict[str, dict[str, Any]]:
    tasks: dict[str, dict[str, Any]] = dict(emulator.module("services.ecs")._tasks.items())
    own = (service.group, service.cluster_arn)
    return {arn: task for arn, task in tasks.items() if (task.get("group"), task.get("clusterArn")) == own}


def counts(service: Service, revision: Revision) -> tuple[int, int]:
    """How many tasks of a revision run and how many are on their way."""
    arn = revision.task_definition_arn
    states = [task["lastStatus"] for task in _records(service).values() if task.get("taskDefinitionArn") == arn]
    return states.count("RUNNING"), sum(status in PENDING for status in states)


def address(arn: str, revision: Revision) -> Address | None:
    """Where the sandbox reaches the task: the published port of its container, else the container itself."""
    task = _record(arn)
    client = emulator.module("services.ecs")._get_docker()
    if task is None or client is None:
        return None
    names = [c.get("name") for c in task.get("containers", [])]
    ids = list(task.get("_docker_ids") or ())
    index = names.index(revision.container_name) if revision.container_name in names else 0
    if index >= len(ids):
        return None
    try:
        network: Any = client.containers.get(ids[index]).attrs["NetworkSettings"]
    except emulator.docker_errors().DockerException:
        return None
    published = (network.get("Ports") or {}).get(f"{revision.container_port}/tcp") or []
    if published:
        return Address(str(published[0]["HostIp"]), int(published[0]["HostPort"]))
    networks: Any = list((network.get("Networks") or {}).values())
    return Address(str(networks[0]["IPAddress"]), revision.container_port) if networks else None


def stop(service: Service, arns: list[str], reason: str) -> None:
    """Stop tasks, all at the same time, and note that it was the service scheduler who did."""

    def stop_one(arn: str) -> None:
        with emulator.scope(service.account, service.region), contextlib.suppress(AwsFault):
            already = task_state(arn).is_stopped
            emulator.call_json("ecs", "StopTask", {"cluster": service.cluster, "task": arn, "reason": reason})
            task = _record(arn)
            if task is not None and not already:
                task["stopCode"] = "ServiceSchedulerInitiated"

    threads = [threading.Thread(target=stop_one, args=(arn,), daemon=True) for arn in arns]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def remove_containers(service: Service, settings: Settings) -> None:
    """Remove whatever container of the service's tasks is still there, running or not."""
    client = emulator.module("services.ecs")._get_docker()
    if client is None:
        return
    instance = emulator.module("core.container_reaper").instance_id()
    for task in service_tasks(service):
        labels = [f"{TASK_LABEL}={task.arn}", f"ministack.instance={instance}"]
        for container in client.containers.list(all=True, sparse=True, filters={"label": labels}):
            with contextlib.suppress(emulator.docker_errors().DockerException):
                container.stop(timeout=settings.stop_timeout)
                container.remove(v=True, force=True)


def has_engine() -> bool:
    """Whether a Docker engine answers."""
    return emulator.module("services.ecs")._get_docker() is not None


def _record(arn: str) -> Any:
    return emulator.module("services.ecs")._tasks.get(arn)


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


@dataclass(slots=True)
class TaskWatch:
    """Keeps tasks of a revision running and probed; `publish` gets all addresses whenever one appears or goes."""

    service: Service
    deployment: ServiceDeployment
    revision: Revision
    settings: Settings
    publish: Callable[[list[Address]], None]
    _watched: list[_Watched] = field(default_factory=list[_Watched], init=False)
    _started: float = field(default_factory=time.monotonic, init=False)

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
            if self.deployment.cancelled.is_set():
                raise DeploymentCancelledError
            for task in list(self._watched):
                self._look_at(task)
            if sum(task.successes >= _PROBES_UNTIL_HEALTHY for task in self._watched) >= wanted:
                return
            time.sleep(_PROBE_SECONDS)

    def _start(self, count: int) -> None:
        arns = run(self.service, self.deployment, self.revision, count)
        self._watched.extend(_Watched(arn) for arn in arns)
        shown = " ".join(f"(task {arn.rsplit('/', 1)[-1]})" for arn in arns)
        self.service.say(f"has started {count} tasks: {shown}.")

    def _look_at(self, task: _Watched) -> None:
        state = task_state(task.arn)
        if state.is_stopped:
            self._replace(task, state)
        elif state.is_running:
            self._probe(task)

    def _replace(self, task: _Watched, state: TaskState) -> None:
        deployment = self.deployment
        self._watched.remove(task)
        self._announce()
        deployment.failed_tasks += 1
        deployment.updated_at = emulator.now()
        cause = state.cause()
        self.service.say(f"has stopped 1 running tasks: (task {state.task_id}).")
        long_enough = state.never_started and time.monotonic() - self._started > _JUDGED_BY_TIME_SECONDS
        if deployment.failed_tasks >= deployment.breaker_threshold or long_enough:
            self.service.say("is unable to consistently start tasks successfully.")
            raise DeploymentFailedError(cause)
        self._start(1)

    def _probe(self, task: _Watched) -> None:
        if task.address is None:
            task.address = address(task.arn, self.revision)
            if task.address is None:
                return
            task.running_since = time.monotonic()
            health.BOARD[task.address] = health.INITIAL
            self._announce()
        task.last = health.check(task.address, self.revision.configuration.health_check_path)
        if task.last.is_healthy:
            task.successes += 1
            health.BOARD[task.address] = task.last
            return
        task.successes = 0
        if task.last.answered:
            health.BOARD[task.address] = task.last
        self._judge(task)

    def _judge(self, task: _Watched) -> None:
        patience = self.settings.health_seconds if task.last.answered else self.settings.startup_seconds
        if time.monotonic() - task.running_since < patience or task_state(task.arn).is_stopped:
            return
        if task.address is not None:
            health.BOARD[task.address] = task.last
        group = self.service.resources.target_groups[self.revision.target_group_index].arn
        port = self.revision.container_port
        task_id = task.arn.rsplit("/", 1)[-1]
        self.service.say(
            f"(task {task_id}) (port {port}) is unhealthy in (target-group {group}) "
            f"due to (reason {task.last.description or task.last.reason})."
        )
        self.deployment.failed_tasks += 1
        raise DeploymentFailedError(f"Task failed ELB health checks in (target-group {group})")

    def _announce(self) -> None:
        self.publish([task.address for task in self._watched if task.address is not None])
