"""How the containers of a task fail to start, and how they end: by SIGTERM, or by SIGKILL after a time limit.

ministack marks a task as stopped first and ends its containers afterwards, always with exit code 0. Here they end
first, each with its own exit code, and a container that the kernel killed for its memory has ECS's reason for it (ECS
developer guide, "Stopped tasks error messages"; the agent reads the engine's ``OOMKilled``). Threads forward the output
of containers to CloudWatch Logs; a task has stopped when all of it has arrived, so that the last lines of a container
that crashed are not lost.

ministack reports every failed start as "unable to pull image or start container", with the client's own words around
the engine's. ECS names the error by the step that failed and quotes the engine (ECS developer guide,
"CannotStartContainer errors", "CannotCreateContainer errors"; the agent adds "Error response from daemon").
"""

import threading
import time
from collections.abc import Callable, Collection, Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from expressway_sandbox import emulator
from expressway_sandbox.settings import read_settings

_STEPS = {"start": "CannotStartContainerError", "create": "CannotCreateContainerError"}
_OF_MINISTACK = "ResourceInitializationError: unable to pull image or start container: "
OF_A_CONTAINER = ("CannotPullContainerError", *_STEPS.values())
"""How the reasons begin that ECS gives to the containers of a task too."""


class ContainerRefusedError(Exception):
    """The engine did not make or start a container; the text is ECS's."""


@contextmanager
def engine_errors_as_ecs() -> Generator[None]:
    """Turn the engine's refusal of a container into ECS's error.

    Raises:
        ContainerRefusedError: instead of the engine client's error for one of the two steps.
    """
    try:
        yield
    except emulator.docker_errors().DockerException as exc:
        response = getattr(exc, "response", None)
        step = urlsplit(str(getattr(response, "url", ""))).path.rpartition("/")[2]
        explanation = str(getattr(exc, "explanation", None) or "")
        if step not in _STEPS or not explanation:
            raise
        raise ContainerRefusedError(f"{_STEPS[step]}: Error response from daemon: {explanation}") from exc


def reason_of_ecs(reason: str) -> str:
    """The reason why a task stopped, without the prefix that ministack puts before an error of ECS."""
    error = reason.removeprefix(_OF_MINISTACK)
    return error if error.startswith(OF_A_CONTAINER) else reason


KILLED_FOR_MEMORY = "OutOfMemoryError: Container killed due to memory usage"
STOPPING = "STOPPING"
SIGKILL_EXIT_CODE = 137
# A client waits 60 s for the answer of StopTask, which comes here when the task has stopped.
_LONGEST_STOP_SECONDS = 30
# An engine may learn of the kernel's kill a moment after the exit.
_LATE_WORD_SECONDS = 0.2
_LONGEST_OUTPUT_SECONDS = 15.0
"""Bounds the wait for a thread that never forwards, as of a task that was stopped while it started."""


@dataclass(frozen=True, slots=True)
class Ending:
    """The end of one container; `reason` is empty where the engine has none."""

    exit_code: int
    reason: str = ""


class Outputs:
    """The containers whose output is on its way, by their ids."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._arrived: dict[str, threading.Event] = {}

    def expect(self, container_id: str) -> None:
        with self._lock:
            self._arrived.setdefault(container_id, threading.Event())

    def arrive(self, container_id: str) -> None:
        with self._lock:
            arrived = self._arrived.pop(container_id, None)
        if arrived is not None:
            arrived.set()

    def wait(self, container_ids: Collection[str], *, seconds: float = _LONGEST_OUTPUT_SECONDS) -> None:
        """Until the output of these containers, which have ended, has arrived; at most so long, and once."""
        with self._lock:
            awaited = {name: self._arrived[name] for name in container_ids if name in self._arrived}
        until = time.monotonic() + seconds
        for container_id, arrived in awaited.items():
            if not arrived.wait(max(0.0, until - time.monotonic())):
                self.arrive(container_id)


class _UnderWay:
    """The tasks that are being stopped: a second caller waits until the first is done."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ended: dict[str, threading.Event] = {}

    def begin(self, task_arn: str) -> bool:
        """Whether the caller is to stop the task; False when another thread has just done so."""
        with self._lock:
            ended = self._ended.get(task_arn)
            if ended is None:
                self._ended[task_arn] = threading.Event()
                return True
        ended.wait(2 * _LONGEST_STOP_SECONDS)
        return False

    def end(self, task_arn: str) -> None:
        with self._lock:
            self._ended.pop(task_arn).set()


OUTPUTS = Outputs()
_UNDER_WAY = _UnderWay()


def hook() -> None:
    """Put the functions around those of ministack's ECS module."""
    emulator.wrap("services.ecs", _mark_task_stopped=_mark_stopped, _forward_awslogs=_forward_logs)


def expect_output(container: Any, definition: Mapping[str, Any]) -> None:
    """Note a container that has just been started, if its definition sends its output to CloudWatch Logs."""
    if emulator.module("services.ecs")._awslogs_config(definition, "", container.id):
        OUTPUTS.expect(container.id)


def _forward_logs(original: Callable[..., None], container: Any, *arguments: Any) -> None:
    """The thread that forwards a container's output: it ends after the container, with the last of the output."""
    try:
        original(container, *arguments)
    finally:
        OUTPUTS.arrive(container.id)


def _mark_stopped(
    original: Callable[..., bool],
    task_arn: str,
    task: dict[str, Any],
    reason: str,
    stop_code: str,
    exit_code: int | None = None,
) -> bool:
    """`original`, after the task's containers have ended."""
    reason = reason_of_ecs(reason)
    client = emulator.module("services.ecs")._get_docker()
    if client is None:
        return original(task_arn, task, reason, stop_code, exit_code)
    if not _UNDER_WAY.begin(task_arn):
        return False
    try:
        if not _note_stopping(task_arn, task):
            return False
        _end_containers(client, task)
        OUTPUTS.wait(list(task.get("_docker_ids") or ()))
        return original(task_arn, task, reason, stop_code, None)
    finally:
        _UNDER_WAY.end(task_arn)


def _note_stopping(task_arn: str, task: dict[str, Any]) -> bool:
    """Mark the task as stopping, so that the end of its containers is not taken for the reason; False if it stopped."""
    ecs = emulator.module("services.ecs")
    with emulator.module("core.concurrency").resource_lock("ecs-task", task_arn):
        if not ecs._task_is_active(task_arn, task):
            return False
        task["stoppingAt"] = task.get("stoppingAt") or ecs._iso()
        if task["lastStatus"] == "RUNNING":
            task["lastStatus"] = STOPPING
        return True


def _end_containers(client: Any, task: dict[str, Any]) -> None:
    ids: list[str] = list(task.get("_docker_ids") or ())
    containers: list[dict[str, Any]] = task.get("containers") or []
    if not ids:
        return
    seconds, default_seconds = _stop_seconds(task), read_settings().stop_timeout

    def end_one(container: dict[str, Any], container_id: str) -> None:
        ending = end_container(client, container_id, seconds.get(str(container.get("name")), default_seconds))
        if ending is not None:
            container["exitCode"] = ending.exit_code
            if ending.reason:
                container["reason"] = ending.reason

    with ThreadPoolExecutor(len(ids), thread_name_prefix="expressway-stop") as pool:
        # They are started, and so listed, in the order of the definition; one that never started has no id.
        list(pool.map(end_one, containers, ids))


def end_container(client: Any, container_id: str, stop_seconds: int) -> Ending | None:
    """Stop a container (SIGTERM or its image's own signal, then SIGKILL) unless it has ended; None when it is gone.

    Args:
        stop_seconds: how long it may take to end before it is killed.
    """
    try:
        container = client.containers.get(container_id)
        ended_by_itself = container.attrs["State"]["Status"] == "exited"
        if not ended_by_itself:
            container.stop(timeout=stop_seconds)
            container.reload()
        state: Mapping[str, Any] = container.attrs["State"]
        if ended_by_itself and state["ExitCode"] == SIGKILL_EXIT_CODE and not state.get("OOMKilled"):
            time.sleep(_LATE_WORD_SECONDS)
            container.reload()
            state = container.attrs["State"]
    except (emulator.docker_errors().DockerException, OSError):
        return None
    if state["Status"] != "exited":
        return None
    return Ending(int(state["ExitCode"]), KILLED_FOR_MEMORY if state.get("OOMKilled") else "")


def _stop_seconds(task: Mapping[str, Any]) -> dict[str, int]:
    definition = emulator.task_definition(str(task["taskDefinitionArn"]))
    return {
        str(container["name"]): min(int(container["stopTimeout"]), _LONGEST_STOP_SECONDS)
        for container in definition.get("containerDefinitions") or ()
        if container.get("stopTimeout")
    }
