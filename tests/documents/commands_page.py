"""The reference of commands, generated from the Typer application."""

import inspect
from collections.abc import Iterator
from typing import Any

from typer.main import get_command

from expressway.cli.application import app
from tests.documents.tables import code, table

_HEAD = """# Commands

`expressway COMMAND --help` prints the same. Progress goes to standard error, the result to standard output.
[Deploy and operate](../guides/deploy.md#output-and-exit-codes) explains output and exit codes.
"""


def commands_page() -> str:
    """Every command with its arguments and options, in the order of the help."""
    root = get_command(app)
    return "\n".join([_HEAD, *_sections(root, ("expressway",))])


def _sections(group: Any, path: tuple[str, ...]) -> Iterator[str]:
    for name, command in group.commands.items():
        here = (*path, name)
        if hasattr(command, "commands"):
            yield f"## {' '.join(here[1:])}\n\n{inspect.cleandoc(command.help or '')}\n"
            yield from _sections(command, here)
        else:
            yield _section(command, here)


def _section(command: Any, path: tuple[str, ...]) -> str:
    arguments = [parameter for parameter in command.params if parameter.param_type_name == "argument"]
    options = [parameter for parameter in command.params if parameter.param_type_name == "option"]
    usage = " ".join([*path, *(_argument(one) for one in arguments), *(["[OPTIONS]"] if options else [])])
    rows = [(code(_argument(one)), one.help or "", _default(one)) for one in arguments]
    rows += [(_option(one), one.help or "", _default(one)) for one in options if not one.hidden]
    text = [f"{'#' * len(path)} {' '.join(path[1:])}", f"`{usage}`", inspect.cleandoc(command.help or "")]
    if rows:
        text.append(table(("argument or option", "meaning", "default"), rows))
    return "\n\n".join(text) + "\n"


def _argument(parameter: Any) -> str:
    name = parameter.name.upper()
    return name if parameter.required else f"[{name}]"


def _option(parameter: Any) -> str:
    names = ", ".join(code(name) for name in (*parameter.opts, *parameter.secondary_opts))
    return names if parameter.is_flag else f"{names} {code(parameter.metavar or parameter.name.upper())}"


def _default(parameter: Any) -> str:
    shown = parameter.show_default
    if isinstance(shown, str):
        return shown
    if parameter.required:
        return "required"
    value = parameter.default
    return code(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""
