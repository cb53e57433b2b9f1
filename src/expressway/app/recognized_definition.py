"""Whether data that was read from a file is the definition of an app, so that messages may repeat what stands in it."""

from collections.abc import Mapping
from typing import Any, cast

from expressway.app.definition import AppDefinition

_SOURCES = frozenset({"build", "image", "task_definition_arn"})


def is_definition(data: object, *, whole: bool) -> bool:
    """Whether `data` has a key that tells an app.

    `whole`, for a file that its name does not tell: it must have both the name and the source of an app, and no more
    unknown keys than known ones.
    """
    if not isinstance(data, Mapping):
        return False
    keys = {key for key in cast("Mapping[Any, Any]", data) if isinstance(key, str)}
    known = keys & AppDefinition.model_fields.keys()
    if not whole:
        return bool(known & {"name", *_SOURCES})
    return "name" in known and bool(known & _SOURCES) and len(known) * 2 >= len(data)
