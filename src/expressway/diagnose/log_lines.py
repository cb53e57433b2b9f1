"""The telling line of a log's end: the exception, not the traceback around it."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence

LINE_LIMIT = 300
_RUNTIME = r"(?:\S*standard_init_linux\S* )?exec (?:user process caused:?|[\"']?[^\s\"':/]*/[^\s\"':]*[\"']?:)"
"""By its path, as a runtime names a program: `exec backup: …` is an application's own word."""
_SHELL = r"\S*(?:sh|/\S+):(?: (?:line )?\d+:)?(?: \S+:)?(?: .*:)?"
NOT_STARTED = re.compile(
    rf"^(?=.{{1,{LINE_LIMIT}}}$)"  # more is not read: the time it takes is that of the square
    rf"(?:(?:{_RUNTIME}|{_SHELL}) [\"']?exec format error[\"']?|{_RUNTIME} [\"']?no such file or directory[\"']?|"
    rf"{_SHELL} (?:bad interpreter: no such file or directory|cannot execute: required file not found))\.?$",
    re.IGNORECASE,
)
"""What a container runtime or a shell says of a program that it cannot start, as the whole line."""
_TELLING = (
    # Python, Node, Java, Ruby, Go, Rust, shells: `Name.Of.Error: text`, `panic: text`, `sh: x: not found`.
    NOT_STARTED,
    re.compile(
        r"^(?:Exception in thread \"[^\"]*\" |Unhandled exception[.:] |Uncaught |Caused by: |-+> )?"
        r"[\w.$]*(?:Error|Exception|Exit)\b:?.*$"
    ),
    re.compile(r"^(?:panic: |fatal error: |thread '.*' panicked at ).*$"),
    re.compile(r"^.*(?:: not found|: No such file or directory|: Permission denied)$"),
    # What servers print before they only say that they stop (gunicorn, uvicorn, puma).
    re.compile(r"^(?:Failed to (?:find|import|load|parse|open|bind)|Could not (?:import|find|load|open|bind))\b"),
    # What getopt, Go's flag, Node, nginx and their like say of arguments, before they list those that they know.
    re.compile(
        r"\b(?:un(?:recogni[sz]ed|known|expected)|invalid|illegal|bad) (?:command[- ]line )?(?:option|flag|argument|"
        r"(?:sub)?command|switch)s?\b|\bno such (?:option|command)\b|\boption\b.{0,100} requires an argument\b|"
        r"^flag provided but not defined\b",
        re.IGNORECASE,
    ),
)
_TELLING_WORDS = (
    re.compile(r"\b(?:FATAL|CRITICAL|fatal|critical|ERROR|Error)\b"),
    re.compile(r"\b(?:error|failed|cannot|unable|denied|refused)\b", re.IGNORECASE),
)
_NAMES = re.compile(
    r"(?<![^\s\"'`(=,:])/[^\s\"']*|"  # /error in a request, https://host/failed
    r"(?<![\w-])(?=[\w-]*[a-z])(?:--\w++(?:-\w++)*+|\w++(?:-\w++)*-[A-Za-z]\w*+)(?![\w:-])"  # retry-failed, --on-error
)
"""Paths, addresses, options and hyphenated names; in capitals or before a colon, they are a message's head instead."""
_PREFIX = re.compile(
    r"^(?:\[[^\]]{1,60}\]\s*|\d{4}-\d\d-\d\d[T ][\d:.,]+(?:Z|[+-]\d\d:?\d\d)?\s+|(?:ERROR|CRITICAL|FATAL)\b:?\s+)+"
)
"""Time stamps, process ids and levels, which say nothing about the cause."""
_SAYS_NOTHING = re.compile(r"^(?:[\W_]+|Traceback \(most recent call last\):|goroutine \d+ \[.*\]:|\.{3} \d+ more)$")
"""Pointers below a line of code (``^^^^``), rules, and headings of traces."""
_PYTHON_FRAME = re.compile(r"^File \".*\", line \d+")
_FRAME = re.compile(r"^(?:at [\w.$<]|File \".*\", line \d+|from .*:\d+:in |#\d+ )")
"""Where a trace has been, in Java, JavaScript, .NET, Python, Ruby and PHP: never what went wrong."""
_FRAME_OF_OTHERS = re.compile(
    r"^(?:File \"(?:<frozen |[^\"]*/(?:lib|lib64)/python|[^\"]*/(?:site|dist)-packages/)|"
    r"at .*(?:node:|/node_modules/|\(internal/)|at (?:java|jdk|sun|org\.springframework|System|Microsoft)\.|"
    r"from .*/(?:gems|rubygems)/|(?:/usr/local/go/|/rustc/))"
)
"""Frames of a trace that are in a library or in the language: where the application went, not where it is wrong."""


def without_names(line: str) -> str:
    """The line with a placeholder for each path, address and hyphenated name: words in them say nothing."""
    return _NAMES.sub("_", line)


def telling_line(lines: Sequence[str]) -> str:
    """The line that names what went wrong, cut to 300 characters; the last line when none does; or empty.

    Later lines win over earlier ones and exact forms over loose ones: the exception closes its traceback.
    """
    stripped = [line.strip() for line in lines if line.strip()]
    for pattern in _TELLING:
        for line in reversed(stripped):
            if pattern.search(line):
                return _shown(line)
    for pattern in _TELLING_WORDS:
        for line in reversed(stripped):
            if pattern.search(without_names(line)):
                return _shown(line)
    without_frames = [line for line in stripped if not _FRAME.match(line) and not _SAYS_NOTHING.match(line)]
    return _shown((without_frames or stripped)[-1]) if stripped else ""


def excerpt(lines: Sequence[str], *, beside: int = 3) -> tuple[str, ...]:
    """The telling line, then up to `beside` lines around it that add something, in their own order; or nothing.

    Frames within libraries, pointers and headings are passed over: the application's own last frame says more.
    """
    telling = telling_line(lines)
    if not telling:
        return ()
    stripped = [line.strip() for line in lines if line.strip()]
    at = max(place for place, line in enumerate(stripped) if _shown(line) == telling)
    before, after = _adding(stripped[:at], telling), _adding(stripped[at + 1 :], telling)
    led_to_it = before[-beside:] if beside else []
    if len(before) > len(led_to_it) > 0 and _PYTHON_FRAME.match(before[-len(led_to_it) - 1]):
        led_to_it = led_to_it[1:]  # a line of code without its place
    return (telling, *led_to_it, *after[: beside - len(led_to_it)])


def _adding(stripped: Sequence[str], telling: str) -> list[str]:
    """Those of the lines that say something more than the telling one, each once."""
    kept: dict[str, None] = {}
    in_others_code = False
    for line in stripped:
        follows = in_others_code and not _PYTHON_FRAME.match(line)
        in_others_code = bool(_FRAME_OF_OTHERS.match(line)) and bool(_PYTHON_FRAME.match(line))
        if _FRAME_OF_OTHERS.match(line) or follows or _SAYS_NOTHING.match(line) or _shown(line) == telling:
            continue
        kept[line[:LINE_LIMIT]] = None
    return list(kept)


def _shown(line: str) -> str:
    return (_PREFIX.sub("", line) or line)[:LINE_LIMIT]


_LEVEL = re.compile(
    r"(?:^|[\s\[\"'=:|(]|(?<=\w)/(?=\w+\]))"  # Log4j's [thread/LEVEL] too
    r"(?P<level>TRACE|DEBUG|INFO|NOTICE|WARN(?:ING)?|ERROR|SEVERE|FATAL|CRITICAL|PANIC)(?=$|[\s\]\"':|,)])",
    re.IGNORECASE,
)
_GRAVE = frozenset({"ERROR", "SEVERE", "FATAL", "CRITICAL", "PANIC"})
_ERROR = re.compile(
    r"(?<![\w.])[\w.]*(?:Error|Exception)(?![\w=])|^Traceback \(|\bpanic:|\b(?:failed|failure)\b", re.IGNORECASE
)
"""No start after a dot: each run of words and dots is read once, so that the time grows with the line."""
_NO_ERRORS = re.compile(r"\b(?:0|no|without) (?:errors?|failures?|failed)\b", re.IGNORECASE)
_WARNING = re.compile(r"\b(?:warn(?:ing)?|deprecated)\b", re.IGNORECASE)
_VARYING = re.compile(
    r"0x[0-9a-f]+|\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\b[0-9a-f]{12,}\b|\d+", re.IGNORECASE
)


def severity_of(line: str) -> str:
    """ERROR, WARN or INFO: by the level that the line names near its beginning, else by its words."""
    level = _LEVEL.search(without_names(line[:120]))
    if level is not None:
        name = level["level"].upper()
        return "ERROR" if name in _GRAVE else "WARN" if name.startswith("WARN") else "INFO"
    words = without_names(line)
    if _ERROR.search(words) and not _NO_ERRORS.search(words):
        return "ERROR"
    return "WARN" if _WARNING.search(words) else "INFO"


def patterns_of(lines: Iterable[str]) -> list[tuple[str, int]]:
    """The lines that are alike but for numbers and ids, one of each with how often it came, the most frequent first."""
    counts: Counter[str] = Counter()
    first: dict[str, str] = {}
    for line in lines:
        head = line.strip().split("\n", 1)[0][:LINE_LIMIT]
        key = _VARYING.sub("#", head)
        counts[key] += 1
        first.setdefault(key, head)
    return [(first[key], count) for key, count in counts.most_common()]
