"""How findings look to people: the cause, what shows it, what to do; then what was asked for."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from typing import Any

from expressway.cli.views.output import data_console, escape

_STYLES = {"critical": "bold red", "warning": "yellow", "info": "dim"}


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
