"""The health check of a target, made the way an Application Load Balancer makes it.

"Health checks for Application Load Balancer target groups": a GET of the path with the user agent
``ELB-HealthChecker/2.0``; Express Mode sets the success code 200. States and reasons: API reference of
TargetHealth.
"""

import http.client
import threading
from dataclasses import dataclass

_TIMEOUT_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Address:
    """Where the sandbox reaches a task."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class TargetHealth:
    """One judgement; `answered` tells a wrong answer from none at all."""

    state: str
    reason: str = ""
    description: str = ""
    answered: bool = False

    @property
    def is_healthy(self) -> bool:
        return self.state == "healthy"


INITIAL = TargetHealth("initial", "Elb.InitialHealthChecking", "Initial health checks in progress")
NO_ANSWER = TargetHealth("unhealthy", "Target.FailedHealthChecks", "Health checks failed")
TIMEOUT = TargetHealth("unhealthy", "Target.Timeout", "Request timed out")


def check(address: Address, path: str) -> TargetHealth:
    """Ask a target once."""
    connection = http.client.HTTPConnection(address.host, address.port, timeout=_TIMEOUT_SECONDS)
    try:
        connection.request("GET", path, headers={"User-Agent": "ELB-HealthChecker/2.0", "Connection": "close"})
        code = connection.getresponse().status
    except TimeoutError:
        return TIMEOUT
    except (OSError, http.client.HTTPException):
        return NO_ANSWER
    finally:
        connection.close()
    if code == 200:
        return TargetHealth("healthy", answered=True)
    text = f"Health checks failed with these codes: [{code}]"
    return TargetHealth("unhealthy", "Target.ResponseCodeMismatch", text, answered=True)


class HealthBoard:
    """The last judgement of every registered target, which DescribeTargetHealth shows."""

    def __init__(self) -> None:
        self._states: dict[tuple[str, int], TargetHealth] = {}
        self._lock = threading.Lock()

    def note(self, address: Address, health: TargetHealth) -> None:
        with self._lock:
            self._states[address.host, address.port] = health

    def read(self, host: str, port: int) -> TargetHealth | None:
        with self._lock:
            return self._states.get((host, port))

    def forget(self, address: Address) -> None:
        with self._lock:
            self._states.pop((address.host, address.port), None)


BOARD = HealthBoard()
