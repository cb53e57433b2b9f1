"""How results look: tables for people, the same values as JSON for scripts."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.table import Table

from expressway.cli.output import data_console, escape, message_console, print_json, readable

if TYPE_CHECKING:
    from pathlib import Path

    from expressway.model.change import PropertyChange, ResourceChange, StackChange
    from expressway.model.lint import LintFinding
    from expressway.model.plan import Plan
    from expressway.operations.delete import DeleteResult
    from expressway.operations.deploy import DeployResult
    from expressway.operations.list_apps import AppList
    from expressway.operations.synth import SynthResult

_SIGNS = {
    "create": ("+", "green"),
    "import": ("=", "cyan"),
    "update": ("~", "yellow"),
    "replace": ("±", "red"),
    "delete": ("-", "red"),
}
_NOTES = {
    "replace": " [bold red](replaced: gets another identity)[/]",
    "import": " [cyan](exists already: taken over with what it holds)[/]",
}


def show_findings(findings: tuple[LintFinding, ...], *, as_json: bool) -> None:
    """Lint findings, on standard error; they are part of the data with --json."""
    if as_json:
        return
    for finding in findings:
        message_console().print(
            f"[yellow]{finding.severity}[/] {finding.rule} {escape(finding.message)} "
            f"[dim]({finding.tool}, {finding.stack} {escape(finding.path)})[/]"
        )


def show_templates(result: SynthResult, written: tuple[Path, ...] | None, *, as_json: bool) -> None:
    """The templates themselves, or where they were written."""
    templates = list(result.templates)
    if as_json or written is None:
        shape: dict[str, Any] = {
            "templates": {template.stack_name: template.document for template in templates},
            "digests": {template.stack_name: template.digest for template in templates},
        }
        if as_json:
            findings = [asdict(finding) for finding in result.findings]
            print_json(shape | {"findings": findings, "warnings": list(result.warnings)}, exact=True)
        else:
            print_json(shape["templates"], exact=True)
        return
    for path in written:
        data_console().print(str(path), markup=False)


def show_apps(found: AppList, *, as_json: bool) -> None:
    """Apps by region; regions that could not be read on standard error."""
    if as_json:
        print_json(found.to_dict())
        return
    table = Table("app", "region", "stacks", "endpoint", box=None)
    for one in found.apps:
        stacks = ", ".join(f"{name} {status}" for name, status in one.stacks.items())
        table.add_row(one.app_name, one.region, escape(stacks), escape(one.endpoint))
    if found.apps:
        data_console().print(table)
    else:
        message_console().print(f"No app of Expressway's in {', '.join(found.regions)}.")
    for region, error in found.failed_regions.items():
        message_console().print(f"[red]{region} could not be read:[/] {escape(str(error))}")


def show_plan(plan: Plan, *, as_json: bool) -> None:
    """A plan, stack by stack."""
    if as_json:
        print_json(plan.to_dict(), exact=True)
        return
    console = data_console()
    for stack in plan.stacks:
        _show_stack(stack)
    _show_what_stays(plan)
    if plan.image and plan.image.state == "to_build":
        console.print(f"[green]+[/] image to build and push, tag {plan.image.tag}")
    if plan.missing_service:
        console.print(
            f"[red]![/] The service {escape(plan.missing_service)} was deleted by other means; "
            "its stack must be deleted before it can be deployed again."
        )
    if plan.is_empty:
        console.print("Nothing to do: what is deployed is what the definition says.")
    if plan.allows:
        console.print(f"[yellow]allows[/] {', '.join(plan.allows)}")
    console.print(f"[dim]plan {plan.digest}[/]")


def _show_what_stays(plan: Plan) -> None:
    console = data_console()
    for stack_name in plan.unused_stacks:
        console.print(f"[dim]  {stack_name}: stays with its images, which the definition does not build any more[/]")
    for warning in plan.warnings:
        console.print(f"[yellow]![/] {escape(warning)}")


def _show_stack(stack: StackChange) -> None:
    console = data_console()
    if stack.is_empty:
        console.print(f"[dim]  {stack.stack_name}: no changes[/]")
        return
    sign, colour = _SIGNS["create" if stack.is_new else "update"]
    console.print(f"[{colour}]{sign}[/] [bold]{stack.stack_name}[/]{' (new stack)' if stack.is_new else ''}")
    for change in stack.resources:
        _show_resource(change)
    for item in (*stack.parameters, *stack.settings):
        _show_property(item, "parameter " if item in stack.parameters else "")
    for item in stack.outputs:
        console.print(f"    [yellow]~[/] output {item.path}")


def _show_resource(change: ResourceChange) -> None:
    sign, colour = _SIGNS[change.action]
    note = _NOTES.get(change.action, "")
    data_console().print(f"    [{colour}]{sign}[/] {change.resource_type} [bold]{change.logical_id}[/]{note}")
    for item in change.properties:
        _show_property(item, "    ")


def _show_property(item: PropertyChange, prefix: str) -> None:
    forced = " [red](forces replacement)[/]" if item.requires_replacement else ""
    before, after = escape(_text(item.before), exact=True), escape(_text(item.after), exact=True)
    data_console().print(f"    {prefix}{escape(item.path)}: [red]{before}[/] → [green]{after}[/]{forced}")


def _text(value: Any) -> str:
    """A value on one line, whole; what is no plain text as compact JSON."""
    plain = isinstance(value, str) and not any(character in value for character in "\t\r\n")
    return value if plain else json.dumps(value, ensure_ascii=False, default=str)


def show_deployment(result: DeployResult, *, as_json: bool) -> None:
    """What a deployment did and where the service answers."""
    if as_json:
        print_json(result.to_dict())
        return
    headline = "Nothing to do" if result.status == "unchanged" else "Deployed"
    message_console().print(f"[green]{headline}[/] {result.app_name} in {result.elapsed_seconds:.1f} s")
    for stack, outcome in result.stacks.items():
        switched = result.termination_protection.get(stack)
        protection = f", termination protection is {switched} now" if switched else ""
        message_console().print(f"  [dim]{stack}: {outcome}{protection}[/]")
    data_console().print(result.url or result.endpoint)
    if reach := result.to_dict().get("reach"):
        message_console().print(f"  [dim]where that name does not resolve: {escape(reach)}[/]", soft_wrap=True)


def show_deletion(result: DeleteResult, *, as_json: bool) -> None:
    """What a deletion removed, kept, and why."""
    shape = result.to_dict()
    if as_json:
        print_json(shape)
    else:
        show_mapping(shape, as_json=False)


def show_mapping(value: Mapping[str, Any], *, as_json: bool) -> None:
    """Any small answer, nested values as compact JSON: a table of its keys, or a line ``key<TAB>value`` each for pipes.

    Nothing is cut, however narrow the terminal.
    """
    if as_json:
        print_json(value)
        return
    if not sys.stdout.isatty():
        sys.stdout.writelines(f"{name}\t{_text(readable(item))}\n" for name, item in value.items())
        return
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, item in value.items():
        table.add_row(escape(name), escape(_text(item)))
    data_console().print(table)
