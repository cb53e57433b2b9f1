"""Which paths a .dockerignore file excludes, exactly as Docker decides it.

The rules are those of github.com/moby/patternmatcher (version 0.6, which `docker build` and BuildKit use), quirks
included: ``ignorefile.ReadAll`` reads the lines, ``filepath.Match`` checks the syntax, and a pattern becomes the
regular expression that ``Pattern.compile`` makes of it. The patterns come from an app's folder, so RE2 runs the
expression, as Go's engine of the same kind does for Docker: its time grows with the path's length and never explodes.
https://docs.docker.com/build/concepts/context/#dockerignore-files
"""

import posixpath
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from expressway.errors import ImageError
from expressway.privacy.untrusted import quoted

MOST_BYTES = 1024 * 1024
MOST_PATTERNS = 2_000
LONGEST_PATTERN = 4_096
"""As long as a path may be on Linux."""

_WILDCARD = re.compile(r"[*?\[\]^\\]")
_REGEX_CHARACTERS = frozenset(".+()$")
"""What `Pattern.compile` escapes in fact; ``^ | { }`` keep their meaning."""
_SPACE = (
    " \t\n\v\f\r\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
"""What Go's strings.TrimSpace removes; Python's strip() removes other characters too."""
_SURROGATES = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class IgnorePattern:
    """One pattern: the cleaned text, whether it includes paths again (``!``), and which paths it matches by itself."""

    text: str
    takes_back: bool
    matches: Callable[[str], bool]


class IgnoreRules:
    """The patterns of one file, in their order.

    A path is decided top down, as Docker walks a folder: `matched_by` says for each pattern whether it matched the path
    or a folder above it.

    Raises:
        ImageError: ``ignore_file_invalid`` when Docker would refuse a pattern, or when there are too many.
    """

    def __init__(self, lines: Iterable[str], *, file: str = ".dockerignore") -> None:
        found = [(number, text) for number, line in enumerate(lines, 1) if (text := _read_line(line))]
        if len(found) > MOST_PATTERNS:
            raise _invalid(file, f"has {len(found)} patterns; at most {MOST_PATTERNS} are read")
        self.patterns = tuple(_pattern(text, number, file) for number, text in found)
        self._none_matched = (False,) * len(self.patterns)

    def decide(self, path: str, parent: tuple[bool, ...] | None = None) -> tuple[bool, tuple[bool, ...]]:
        """Whether `path` is excluded, and which patterns matched it, given which matched the folder that holds it."""
        above = self._none_matched if parent is None else parent
        excluded = False
        matched_by: list[bool] = []
        for pattern, inherited in zip(self.patterns, above, strict=True):
            matched = inherited or (pattern.takes_back == excluded and pattern.matches(path))
            matched_by.append(matched)
            if matched:
                excluded = not pattern.takes_back
        return excluded, tuple(matched_by)

    def excludes(self, path: str) -> bool:
        """Whether `path` (relative, with ``/``) is excluded."""
        excluded, matched_by = False, None
        for candidate in with_parents(path):
            excluded, matched_by = self.decide(candidate, matched_by)
        return excluded

    def may_take_back_below(self, folder: str) -> bool:
        """Whether a ``!`` pattern might match something inside an excluded folder, so that it has to be walked."""
        texts = (pattern.text for pattern in self.patterns if pattern.takes_back)
        pairs = ((text, _WILDCARD.split(text, maxsplit=1)[0]) for text in texts)
        return any(
            f"{fixed}/".startswith(f"{folder}/") or (fixed != text and f"{folder}/".startswith(fixed))
            for text, fixed in pairs
        )

    def names_explicitly(self, path: str) -> bool:
        """Whether a ``!`` pattern names `path` or a folder above it by more than a wildcard in its last part."""
        return any(
            pattern.takes_back
            and not set(pattern.text.rpartition("/")[2]) <= set("*?")
            and any(pattern.matches(part) for part in with_parents(path))
            for pattern in self.patterns
        )


def read_ignore_file(content: bytes, *, file: str = ".dockerignore") -> IgnoreRules:
    """The rules of a file's bytes: lines end with LF or CRLF, a byte order mark may stand first.

    Raises:
        ImageError: ``ignore_file_invalid``, also for a file above 1 MiB.
    """
    if len(content) > MOST_BYTES:
        raise _invalid(file, f"has {len(content) / 1024**2:.1f} MiB; at most {MOST_BYTES // 1024**2} MiB are read")
    text = content.removeprefix(b"\xef\xbb\xbf").decode("utf-8", errors="surrogateescape")
    return IgnoreRules((line.removesuffix("\r") for line in text.split("\n")), file=file)


def with_parents(path: str) -> Iterator[str]:
    """The folders above a path, the outermost first, then the path itself."""
    end = path.find("/")
    while end >= 0:
        yield path[:end]
        end = path.find("/", end + 1)
    yield path


def _read_line(line: str) -> str:
    """``ignorefile.ReadAll``: the line's pattern, normalised; empty for none."""
    text = line.strip(_SPACE)
    if line.startswith("#") or not text:
        return ""
    takes_back = text.startswith("!")
    if takes_back:
        text = text[1:].strip(_SPACE)
    cleaned = _clean(text) if text else ""
    if len(cleaned) > 1:
        cleaned = cleaned.removeprefix("/")
    return f"!{cleaned}" if takes_back else cleaned


def _pattern(text: str, line: int, file: str) -> IgnorePattern:
    """``patternmatcher.New``."""
    text = _clean(text.strip(_SPACE))
    takes_back = text.startswith("!")
    if takes_back:
        text = text[1:]
    refused = f"has a pattern in line {line} that Docker does not accept ({quoted(text[:80], public=True)})"
    if not text:
        raise _invalid(file, f"has an exclamation mark and no pattern in line {line}")
    if len(text) > LONGEST_PATTERN:
        raise _invalid(file, f"has more than {LONGEST_PATTERN} characters in line {line}")
    if not _is_well_formed(text):
        raise _invalid(file, f"{refused}: a bracket or backslash is left open")
    matches = _matcher(text)
    if matches is None:
        raise _invalid(file, f"{refused}: a range, escape or repetition has no meaning")
    return IgnorePattern(text, takes_back, matches)


def _clean(path: str) -> str:
    """Go's ``filepath.Clean``; `normpath` alone keeps two leading slashes."""
    return posixpath.normpath(f"/{path.lstrip('/')}" if path.startswith("/") else path)


class _MalformedError(Exception):
    """Go's ErrBadPattern."""


def _is_well_formed(pattern: str) -> bool:
    """Whether Go's ``filepath.Match(pattern, ".")`` reports no syntax error; what it does not reach, it accepts."""
    name = "."
    try:
        while pattern:
            star, chunk, pattern = _scan_chunk(pattern)
            if star and not chunk:
                return True
            rest = _match_chunk(chunk, name)
            if (rest is None or (rest and not pattern)) and star and name:
                rest = _match_chunk(chunk, "")
            if rest is None or (rest and not pattern):
                return True
            name = rest
    except _MalformedError:
        return False
    return True


def _scan_chunk(pattern: str) -> tuple[bool, str, str]:
    """Whether stars come first, what follows up to the next star outside of brackets, and the rest."""
    bare = pattern.lstrip("*")
    in_class = False
    at = 0
    while at < len(bare) and (in_class or bare[at] != "*"):
        if bare[at] in "[]":
            in_class = bare[at] == "["
        at += 2 if bare[at] == "\\" and at + 1 < len(bare) else 1
    return bare != pattern, bare[:at], bare[at:]


def _match_chunk(chunk: str, name: str) -> str | None:
    """What is left of `name` after the chunk; None when it does not match."""
    at = 0
    failed = False
    while at < len(chunk):
        failed = failed or not name
        if chunk[at] == "[":
            at, matched = _match_class(chunk, at + 1, name[:1])
        else:
            literal = _literal(chunk, at)
            matched = chunk[at] == "?" or literal == name[:1]
            at += len(literal) + (chunk[at] == "\\")
        failed = failed or not matched
        name = name if failed else name[1:]
    return None if failed else name


def _literal(chunk: str, at: int) -> str:
    if chunk[at] != "\\":
        return chunk[at]
    if at + 1 == len(chunk):
        raise _MalformedError
    return chunk[at + 1]


def _match_class(chunk: str, at: int, character: str) -> tuple[int, bool]:
    """Where the class that began before `at` has ended, and whether it holds the character."""
    negated = chunk.startswith("^", at)
    at += negated
    found = False
    start = at
    while at == start or not chunk.startswith("]", at):
        low, at = _class_character(chunk, at)
        high = low
        if chunk[at] == "-":
            high, at = _class_character(chunk, at + 1)
        found = found or low <= character <= high
    return at + 1, found != negated


def _class_character(chunk: str, at: int) -> tuple[str, int]:
    if chunk[at : at + 1] in {"", "-", "]"}:
        raise _MalformedError
    at += chunk[at] == "\\"
    if at + 1 >= len(chunk) or _SURROGATES.match(chunk[at]):
        raise _MalformedError
    return chunk[at], at + 1


def _matcher(text: str) -> Callable[[str], bool] | None:
    """``Pattern.compile``: how a pattern matches one path; None when its regular expression is malformed."""
    expression, kind = _expression(text)
    if kind == "exact":
        return text.__eq__
    if kind == "prefix":
        return lambda path: path.startswith(text[:-2])
    if kind == "suffix":
        # "**/name" is also "name" itself, while "**name" ends any path.
        return lambda path: path.endswith(text[2:]) or (text[2:3] == "/" and path == text[3:])
    return _linear_search(expression)


def _linear_search(expression: str) -> Callable[[str], bool] | None:
    import re2  # loaded only for a pattern with wildcards

    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    try:
        compiled = re2.compile(_go_bytes(expression), options)
    except re2.error:
        return None
    return lambda path: compiled.search(_go_bytes(path)) is not None


def _go_bytes(text: str) -> bytes:
    """UTF-8; to Go, each byte that is none is one replacement character."""
    return _SURROGATES.sub("\ufffd", text).encode()


def _expression(text: str) -> tuple[str, str]:
    pieces: list[str] = ["^"]
    kind = "exact"
    at = steps = 0
    while at < len(text):
        piece, at, kind = _next_piece(text, at, kind)
        if steps == 0 and text.startswith("**"):
            kind = "suffix"
        pieces.append(piece)
        steps += 1
    return "".join((*pieces, "$")), kind


def _next_piece(text: str, at: int, kind: str) -> tuple[str, int, str]:
    """The regular expression for what starts at `at`, where the rest starts, and the kind of pattern so far."""
    if text.startswith("**", at):
        after = at + 2 + text.startswith("/", at + 2)
        if after < len(text):
            return "(.*/)?", after, "regex"
        return (".*", after, "regex") if kind != "exact" else ("", after, "prefix")
    character = text[at]
    if character == "*":
        return "[^/]*", at + 1, "regex"
    if character == "?":
        return "[^/]", at + 1, "regex"
    if character in _REGEX_CHARACTERS:
        return f"\\{character}", at + 1, kind
    if character == "\\":
        return text[at : at + 2], at + 2, "regex"
    return character, at + 1, "regex" if character in "[]" else kind


def _invalid(file: str, why: str) -> ImageError:
    return ImageError(
        "ignore_file_invalid",
        f"{file} {why}.",
        f"Correct {file}; its patterns are explained at "
        "https://docs.docker.com/build/concepts/context/#dockerignore-files.",
    )
