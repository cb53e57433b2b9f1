"""Where a command acts: which embedded AWS ``--sandbox`` means, which account and region."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from expressway.cli.ports import SandboxInfo, installed_sandbox
from expressway.core.sandbox_key import SANDBOX_VARIABLE, announced_directory, loopback_port, same_sandbox
from expressway.errors import SandboxError

if TYPE_CHECKING:
    from expressway.toolkit import Toolkit


def running_sandbox() -> SandboxInfo:
    """The sandbox that runs with this state directory.

    Raises:
        SandboxError: ``sandbox_not_running``, ``sandbox_conflict``.
    """
    info = own_sandbox()
    if info is None:
        raise SandboxError(
            "sandbox_not_running",
            "The embedded AWS is not running.",
            "Start it with: expressway sandbox start",
        )
    return info


def own_sandbox() -> SandboxInfo | None:
    """The sandbox that runs with this state directory, or None.

    Raises:
        SandboxError: ``sandbox_conflict`` where EXPRESSWAY_SANDBOX names another one: neither is acted on then.
    """
    status = installed_sandbox().status
    info, named = status(), os.environ.get(SANDBOX_VARIABLE)
    if not named or (info is not None and same_sandbox(named, info.endpoint_url)):
        return info
    directory = announced_directory(named)
    elsewhere = directory and status(directory)
    if info is None and elsewhere is None:
        return None  # the one that is named has ended, and no other can be meant
    runs = f"with the state directory {directory}" if elsewhere else "which does not run with this state directory"
    ours = f"the one of this state directory is at {info.endpoint_url}" if info else "none runs with this one"
    raise SandboxError(
        "sandbox_conflict",
        f"{SANDBOX_VARIABLE} names the sandbox at {named}, {runs}; {ours}.",
        f'Unset {SANDBOX_VARIABLE} (then: eval "$(expressway sandbox env)"), or set EXPRESSWAY_HOME to the other\'s.',
        {"named": named, "running": info.endpoint_url if info else None},
    )


def port_to_start(port: int | None) -> int | None:
    """The port for a new sandbox: the one that was asked for, else that of the sandbox which the environment names.

    Raises:
        SandboxError: ``sandbox_conflict`` where these differ, or where that is no sandbox of this machine.
    """
    named = os.environ.get(SANDBOX_VARIABLE)
    if not named:
        return port
    named_port = loopback_port(named)
    if named_port and port in (None, 0, named_port):
        return named_port
    raise SandboxError(
        "sandbox_conflict",
        f"{SANDBOX_VARIABLE} names the sandbox at {named}, and a sandbox at {port or 'a free port'} was asked for.",
        f"Unset {SANDBOX_VARIABLE}, or start the sandbox where it says.",
        {"named": named, "port": port},
    )


def toolkit_at(sandbox: bool, profile: str | None, region: str | None) -> Toolkit:
    """The toolkit for the target that a command's options name, within the operator's allow-list.

    Raises:
        SandboxError: ``sandbox_not_running``, ``sandbox_conflict``.
        RefusedError: ``profile_not_allowed``, ``region_not_allowed``.
    """
    from expressway.toolkit import Toolkit

    return Toolkit(sandbox_url=sandbox_url() if sandbox else None).at(profile, region)


def sandbox_url() -> str:
    """The base URL of the running sandbox."""
    return running_sandbox().endpoint_url
