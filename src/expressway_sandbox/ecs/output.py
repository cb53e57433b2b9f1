"""What containers write is on its way to CloudWatch Logs in threads; a task has stopped when all of it is there.

ministack calls a task stopped and removes its containers however far those threads have come: on a busy machine the
last words of a container that crashed, which tell why, were lost with it.
"""

import threading
import time
from collections.abc import Callable, Collection, Mapping
from typing import Any

from expressway_sandbox import emulator

_LONGEST_SECONDS = 15.0
"""A thread that never came to it, as of a task that was stopped while it started, holds nothing up for ever."""


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

    def wait(self, container_ids: Collection[str], *, seconds: float = _LONGEST_SECONDS) -> None:
        """Until the output of these containers, which have ended, has arrived; at most so long, and once."""
        with self._lock:
            awaited = {one: self._arrived[one] for one in container_ids if one in self._arrived}
        until = time.monotonic() + seconds
        for container_id, arrived in awaited.items():
            if not arrived.wait(max(0.0, until - time.monotonic())):
                self.arrive(container_id)


OUTPUTS = Outputs()


def expect(container: Any, definition: Mapping[str, Any]) -> None:
    """Note a container that has just been started, if its definition sends its output to CloudWatch Logs."""
    if emulator.module("services.ecs")._awslogs_config(definition, "", container.id):
        OUTPUTS.expect(container.id)


def forward(original: Callable[..., None]) -> Callable[..., None]:
    """`ecs._forward_awslogs`, the body of such a thread: it ends after its container, with the last of its output."""

    def run(container: Any, *arguments: Any) -> None:
        try:
            original(container, *arguments)
        finally:
            OUTPUTS.arrive(container.id)

    return run
