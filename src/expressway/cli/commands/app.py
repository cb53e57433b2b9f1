"""The commands about one app: schema, synth, diff, build, deploy, status, restart, delete."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from expressway.cli.options import (
    Adopt,
    AllowReplacement,
    AppName,
    AsJson,
    DefinitionPath,
    Profile,
    Rebuild,
    Region,
    Sandbox,
    Wait,
    Yes,
)
from expressway.cli.targets import HERE, app_name_or_here, definition_at
from expressway.cli.views.output import print_json, print_target
from expressway.cli.views.progress import watching
from expressway.cli.views.reporting import can_ask, confirm, reporting
from expressway.errors import RefusedError

if TYPE_CHECKING:
    from expressway.plan.plan import Plan
    from expressway.toolkit import AppSource, Toolkit


def schema(as_json: AsJson = False) -> None:
    """Print the JSON Schema of expressway.yaml, for editors. It is JSON with and without --json."""
    from expressway.app.parse import definition_schema

    with reporting(as_json=as_json):
        print_json(definition_schema())


def synth(
    path: DefinitionPath = HERE,
    out: Annotated[Path | None, typer.Option(help="Write the templates into this folder.")] = None,
    lint: Annotated[bool, typer.Option(help="Check the templates with cfn-lint and cloudformation-validate.")] = True,
    as_json: AsJson = False,
) -> None:
    """Write the app's CloudFormation templates; needs no AWS account."""
    from expressway.cli.views.views import show_findings, show_templates
    from expressway.synth.synth import write_templates
    from expressway.toolkit import Toolkit, app_source

    with reporting(as_json=as_json), Toolkit() as toolkit:
        file = definition_at(path)
        toolkit.warm(file)
        with watching(as_json=as_json) as printer:
            result = toolkit.synth(app_source(file), lint=lint, progress=printer)
        written = write_templates(out, list(result.templates)) if out is not None else None
        show_findings(result.findings, as_json=as_json)
        show_templates(result, written, as_json=as_json)


def diff(
    path: DefinitionPath = HERE,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Exit with 10 when there are changes.")] = False,
    adopt: Adopt = False,
    allow_replacement: AllowReplacement = False,
    rebuild: Rebuild = False,
    sandbox: Sandbox = False,
    profile: Profile = None,
    region: Region = None,
    as_json: AsJson = False,
) -> None:
    """Show what deploying would change, reading only.

    Prints the plan's digest, which --adopt, --allow-replacement and --rebuild are part of: give `deploy` the same.
    """
    from expressway.cli.views.views import show_plan

    with reporting(as_json=as_json):
        with _toolkit_for(path, sandbox, profile, region) as (toolkit, source), watching(as_json=as_json) as printer:
            plan = toolkit.diff(
                source, adopt=adopt, allow_replacement=allow_replacement, rebuild=rebuild, progress=printer
            )
        show_plan(plan, as_json=as_json)
    if exit_code and not plan.is_empty:
        raise SystemExit(10)


def build(
    path: DefinitionPath = HERE,
    app_name: Annotated[str | None, typer.Option(help="The app's name.", show_default="from expressway.yaml")] = None,
    tag: Annotated[str | None, typer.Option(help="Tag of the image.", show_default="derived from its content")] = None,
    rebuild: Rebuild = False,
    sandbox: Sandbox = False,
    profile: Profile = None,
    region: Region = None,
    as_json: AsJson = False,
) -> None:
    """Build the app's image and push it to the app's repository, which is made if it is missing."""
    from expressway.cli.views.views import show_mapping
    from expressway.toolkit import app_source

    with reporting(as_json=as_json):
        place = path if app_name else definition_at(path)
        name = app_name or app_source(place).definition.name
        with _toolkit(sandbox, profile, region) as toolkit, watching(as_json=as_json) as printer:
            built = toolkit.build(name, str(place), tag, rebuild=rebuild, progress=printer)
        show_mapping(built, as_json=as_json)


def deploy(
    path: DefinitionPath = HERE,
    plan: Annotated[str | None, typer.Option(help="Carry out only the plan with this digest (see diff).")] = None,
    adopt: Adopt = False,
    allow_replacement: AllowReplacement = False,
    continue_rollback: Annotated[
        bool, typer.Option("--continue-rollback", help="First roll back further what got stuck.")
    ] = False,
    restart_unchanged: Annotated[
        bool, typer.Option("--restart", help="Start new tasks even if nothing changes, as for a rotated secret.")
    ] = False,
    rebuild: Rebuild = False,
    wait: Wait = None,
    yes: Yes = False,
    sandbox: Sandbox = False,
    profile: Profile = None,
    region: Region = None,
    as_json: AsJson = False,
) -> None:
    """Deploy the app: repository, image, service; repeat it at any time, it continues where it was.

    At a terminal the plan is shown and confirmed first. Without one, or with --json, it proceeds: bind it to a plan
    that was reviewed with --plan.
    """
    from expressway.cli.views.views import show_deployment, show_plan

    with reporting(as_json=as_json):
        with _toolkit_for(path, sandbox, profile, region) as (toolkit, source):
            if plan is None and not yes and can_ask(as_json=as_json):
                with watching(as_json=as_json) as printer:
                    shown = toolkit.diff(
                        source, adopt=adopt, allow_replacement=allow_replacement, rebuild=rebuild, progress=printer
                    )
                show_plan(shown, as_json=False)
                plan = _confirmed(shown)
            with watching(as_json=as_json) as printer:
                result = toolkit.deploy(
                    source,
                    approved_plan=plan,
                    adopt=adopt,
                    allow_replacement=allow_replacement,
                    continue_rollback=continue_rollback,
                    rebuild=rebuild,
                    wait_seconds=wait,
                    progress=printer,
                )
                if restart_unchanged and result.status == "unchanged":
                    toolkit.restart(source.definition.name, wait_seconds=wait, progress=printer)
        show_deployment(result, as_json=as_json)


def status(
    app_name: AppName = None,
    sandbox: Sandbox = False,
    profile: Profile = None,
    region: Region = None,
    as_json: AsJson = False,
) -> None:
    """Show the app's stacks, deployment, tasks, URL and last error."""
    from expressway.cli.views.views import show_mapping

    with reporting(as_json=as_json):
        name = app_name_or_here(app_name)
        with _toolkit(sandbox, profile, region) as toolkit:
            show_mapping(toolkit.status(name).to_dict(), as_json=as_json)


def list_apps(
    regions: Annotated[
        list[str] | None,
        typer.Option("--region", help="Region to look in; may be repeated.", show_default="AWS_REGION"),
    ] = None,
    all_regions: Annotated[
        bool, typer.Option("--all-regions", help="Look in every region that EXPRESSWAY_REGIONS allows.")
    ] = False,
    sandbox: Sandbox = False,
    profile: Profile = None,
    as_json: AsJson = False,
) -> None:
    """List the apps that Expressway deployed, in one or several regions at once.

    A region that cannot be read is named, and the exit code is then 5; the others are listed all the same. It is 4
    when none could be read. Piped, each app is a line of name, region, stacks and endpoint, between tabs.
    """
    from expressway.cli.targets import toolkit_at
    from expressway.cli.views.views import show_apps

    with reporting(as_json=as_json):
        with toolkit_at(sandbox, profile, None) as toolkit:
            found = toolkit.list_apps(toolkit.regions() if all_regions else regions or ())
        show_apps(found, as_json=as_json)
        if found.failed_regions:
            raise SystemExit(5 if found.read_regions else 4)


def restart(
    app_name: AppName = None,
    wait: Wait = None,
    sandbox: Sandbox = False,
    profile: Profile = None,
    region: Region = None,
    as_json: AsJson = False,
) -> None:
    """Start new tasks of the same version, which read their secrets again, and wait until they serve."""
    from expressway.cli.views.views import show_mapping

    with reporting(as_json=as_json):
        name = app_name_or_here(app_name)
        with _toolkit(sandbox, profile, region) as toolkit, watching(as_json=as_json) as printer:
            result = toolkit.restart(name, wait_seconds=wait, progress=printer)
        show_mapping(result.to_dict(), as_json=as_json)


def delete(
    app_name: AppName = None,
    service_arn: Annotated[str | None, typer.Option(help="A service made outside Expressway's stacks.")] = None,
    wait: Wait = None,
    yes: Yes = False,
    sandbox: Sandbox = False,
    profile: Profile = None,
    region: Region = None,
    as_json: AsJson = False,
) -> None:
    """Delete the app: its service with roles and logs, then its repository with images and push/pull role.

    It stops at the first failure, and says what it kept and why.

    It asks first; where it cannot (without a terminal, or with --json) it needs --yes.
    """
    from expressway.cli.views.views import show_mapping

    with reporting(as_json=as_json):
        name = app_name_or_here(app_name)
        if not yes and not can_ask(as_json=as_json):
            raise RefusedError(
                "confirmation_required",
                f"Deleting {name} has to be confirmed, and there is no terminal to ask on.",
                "Repeat it with --yes.",
            )
        with _toolkit(sandbox, profile, region) as toolkit:
            if not yes:
                confirm(f"Delete {name} on {toolkit.target.describe()}?")
            with watching(as_json=as_json) as printer:
                result = toolkit.delete(name, service_arn, wait_seconds=wait, progress=printer)
        show_mapping(result.to_dict(), as_json=as_json)
        if not result.succeeded:
            raise SystemExit(5)


def mcp(as_json: AsJson = False) -> None:
    """Serve the MCP tools over standard input and output. With --json, print what would be served, and end."""
    from expressway.mcp.server import describe, main

    with reporting(as_json=as_json):
        if as_json:
            print_json(describe(os.environ), exact=True)
        else:
            main()


@contextmanager
def _toolkit_for(
    path: Path, sandbox: bool, profile: str | None, region: str | None
) -> Generator[tuple[Toolkit, AppSource]]:
    """A toolkit, and the app at `path`; the CDK loads meanwhile if it will be needed."""
    from expressway.cli.targets import toolkit_at
    from expressway.toolkit import app_source

    with toolkit_at(sandbox, profile, region) as toolkit:
        file = definition_at(path)
        toolkit.warm(file)
        source = app_source(file)
        print_target(toolkit.target.describe())
        yield toolkit, source


def _toolkit(sandbox: bool, profile: str | None, region: str | None) -> Toolkit:
    from expressway.cli.targets import toolkit_at

    toolkit = toolkit_at(sandbox, profile, region)
    print_target(toolkit.target.describe())
    return toolkit


def _confirmed(plan: Plan) -> str:
    if not plan.is_empty:
        confirm(f"Carry out plan {plan.digest} on {plan.target}?")
    return plan.digest
