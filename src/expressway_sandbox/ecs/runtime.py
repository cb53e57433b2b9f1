"""Steps into how ministack runs a task's container: image by AWS-shaped URI, memory, published port, quick stop.

Each function here takes the place of one of ministack's ECS module (see `composition`); the original is called
wherever it can do the work.
"""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from expressway_sandbox import emulator
from expressway_sandbox.ecs import images, start_failures
from expressway_sandbox.ecs import memory as task_memory
from expressway_sandbox.ecs import output as task_output
from expressway_sandbox.express.store import STORE
from expressway_sandbox.settings import read_settings

_LOG = logging.getLogger("expressway_sandbox")
_TASK_LABEL = "com.amazonaws.ecs.task-arn"
# Containers that exit by themselves are removed a moment later, when their last output has been read.
_LAST_OUTPUT_SECONDS = 1.0


def run_container(original: Callable[..., Any]) -> Callable[..., Any]:
    """`ecs._run_docker_container`, pulling from the sandbox's registry and publishing ports on loopback."""

    def run(docker_client: Any, definition: dict[str, Any], run_kwargs: dict[str, Any], **options: Any) -> Any:
        image = str(definition["image"])
        reference = images.local_reference(image, read_settings().gateway_port)
        try:
            images.require_own_registry(image, {emulator.account_id(), read_settings().account_id})
            if images.make_available(docker_client, image, reference) and reference != image:
                _remember_pull(run_kwargs, reference)
            if run_kwargs.get("platform") == _engine_platform(docker_client):
                images.require_platform(docker_client, reference, run_kwargs["platform"])
                # Asking for the engine's own platform would make ministack wait and watch for nothing.
                run_kwargs.pop("platform")
        except images.ImageUnavailableError as exc:
            raise emulator.module("services.ecs")._ImagePullError(str(exc)) from exc
        if not run_kwargs.get("ports") and run_kwargs.get("network_mode") != "host":
            run_kwargs["ports"] = _published_ports(definition)
        if task_memory.limits_memory(docker_client):
            run_kwargs.update(_memory_options(definition, run_kwargs))
        options["refresh_image"] = False
        with start_failures.told_in_ecs_words():
            container = original(docker_client, {**definition, "image": reference}, run_kwargs, **options)
        task_output.expect(container, definition)
        return container

    return run


def _memory_options(definition: dict[str, Any], run_kwargs: dict[str, Any]) -> dict[str, str]:
    task = _task_of(run_kwargs)
    task_definition = emulator.task_definition(str(task.get("taskDefinitionArn", "")))
    return task_memory.memory_options(definition, task_definition, task.get("overrides") or {})


def _published_ports(definition: dict[str, Any]) -> dict[str, Any]:
    """Each container port on a free loopback port, so that engines in a virtual machine are reached as well."""
    mappings: list[dict[str, Any]] = definition.get("portMappings") or []
    return {f"{m['containerPort']}/{m.get('protocol', 'tcp')}": ("127.0.0.1", None) for m in mappings}


_PLATFORMS = {"x86_64": "linux/amd64", "aarch64": "linux/arm64", "arm64": "linux/arm64"}
_PLATFORM_OF_ENGINE: dict[int, str] = {}


def _engine_platform(docker_client: Any) -> str:
    """The platform that the engine runs without emulation."""
    key = id(docker_client)
    if key not in _PLATFORM_OF_ENGINE:
        architecture = str(docker_client.info().get("Architecture", ""))
        _PLATFORM_OF_ENGINE[key] = _PLATFORMS.get(architecture, architecture)
    return _PLATFORM_OF_ENGINE[key]


def _remember_pull(run_kwargs: dict[str, Any], reference: str) -> None:
    task = _task_of(run_kwargs)
    for service in STORE.here():
        if service.group == task.get("group") and service.cluster_arn == task.get("clusterArn"):
            service.pulled_images.add(reference)


def _task_of(run_kwargs: dict[str, Any]) -> dict[str, Any]:
    """ministack's record of the task that a container is started for."""
    task_arn = (run_kwargs.get("labels") or {}).get(_TASK_LABEL, "")
    found: dict[str, Any] | None = emulator.module("services.ecs")._tasks.get(task_arn)
    return found or {}


def remove_container(docker_client: Any, container_or_id: Any) -> None:
    """`ecs._remove_docker_container` with the sandbox's own patience."""
    if not docker_client or container_or_id is None:
        return
    error = images.docker_error()
    try:
        container = docker_client.containers.get(getattr(container_or_id, "id", container_or_id))
        container.stop(timeout=max(0, round(read_settings().stop_seconds)))
    except (error, OSError):
        pass
    try:
        docker_client.containers.get(getattr(container_or_id, "id", container_or_id)).remove(v=True, force=True)
    except (error, OSError) as exc:
        _LOG.debug("container %s is not removed: %s", container_or_id, exc)


def clean_up_task(original: Callable[..., Any]) -> Callable[..., Any]:
    """`ecs._cleanup_task_resources`, which leaves a container behind that exited by itself."""

    def clean_up(task: dict[str, Any], docker_client: Any, extra_container: Any = None) -> None:
        left = [] if docker_client is not None else list(task.get("_docker_ids") or ())
        original(task, docker_client, extra_container)
        if left:
            threading.Thread(target=_remove_later, args=(left,), daemon=True, name="expressway-clean-up").start()

    return clean_up


def _remove_later(container_ids: list[str]) -> None:
    time.sleep(_LAST_OUTPUT_SECONDS)
    task_output.OUTPUTS.wait(container_ids)
    client = emulator.module("services.ecs")._get_docker()
    for container_id in container_ids:
        remove_container(client, container_id)
