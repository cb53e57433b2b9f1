"""Version ranges as manifests write them (npm, Python, Composer, Ruby), compared with the versions there are images of.

Versions are compared in as many parts as a candidate has: 3.12 satisfies ``>=3.11.4``, 22 satisfies ``^22.3``.
"""

import re
from collections.abc import Sequence
from itertools import takewhile

_COMPARATOR = re.compile(r"(?P<operator>>=|<=|===|==|!=|~>|~=|>|<|=|\^|~)?\s*v?(?P<version>\d+(?:\.(?:\d+|[xX*]))*)")
_HYPHEN = re.compile(r"v?(\d[\d.]*)\s+-\s+v?(\d[\d.]*)")
_LONGEST_RANGE = 200

Version = tuple[int, ...]


def newest_in_range(text: str, candidates: Sequence[str], *, preferred: str) -> str | None:
    """The version to use for a range: `preferred` when it fits, else the newest candidate that does, or None."""
    fitting = [candidate for candidate in candidates if satisfies(candidate, text)]
    if preferred in fitting:
        return preferred
    return max(fitting, key=_parts, default=None)


def satisfies(version: str, text: str) -> bool:
    """Whether `version` lies in the range; a text that is no range admits everything."""
    candidate = _parts(version)
    text = text[:_LONGEST_RANGE]
    spread = _HYPHEN.sub(r">=\1 <=\2", text)
    alternatives = [part for part in re.split(r"\|\|?", spread) if part.strip()]
    return not alternatives or any(
        all(_holds(candidate, match) for match in _COMPARATOR.finditer(part)) for part in alternatives
    )


def _holds(candidate: Version, match: re.Match[str]) -> bool:
    operator = match["operator"] or "="
    wanted = _parts(match["version"])
    if not wanted:
        return True
    known = wanted[: len(candidate)]
    prefix = candidate[: len(known)]
    finer = len(wanted) > len(candidate)
    if operator in {">=", ">"}:
        # Of 3.12, the image has the newest patch: it lies above any 3.12.x, and above 3.11 as a whole.
        return prefix > known or (prefix == known and (operator == ">=" or finer))
    if operator in {"<", "<="}:
        return prefix < known or (prefix == known and (operator == "<=" or (finer and any(wanted[len(candidate) :]))))
    if operator == "!=":
        return finer or prefix != known
    if operator in {"^", "~", "~=", "~>"}:
        fixed = _fixed(operator, wanted)
        return prefix >= known and candidate[:fixed] == wanted[: len(candidate)][:fixed]
    return prefix == known


def _fixed(operator: str, wanted: Version) -> int:
    """How many leading parts may not change."""
    if operator == "^":
        return 1 if wanted[0] or len(wanted) == 1 else 2
    if operator == "~":
        return min(2, len(wanted))
    return max(1, len(wanted) - 1)


def _parts(version: str) -> Version:
    return tuple(int(part[:9]) for part in takewhile(str.isdecimal, version.split(".")))
