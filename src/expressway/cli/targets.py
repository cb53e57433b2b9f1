"""Which embedded AWS ``--sandbox`` means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from expressway.errors import SandboxError

if TYPE_CHECKING:
    from expressway.sandbox.lifecycle import SandboxInfo


def running_sandbox() -> SandboxInfo:
    """The sandbox that runs for this user.

    Raises:
        SandboxError: ``sandbox_not_running``.
    """
    from expressway.sandbox.lifecycle import status

    info = status()
    if info is None:
        raise SandboxError(
            "sandbox_not_running",
            "The embedded AWS is not running.",
            "Start it with: expressway sandbox start",
        )
    return info


def sandbox_url() -> str:
    """The base URL of the running sandbox."""
    return running_sandbox().endpoint_url
