"""Paths as callers name them, and the ordinary files at them: nothing here hangs, follows a link late or reads much."""

import os
import stat
from pathlib import Path

from expressway.errors import UsageError
from expressway.privacy.untrusted import echoed

_LONGEST_PATH_BYTES = 4096
_LONGEST_NAME_BYTES = 255
"""PATH_MAX and NAME_MAX of Linux."""


def given_path(text: Path | str) -> Path:
    """The path that a caller named, with ``~`` replaced; whether something is there is not looked at.

    Raises:
        UsageError: ``invalid_path`` for what no file system takes: a NUL, lone surrogates, too many bytes, an
            unknown user's home.
    """
    given = str(text)
    if reason := _why_impossible(given):
        raise UsageError(
            "invalid_path",
            f"Expected a path, got {reason}: {echoed(given)}.",
            "Name the app's folder by its absolute path.",
        )
    return Path(given).expanduser()


def _why_impossible(given: str) -> str:
    if "\0" in given:
        return "a text with a NUL character"
    try:
        Path(given[:_LONGEST_PATH_BYTES]).expanduser()
        return _why_too_long(given)
    except UnicodeEncodeError:
        return "text that is no Unicode"
    except RuntimeError:
        return "the home folder of a user that is not here"


def _why_too_long(given: str) -> str:
    if len(given) > _LONGEST_PATH_BYTES or len(os.fsencode(given)) > _LONGEST_PATH_BYTES:
        return f"more than {_LONGEST_PATH_BYTES} bytes"
    if any(len(os.fsencode(part)) > _LONGEST_NAME_BYTES for part in given.split("/")):
        return f"a name of more than {_LONGEST_NAME_BYTES} bytes"
    return ""


def read_ordinary_file(path: Path, most_bytes: int) -> tuple[bytes | None, str]:
    """The content of a file whose path was resolved, or None and why it is not read.

    Pipes and devices are not waited for, and a link that was put there since is not followed.
    """
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as handle:
            if not stat.S_ISREG(os.fstat(handle.fileno()).st_mode):
                return None, "it is no ordinary file"
            content = handle.read(most_bytes + 1)
    except OSError as exc:
        return None, exc.strerror or "it cannot be read"
    if len(content) > most_bytes:
        return None, f"it is larger than {most_bytes // 1024} KiB"
    return (None, "it is no text") if b"\0" in content else (content, "")
