"""The border to ministack, the emulator that the sandbox extends."""

from expressway_sandbox.emulator.api import (
    Answer,
    AwsFault,
    account_id,
    answer_json,
    call_json,
    call_query,
    fault_json,
    module,
    now,
    read_json,
    region,
    scope,
    task_definition,
)

__all__ = [
    "Answer",
    "AwsFault",
    "account_id",
    "answer_json",
    "call_json",
    "call_query",
    "fault_json",
    "module",
    "now",
    "read_json",
    "region",
    "scope",
    "task_definition",
]
