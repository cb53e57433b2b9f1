"""The error of the constructs: all wrong settings at once, before CloudFormation is called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


class ConstructError(Exception):
    """A construct cannot be made as asked.

    Args:
        code: stable snake_case identifier of the situation, such as ``invalid_service``.
        message: what was expected and what came, with the path of the construct.
        hint: what to do next.
        details: further JSON-serializable facts; ``details["problems"]`` lists every problem.
    """

    def __init__(self, code: str, message: str, hint: str, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(f"{message} {hint}")
        self.code = code
        self.message = message
        self.hint = hint
        self.details: dict[str, Any] = dict(details or {})
