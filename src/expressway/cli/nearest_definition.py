"""Which definition a command is about: the one that is named, or the nearest in this folder or above it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from expressway.errors import DefinitionError, UsageError

if TYPE_CHECKING:
    from expressway.toolkit import AppSource

HERE = Path()
"""What a command gets when no path is named."""
_NAMES = ("expressway.yaml", "expressway.yml")


def definition_at(path: Path) -> Path:
    """`path`; where it is this folder and holds no definition, the nearest definition in a folder above it.

    A folder above is looked into as far as the root of the repository, the home folder (which is not), another file
    system, or a folder of another user's. What was taken from there is said on standard error.

    Raises:
        DefinitionError: ``definition_missing`` for a folder without a definition.
    """
    found = _nearest(path)
    if found is not None:
        if found.parent != path.resolve() and path == HERE:
            _say_taken(found)
            return found
        return path
    if not _is_folder(path):
        return path  # whoever reads it says what is wrong
    above = " or a folder above it" if path == HERE else ""
    raise DefinitionError(
        "definition_missing",
        f"Expected {_NAMES[0]} in the folder {path.resolve()}{above}, found none.",
        "Name the app's folder or its definition file, or have one written: "
        f"expressway containerize {shlex.quote(str(path))} --write",
    )


def app_name_or_here(app_name: str | None) -> str:
    """The app that is named, or the one whose definition is the nearest.

    Raises:
        UsageError: ``app_missing`` when none is named and there is no definition.
        DefinitionError: whatever is wrong with the definition.
    """
    if app_name:
        return app_name
    source = source_here()
    if source is None:
        raise UsageError(
            "app_missing",
            f"Expected an app's name, or {_NAMES[0]} in this folder or above it; got neither.",
            "Name the app (expressway list shows them), or run the command in the app's folder.",
        )
    return source.definition.name


def source_here() -> AppSource | None:
    """The app whose definition is the nearest, said on standard error; None where there is no definition.

    Raises:
        DefinitionError: whatever is wrong with the definition.
    """
    from expressway.toolkit import app_source

    found = _nearest(HERE)
    if found is None:
        return None
    _say_taken(found)
    return app_source(found)


def _say_taken(file: Path) -> None:
    from expressway.cli.views.output import escape, message_console

    message_console().print(f"[dim]definition[/] {escape(str(file))}")


def _nearest(path: Path) -> Path | None:
    try:
        folders = _upwards(path.resolve()) if path == HERE else [path]
        return next((file for folder in folders for name in _NAMES if (file := folder / name).is_file()), None)
    except OSError:  # a name too long, a folder that is gone: whoever reads it says so
        return None


def _upwards(folder: Path) -> Iterator[Path]:
    """`folder` and those above it that belong to the same work."""
    start = folder.stat()
    home = Path.home()
    yield folder
    while not (folder / ".git").exists() and folder != folder.parent:
        folder = folder.parent
        place = folder.stat()
        if folder == home or (place.st_dev, place.st_uid) != (start.st_dev, start.st_uid):
            return
        yield folder


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False
