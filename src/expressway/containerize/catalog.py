"""The data files about languages, package managers and frameworks that ship with the package, read once."""

from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from expressway.containerize.recipes import Framework, Installer, Language, Recipes


@cache
def load_recipes() -> Recipes:
    """Every data file; they are part of the package, so that one which does not fit is a fault of ours and raises."""
    room = files("expressway") / "containerize" / "data"
    return Recipes(
        languages={name: Language.model_validate(_data(file)) for name, file in _named(room / "languages")},
        installers={name: Installer.model_validate(_data(file)) for name, file in _named(room / "installers")},
        frameworks={name: Framework.model_validate(_data(file)) for name, file in _named(room / "frameworks")},
        templates={file.name: file.read_text(encoding="utf-8") for file in (room / "templates").iterdir()},
    )


def _named(folder: Traversable) -> Iterator[tuple[str, Traversable]]:
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        if file.name.endswith(".yaml"):
            yield file.name.removesuffix(".yaml"), file


def _data(file: Traversable) -> object:
    import yaml

    return yaml.safe_load(file.read_text(encoding="utf-8"))
