"""`expressway api`: any operation of the ECS API by its name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from expressway.cli.options import AsJson, Profile, Region, Sandbox, Yes
from expressway.cli.views.output import print_json, print_target
from expressway.cli.views.reporting import can_ask, confirm, reporting
from expressway.errors import RefusedError, UsageError


def api(
    operation: Annotated[str, typer.Argument(help="Operation of the ECS API, or a read of ECR's: DescribeServices.")],
    params: Annotated[
        str, typer.Option(help="Parameters as a JSON object, or @FILE with one.", show_default="none")
    ] = "{}",
    query: Annotated[str | None, typer.Option(help="JMESPath expression over the answer.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Items of a list.", show_default="100")] = None,
    yes: Yes = False,
    sandbox: Sandbox = False,
    profile: Profile = None,
    region: Region = None,
    as_json: AsJson = False,
) -> None:
    """Call any operation of the ECS API, and print AWS's answer as JSON.

    What changes AWS is asked for first, naming what it touches; where nobody can be asked it needs --yes.
    """
    from expressway.cli.targets import toolkit_at

    with reporting(as_json=as_json):
        given = _parameters(params)
        with toolkit_at(sandbox, profile, region) as toolkit:
            print_target(toolkit.target.describe())
            call = toolkit.prepare_api_call(operation, given)
            if call.effect.writes and not yes:
                _ask(call.operation.name, call.affected_names, as_json=as_json)
            print_json(toolkit.call_api(operation, given, query=query, limit=limit))


def _ask(operation: str, touches: tuple[str, ...], *, as_json: bool) -> None:
    what = f"{operation} ({', '.join(touches)})" if touches else operation
    if not can_ask(as_json=as_json):
        raise RefusedError(
            "confirmation_required",
            f"{what} changes AWS and has to be confirmed, and there is no terminal to ask on.",
            "Repeat it with --yes.",
            {"touches": list(touches)},
        )
    confirm(f"Carry out {what}?")


def _parameters(text: str) -> Mapping[str, Any]:
    from expressway.app.given_path import given_path
    from expressway.core.bounded_data import MOST_CHARACTERS, why_too_large

    try:
        if text.startswith("@"):
            with given_path(text[1:]).open(encoding="utf-8") as file:
                text = file.read(MOST_CHARACTERS + 1)
        parameters: Any = json.loads(text) if len(text) <= MOST_CHARACTERS else text
    except OSError as exc:
        raise _wrong(exc.strerror or "it cannot be read") from exc
    except UnicodeDecodeError as exc:
        raise _wrong("it is no UTF-8") from exc
    except RecursionError as exc:
        raise _wrong("it is nested too deeply") from exc
    except ValueError as exc:
        raise _wrong(str(exc)) from exc
    if reason := why_too_large(parameters):
        raise _wrong(f"it has {reason}")
    if not isinstance(parameters, dict):
        raise _wrong("it is JSON, but no object")
    return parameters


def _wrong(reason: str) -> UsageError:
    return UsageError(
        "invalid_parameters",
        f"--params is expected to be a JSON object, or @FILE with one: {reason}.",
        """For example --params '{"cluster": "default", "services": ["shop"]}'.""",
    )
