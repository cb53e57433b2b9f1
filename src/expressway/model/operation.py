"""A deployment or deletion under way, as the journal keeps it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

OperationKind = Literal["deploy", "delete"]
OperationState = Literal["running", "succeeded", "failed", "interrupted"]


@dataclass(frozen=True, slots=True)
class OperationRecord:
    """What is known of one operation without asking AWS.

    Times are ISO 8601 in UTC. `error` and `result` are the shapes that every face shows. A record found
    ``running`` whose process is gone is read as ``interrupted``: the same command continues it.
    """

    operation_id: str
    app_name: str
    kind: OperationKind
    state: OperationState
    phase: str
    message: str
    started_at: str
    updated_at: str
    error: Mapping[str, Any] | None = None
    result: Mapping[str, Any] | None = None
    process_id: int = 0
    process_started: str = field(default="", repr=False)
