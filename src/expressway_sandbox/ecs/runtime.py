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
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from functools import cache
from typing import Any

from expressway_sandbox import emulator
from expressway_sandbox.ecr import tokens
from expressway_sandbox.ecs import endings
from expressway_sandbox.services.model import STORE
from expressway_sandbox.settings import read_settings

_ECR = re.compile(r"^(?P<account>\d{12})\.dkr\.ecr(?:-fips)?\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?/(?P<rest>.+)$")


class ImageUnavailableError(Exception):
    """The engine cannot get an image; the text is what ECS would put after CannotPullContainerError."""


def local_reference(image: str, gateway_port: int) -> str:
    """The reference under which the engine pulls `image`; only private ECR images differ."""
    match = _ECR.match(image)
    return f"127.0.0.1:{gateway_port}/{match['rest']}" if match else image


def require_own_registry(image: str, accounts: Collection[str]) -> None:
    """Refuse a private ECR image of an account that is not in the sandbox; its name would lead to the sandbox's own.

    Raises:
        ImageUnavailableError: with ECR's text for a registry that denies this account.
    """
    match = _ECR.match(image)
    if match is None or match["account"] in accounts:
        return
    path, _, reference = match["rest"].partition("@") if "@" in match["rest"] else match["rest"].partition(":")
    address = f"https://{image.partition('/')[0]}/v2/{path}/manifests/{reference or 'latest'}"
    raise ImageUnavailableError(
        f"pull image manifest has been retried 1 time(s): failed to resolve ref {image}: unexpected status from HEAD "
        f"request to {address}: 403 Forbidden"
    )


def make_available(docker_client: Any, image: str, reference: str) -> bool:
    """Have the engine hold `reference`; True when it had to be pulled.

    A digest names its content, so one that is there is not pulled again; a tag of the sandbox's registry may
    have moved and is pulled every time; any other image is pulled only when it is missing.

    Raises:
        ImageUnavailableError: when the registry does not have it or cannot be reached.
    """
    errors = emulator.docker_errors()
    held = _holds(docker_client, reference)
    if held and ("@" in reference or reference == image):
        return False
    try:
        # docker-py fetches every tag when a reference names neither tag nor digest.
        named = "@" in reference or ":" in reference.rsplit("/", 1)[-1]
        login = {"auth_config": tokens.login()} if reference != image else {}
        docker_client.images.pull(reference if named else f"{reference}:latest", **login)
    except errors.NotFound as exc:
        raise ImageUnavailableError(_not_found(image)) from exc
    except (errors.DockerException, OSError) as exc:
        text = str(getattr(exc, "explanation", None) or exc).replace(reference, image)
        if "not found" in text or "manifest unknown" in text or "name unknown" in text:
            raise ImageUnavailableError(_not_found(image)) from exc
        raise ImageUnavailableError(
            f"pull image manifest has been retried 1 time(s): failed to resolve ref {image}: {text}"
        ) from exc
    return not held


def require_platform(docker_client: Any, reference: str, platform: str | None) -> None:
    """Refuse an image that was built for another architecture than the task asks for, as Fargate does.

    Only asked where the engine itself has the task's architecture: an engine of another one stands in for
    Fargate with whatever it can run.

    Raises:
        ImageUnavailableError: with the text of "CannotPullContainerError task errors", Platform mismatch.
    """
    built_for = str(docker_client.images.get(reference).attrs.get("Architecture") or "")
    if platform and built_for and platform != f"linux/{built_for}":
        raise ImageUnavailableError(f"image Manifest does not contain descriptor matching platform '{platform}'")


def digest_of(docker_client: Any, image: str, reference: str) -> str | None:
    """The registry digest of an image that the engine holds, for the `imageDigest` that ECS shows."""
    if "@" in image:
        return image.partition("@")[2]
    repository = reference.partition("@")[0]
    if ":" in repository.rsplit("/", 1)[-1]:
        repository = repository.rsplit(":", 1)[0]
    try:
        digests: list[str] = docker_client.images.get(reference).attrs.get("RepoDigests") or []
    except (emulator.docker_errors().DockerException, OSError):
        return None
    return next((d.partition("@")[2] for d in digests if d.partition("@")[0] == repository), None)


def release(docker_client: Any, references: set[str]) -> None:
    """Untag images that were pulled for a service which is gone; one still in use elsewhere stays."""
    errors = emulator.docker_errors()
    for reference in references:
        try:
            docker_client.images.remove(reference, noprune=False)
        except (errors.DockerException, OSError):
            continue


def _holds(docker_client: Any, reference: str) -> bool:
    try:
        docker_client.images.get(reference)
    except emulator.docker_errors().DockerException:
        return False
    return True


def _not_found(image: str) -> str:
    return f"pull image manifest has been retried 1 time(s): failed to resolve ref {image}: {image}: not found"


_LOG = logging.getLogger("expressway_sandbox")
TASK_LABEL = "com.amazonaws.ecs.task-arn"
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
    emulator.wrap("services.ecs", _deployment_needs_first_task=lambda *_arguments: False)


def _run_container(
    original: Callable[..., Any],
    docker_client: Any,
    definition: dict[str, Any],
    run_kwargs: dict[str, Any],
    **options: Any,
) -> Any:
    """`original`, pulling from the sandbox's registry and publishing ports on loopback."""
    image = str(definition["image"])
    reference = local_reference(image, read_settings().gateway_port)
    try:
        require_own_registry(image, {emulator.account_id(), read_settings().account_id})
        if make_available(docker_client, image, reference) and reference != image:
            _remember_pull(run_kwargs, reference)
        if run_kwargs.get("platform") == _engine_platform(docker_client):
            require_platform(docker_client, reference, run_kwargs["platform"])
            # Asking for the engine's own platform would make ministack wait and watch for nothing.
            run_kwargs.pop("platform")
    except ImageUnavailableError as exc:
        raise emulator.module("services.ecs")._ImagePullError(str(exc)) from exc
    if not run_kwargs.get("ports") and run_kwargs.get("network_mode") != "host":
        run_kwargs["ports"] = _published_ports(definition)
    if _limits_memory(docker_client):
        task = _task_of(run_kwargs)
        task_definition = emulator.task_definition(str(task.get("taskDefinitionArn", "")))
        run_kwargs.update(memory_options(definition, task_definition, task.get("overrides") or {}))
    options["refresh_image"] = False
    with endings.engine_errors_as_ecs():
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
    task_arn = (run_kwargs.get("labels") or {}).get(TASK_LABEL, "")
    task: dict[str, Any] | None = emulator.module("services.ecs")._tasks.get(task_arn)
    return task or {}


def _remove_container(docker_client: Any, container_or_id: Any) -> None:
    if not docker_client or container_or_id is None:
        return
    container_id = getattr(container_or_id, "id", container_or_id)
    errors = (emulator.docker_errors().DockerException, OSError)
    with suppress(*errors):
        docker_client.containers.get(container_id).stop(timeout=read_settings().stop_timeout)
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
    """The engine's options that give a container the memory that ECS would give it; empty where no size is set.

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
    """A size in a task definition: a number of MiB, or a text such as ``0.5 GB``."""
    size = _SIZE.fullmatch(str(value or "").strip())
    return round(float(size["number"]) * (1024 if size["unit"] else 1)) if size else 0


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
