"""One line of a log with its time, and what a search over log groups found."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class LogEvent:
    """One event of CloudWatch Logs; `message` is what the application wrote."""

    timestamp: datetime
    message: str
    stream: str = ""
    group: str = ""


@dataclass(frozen=True, slots=True)
class LogSearch:
    """The newest events that a search found, oldest first; `complete` is False when older matches were left out."""

    events: tuple[LogEvent, ...] = ()
    complete: bool = True
    group_exists: bool = True
