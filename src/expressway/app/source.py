"""Which app is meant: its definition, and the folder that its paths are relative to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from expressway.errors import DefinitionError
from expressway.privacy.untrusted import echoed

if TYPE_CHECKING:
    from expressway.app.definition import AppDefinition


@dataclass(frozen=True, slots=True)
class AppSource:
    """A definition, and the (absolute) folder that its build context is relative to."""

    definition: AppDefinition
    base_dir: Path


def app_source(path: Path | str) -> AppSource:
    """The app whose definition is `path`, or lies in the folder `path` as ``expressway.yaml``.

    Raises:
        DefinitionError: the file is missing, unreadable, no YAML, or wrong (every problem at once).
    """
    from expressway.app.file import load_definition

    loaded = load_definition(path)
    return AppSource(loaded.definition, loaded.base_dir)


def inline_source(definition: Mapping[str, Any] | str, base_dir: Path) -> AppSource:
    """The app whose definition is given as a mapping or as YAML text."""
    from expressway.app.parse import parse_definition, parse_definition_text

    parsed = parse_definition_text(definition) if isinstance(definition, str) else parse_definition(definition)
    return AppSource(parsed, base_dir)


def source_of(app_name: str, path: Path) -> AppSource | None:
    """The definition at `path`, if there is one.

    Raises:
        DefinitionError: ``app_name_mismatch`` when it is another app's; whatever is wrong with it.
    """
    from expressway.app.file import has_definition

    if not has_definition(path):
        return None  # the build itself says what is wrong with the folder
    source = app_source(path)
    if source.definition.name != app_name:
        raise DefinitionError(
            "app_name_mismatch",
            f"Expected the definition at {echoed(str(path))} to be of the app {app_name!r}; it is of "
            f"{source.definition.name!r}.",
            f"Pass the app's name {source.definition.name!r}, or the folder of the other app; a folder without a "
            "definition is built with the defaults.",
            {"app_name": app_name, "definition": source.definition.name},
        )
    return source
