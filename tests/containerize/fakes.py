"""Folders in memory, and what containerizing them gives."""

from collections.abc import Mapping
from pathlib import Path

from expressway.containerize.containerize import ContainerizePorts, ContainerizeRequest, containerize_app
from expressway.containerize.files import AppFiles
from expressway.containerize.recipes import load_recipes
from expressway.containerize.result import Containerization
from expressway.containerize.review.hadolint import LintedLine
from expressway.errors import EngineError

ROOT = Path("/srv/shop")


class InMemoryFolder:
    """A folder whose contents a test gives; what is written is remembered."""

    def __init__(self, texts: Mapping[str, str], name: str = "shop", omitted: tuple[str, ...] = ()) -> None:
        self.files = AppFiles(name, tuple(sorted(texts)), dict(texts), omitted)
        self.written: dict[str, str] = {}

    def read(self, root: Path) -> AppFiles:
        assert root == ROOT
        return self.files

    def write(self, root: Path, contents: Mapping[str, str], *, overwrite: bool) -> tuple[str, ...]:
        taken = {path: text for path, text in contents.items() if overwrite or path not in self.files.paths}
        self.written |= taken
        return tuple(taken)


def clean(_: str) -> tuple[LintedLine, ...]:
    """A linter that finds nothing."""
    return ()


def missing(_: str) -> tuple[LintedLine, ...]:
    """A linter that is not installed."""
    raise EngineError("hadolint_missing", "hadolint is not installed.", "Install it.")


def containerized(
    texts: Mapping[str, str],
    *,
    folder: InMemoryFolder | None = None,
    linter: object = clean,
    port: int | None = None,
    framework: str | None = None,
    write: bool = False,
    overwrite: bool = False,
) -> Containerization:
    request = ContainerizeRequest(ROOT, port, framework, write, overwrite)
    ports = ContainerizePorts(folder or InMemoryFolder(texts), linter, load_recipes())  # type: ignore[arg-type]
    return containerize_app(request, ports)
