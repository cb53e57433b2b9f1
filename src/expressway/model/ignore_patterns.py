"""Which paths a .dockerignore file leaves out, as the container engines read it.

Rules: https://docs.docker.com/build/concepts/context/#dockerignore-files and github.com/moby/patternmatcher.
"""

import posixpath
import re
from collections.abc import Iterable
from dataclasses import dataclass

_WILDCARD = re.compile(r"[*?\[\\]")


@dataclass(frozen=True, slots=True)
class IgnorePattern:
    """One line: the cleaned pattern, whether it takes paths back in (``!``), and what it matches."""

    text: str
    takes_back: bool
    regex: re.Pattern[str]


class IgnoreRules:
    """The lines of one file; the last line that matches a path, or a folder above it, decides."""

    def __init__(self, lines: Iterable[str]) -> None:
        self.patterns: tuple[IgnorePattern, ...] = tuple(
            pattern for line in lines if (pattern := _read_line(line)) is not None
        )

    def excludes(self, path: str) -> bool:
        """Whether `path` (relative, with ``/``) is left out."""
        candidates = (*_parents(path), path)
        excluded = False
        for pattern in self.patterns:
            if pattern.takes_back == excluded and any(pattern.regex.fullmatch(part) for part in candidates):
                excluded = not pattern.takes_back
        return excluded

    def may_take_back_below(self, folder: str) -> bool:
        """Whether a ``!`` line might match something inside `folder`, so that it has to be looked into."""
        for pattern in self.patterns:
            if not pattern.takes_back:
                continue
            fixed = _WILDCARD.split(pattern.text, maxsplit=1)[0]
            if f"{fixed}/".startswith(f"{folder}/") or (fixed != pattern.text and f"{folder}/".startswith(fixed)):
                return True
        return False

    def names_explicitly(self, path: str) -> bool:
        """Whether a ``!`` line names `path` itself or a folder above it, by more than a wildcard in its last part."""
        candidates = (*_parents(path), path)
        return any(
            pattern.takes_back
            and not set(pattern.text.rpartition("/")[2]) <= set("*?")
            and any(pattern.regex.fullmatch(part) for part in candidates)
            for pattern in self.patterns
        )


def _read_line(line: str) -> IgnorePattern | None:
    text = line.lstrip("\ufeff")
    if text.startswith("#") or not text.strip():
        return None
    text = text.strip()
    takes_back = text.startswith("!")
    text = posixpath.normpath(text[1:].strip() if takes_back else text).lstrip("/")
    if text in {"", "."}:
        return None  # "For historical reasons, the pattern . is ignored."
    return IgnorePattern(text, takes_back, re.compile(_expression(text)))


def _parents(path: str) -> tuple[str, ...]:
    parts = path.split("/")
    return tuple("/".join(parts[:count]) for count in range(1, len(parts)))


def _expression(text: str) -> str:
    pieces: list[str] = []
    index = 0
    while index < len(text):
        piece, index = _next_piece(text, index)
        pieces.append(piece)
    return "".join(pieces)


def _next_piece(text: str, index: int) -> tuple[str, int]:
    """The regular expression for what starts at `index`, and where the rest starts."""
    if text.startswith("**", index):
        after = index + 2
        if text.startswith("/", after):
            return "(?:.*/)?", after + 1
        return ".*", after
    character = text[index]
    if character == "*":
        return "[^/]*", index + 1
    if character == "?":
        return "[^/]", index + 1
    if character == "\\" and index + 1 < len(text):
        return re.escape(text[index + 1]), index + 2
    if character == "[":
        end = text.find("]", index + 2)
        if end > 0:
            inside = text[index + 1 : end]
            negated = inside[0] in "^!"
            return f"[{'^' if negated else ''}{_class(inside[1:] if negated else inside)}]", end + 1
    return re.escape(character), index + 1


def _class(inside: str) -> str:
    return re.sub(r"([\\\[\]^&~|])", r"\\\1", inside)
