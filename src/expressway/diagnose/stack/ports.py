"""The ports through which troubleshooting sees stacks, their nested stacks and their hooks."""

from collections.abc import Sequence
from typing import Protocol

from expressway.cloudformation.history import StackHistory


class StackHistoryReads(Protocol):
    """Histories of stacks (cloudformation.history_reader.StackHistories); TargetError where refused."""

    def history(self, stack_name_or_id: str) -> StackHistory | None: ...
    def names(self) -> tuple[str, ...]: ...
    def deleted_id(self, stack_name: str) -> str: ...
    def resource_ids(self, stack_name: str, resource_types: Sequence[str]) -> tuple[str, ...] | None: ...
