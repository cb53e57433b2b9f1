"""Applications whose own runtime ran out of memory: ECS did not kill them, they ended by themselves."""

import re
from dataclasses import dataclass

_TASK = "give the task more memory (memory_mib) if the limit is near its size"


@dataclass(frozen=True, slots=True)
class RuntimeLimit:
    """What a runtime says when it gives up, in the line that ends the application.

    Attributes:
        happened: what it ran into, behind "The container … ended by itself (exit code …): ".
        remedy: how the limit is raised.
    """

    pattern: re.Pattern[str]
    happened: str
    remedy: str


def _limit(pattern: str, happened: str, remedy: str) -> RuntimeLimit:
    return RuntimeLimit(re.compile(pattern), happened, remedy)


_LIMITS = (
    _limit(
        r"(?:^|[\s.])OutOfMemoryError: (?:Metaspace|Compressed class space)",
        "Java reached its own limit for classes (Metaspace)",
        f"Raise -XX:MaxMetaspaceSize or look for what loads classes again and again; {_TASK}.",
    ),
    _limit(
        r"(?:^|[\s.])OutOfMemoryError: unable to create (?:new )?native thread",
        "Java could start no more threads",
        "Use fewer threads (pools with a bound), or smaller stacks (-Xss).",
    ),
    _limit(
        r"(?:^|[\s.])OutOfMemoryError\b",
        "Java reached its own heap limit",
        f"Raise the heap (-XX:MaxRAMPercentage or -Xmx; without them it is a quarter of the memory); {_TASK}.",
    ),
    _limit(
        r"JavaScript heap out of memory|heap limit Allocation failed",
        "Node.js reached its own heap limit",
        f"Raise it (NODE_OPTIONS=--max-old-space-size=<MiB>) or hold less in memory; {_TASK}.",
    ),
    _limit(
        r"Allowed memory size of \d+ bytes exhausted",
        "PHP reached its own memory_limit",
        f"Raise memory_limit in php.ini or hold less in memory; {_TASK}.",
    ),
    _limit(
        r"(?:^|[\s.])(?:System\.)?OutOfMemoryException\b",
        ".NET reached its own heap limit",
        f"Raise DOTNET_GCHeapHardLimitPercent (75 % of the memory by default) or hold less in memory; {_TASK}.",
    ),
    _limit(
        r"^(?:(?:numpy\.\S+|\S+\.)?_?(?:Array)?MemoryError\b|fatal error: runtime: (?:out of memory|cannot allocate)|"
        r"NoMemoryError\b|memory allocation of \d+ bytes failed|.*: Cannot allocate memory(?: \(os error 12\))?$)",
        "it asked for memory that it was not given",
        "Make it use less at a time, or raise memory_mib in the definition.",
    ),
)
_QUOTED_LEVEL = re.compile(r"^(?:TRACE|DEBUG|INFO|NOTICE|WARN(?:ING)?)\b", re.IGNORECASE)


def runtime_limit(line: str) -> RuntimeLimit | None:
    """The limit that the last exception of a log names; None for any other line, and for one of no weight (INFO)."""
    if _QUOTED_LEVEL.match(line):
        return None
    return next((one for one in _LIMITS if one.pattern.search(line)), None)
