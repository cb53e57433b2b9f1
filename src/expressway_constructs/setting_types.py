"""Which types the settings of a construct take, checked before any of them is used.

The CDK's own checks name neither the construct nor the setting, and most of them come from inside of it.
"""

import math
import sys
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from typing import Any

from expressway_constructs.errors import ConstructError

Check = Callable[[str, Any], Iterator[str]]
"""Given a setting's path and value, the sentences that say what is wrong."""

Fits = Callable[[Any], bool]


def is_token(value: object) -> bool:
    """True for a text or number that the CDK only knows at deploy time.

    Read from the CDK's own encoding, since ``Token.is_unresolved`` costs a round trip to Node for each value.
    """
    if isinstance(value, str):
        return "${Token[" in value
    return isinstance(value, float) and math.isfinite(value) and value < _LOWEST_NUMBER


_LOWEST_NUMBER = -1e280
"""Encoded numbers are about -1.9e289. Source: aws-cdk-lib/core/lib/private/encoding.ts."""


def is_token_list(values: Any) -> bool:
    """True for a list of texts that the CDK only knows at deploy time: one marker stands for all of it."""
    return len(values) == 1 and isinstance(values[0], str) and "#{Token[" in values[0]


def is_text(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def is_number(value: Any) -> bool:
    """A whole number, or a token for one."""
    return (isinstance(value, int) and not isinstance(value, bool)) or is_token(value)


def is_value(value: Any) -> bool:
    """A text, which may be empty, or a number that is known only at deploy time, such as a database's port."""
    return isinstance(value, str) or is_token(value)


def is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def is_member(of: type[Enum]) -> Fits:
    """Fits members of an enumeration of the CDK's."""
    return lambda value: isinstance(value, of)


def offers(*names: str) -> Fits:
    """Fits a construct, or whatever else the CDK gave or will take, that has all these attributes.

    Attributes are looked up at the class, since reading one asks Node.
    """
    return lambda value: _is_cdk(value) and all(_has(value, name) for name in names)


def _is_cdk(value: Any) -> bool:
    return not isinstance(value, type) and hasattr(value, "__jsii_type__")


def _has(value: Any, name: str) -> bool:
    several_interfaces = type(value).__name__ == "InterfaceDynamicProxy"
    return hasattr(value if several_interfaces else type(value), name)


def any_of(*fits: Fits) -> Fits:
    return lambda value: any(each(value) for each in fits)


def is_container_image(value: Any) -> bool:
    """An ``ecs.ContainerImage``, without loading aws_ecs: it is loaded where such an image exists."""
    ecs = sys.modules.get("aws_cdk.aws_ecs")
    return ecs is not None and isinstance(value, ecs.ContainerImage)


def one(expected: str, fits: Fits, *, optional: bool = True) -> Check:
    """A single value; `optional` where None stands for the default."""

    def check(path: str, value: Any) -> Iterator[str]:
        if not (optional and value is None) and not fits(value):
            yield f"{path}: expected {expected}, got {describe(value)}."

    return check


def each(expected: str, fits: Fits) -> Check:
    """A list or tuple of values."""

    def check(path: str, value: Any) -> Iterator[str]:
        if not isinstance(value, list | tuple):
            yield f"{path}: expected a list of {expected}, got {describe(value)}."
            return
        for index, entry in enumerate(value):  # pyright: ignore[reportUnknownArgumentType]
            if not fits(entry):
                yield f"{path}[{index}]: expected {expected}, got {describe(entry)}."

    return check


def by_name(expected: str, fits: Fits) -> Check:
    """A mapping of names to values."""

    def check(path: str, value: Any) -> Iterator[str]:
        if value is None:
            return
        if not isinstance(value, Mapping):
            yield f"{path}: expected a mapping of names to values, got {describe(value)}."
            return
        for name, entry in value.items():  # pyright: ignore[reportUnknownVariableType]
            if not is_text(name):
                yield f"{path}: expected names that are texts, got {describe(name)}."
            elif not fits(entry):
                yield f"{path}.{shorten(name)}: expected {expected}, got {describe(entry)}."

    return check


def describe(value: object) -> str:
    """A value as messages show it: briefly, and a foreign object by its type alone."""
    if isinstance(value, str | int | float) or value is None:
        return shorten(repr(value))
    return f"a {type(value).__name__}" if not isinstance(value, type) else f"the class {value.__name__}"


def shorten(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


_LONGEST = 80


def wrong_types(settings: Mapping[str, Any], checks: Mapping[str, Check]) -> dict[str, list[str]]:
    """What is wrong with the type of each setting; settings that are right are left out."""
    found = {name: list(check(name, settings[name])) for name, check in checks.items() if name in settings}
    return {name: problems for name, problems in found.items() if problems}


def refuse_wrong_types(code: str, settings: Mapping[str, Any], checks: Mapping[str, Check], *, place: str = "") -> None:
    """Raise one error with all wrong types.

    Raises:
        ConstructError: with `code`.
    """
    problems = [problem for each in wrong_types(settings, checks).values() for problem in each]
    if problems:
        text = " ".join(problems)
        raise ConstructError(
            code, f"{place}: {text}" if place else text, "Correct the arguments named above.", {"problems": problems}
        )


ROLE = one("an iam.IRole (iam.Role.from_role_arn makes one of an ARN)", offers("role_arn", "add_to_principal_policy"))
TEXT = one("a text that is not empty", is_text)
NUMBER = one("a whole number", is_number)
TEXTS = each("a text", lambda value: isinstance(value, str))
REPOSITORY_KIND = offers("repository_uri", "grant_pull")
SECRET_KIND = offers("secret_arn", "grant_read")
