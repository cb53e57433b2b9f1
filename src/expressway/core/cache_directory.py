"""Where what can be made anew is kept: compiled modules, and the CDK as jsii unpacks it."""

import os
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path

from expressway.core.directories import state_directory


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
