"""`expressway troubleshoot`: what is wrong with a service, or with any service of a cluster."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from expressway.cli.options import AsJson, Profile, Region, Sandbox
from expressway.cli.targets import source_here
from expressway.cli.views.output import data_console, escape, print_json, print_target, readable
from expressway.cli.views.reporting import reporting
from expressway.errors import UsageError

if TYPE_CHECKING:
    from expressway.toolkit import Toolkit

ACTIONS: Mapping[str, str] = {
    "guidance": "get_ecs_troubleshooting_guidance",
    "events": "fetch_service_events",
    "failures": "fetch_task_failures",
    "logs": "fetch_task_logs",
    "images": "detect_image_pull_failures",
    "network": "fetch_network_configuration",
    "stack": "fetch_cloudformation_status",
}
"""The seven actions by the short names that are typed here."""
_PLACES = ("ecs_cluster_name", "ecs_service_name", "ecs_task_id", "cfn_stack_name", "family_prefix", "vpc_id")
"""Parameters that say what is meant, so that the folder's app is not."""
_STYLES = {"critical": "bold red", "warning": "yellow", "info": "dim"}
_NEEDS_NO_CLUSTER = frozenset({"stack", "images"})

Cluster = Annotated[str | None, typer.Argument(help="The cluster's name or ARN.", show_default="this folder's app")]
Service = Annotated[
    str | None, typer.Argument(help="The service's name or ARN.", show_default="every service of the cluster")
]
App = Annotated[str | None, typer.Option(help="Instead of cluster and service: an app, as in its definition.")]
Action = Annotated[str, typer.Option(help=f"What to find out: {', '.join(ACTIONS)}.", metavar="ACTION")]
Window = Annotated[
    int | None, typer.Option(help="How far back, in seconds (events, failures, logs).", show_default="3600")
]
Detail = Annotated[str | None, typer.Option(help="full: look around what serves too.", show_default="summary")]


def troubleshoot(
    cluster: Cluster = None,
    service: Service = None,
    app: App = None,
    action: Action = "guidance",
    symptoms: Annotated[str | None, typer.Option(help="What is seen, in words; findings about it come first.")] = None,
    task: Annotated[str | None, typer.Option(help="Id of one task (logs, images).")] = None,
    stack: Annotated[str | None, typer.Option(help="Name or id of a stack (stack, images).")] = None,
    family: Annotated[str | None, typer.Option(help="Beginning of task definitions' families (images).")] = None,
    vpc: Annotated[str | None, typer.Option(help="Only this VPC (network).")] = None,
    pattern: Annotated[str | None, typer.Option(help="Filter pattern of CloudWatch Logs (logs).")] = None,
    window: Window = None,
    start: Annotated[str | None, typer.Option(help="From when, ISO 8601 or seconds since 1970.")] = None,
    end: Annotated[str | None, typer.Option(help="Until when; now by default.")] = None,
    detail: Detail = None,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Exit with 10 when a finding is critical.")] = False,
    sandbox: Sandbox = False,
    profile: Profile = None,
    region: Region = None,
    as_json: AsJson = False,
) -> None:
    """Find out what is wrong with a service, or with any service of a cluster, reading only.

    Prints findings, the most severe first: the cause, what shows it, and what to do. Where nothing is named it is about
    the app of this folder, or about the cluster `default` where there is no definition.
    """
    from expressway.cli.targets import toolkit_at

    given = {
        "ecs_cluster_name": cluster,
        "ecs_service_name": service,
        "ecs_task_id": task,
        "cfn_stack_name": stack,
        "family_prefix": family,
        "vpc_id": vpc,
        "filter_pattern": pattern,
        "symptoms_description": symptoms,
        "time_window": window,
        "start_time": start,
        "end_time": end,
        "detail": detail,
    }
    with reporting(as_json=as_json):
        answer = _answer(given, app, action, lambda: toolkit_at(sandbox, profile, region))
        if as_json:
            print_json(readable(answer))
        else:
            show_troubleshooting(answer)
    if exit_code and any(finding["severity"] == "critical" for finding in answer.get("findings", ())):
        raise SystemExit(10)


def _answer(
    given: Mapping[str, Any], app: str | None, action: str, open_toolkit: Callable[[], Toolkit]
) -> Mapping[str, Any]:
    """What the action found; about the app of this folder where nothing says what is meant."""
    name = _action(action)
    if app is None and all(given[place] is None for place in _PLACES):
        source = source_here()
        app = source.definition.name if source else None
    with open_toolkit() as toolkit:
        print_target(toolkit.target.describe())
        return toolkit.troubleshoot(name, _parameters(given, toolkit, app, action)).whole


def _action(short: str) -> str:
    """The action's own name.

    Raises:
        UsageError: ``unknown_action``.
    """
    if short in ACTIONS:
        return ACTIONS[short]
    from expressway.diagnose.actions import action_of

    return action_of(short).name


def _parameters(given: Mapping[str, Any], toolkit: Toolkit, app: str | None, action: str) -> Mapping[str, Any]:
    parameters = {name: value for name, value in given.items() if value is not None}
    if app is None:
        alone = action in _NEEDS_NO_CLUSTER and not parameters.get("ecs_service_name")
        named = (str(parameters.get(name, "")) for name in ("ecs_service_name", "ecs_task_id"))
        tells_cluster = any(text.startswith("arn:") and text.count("/") > 1 for text in named)
        return parameters if alone or tells_cluster else {"ecs_cluster_name": "default", **parameters}
    if "ecs_cluster_name" in parameters:
        raise UsageError(
            "invalid_arguments",
            f"Expected a cluster or --app, got both: {parameters['ecs_cluster_name']} and {app}.",
            "Leave one of them out.",
        )
    if action == "stack":
        return {"cfn_stack_name": toolkit.service_stack_name(app), **parameters}
    where = toolkit.service_location(app)
    takes_service = action in {"guidance", "events", "images"} and "ecs_task_id" not in parameters
    named = {"ecs_service_name": where.name} if takes_service else {}
    return {"ecs_cluster_name": where.cluster, **named, **parameters}


def show_troubleshooting(answer: Mapping[str, Any]) -> None:
    """An answer of troubleshooting, whole; lines without colours where nobody watches."""
    console = data_console()
    for line in _lines(answer):
        console.print(line, soft_wrap=not sys.stdout.isatty())


def _lines(answer: Mapping[str, Any]) -> Iterable[str]:
    told = answer.get("assessment") or answer.get("message")
    if told:
        yield f"[bold]{escape(str(told))}[/]"
    for finding in answer.get("findings", []):
        yield from _finding(finding)
    for gap in answer.get("gaps", []):
        yield f"[magenta]?[/] not read: {escape(str(gap))}"
    for key, show in _ROWS.items():
        for row in answer.get(key) or []:
            yield show(row)


def _finding(finding: Mapping[str, Any]) -> Iterable[str]:
    severity = str(finding["severity"])
    sure = "" if finding.get("confidence") == "high" else f" [dim]({finding.get('confidence')} confidence)[/]"
    yield ""
    yield f"[{_STYLES[severity]}]{severity}[/] [dim]{finding['code']}[/] {escape(str(finding['cause']))}{sure}"
    if finding.get("resource"):
        yield f"  [dim]{escape(str(finding['resource']))}[/]"
    for text in finding.get("evidence", []):
        yield f"  [dim]│[/] {escape(str(text))}"
    if finding.get("remedy"):
        yield f"  [cyan]→[/] {escape(str(finding['remedy']))}"


def _event(row: Mapping[str, Any]) -> str:
    return f"[dim]{row.get('timestamp')}[/] {escape(str(row.get('message', '')))}"


def _log_entry(row: Mapping[str, Any]) -> str:
    task = str(row.get("stream", "")).rsplit("/", 1)[-1]
    return f"[dim]{row.get('timestamp')} {escape(task)}[/] {escape(str(row.get('message', '')))}"


def _task(row: Mapping[str, Any]) -> str:
    ends = ", ".join(
        f"{one.get('name')} {one.get('exit_code', '')} {one.get('reason', '')}".strip()
        for one in row.get("containers", [])
    )
    told = f"{row.get('service', '')} {row.get('task_id')}: {row.get('stopped_reason', '')} ({ends})"
    return f"[dim]{row.get('stopped_at')}[/] {escape(told.strip())}"


def _failure_reason(row: Mapping[str, Any]) -> str:
    return (
        f"{escape(str(row.get('logical_id', row.get('LogicalResourceId', ''))))}: {escape(str(row.get('reason', '')))}"
    )


_ROWS = {"events": _event, "log_entries": _log_entry, "failed_tasks": _task, "failure_reasons": _failure_reason}
