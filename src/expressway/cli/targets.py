"""Which app a command is about (the one named, or the nearest definition), and where it acts: account or sandbox."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from expressway.cli.ports import SandboxInfo, installed_sandbox
from expressway.core.sandbox_key import SANDBOX_VARIABLE, announced_directory, loopback_port, same_sandbox
from expressway.errors import DefinitionError, SandboxError, UsageError

if TYPE_CHECKING:
    from expressway.toolkit import AppSource, Toolkit

HERE = Path()
"""What a command gets when no path is named."""
_NAMES = ("expressway.yaml", "expressway.yml")


def definition_at(path: Path) -> Path:
    """`path`; where it is this folder and holds no definition, the nearest definition in a folder above it.

    A folder above is looked into as far as the root of the repository, the home folder (which is not), another file
    system, or a folder of another user's. What was taken from there is said on standard error.

    Raises:
        DefinitionError: ``definition_missing`` for a folder without a definition.
    """
    found = _nearest(path)
    if found is not None:
        if found.parent != path.resolve() and path == HERE:
            _say_taken(found)
            return found
        return path
    if not _is_folder(path):
        return path  # whoever reads it says what is wrong
    above = " or a folder above it" if path == HERE else ""
    raise DefinitionError(
        "definition_missing",
        f"Expected {_NAMES[0]} in the folder {path.resolve()}{above}, found none.",
        "Name the app's folder or its definition file, or have one written: "
        f"expressway containerize {shlex.quote(str(path))} --write",
    )


def app_name_or_here(app_name: str | None) -> str:
    """The app that is named, or the one whose definition is the nearest.

    Raises:
        UsageError: ``app_missing`` when none is named and there is no definition.
        DefinitionError: whatever is wrong with the definition.
    """
    if app_name:
        return app_name
    source = source_here()
    if source is None:
        raise UsageError(
            "app_missing",
            f"Expected an app's name, or {_NAMES[0]} in this folder or above it; got neither.",
            "Name the app (expressway list shows them), or run the command in the app's folder.",
        )
    return source.definition.name


def source_here() -> AppSource | None:
    """The app whose definition is the nearest, said on standard error; None where there is no definition.

    Raises:
        DefinitionError: whatever is wrong with the definition.
    """
    from expressway.toolkit import app_source

    found = _nearest(HERE)
    if found is None:
        return None
    _say_taken(found)
    return app_source(found)


def _say_taken(file: Path) -> None:
    from expressway.cli.views.output import escape, message_console

    message_console().print(f"[dim]definition[/] {escape(str(file))}")


def _nearest(path: Path) -> Path | None:
    try:
        folders = _upwards(path.resolve()) if path == HERE else [path]
        return next((file for folder in folders for name in _NAMES if (file := folder / name).is_file()), None)
    except OSError:  # a name too long, a folder that is gone: whoever reads it says so
        return None


def _upwards(folder: Path) -> Iterator[Path]:
    """`folder` and those above it that belong to the same work."""
    start = folder.stat()
    home = Path.home()
    yield folder
    while not (folder / ".git").exists() and folder != folder.parent:
        folder = folder.parent
        place = folder.stat()
        if folder == home or (place.st_dev, place.st_uid) != (start.st_dev, start.st_uid):
            return
        yield folder


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def running_sandbox() -> SandboxInfo:
    """The sandbox that runs with this state directory.

    Raises:
        SandboxError: ``sandbox_not_running``, ``sandbox_conflict``.
    """
    info = own_sandbox()
    if info is None:
        raise SandboxError(
            "sandbox_not_running",
            "The local AWS sandbox is not running.",
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
