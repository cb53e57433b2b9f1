"""What the worker processes of synthesis get: an environment, a time limit, and a kernel its temporary folder."""

from __future__ import annotations

import fcntl
import math
import os
import shutil
import tempfile
import time
import weakref
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from expressway.core.child_environment import CACHES, PYTHON, child_environment
from expressway.core.directories import cache_directory, user_cache
from expressway.errors import UsageError

_PREFIX = "expressway-kernel-"
_SURELY_HELD_SECONDS = 60.0
"""An unlocked folder of this age is abandoned: its process locks it within milliseconds."""
_TRIES, _PAUSE_SECONDS = 5, 0.05
"""A Node that was killed a moment ago may just be making its last file."""


class KernelFolder:
    """A folder that this process locks for as long as it lives; making one removes those that no process locks.

    Raises:
        OSError: when no temporary folder can be made.
    """

    def __init__(self) -> None:
        parent = Path(tempfile.gettempdir())
        _clear_abandoned(parent)
        self.path = parent / f"{_PREFIX}{os.urandom(16).hex()}"
        locks: list[int] = []
        # Before the folder is there, so that a signal in between leaves none behind.
        self._remove = weakref.finalize(self, _remove, self.path, locks)
        self.path.mkdir(mode=0o700)
        locks.append(os.open(self.path, os.O_RDONLY))
        fcntl.flock(locks[0], fcntl.LOCK_SH)

    def remove(self) -> None:
        """Remove it as far as possible; the end of this process does so, too."""
        self._remove()


def _remove(folder: Path, locks: list[int]) -> None:
    for _ in range(_TRIES):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            break
        time.sleep(_PAUSE_SECONDS)
    for lock in locks:
        os.close(lock)


def _clear_abandoned(folder: Path) -> None:
    """Remove the folders of this user's killed kernels. A lock ends with its process."""
    for left in folder.glob(f"{_PREFIX}*"):
        with suppress(OSError):
            found = left.stat()
            if found.st_uid != os.getuid() or time.time() - found.st_mtime < _SURELY_HELD_SECONDS:
                continue
            lock = os.open(left, os.O_RDONLY | os.O_NOFOLLOW | os.O_DIRECTORY)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(left, ignore_errors=True)
            finally:
                os.close(lock)


def worker_environment(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a worker: no credentials and no proxies, and a cache for compiled modules.

    Compiling the CDK's Python takes seconds, so it has to be kept even where PYTHONDONTWRITEBYTECODE is
    set (as in many container images) or the installation is read-only.
    """
    variables = child_environment(environ, also=PYTHON | CACHES)
    variables.pop("PYTHONDONTWRITEBYTECODE", None)
    cache = cache_directory(variables, user_cache(variables) / "expressway")
    variables |= _RETURN_FREED_MEMORY
    variables["PYTHONPYCACHEPREFIX"] = str(cache / "bytecode")
    return variables


_RETURN_FREED_MEMORY = {
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": "131072",
    "MALLOC_TRIM_THRESHOLD_": "131072",
}
"""Node reads the CDK's 55 MB of archives to find them unchanged; glibc returns that memory only with these settings."""


SYNTH_VARIABLE, SYNTH_SECONDS = "EXPRESSWAY_SYNTH_TIMEOUT", 60.0
"""One synthesis, the start of the CDK kernel included."""
LINT_VARIABLE, LINT_SECONDS = "EXPRESSWAY_LINT_TIMEOUT", 120.0
"""One run of one linter."""


def time_limit(environ: Mapping[str, str], variable: str, default: float) -> float:
    """The seconds that a variable allows, or the default where it is not set.

    Raises:
        UsageError: ``invalid_setting`` for anything but a number of seconds above 0.
    """
    text = environ.get(variable, "").strip()
    if not text:
        return default
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise UsageError(
            "invalid_setting",
            f"Expected a number of seconds above 0 in {variable}, got {text[:40]!r}.",
            f"Set it to one, such as {2 * default:g}, or unset it for {default:g}.",
        )
    return seconds
