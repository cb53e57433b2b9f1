"""Under which names of our answers the text of others stands whole: a table for what no quotation marks.

Our own sentences quote (`model.quotation`); these are lists of lines, and members that keep the names AWS gave them.
"""

from collections.abc import Mapping
from typing import Literal

Reader = Literal["operator", "everybody"]
"""For whom it is: `operator` needs ALLOW_SENSITIVE_DATA, `everybody` sees it, as a quotation."""

WITHHELD_FIELDS = frozenset({"evidence", "log_tail", "log_lines", "log_excerpt", "stack_message"})
"""Left out of an answer altogether where it may not be shown: what it rests on is told beside it."""

BY_NAME: Mapping[str, Reader] = {
    **dict.fromkeys(WITHHELD_FIELDS, "operator"),
    "stoppedReason": "operator",
    "stopped_reason": "operator",
    "statusReason": "operator",
    "status_reason": "operator",
    "rolloutStateReason": "operator",
    "StackStatusReason": "operator",
    "ResourceStatusReason": "operator",
    "stack_status_reason": "operator",
    "resource_status_reason": "operator",
    "HookStatusReason": "operator",
    "ValidationStatusReason": "everybody",
    "rollback_reason": "operator",
    "output": "everybody",
    "step": "everybody",
    "diff": "everybody",
}

BY_PLACE: Mapping[tuple[str, str], Reader] = {
    ("events", "message"): "operator",
    ("service_events", "message"): "operator",
    ("log_entries", "message"): "operator",
    ("logs", "message"): "operator",
    ("containers", "reason"): "operator",
    ("failure_reasons", "reason"): "operator",
    ("tags", "value"): "operator",
    ("findings", "message"): "everybody",
}
"""A member of the objects in a list of that name."""


def reader_of(name: str, above: str) -> Reader | None:
    """Who may read what stands under `name`, in an object of a list or mapping under the name `above`."""
    return BY_NAME.get(name) or BY_PLACE.get((above, name))
