"""Where a command acts: which embedded AWS ``--sandbox`` means, which account and region."""

from __future__ import annotations

from typing import TYPE_CHECKING

from expressway.errors import SandboxError

if TYPE_CHECKING:
    from expressway.sandbox.lifecycle import SandboxInfo
    from expressway.toolkit import Toolkit


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


def toolkit_at(sandbox: bool, profile: str | None, region: str | None) -> Toolkit:
    """The toolkit for the target that a command's options name, within the operator's allow-list.

    Raises:
        SandboxError: ``sandbox_not_running``.
        RefusedError: ``profile_not_allowed``, ``region_not_allowed``.
    """
    from expressway.toolkit import Toolkit

    return Toolkit(sandbox_url=sandbox_url() if sandbox else None).at(profile, region)


def sandbox_url() -> str:
    """The base URL of the running sandbox."""
    return running_sandbox().endpoint_url
