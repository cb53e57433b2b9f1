"""What a hint advises to type exists: options of ours, and commands of ours."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typer.main import get_command

from expressway.cli.application import app

SOURCE = Path(__file__).parents[2] / "src"
OF_OTHERS = re.compile(r"\b(?:docker|podman|aws|npm|pip|uv) [^;,.:`]*")
"""Commands of other programs, with their own options."""
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")
COMMAND = re.compile(r"\bexpressway ([a-z]+)(?: ([a-z]+))?")


def options_of(command: Any) -> Iterator[str]:
    yield "--help"
    for parameter in command.params:
        yield from (*parameter.opts, *parameter.secondary_opts)
    for inner in getattr(command, "commands", {}).values():
        yield from options_of(inner)


def hints() -> Iterator[tuple[str, str]]:
    """The third argument of every error that the source makes, with its place."""
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and len(node.args) > 2:
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                if name.endswith(("Error", "StillRunning")):
                    parts = [part.value for part in ast.walk(node.args[2]) if isinstance(part, ast.Constant)]
                    yield f"{path.name}:{node.lineno}", " ".join(str(part) for part in parts)


def test_every_option_and_command_that_a_hint_names_exists() -> None:
    known: Any = get_command(app)
    options = set(options_of(known))
    told = list(hints())
    assert sum(bool(OPTION.search(text)) for _, text in told) > 10
    for place, text in told:
        assert set(OPTION.findall(OF_OTHERS.sub("", text))) <= options, place
        for command, inner in COMMAND.findall(text):
            assert command in known.commands, place
            group = getattr(known.commands[command], "commands", None)
            assert not group or not inner or inner in group, place
