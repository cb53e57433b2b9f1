"""The telling line of a log's end: the exception, not the traceback around it."""

import re
from collections.abc import Sequence

LINE_LIMIT = 300
_TELLING = (
    # Python, Node, Java, Ruby, Go, Rust, shells: `Name.Of.Error: text`, `panic: text`, `sh: x: not found`.
    re.compile(r"exec format error", re.IGNORECASE),
    re.compile(r"^(?:Exception in thread \"[^\"]*\" |Uncaught |Caused by: )?[\w.$]*(?:Error|Exception|Exit)\b:?.*$"),
    re.compile(r"^(?:panic: |fatal error: |thread '.*' panicked at ).*$"),
    re.compile(r"^.*(?:: not found|: No such file or directory|: Permission denied)$"),
    # What servers print before they only say that they stop (gunicorn, uvicorn, puma).
    re.compile(r"^(?:Failed to (?:find|import|load|parse|open|bind)|Could not (?:import|find|load|open|bind))\b"),
    re.compile(r"\b(?:FATAL|CRITICAL|fatal|critical|ERROR|Error)\b"),
    re.compile(r"\b(?:error|failed|cannot|unable|denied|refused)\b", re.IGNORECASE),
)
_PREFIX = re.compile(
    r"^(?:\[[^\]]{1,60}\]\s*|\d{4}-\d\d-\d\d[T ][\d:.,]+(?:Z|[+-]\d\d:?\d\d)?\s+|(?:ERROR|CRITICAL|FATAL)\b:?\s+)+"
)
"""Time stamps, process ids and levels, which say nothing about the cause."""
_LISTENING = re.compile(
    r"(?:listen\w*|running|started|serving|server|bound|ready)\b.*?(?:port[ =:]*|:)(?P<port>\d{2,5})\b", re.IGNORECASE
)


def telling_line(lines: Sequence[str]) -> str:
    """The line that names what went wrong, cut to 300 characters; the last line when none does; or empty.

    Later lines win over earlier ones and exact forms over loose ones: the exception closes its traceback.
    """
    stripped = [line.strip() for line in lines if line.strip()]
    for pattern in _TELLING:
        for line in reversed(stripped):
            if pattern.search(line):
                return _shown(line)
    return _shown(stripped[-1]) if stripped else ""


def _shown(line: str) -> str:
    return (_PREFIX.sub("", line) or line)[:LINE_LIMIT]


def listening_port(lines: Sequence[str]) -> int | None:
    """The port that the log says the application listens on, or None."""
    for line in reversed(lines):
        match = _LISTENING.search(line)
        if match and 0 < int(match["port"]) < 65536:
            return int(match["port"])
    return None
