"""Changes to the lines of a Dockerfile, and what is known of an app when they are proposed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from expressway.image.dockerfile.lexer import split_lines

_DOCKER_HUB = ("public.ecr.aws/docker/library/", "docker.io/library/", "library/", "docker.io/")


@dataclass(frozen=True, slots=True)
class Edit:
    """Lines (the first counted from 1) to be replaced by others; `count` 0 inserts before the first."""

    line: int
    count: int
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ExpectedApp:
    """What is known of the app that a Dockerfile is for.

    Attributes:
        port: where it answers; `asked_port` is the one that the caller named.
        probe: the words of a health check that an image such as `probe_base` can run.
        pinned: for names of official images, a tag with version and distribution.
        files: manifests at the top of its folder that can be installed from without anything else.
        harmless: files at the top of its folder that often hold secrets, and here hold none.
    """

    port: int
    asked_port: int | None = None
    probe: tuple[str, ...] = ()
    probe_base: str = ""
    pinned: Mapping[str, str] = field(default_factory=dict[str, str])
    files: frozenset[str] = frozenset()
    harmless: frozenset[str] = frozenset()


def apply_edits(text: str, edits: Sequence[Edit]) -> str:
    """`text` with the edits made; of several that insert at one line, the first comes first. Line ends stay."""
    lines = split_lines(text)
    end = "\r\n" if lines and lines[0].endswith("\r\n") else "\n"
    for _, edit in sorted(enumerate(edits), key=lambda item: (item[1].line, item[1].count > 0, item[0]), reverse=True):
        start = edit.line - 1
        whole = start + edit.count < len(lines) or edit.count == 0 or lines[-1].endswith("\n")
        lines[start : start + edit.count] = [f"{line}{end}" for line in edit.lines]
        if not whole:
            lines[-1] = lines[-1].removesuffix(end)
    return "".join(lines)


def is_single_line(lines: Sequence[str], line: int) -> bool:
    """Whether the instruction on that line (from 1) does not go on below."""
    return not lines[line - 1].rstrip().endswith(("\\", "`"))


def cased(text: str, written: str) -> str:
    """`text`, an instruction, with its keyword in small letters where `written` is."""
    keyword, blank, rest = text.partition(" ")
    return f"{keyword.lower()}{blank}{rest}" if written.islower() else text


def split_image(base: str) -> tuple[str, str]:
    """An image's name and tag ("" without one); a digest is left out."""
    image = base.partition("@")[0]
    head, colon, tag = image.rpartition(":")
    return (head, tag) if colon and "/" not in tag else (image, "")


def official_name(name: str) -> str:
    """``python`` for each of the ways to name that official image; other names as they are."""
    return next((name.removeprefix(prefix) for prefix in _DOCKER_HUB if name.startswith(prefix)), name)
