"""The access key of a local sandbox, and how a client that knows only the sandbox's URL finds it.

Every sandbox has a random key of its own, kept in the record of its state directory (mode 0600). A private folder of
the user holds a link from each sandbox's port to its state directory: a port of the loopback address is one process
of this machine, whatever state directory the client itself uses.
"""

import json
import os
import stat
import string
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from expressway.core.directories import state_directory

SANDBOX_VARIABLE = "EXPRESSWAY_SANDBOX"
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
RECORD_NAME = "sandbox.json"
_KEY_LETTERS = string.ascii_uppercase + "234567"


@dataclass(frozen=True, slots=True)
class SandboxKey:
    """An access key id and its secret; the secret is in no representation."""

    access_key_id: str
    secret_access_key: str = field(repr=False)


UNKNOWN_KEY = SandboxKey("AKIASANDBOXKEYUNKNOWN", "unknown")
"""Signs requests to an endpoint whose key nobody knows. A sandbox refuses it."""


def new_key() -> SandboxKey:
    """A random key in the form of AWS's long-term keys."""
    import secrets  # loads OpenSSL, which clients never need

    return SandboxKey("AKIA" + "".join(secrets.choice(_KEY_LETTERS) for _ in range(16)), secrets.token_urlsafe(30))


def find_key(url: str, environ: Mapping[str, str]) -> SandboxKey:
    """The key of the sandbox at `url`: from its record, else from the variables that ``sandbox env`` printed for it.

    Without either, `UNKNOWN_KEY`.
    """
    port = loopback_port(url) or 80
    for directory in filter(None, (announced_directory(url), state_directory(environ) / "sandbox")):
        key = _recorded_key(directory, port)
        if key is not None:
            return key
    key_id, secret = environ.get("AWS_ACCESS_KEY_ID"), environ.get("AWS_SECRET_ACCESS_KEY")
    if key_id and secret and environ.get("AWS_ENDPOINT_URL", "").rstrip("/") == url.rstrip("/"):
        return SandboxKey(key_id, secret)
    return UNKNOWN_KEY


def same_sandbox(url: str, other: str) -> bool:
    """Whether two addresses are one: of the loopback address, which has several names, only the port counts."""
    port, other_port = loopback_port(url), loopback_port(other)
    if port and other_port:
        return port == other_port
    return url.rstrip("/") == other.rstrip("/")


def loopback_port(url: str) -> int | None:
    """The port of an http URL on this machine's loopback address, where sandboxes are; None for any other text."""
    try:
        parts = urlsplit(url)
        return (parts.port or 80) if parts.scheme == "http" and parts.hostname in LOOPBACK else None
    except ValueError:  # no port, or no address in brackets
        return None


def announced_directory(url: str) -> Path | None:
    """The state directory of the sandbox that was started last at the port of `url`, by this user."""
    with suppress(OSError):
        if _is_private(_folder()):
            return (_folder() / str(loopback_port(url) or 80)).readlink()
    return None


def announce(port: int, state_dir: Path) -> None:
    """Let clients of this user find the state directory by the port. Impossible where another user owns the folder."""
    folder = _folder()
    with suppress(OSError):
        folder.mkdir(mode=0o700, exist_ok=True)
        if _is_private(folder):
            partial = folder / f".{port}.{os.getpid()}"
            partial.unlink(missing_ok=True)
            partial.symlink_to(state_dir)
            partial.replace(folder / str(port))
            for link in folder.iterdir():
                if not (link / RECORD_NAME).exists():  # of a sandbox that was killed, or whose folder is gone
                    link.unlink(missing_ok=True)


def withdraw(port: int, state_dir: Path) -> None:
    """Undo `announce`, unless another state directory has taken the port since."""
    link = _folder() / str(port)
    with suppress(OSError):
        if _is_private(link.parent) and link.readlink() == state_dir:
            link.unlink()


def _folder() -> Path:
    return Path("/tmp") / f"expressway-{os.getuid()}"  # noqa: S108 - private, its owner and mode are checked


def _is_private(folder: Path) -> bool:
    found = folder.lstat()
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077


def _recorded_key(directory: Path, port: int) -> SandboxKey | None:
    try:
        record: dict[str, Any] = json.loads((directory / RECORD_NAME).read_text(encoding="utf-8"))
        if record["port"] != port:
            return None
        return SandboxKey(str(record["access_key_id"]), str(record["secret_access_key"]))
    except (OSError, ValueError, TypeError, KeyError):
        return None
