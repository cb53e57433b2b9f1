"""Which modules get mutants, and which tests have to notice them."""

import re
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCE = Path("src") / "expressway"


def module_path(module: str) -> Path:
    """A module's file; one of another package is listed with the package's name."""
    return SOURCE.parent / module if module.startswith("expressway_") else SOURCE / module


def listed_modules() -> Mapping[str, tuple[str, ...]]:
    """The modules of ``modules.txt``, each with its tests."""
    modules: dict[str, tuple[str, ...]] = {}
    for line in Path(__file__).with_name("modules.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            module, _, more = line.partition(":")
            modules[module] = tuple(dict.fromkeys([*importing(module), *more.split()]))
    return modules


def importing(module: str) -> list[str]:
    """The tests that import a module, in the folder of its name."""
    dotted = re.escape(".".join(module_path(module).relative_to("src").with_suffix("").parts))
    wanted = re.compile(rf"(?m)^\s*(?:from|import) {dotted}\b")
    folder = ROOT / "tests" / Path(module).parts[0]
    found = [path for path in folder.rglob("test_*.py") if wanted.search(path.read_text(encoding="utf-8"))]
    return sorted(str(path.relative_to(ROOT)) for path in found)
