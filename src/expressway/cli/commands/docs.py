"""The commands that look things up in AWS's documentation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from expressway.cli.options import MARKUP, AsJson
from expressway.cli.views.output import message_console, print_json, readable
from expressway.cli.views.reporting import reporting
from expressway.knowledge.values import READ, RECOMMEND, SEARCH

docs = typer.Typer(
    help="Look things up in AWS's documentation.",
    no_args_is_help=True,
    rich_markup_mode=MARKUP,
)

Url = Annotated[str, typer.Argument(help="A page of AWS's documentation.")]


@docs.command()
def search(
    phrase: Annotated[str, typer.Argument(help="What to look for.")],
    limit: Annotated[int | None, typer.Option(min=1, help="How many pages.")] = None,
    topic: Annotated[list[str] | None, typer.Option(help="Only this topic; can be repeated.")] = None,
    as_json: AsJson = False,
) -> None:
    """Find pages."""
    _show(SEARCH, {"search_phrase": phrase, "limit": limit, "topics": topic or None}, as_json=as_json)


@docs.command()
def read(
    url: Url,
    start_index: Annotated[int | None, typer.Option(min=0, help="The character to begin with.")] = None,
    max_length: Annotated[int | None, typer.Option(min=1, help="How many characters.")] = None,
    as_json: AsJson = False,
) -> None:
    """Print a page as Markdown."""
    _show(READ, {"url": url, "start_index": start_index, "max_length": max_length}, as_json=as_json)


@docs.command()
def recommend(url: Url, as_json: AsJson = False) -> None:
    """Find pages related to a page."""
    _show(RECOMMEND, {"url": url}, as_json=as_json)


def _show(tool: str, arguments: Mapping[str, Any], *, as_json: bool) -> None:
    from expressway.toolkit import Toolkit

    with reporting(as_json=as_json), Toolkit() as toolkit:
        given = {name: value for name, value in arguments.items() if value is not None}
        shape = toolkit.consult_knowledge(tool, given).to_dict()
        content = shape["content"]
        if as_json:
            print_json(shape)
        elif isinstance(content, str):
            typer.echo(readable(content))
        else:
            print_json(content)
        if not as_json and "truncated" in shape:
            message_console().print("[dim]The page goes on; --start-index and --max-length show other parts of it.[/]")
