"""What can be set of the sandbox's behavior; read from the environment of the server process."""

import os
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settings:
    """Times in seconds.

    Attributes:
        health_seconds: how long a task may answer its health check wrongly (AWS: 30 s interval times 5).
        startup_seconds: how long a task may not answer at all, as it is still starting.
        stop_seconds: how long a container may take to stop before it is killed (AWS: 30).
        drain_seconds: how long requests may finish on a task that is being replaced (AWS: 300).
        gateway_port: the port of the sandbox itself, through which the engine reaches the registry.
        account_id: the account that the sandbox is.
    """

    health_seconds: float = 5.0
    startup_seconds: float = 8.0
    stop_seconds: float = 1.0
    drain_seconds: float = 5.0
    gateway_port: int = 4566
    account_id: str = "000000000000"

    @property
    def stop_timeout(self) -> int:
        """`stop_seconds` as the engine takes it."""
        return max(0, round(self.stop_seconds))


def read_settings() -> Settings:
    """The settings of this process, from ``EXPRESSWAY_SANDBOX_*_SECONDS`` and the gateway's port."""
    defaults = Settings()
    health = _seconds("HEALTH", defaults.health_seconds)
    return Settings(
        health_seconds=health,
        startup_seconds=_seconds("STARTUP", max(defaults.startup_seconds, health)),
        stop_seconds=_seconds("STOP", defaults.stop_seconds),
        drain_seconds=_seconds("DRAIN", defaults.drain_seconds),
        gateway_port=int(os.environ.get("GATEWAY_PORT", str(defaults.gateway_port))),
        account_id=os.environ.get("MINISTACK_ACCOUNT_ID", defaults.account_id),
    )


def _seconds(name: str, default: float) -> float:
    try:
        return float(os.environ.get(f"EXPRESSWAY_SANDBOX_{name}_SECONDS", ""))
    except ValueError:
        return default
