"""The origin of a folder, from the configuration of the Git repository around it; no command is run."""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from expressway.app.given_path import read_ordinary_file
from expressway.app.origin import Origin, make_origin
from expressway.aws.values.target import Target

_COMMENT = r"(?:\s*[;#].*)?"
_SECTION = re.compile(rf'\[\s*remote\s+"(?P<name>[^"\n]{{1,100}})"\s*\]{_COMMENT}', re.IGNORECASE)
_URL = re.compile(rf'url\s*=\s*"?(?P<url>[^\s"]{{1,4000}})"?{_COMMENT}', re.IGNORECASE)
_SCP = re.compile(r"(?:[^@/\s]{1,100}@)?(?P<host>[\w.-]{1,253}):(?P<path>[^:\s]{1,400})")
_ADDRESS = re.compile(
    r"(?:https?|git|ssh|git\+ssh|ssh\+git)://(?:[^/\s]{1,3000}@)?"
    r"(?P<host>[\w.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?/(?P<path>[^\s?#]{1,400})(?:[?#]\S*)?",
    re.IGNORECASE,
)
_CODE_COMMIT = re.compile(r"codecommit::(?P<region>[a-z0-9-]{1,32})://(?:[^@/\s]{1,100}@)?(?P<name>[\w.-]{1,100})")
"""The address that git-remote-codecommit reads."""
_OTHER_NAMES = {
    "ssh.github.com": "github.com",
    "altssh.gitlab.com": "gitlab.com",
    "altssh.bitbucket.org": "bitbucket.org",
    "ssh.dev.azure.com": "dev.azure.com",
}
"""Hosts that serve the repositories of another one by SSH."""
_LARGEST_FILE = 1024 * 1024


ORIGIN_VARIABLE = "EXPRESSWAY_ORIGIN"
"""Where a folder without its repository, such as a build server's, is from: an address, and #PLACE in it."""
_LONGEST_NAME = 400


def source_origin(folder: Path, target: Target, environ: Mapping[str, str] = os.environ) -> Origin:
    """Where deploying from `folder` comes from. What of Git cannot be read counts as no repository."""
    path = folder.resolve()
    remote, place = _told(environ.get(ORIGIN_VARIABLE, "")) or _found(path)
    by = (target.caller_arn or "").rpartition(":")[2].partition("/")[2] or ""
    return make_origin(path=str(path), remote=remote, place="" if place == "." else place, by=by)


def _told(text: str) -> tuple[str, str] | None:
    """The remote, or any other name, and the place that somebody says that a folder is; None where nobody does."""
    name, _, place = text.strip()[:_LONGEST_NAME].partition("#")
    return (_named(name) or name, place.strip("/")) if name else None


def _found(path: Path) -> tuple[str, str]:
    """The remote of the checkout around a folder and the folder's place in it; both empty where there is none."""
    root = next((one for one in (path, *path.parents) if (one / ".git").exists()), None)
    remote = _remote(root / ".git") if root is not None else ""
    return remote, path.relative_to(root).as_posix() if root is not None and remote else ""


def _remote(git: Path) -> str:
    """The remote ``origin``, or the only one, without user, password, protocol and suffix."""
    try:
        text = _text(_configuration(git))
    except (OSError, ValueError, RuntimeError):  # names that no file system takes, links that lead to themselves
        return ""
    found = dict(_remotes(text))
    address = found.get("origin", next(iter(found.values())) if len(found) == 1 else "")
    return _named(address)


def _named(address: str) -> str:
    """What addresses of one repository have in common; empty for a path on this machine: no name for others."""
    if match := _CODE_COMMIT.fullmatch(address):
        return f"git-codecommit.{match['region']}.amazonaws.com/v1/repos/{match['name']}"
    match = (_ADDRESS if "://" in address else _SCP).fullmatch(address)
    if match is None:
        return ""
    host = match["host"].lower()
    host, path = _OTHER_NAMES.get(host, host), match["path"].strip("/").removesuffix(".git")
    if host == "dev.azure.com":
        path = path.removeprefix("v3/").replace("/_git/", "/")
    return f"{host}/{path}"


def _configuration(git: Path) -> Path:
    """The file of a checkout, of a further work tree, or of a submodule, whose ``.git`` is a file that leads there."""
    if git.is_dir():
        return git / "config"
    directory = (git.parent / _text(git).partition("gitdir:")[2].strip()).resolve()
    common = directory / "commondir"
    if common.is_file():
        directory = (directory / _text(common).strip()).resolve()
    return directory / "config"


def _text(path: Path) -> str:
    """The text of an ordinary file, which strangers may have made: no pipe is waited for and nothing endless read."""
    content, _ = read_ordinary_file(path.resolve(), _LARGEST_FILE)
    return (content or b"").decode("utf-8", errors="replace")


def _remotes(text: str) -> Iterator[tuple[str, str]]:
    name = ""
    for line in text.splitlines():
        stripped = line.strip()
        section = _SECTION.fullmatch(stripped)
        if stripped.startswith("["):
            name = section["name"] if section else ""
        elif name and (url := _URL.fullmatch(stripped)):
            yield name, url["url"]
