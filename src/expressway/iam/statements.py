"""Policy documents read as IAM reads them: which statements speak of an action, a resource, a principal.

Source: IAM user guide, "Policy evaluation logic" and "IAM JSON policy elements reference".
"""

import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

Statement = Mapping[str, Any]


def statements(document: Mapping[str, Any]) -> Iterator[Statement]:
    """The statements of a document: a list of them, or a single one."""
    found = document.get("Statement", [])
    for statement in found if isinstance(found, list) else [found]:
        if isinstance(statement, Mapping):
            yield statement


def covers_action(statement: Statement, action: str) -> bool:
    """Whether the statement is about the action (Action or NotAction, wildcards, case ignored as IAM does)."""
    if "NotAction" in statement:
        return not any(_matches(pattern.lower(), action.lower()) for pattern in strings(statement["NotAction"]))
    return any(_matches(pattern.lower(), action.lower()) for pattern in strings(statement.get("Action")))


def covers_resource(statement: Statement, resource: str) -> bool:
    """Whether the statement is about the resource (Resource or NotResource, wildcards); the case counts."""
    if "NotResource" in statement:
        return not any(_matches(pattern, resource) for pattern in strings(statement["NotResource"]))
    return any(_matches(pattern, resource) for pattern in strings(statement.get("Resource")))


def is_variable(statement: Statement) -> bool:
    """Whether its resources hang on policy variables (``${aws:…}``), which only a real request fills."""
    return any("${" in pattern for key in ("Resource", "NotResource") for pattern in strings(statement.get(key)))


def strings(value: object) -> tuple[str, ...]:
    """An element that may be one string or a list of them."""
    if isinstance(value, str):
        return (value,)
    return tuple(str(one) for one in value) if isinstance(value, list | tuple) else ()


def _matches(pattern: str, text: str) -> bool:
    return fnmatchcase(text, re.sub(r"\[", "[[]", pattern))
