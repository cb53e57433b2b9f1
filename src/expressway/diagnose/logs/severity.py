"""How grave a log line is, and which errors come again and again."""

import re
from collections import Counter
from collections.abc import Iterable

from expressway.diagnose.logs.excerpt import LINE_LIMIT, without_names

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
    """The lines that are alike but for numbers and ids, one of each with how often it came, the commonest first."""
    counts: Counter[str] = Counter()
    first: dict[str, str] = {}
    for line in lines:
        head = line.strip().split("\n", 1)[0][:LINE_LIMIT]
        key = _VARYING.sub("#", head)
        counts[key] += 1
        first.setdefault(key, head)
    return [(first[key], count) for key, count in counts.most_common()]
