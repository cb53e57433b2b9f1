"""Where Expressway keeps what it must remember between runs."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path

from expressway.errors import ExpresswayError


def state_directory(environ: Mapping[str, str] | None = None) -> Path:
    """$EXPRESSWAY_HOME, or the XDG state directory."""
    variables = os.environ if environ is None else environ
    if home := variables.get("EXPRESSWAY_HOME"):
        return Path(home)
    base = variables.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(base) / "expressway"


def template_cache_directory(state: Path) -> Path:
    """The folder of templates that were synthesized before."""
    return state / "cache" / "templates"


def state_not_writable(exc: OSError) -> ExpresswayError:
    """The error for a state directory that cannot be made, read or written: permissions, a full disk."""
    where = f" ({exc.filename})" if exc.filename else ""  # a write to an open file does not name it
    return ExpresswayError(
        "state_not_writable",
        f"The state directory cannot be used: {exc.strerror or exc}{where}.",
        "Free the disk or correct the permissions, or set EXPRESSWAY_HOME to another directory.",
    )


def write_whole(path: Path, text: str) -> None:
    """Write `text` so that a reader sees the old file or the new one, never a part.

    Raises:
        OSError: when the folder cannot be written.
    """
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".tmp-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(temporary).replace(path)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise


def cache_directory(environ: Mapping[str, str], *usual: Path) -> Path:
    """The first of these folders that can be written: the usual ones, the state directory's, a temporary one.

    Homes of containers and of hardened agents are often read-only. The temporary one is this user's, kept between runs.
    """
    for folder in (*usual, state_directory(environ) / "cache"):
        if _can_be_written(folder):
            return folder
    shared = Path(tempfile.gettempdir(), f"expressway-cache-{os.getuid()}")
    if _can_be_written(shared) and _is_own(shared):
        return shared
    return Path(tempfile.mkdtemp(prefix="expressway-cache-"))


def user_cache(environ: Mapping[str, str]) -> Path:
    """The XDG cache directory."""
    return Path(environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


def _can_be_written(folder: Path) -> bool:
    """Whether files can be made in it; it is made where it is missing."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return os.access(folder, os.W_OK | os.X_OK)
    except OSError:
        return False


def _is_own(folder: Path) -> bool:
    """Whether this user made it, and no link leads elsewhere: everybody can write beside it."""
    found = folder.lstat()
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()
