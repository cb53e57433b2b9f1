"""Withhold what containers wrote (log lines, evidence) from an answer, and say how to allow it."""

import re
from collections.abc import Mapping
from typing import Any

from expressway.policy.gates import SENSITIVE_VARIABLE

NOTE = f"Log lines and evidence are withheld; {SENSITIVE_VARIABLE}=true in the server's environment shows them."
WITHHELD_KEYS = frozenset({"evidence", "log_tail", "log_lines", "log_excerpt"})

# The sentence of a cause that quotes a log line (diagnosis.exit_rules): how the container ended, then the line;
# around it may stand what CloudFormation made of it.
_QUOTING = re.compile(
    r"(?P<told>The container \S+ (?:exited with code -?\d+|ended by itself)[^:]*)"
    r": .*?(?P<rest> \(\S+ ended in [A-Z_]+\.\)[^\n]*|$)",
    re.DOTALL,
)


def withhold(answer: Mapping[str, Any]) -> dict[str, Any]:
    """`answer` without evidence and log lines, wherever they stand, also where a sentence quotes one of them.

    ``withheld`` says so, and how to see the rest; an answer that has nothing to withhold comes back as it is.
    """
    shown: dict[str, Any] = _without(answer)
    return {**shown, "withheld": NOTE} if shown != answer else shown


def withhold_quoted(sentence: str) -> str:
    """`sentence` without the log line that it quotes."""
    return _QUOTING.sub(r"\g<told> (log withheld)\g<rest>", sentence)


def _without(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without(item) for key, item in value.items() if not (key in WITHHELD_KEYS and item)}
    if isinstance(value, list | tuple):
        kept = [_without(item) for item in value]
        return kept if isinstance(value, list) else tuple(kept)
    return withhold_quoted(value) if isinstance(value, str) else value
