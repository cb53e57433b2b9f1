"""How results look: tables for people, the same values as JSON for scripts."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, cast

from rich.table import Table

from expressway.cli.views.output import data_console, escape, message_console, print_json, readable
from expressway.plan.replacement import loss_of

if TYPE_CHECKING:
    from pathlib import Path

    from expressway.deploy.deploy import DeployResult
    from expressway.deploy.status.list_apps import AppList
    from expressway.image.values import PlannedImage
    from expressway.plan.diff import PropertyChange, ResourceChange, StackChange
    from expressway.plan.plan import Plan
    from expressway.synth.lint.linter import LintFinding
    from expressway.synth.synth import SynthResult

_SIGNS = {
    "create": ("+", "green"),
    "import": ("=", "cyan"),
    "restore": ("+", "yellow"),
    "update": ("~", "yellow"),
    "replace": ("±", "red"),
    "delete": ("-", "red"),
}
_NOTES = {
    "import": " [cyan](exists already: taken over with its content)[/]",
    "restore": " [yellow](was removed by other means: made again)[/]",
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
    """Apps by region: a table, or a line of tab-separated values each for pipes; what could not be read on standard
    error. That there is no app is said only of regions that were read.
    """
    if as_json:
        print_json(found.to_dict())
        return
    rows = [
        (one.app_name, one.region, ", ".join(f"{name} {status}" for name, status in one.stacks.items()), one.endpoint)
        for one in found.apps
    ]
    if not sys.stdout.isatty():
        write_lines([readable(value) for value in row] for row in rows)
    elif rows:
        table = Table("app", "region", "stacks", "endpoint", box=None)
        for column in table.columns:
            column.overflow = "fold"
        for row in rows:
            table.add_row(*map(escape, row))
        data_console().print(table)
    _show_unread(found)


def _show_unread(found: AppList) -> None:
    """What could not be read; that there is no app is said only where everything could."""
    for (region, name), why in found.unread_stacks.items():
        message_console().print(f"[yellow]{escape(name)} in {region} could not be read:[/] {escape(why)}")
    if found.read_regions and not (found.apps or found.unread_stacks):
        message_console().print(f"No app of Expressway's in {', '.join(found.read_regions)}.")
    for region, error in found.failed_regions.items():
        message_console().print(f"[red]{region} could not be read:[/] {escape(str(error))}")


def write_lines(rows: Iterable[Sequence[str]]) -> None:
    """Lines of tab-separated values on standard output, each value whole and on one line."""
    sys.stdout.writelines("\t".join(map(_text, row)) + "\n" for row in rows)


def show_plan(plan: Plan, *, as_json: bool) -> None:
    """A plan, stack by stack: for people, or a line ``key<TAB>value`` for each change for pipes."""
    if as_json:
        print_json(plan.to_dict(), exact=True)
    elif sys.stdout.isatty():
        _show_plan_to_people(plan)
    else:
        write_lines(_plan_lines(plan))


def _plan_lines(plan: Plan) -> Iterator[tuple[str, str]]:
    for stack in plan.stacks:
        name = stack.stack_name
        yield name, "unchanged" if stack.is_empty else "create" if stack.is_new else "update"
        for change in stack.resources:
            yield f"{name}.{change.logical_id}", f"{change.action} {change.resource_type}"
            for item in change.properties:
                yield f"{name}.{change.logical_id}.{item.path}", _change(item)
        for kind, items in (("parameter", stack.parameters), ("setting", stack.settings), ("output", stack.outputs)):
            for item in items:
                yield f"{name}.{kind}.{item.path}", _change(item)
    if plan.image and plan.image.is_built:
        yield "image", _to_build(plan.image)
    yield from ((what, readable(text)) for what, text in _remarks(plan))
    yield "plan", plan.digest


def _to_build(image: PlannedImage) -> str:
    if image.state == "to_rebuild":
        return f"to build again with its base images pulled again, tag {image.tag}; deployed if another one comes of it"
    return f"to build and push, tag {image.tag}"


def _change(item: PropertyChange) -> str:
    forced = " (forces replacement)" if item.requires_replacement else ""
    return f"{_text(item.before)} → {_text(item.after)}{forced}"


def _remarks(plan: Plan) -> Iterator[tuple[str, str]]:
    """What a plan says besides its changes."""
    for stack_name in plan.unused_stacks:
        yield "unused", f"{stack_name}: stays with its images, which the definition does not build any more"
    for warning in plan.warnings:
        yield "warning", warning
    if plan.missing_service:
        yield (
            "warning",
            f"The service {plan.missing_service} was deleted by other means; "
            "its stack must be deleted before it can be deployed again.",
        )
    if plan.is_empty:
        yield "summary", "Nothing to do: the deployed stacks match the definition."
    if plan.allows:
        yield "allows", ", ".join(plan.allows)


_REMARKS = {"unused": "[dim]  {}[/]", "warning": "[yellow]![/] {}", "summary": "{}", "allows": "[yellow]allows[/] {}"}


def _show_plan_to_people(plan: Plan) -> None:
    console = data_console()
    for stack in plan.stacks:
        _show_stack(stack)
    if plan.image and plan.image.is_built:
        console.print(f"[green]+[/] image {_to_build(plan.image)}")
    for what, text in _remarks(plan):
        console.print(_REMARKS[what].format(escape(text)))
    console.print(f"[dim]plan {plan.digest}[/]")


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
    note = (
        _NOTES.get(change.action, "")
        if change.action != "replace"
        else f" [bold red](replaced: {escape(loss_of(change))})[/]"
    )
    data_console().print(f"    [{colour}]{sign}[/] {change.resource_type} [bold]{change.logical_id}[/]{note}")
    for item in change.properties:
        _show_property(item, "    ")


def _show_property(item: PropertyChange, prefix: str) -> None:
    forced = " [red](forces replacement)[/]" if item.requires_replacement else ""
    before, after = escape(_text(item.before), exact=True), escape(_text(item.after), exact=True)
    data_console().print(f"    {prefix}{escape(item.path)}: [red]{before}[/] → [green]{after}[/]{forced}")


def _text(value: Any) -> str:
    """A value on one line, whole; what is no plain text, or has characters that are not seen, as compact JSON."""
    return (
        value if isinstance(value, str) and value.isprintable() else json.dumps(value, ensure_ascii=False, default=str)
    )


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
    if result.rebuilt:
        message_console().print(f"  {escape(result.rebuilt)}", soft_wrap=True)
    data_console().print(result.url or result.endpoint)
    if access_hint := result.to_dict().get("access_hint"):
        message_console().print(f"  [dim]where that name does not resolve: {escape(access_hint)}[/]", soft_wrap=True)


def show_mapping(value: Mapping[str, Any], *, as_json: bool) -> None:
    """Any small answer: for people a table of its keys, nested values in lines of their own; for pipes a line
    ``key<TAB>value`` each, nested values as compact JSON.

    Nothing is cut, however narrow the terminal.
    """
    if as_json:
        print_json(value)
        return
    if not sys.stdout.isatty():
        write_lines((name, _text(readable(item))) for name, item in value.items())
        return
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, item in value.items():
        table.add_row(escape(name), escape("\n".join(_nested(readable(item))), exact=True))
    data_console().print(table)


def _nested(value: Any) -> Iterator[str]:
    """A value in lines: what holds others names each, a level deeper on lines of its own."""
    if value in (None, "", {}, [], ()):
        yield "\N{EN DASH}"
    elif isinstance(value, Mapping):
        for name, item in cast("Mapping[str, Any]", value).items():
            first, *rest = _nested(item)
            yield f"{name}:" if _is_nested(item) else f"{name}: {first}"
            yield from (f"  {line}" for line in ([first, *rest] if _is_nested(item) else rest))
    elif isinstance(value, list | tuple):
        for item in cast("Sequence[Any]", value):
            first, *rest = _nested(item)
            yield f"- {first}"
            yield from (f"  {line}" for line in rest)
    else:
        yield _text(value)


def _is_nested(value: Any) -> bool:
    return isinstance(value, Mapping | list | tuple) and bool(value)
