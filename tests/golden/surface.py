"""The names of each folder that other folders use: its public surface, kept in ``surface.txt``."""

import ast
from collections.abc import Iterator
from pathlib import Path

SOURCES = Path(__file__).resolve().parents[2] / "src"
SURFACE = Path(__file__).with_name("surface.txt")


def surface() -> str:
    """A line for each module of a folder of Expressway that another folder imports from, with the names it takes."""
    used: dict[str, set[str]] = {}
    for path in SOURCES.rglob("*.py"):
        folder = _folder(".".join(path.relative_to(SOURCES).with_suffix("").parts))
        for module, name in _imports(path):
            if _folder(module) not in ("", folder):
                used.setdefault(module, set()).add(name)
    return "".join(f"{module}: {', '.join(sorted(names))}\n" for module, names in sorted(used.items()))


def _imports(path: Path) -> Iterator[tuple[str, str]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield from ((node.module, alias.name) for alias in node.names)


def _folder(module: str) -> str:
    """``expressway.plan`` for ``expressway.plan.preflight.rules``; nothing for what is not ours."""
    package, _, rest = module.partition(".")
    if package == "expressway":
        return f"expressway.{rest.partition('.')[0]}" if rest else package
    return package if package.startswith("expressway_") else ""
