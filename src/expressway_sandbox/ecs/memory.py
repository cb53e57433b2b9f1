"""The memory that a container of a task may use, in the engine's words.

A container's `memory` is its hard limit, `memoryReservation` its soft one, and no container has more than its task
(ECS developer guide, "Task size" and "Container definitions: memory"). The sum of several containers is not held
against the task here: an engine's API makes no group around them.
"""

import logging
import re
from collections.abc import Mapping
from typing import Any

_LOG = logging.getLogger("expressway_sandbox")
_SIZE = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>GB)?", re.IGNORECASE)
_LIMITS: dict[int, bool] = {}


def memory_options(
    container: Mapping[str, Any], task_definition: Mapping[str, Any], overrides: Mapping[str, Any]
) -> dict[str, str]:
    """How to run a container of a task so that it has the memory that ECS would give it; nothing where none is told.

    Args:
        container: its definition, as registered.
        overrides: those of RunTask, for the task and for its containers.
    """
    mine: Mapping[str, Any] = next(
        (one for one in overrides.get("containerOverrides") or () if one.get("name") == container.get("name")), {}
    )
    hard = _mib(mine.get("memory") or container.get("memory"))
    soft = _mib(mine.get("memoryReservation") or container.get("memoryReservation"))
    whole = _mib(overrides.get("memory") or task_definition.get("memory"))
    limit = min((one for one in (hard, whole) if one), default=0)
    options: dict[str, str] = {}
    if limit:  # a task on Fargate has no swap: what exceeds its memory is killed
        options = {"mem_limit": f"{limit}m", "memswap_limit": f"{limit}m"}
    if soft and (not limit or soft < limit):
        options["mem_reservation"] = f"{soft}m"
    return options


def limits_memory(docker_client: Any) -> bool:
    """Whether the engine can hold a container to its memory; one without control groups for it cannot."""
    key = id(docker_client)
    if key not in _LIMITS:
        _LIMITS[key] = bool(docker_client.info().get("MemoryLimit"))
        if not _LIMITS[key]:
            _LOG.warning("this container engine cannot limit memory: no task will run out of it")
    return _LIMITS[key]


def _mib(told: object) -> int:
    """A size as a task definition tells it: a number of MiB, or such as ``0.5 GB``."""
    found = _SIZE.fullmatch(str(told or "").strip())
    if found is None:
        return 0
    return round(float(found["number"]) * (1024 if found["unit"] else 1))
