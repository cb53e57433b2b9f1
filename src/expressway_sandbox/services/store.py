"""The Express Mode services of every account and region of the sandbox."""

import threading
import time

from expressway_sandbox import emulator
from expressway_sandbox.services.model import Revision, Service, ServiceDeployment

_CANCEL_SECONDS = 15.0


class ExpressStore:
    """Services by account, region, cluster and name; INACTIVE ones stay until their name is used again."""

    def __init__(self) -> None:
        self._services: dict[tuple[str, str, str, str], Service] = {}
        self._lock = threading.RLock()

    def add(self, service: Service) -> bool:
        """Keep a new service; False when an ACTIVE or DRAINING one holds the name."""
        key = (service.account, service.region, service.cluster, service.name)
        with self._lock:
            held = self._services.get(key)
            if held is not None and held.status != "INACTIVE":
                return False
            self._services[key] = service
        return True

    def find(self, cluster: str, name: str) -> Service | None:
        """The service of the calling account and region."""
        with self._lock:
            return self._services.get((emulator.account_id(), emulator.region(), cluster, name))

    def by_arn(self, arn: str) -> Service | None:
        return next((service for service in self.here() if service.arn == arn), None)

    def by_endpoint(self, endpoint: str) -> Service | None:
        """The service that answers at an endpoint name, whatever account it belongs to."""
        return next((s for s in self.everywhere() if s.endpoint == endpoint and s.status != "INACTIVE"), None)

    def here(self) -> list[Service]:
        """The services of the calling account and region."""
        account, region = emulator.account_id(), emulator.region()
        return [service for service in self.everywhere() if (service.account, service.region) == (account, region)]

    def everywhere(self) -> list[Service]:
        with self._lock:
            return list(self._services.values())

    def deployment(self, arn: str) -> tuple[Service, ServiceDeployment] | None:
        return next(((found, each) for found in self.here() for each in found.deployments if each.arn == arn), None)

    def revision(self, arn: str) -> tuple[Service, Revision] | None:
        return next(((found, each) for found in self.here() for each in found.revisions if each.arn == arn), None)

    def clear(self) -> None:
        """Forget every service, when their running deployments have noticed that they are cancelled.

        Those would otherwise go on making resources in an account that has just been emptied.
        """
        with self._lock:
            services = list(self._services.values())
            self._services.clear()
        for service in services:
            service.status = "INACTIVE"
            for deployment in service.deployments:
                deployment.cancelled.set()
        deadline = time.monotonic() + _CANCEL_SECONDS
        for deployment in (deployment for service in services for deployment in service.deployments):
            deployment.done.wait(max(0.0, deadline - time.monotonic()))


STORE = ExpressStore()
