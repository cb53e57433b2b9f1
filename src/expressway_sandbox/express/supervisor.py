"""Keeps services at their desired count: a task that dies after its deployment is replaced.

ECS's service scheduler does this for every service. A replacement is sent requests when it passes its health
check; a service that keeps crashing is retried ever more slowly, as ECS throttles it.
"""

import logging
import threading
import time

from expressway_sandbox import emulator
from expressway_sandbox.ecs import tasks
from expressway_sandbox.express import deployment as express_deployment
from expressway_sandbox.express.model import Service
from expressway_sandbox.express.store import STORE
from expressway_sandbox.settings import read_settings

_LOG = logging.getLogger("expressway_sandbox")
_LOOK_SECONDS = 1.0
_MAX_PAUSE_SECONDS = 60.0


class Supervisor:
    """Looks at every service once a second."""

    def __init__(self) -> None:
        self._pauses: dict[str, tuple[float, float]] = {}

    def start(self) -> None:
        threading.Thread(target=self._run, daemon=True, name="expressway-supervisor").start()

    def _run(self) -> None:
        while True:
            time.sleep(_LOOK_SECONDS)
            for service in STORE.everywhere():
                try:
                    with emulator.scope(service.account, service.region):
                        self._look_at(service)
                except Exception:  # noqa: BLE001 - one service's trouble must not end the watch over the others
                    _LOG.exception("looking after %s broke", service.arn)

    def _look_at(self, service: Service) -> None:
        current = service.current
        if service.status != "ACTIVE" or service.active is None or current is None or not current.has_ended:
            return
        alive = sum(not state.is_stopped for state in tasks.service_tasks(service))
        missing = service.desired_count - alive
        not_before, pause = self._pauses.get(service.arn, (0.0, _LOOK_SECONDS))
        if missing <= 0 or time.monotonic() < not_before:
            return
        self._pauses[service.arn] = (time.monotonic() + pause, min(pause * 2, _MAX_PAUSE_SECONDS))
        express_deployment.replace_tasks(service, service.active, missing, read_settings())
