"""The definition file on disk: found, read and parsed, with every fault told as one error."""

from dataclasses import dataclass
from pathlib import Path

from expressway.errors import DefinitionError
from expressway.model.definition import AppDefinition, parse_definition_text

FILE_NAMES = ("expressway.yaml", "expressway.yml")


@dataclass(frozen=True, slots=True)
class LoadedDefinition:
    """A definition and where it came from; paths inside it are relative to `base_dir` (absolute)."""

    definition: AppDefinition
    path: Path
    base_dir: Path


def load_definition(path: Path | str) -> LoadedDefinition:
    """Read the definition file at `path`, or the one named expressway.yaml in that folder.

    Raises:
        DefinitionError: ``definition_missing``, ``definition_unreadable``, ``invalid_yaml`` (with line and
            column) or ``invalid_definition`` (with all problems); the details name the file.
    """
    file = _find(Path(path).expanduser())
    text = _read(file)
    try:
        definition = parse_definition_text(text)
    except DefinitionError as exc:
        exc.details.setdefault("file", str(file))
        raise
    return LoadedDefinition(definition, file, file.parent)


def is_folder(path: Path) -> bool:
    """Whether there is a folder at `path`.

    Raises:
        DefinitionError: ``definition_missing`` when there can be nothing (a name too long) or none may look.
    """
    try:
        return path.is_dir()
    except OSError as exc:
        raise DefinitionError(
            "definition_missing",
            f"Expected a file or folder at {str(path)[:200]}, got: {exc.strerror or exc}.",
            "Name the app's folder or its definition file, and check that it may be read.",
        ) from exc


def _find(path: Path) -> Path:
    folder = is_folder(path)
    if not folder and path.is_file():
        return path.resolve()
    candidates = [path / name for name in FILE_NAMES] if folder else []
    found = next((candidate for candidate in candidates if candidate.is_file()), None)
    if found is not None:
        return found.resolve()
    looked_for = f"{FILE_NAMES[0]} in the folder {path}" if folder else f"a file or folder at {path}"
    raise DefinitionError(
        "definition_missing",
        f"Expected {looked_for}, found none.",
        "Name the definition file, or write one: `expressway schema` prints every key.",
    )


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise DefinitionError(
            "definition_unreadable",
            f"Expected a readable UTF-8 text at {file}, got: {exc}.",
            "Check the file's permissions and encoding.",
            {"file": str(file)},
        ) from exc
