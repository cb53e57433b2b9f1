"""How a task's container is run: image by AWS-shaped URI, memory, secrets, published port, quick stop.

A container's `memory` is its hard limit, `memoryReservation` its soft one, and no container has more than its task
(ECS developer guide, "Task size" and "Container definitions: memory"). The sum of several containers is not held
against the task here: an engine's API makes no group around them.
"""

import json
import logging
import re
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from typing import Any

from expressway_sandbox import emulator
from expressway_sandbox.ecs import endings, images
from expressway_sandbox.services.model import STORE
from expressway_sandbox.settings import read_settings

_LOG = logging.getLogger("expressway_sandbox")
_TASK_LABEL = "com.amazonaws.ecs.task-arn"
# Containers that exit by themselves are removed a moment later, when their last output has been read.
_LAST_OUTPUT_SECONDS = 1.0
_SIZE = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>GB)?", re.IGNORECASE)
_ARN_FIELDS = 7
"""Of a Secrets Manager ARN; ECS lets ``:json-key:version-stage:version-id`` follow, each of which may be empty."""


def hook() -> None:
    """Put the functions into ministack's ECS module."""
    emulator.wrap("services.ecs", _run_docker_container=_run_container, _cleanup_task_resources=_clean_up_task)
    ecs = emulator.module("services.ecs")
    ecs._resolve_container_secrets = _container_secrets
    ecs._remove_docker_container = _remove_container
    # It would ask AWS's own registries for digests; images come from the sandbox's registry here.
    ecs._deployment_needs_first_task = _never


def _never(*_arguments: Any) -> bool:
    return False


def _run_container(
    original: Callable[..., Any],
    docker_client: Any,
    definition: dict[str, Any],
    run_kwargs: dict[str, Any],
    **options: Any,
) -> Any:
    """`original`, pulling from the sandbox's registry and publishing ports on loopback."""
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
    if _limits_memory(docker_client):
        task = _task_of(run_kwargs)
        task_definition = emulator.task_definition(str(task.get("taskDefinitionArn", "")))
        run_kwargs.update(memory_options(definition, task_definition, task.get("overrides") or {}))
    options["refresh_image"] = False
    with endings.told_in_ecs_words():
        container = original(docker_client, {**definition, "image": reference}, run_kwargs, **options)
    endings.expect_output(container, definition)
    return container


def _published_ports(definition: dict[str, Any]) -> dict[str, Any]:
    """Each container port on a free loopback port, so that engines in a virtual machine are reached as well."""
    mappings: list[dict[str, Any]] = definition.get("portMappings") or []
    return {f"{m['containerPort']}/{m.get('protocol', 'tcp')}": ("127.0.0.1", None) for m in mappings}


_PLATFORMS = {"x86_64": "linux/amd64", "aarch64": "linux/arm64", "arm64": "linux/arm64"}


@cache
def _engine_platform(docker_client: Any) -> str:
    """The platform that the engine runs without emulation."""
    architecture = str(docker_client.info().get("Architecture", ""))
    return _PLATFORMS.get(architecture, architecture)


@cache
def _limits_memory(docker_client: Any) -> bool:
    """Whether the engine can hold a container to its memory; one without control groups for it cannot."""
    limits = bool(docker_client.info().get("MemoryLimit"))
    if not limits:
        _LOG.warning("this container engine cannot limit memory: no task will run out of it")
    return limits


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


def _remove_container(docker_client: Any, container_or_id: Any) -> None:
    """Remove a container with the sandbox's own patience."""
    if not docker_client or container_or_id is None:
        return
    container_id = getattr(container_or_id, "id", container_or_id)
    errors = (images.docker_error(), OSError)
    with suppress(*errors):
        docker_client.containers.get(container_id).stop(timeout=max(0, round(read_settings().stop_seconds)))
    try:
        docker_client.containers.get(container_id).remove(v=True, force=True)
    except errors as exc:
        _LOG.debug("container %s is not removed: %s", container_or_id, exc)


def _clean_up_task(
    original: Callable[..., Any], task: dict[str, Any], docker_client: Any, extra_container: Any = None
) -> None:
    """`original`, which leaves a container behind that exited by itself."""
    left = [] if docker_client is not None else list(task.get("_docker_ids") or ())
    original(task, docker_client, extra_container)
    if left:
        threading.Thread(target=_remove_later, args=(left,), daemon=True, name="expressway-clean-up").start()


def _remove_later(container_ids: list[str]) -> None:
    time.sleep(_LAST_OUTPUT_SECONDS)
    endings.OUTPUTS.wait(container_ids)
    client = emulator.module("services.ecs")._get_docker()
    for container_id in container_ids:
        _remove_container(client, container_id)


def memory_options(
    container: Mapping[str, Any], task_definition: Mapping[str, Any], overrides: Mapping[str, Any]
) -> dict[str, str]:
    """How to run a container of a task so that it has the memory that ECS would give it; nothing where none is told.

    Args:
        container: its definition, as registered.
        overrides: those of RunTask, for the task and for its containers.
    """
    named: list[Mapping[str, Any]] = overrides.get("containerOverrides") or []
    own = next((override for override in named if override.get("name") == container.get("name")), {})
    hard = _mib(own.get("memory") or container.get("memory"))
    soft = _mib(own.get("memoryReservation") or container.get("memoryReservation"))
    whole = _mib(overrides.get("memory") or task_definition.get("memory"))
    limit = min((size for size in (hard, whole) if size), default=0)
    options: dict[str, str] = {}
    if limit:  # a task on Fargate has no swap: what exceeds its memory is killed
        options = {"mem_limit": f"{limit}m", "memswap_limit": f"{limit}m"}
    if soft and (not limit or soft < limit):
        options["mem_reservation"] = f"{soft}m"
    return options


def _mib(value: object) -> int:
    """A size as a task definition tells it: a number of MiB, or such as ``0.5 GB``."""
    found = _SIZE.fullmatch(str(value or "").strip())
    return round(float(found["number"]) * (1024 if found["unit"] else 1)) if found else 0


def _container_secrets(definition: dict[str, Any]) -> dict[str, str]:
    """The values of a container definition's secrets, by variable.

    ministack leaves out the version that a reference names, and hands a SecureString over encrypted.

    Raises:
        ecs._SecretResolutionError: one cannot be had; ministack then ends the task as ECS does.
    """
    references: list[dict[str, Any]] = definition.get("secrets") or []
    return {str(secret["name"]): _secret(str(secret["name"]), str(secret["valueFrom"])) for secret in references}


def _secret(variable: str, reference: str) -> str:
    arn, key, stage, version = reference, "", "", ""
    if ":secretsmanager:" in reference:
        parts = reference.split(":")
        arn = ":".join(parts[:_ARN_FIELDS])
        key, stage, version = (*parts[_ARN_FIELDS:], "", "", "")[:3]
        resolve = emulator.module("services.secretsmanager").resolve_secret_string
        value = resolve(arn, stage or "AWSCURRENT", version or None)
    else:
        value = emulator.module("services.ssm").resolve_parameter_value(reference, decrypt=True)
    wanted = "secret"
    try:
        if value is not None:
            return str(json.loads(value)[key]) if key else str(value)
    except (ValueError, KeyError, TypeError):
        wanted = f"json key '{key}' from secret"
    text = f"unable to retrieve {wanted} {reference} for environment variable {variable}"
    raise emulator.module("services.ecs")._SecretResolutionError(text)
