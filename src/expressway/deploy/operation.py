"""A deployment, build or deletion in progress, as the journal keeps it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

OperationKind = Literal["deploy", "delete", "build", "restart"]
OperationState = Literal["running", "succeeded", "failed", "interrupted"]

_CUT_OFF = {"credentials_expired", "connection_failed", "sandbox_not_running", "throttled", "service_unavailable"}


@dataclass(frozen=True, slots=True)
class OperationRecord:
    """What is known of one operation without asking AWS.

    Times are ISO 8601 in UTC. `error` and `result` are the shapes that every face shows. A record found
    ``running`` whose process is gone is read as ``interrupted``: the same command continues it.

    `approved` is the approval (`Plan.approval`) under which a deployment runs; an unfinished one hands it on to
    the operation that continues it. `continues` is the id of an operation that was cut short and that this one
    takes up; empty when the last one ended by itself.
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
    approved: Mapping[str, Any] | None = None
    continues: str = ""
    process_id: int = 0
    process_started: str = field(default="", repr=False)

    @property
    def was_cut_short(self) -> bool:
        """True when what was started may go on unseen: killed, cancelled, cut off from AWS, or waiting in vain."""
        if self.state != "failed":
            return self.state == "interrupted"
        return self.phase == "wait" or (self.error or {}).get("code") in _CUT_OFF
