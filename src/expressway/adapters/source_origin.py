"""The origin of a folder, from the configuration of the Git repository around it; no command is run."""

import re
from collections.abc import Iterator
from pathlib import Path

from expressway.model.origin import Origin, make_origin
from expressway.model.target import Target

_SECTION = re.compile(r'\[\s*remote\s+"(?P<name>[^"\n]{1,100})"\s*\]')
_URL = re.compile(r"url\s*=\s*(?P<url>\S{1,500})")
_SCP = re.compile(r"(?:[^@/\s]{1,100}@)?(?P<host>[\w.-]{1,253}):(?P<path>[^:\s]{1,400})")
_ADDRESS = re.compile(
    r"(?:https?|ssh|git)://(?:[^@/\s]{1,300}@)?(?P<host>[\w.-]{1,253})(?::\d{1,5})?/(?P<path>\S{1,400})"
)
_LONGEST_CONFIGURATION = 100_000


def source_origin(folder: Path, target: Target) -> Origin:
    """Where deploying from `folder` comes from. What of Git cannot be read counts as no repository."""
    path = folder.resolve()
    root = next((one for one in (path, *path.parents) if (one / ".git").exists()), None)
    remote = _remote(root / ".git") if root is not None else ""
    place = path.relative_to(root).as_posix() if root is not None and remote else ""
    by = (target.caller_arn or "").rpartition(":")[2].partition("/")[2] or ""
    return make_origin(path=str(path), remote=remote, place="" if place == "." else place, by=by)


def _remote(git: Path) -> str:
    """The remote ``origin``, or the only one, without user, password, protocol and suffix."""
    try:
        text = _configuration(git).read_text(encoding="utf-8", errors="replace")[:_LONGEST_CONFIGURATION]
    except OSError:
        return ""
    found = dict(_remotes(text))
    address = found.get("origin", next(iter(found.values())) if len(found) == 1 else "")
    match = (_ADDRESS if "://" in address else _SCP).fullmatch(address)
    if match is None:
        return ""  # a path on this machine, say, which is no name for others
    return f"{match['host'].lower()}/{match['path'].strip('/').removesuffix('.git')}"


def _configuration(git: Path) -> Path:
    """The file of a checkout, of a further work tree, or of a submodule, whose ``.git`` is a file that leads there."""
    if git.is_dir():
        return git / "config"
    directory = (git.parent / git.read_text(encoding="utf-8")[:4096].partition("gitdir:")[2].strip()).resolve()
    common = directory / "commondir"
    if common.is_file():
        directory = (directory / common.read_text(encoding="utf-8")[:4096].strip()).resolve()
    return directory / "config"


def _remotes(text: str) -> Iterator[tuple[str, str]]:
    name = ""
    for line in text.splitlines():
        stripped = line.strip()
        section = _SECTION.fullmatch(stripped)
        if stripped.startswith("["):
            name = section["name"] if section else ""
        elif name and (url := _URL.fullmatch(stripped)):
            yield name, url["url"]
