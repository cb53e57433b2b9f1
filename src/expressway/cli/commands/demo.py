"""``expressway demo``: the whole way, on the local AWS sandbox or on an account."""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from expressway.cli.options import AsJson, Profile, Region
from expressway.cli.ports import installed_sandbox
from expressway.cli.views.output import escape, message_console, print_below, print_json, recording
from expressway.cli.views.progress import ProgressPrinter
from expressway.cli.views.reporting import reporting
from expressway.core.progress import Progress
from expressway.errors import DefinitionError, ExpresswayError, ServiceError, StackError

if TYPE_CHECKING:
    from expressway.deploy.deploy import DeployResult
    from expressway.toolkit import AppSource, Toolkit

_EXAMPLE = Path("examples") / "httpbin"
STEPS = 8
NOTHING_TO_DO_SECONDS = 1.0
_TRIES = 5
"""The first may meet a machine that is busy with what the step before has left."""


class Steps:
    """The steps done so far: announced and timed on standard error, and kept for the JSON document."""

    def __init__(self) -> None:
        self._printer = ProgressPrinter(indent="   ")
        self._started = time.monotonic()
        self._done: list[dict[str, Any]] = []

    @contextmanager
    def step(self, name: str) -> Generator[None]:
        """Announce a step, and tell how long it took and whether it held."""
        console = message_console()
        console.print(f"\n[bold cyan]{len(self._done) + 1}/{STEPS}[/] [bold]{escape(name)}[/]")
        started = time.monotonic()
        held = False
        try:
            yield
            held = True
        except ExpresswayError as error:
            self.say(f"[red]✗ {escape(error.message)}[/]")
            raise
        finally:
            self._printer.stop()
            seconds = time.monotonic() - started
            self._done.append({"name": name, "seconds": round(seconds, 1), "held": held})
        console.print(f"    [green]✓[/] [dim]{seconds:.1f} s[/]")

    def say(self, message: str) -> None:
        """One line below the current step."""
        self._printer.stop()
        print_below("    ", message, columns=4, soft_wrap=True)

    def tell(self, progress: Progress) -> None:
        """Progress below the current step."""
        self._printer(progress)

    @property
    def seconds(self) -> float:
        """Since the demo began."""
        return time.monotonic() - self._started

    def to_dict(self) -> dict[str, Any]:
        """What held, and how long it took."""
        held = len(self._done) == STEPS and all(one["held"] for one in self._done)
        return {"held": held, "seconds": round(self.seconds, 1), "steps": self._done}


@dataclass
class Visitor:
    """Somebody who keeps asking for the app's URL, and counts the answers."""

    fetch: Callable[[], int | None]
    answers: int = 0
    failures: list[str] = field(default_factory=list[str])
    _stop: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Visitor:
        self._thread = threading.Thread(target=self._visit, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _visit(self) -> None:
        while not self._stop.is_set():
            status = self.fetch()
            if status == 200:
                self.answers += 1
            else:
                self.failures.append(str(status))
            self._stop.wait(0.1)


def _told(taken: Sequence[float]) -> str:
    """The fastest of some runs that had nothing to do, in seconds."""
    return f"unchanged after {min(taken):.2f} s" + (f", the best of {len(taken)} times" if len(taken) > 1 else "")


@dataclass(frozen=True)
class Demo:
    """One app, its broken version, and where they are deployed."""

    toolkit: Toolkit
    source: AppSource
    broken: AppSource
    containers_left: Callable[[], list[str]]
    steps: Steps
    clock: Callable[[], float] = time.monotonic

    @property
    def name(self) -> str:
        return self.source.definition.name

    def run(self) -> None:
        """Steps 2 to 8; step 1 has made the toolkit.

        Raises:
            ExpresswayError: a step did not hold.
        """
        with self.steps.step("Synthesize the two stacks and lint them"):
            self._synthesize()
        with self.steps.step("Show what would change"):
            self._show_plan()
        with self.steps.step("Deploy the repository, build the image and push it"):
            self._build()
        with self.steps.step("Deploy the service, wait until it serves, fetch its URL"):
            deployed = self._deploy()
        with self.steps.step("The same command again: nothing to do"):
            self.deploy_again()
        with self.steps.step("Deploy a broken version: it is rolled back, the old one keeps answering"):
            self._break(deployed)
        with self.steps.step("Delete the app; nothing is left"):
            self._delete()

    def _synthesize(self) -> None:
        result = self.toolkit.synth(self.source, progress=self.steps.tell)
        for template in result.templates:
            count = len(template.document["Resources"])
            self.steps.say(
                f"{template.stack_name}: {count} resources, {len(template.body):,} bytes, digest {template.digest[:12]}"
            )
        self.steps.say(f"{len(result.findings)} lint findings (cfn-lint, cloudformation-validate)")

    def _show_plan(self) -> None:
        plan = self.toolkit.diff(self.source)
        for stack in plan.stacks:
            for change in stack.resources:
                self.steps.say(f"[green]+[/] {change.resource_type} {change.logical_id}")
        self.steps.say(f"plan {plan.digest}")
        if plan.is_empty:
            raise StackError(
                "demo_step_failed", "A new app was expected, but nothing would change.", "Delete it first."
            )

    def _build(self) -> None:
        definition = self.source.definition
        folder = self.source.base_dir / (definition.build.context if definition.build else ".")
        built = self.toolkit.build(definition.name, str(folder), progress=self.steps.tell)
        self.steps.say(f"image {built['full_image_uri']}")

    def _deploy(self) -> DeployResult:
        """Approve what is left to do now that the image is pushed and has its digest; nothing else is carried out."""
        plan = self.toolkit.diff(self.source)
        self.steps.say(f"plan {plan.digest} for {plan.image.uri if plan.image else 'the task definition'}")
        result = self.toolkit.deploy(self.source, approved_plan=plan.digest, progress=self.steps.tell)
        status = self._fetch(result)
        self.steps.say(f"[bold]{result.url}[/] answered {status}")
        if status != 200:
            raise ServiceError("demo_step_failed", f"Expected 200 from {result.url}, got {status}.", "")
        return result

    def deploy_again(self) -> None:
        """Deploying again changes nothing and takes less than a second; a busy machine gets several tries."""
        taken: list[float] = []
        while not taken or (min(taken) >= NOTHING_TO_DO_SECONDS and len(taken) < _TRIES):
            started = self.clock()
            result = self.toolkit.deploy(self.source)
            taken.append(self.clock() - started)
            if result.status != "unchanged":
                raise StackError("demo_step_failed", f"Expected nothing to do, but the app was {result.status}.", "")
        self.steps.say(_told(taken))
        if min(taken) >= NOTHING_TO_DO_SECONDS:
            raise StackError(
                "demo_step_failed",
                f"Expected to hear within {NOTHING_TO_DO_SECONDS:.0f} s that nothing is to do; {_told(taken)}.",
                "Repeat the demo when the machine is less busy.",
            )

    def _break(self, deployed: DeployResult) -> None:
        with Visitor(lambda: self._fetch(deployed)) as visitor:
            cause = self._failed_deployment()
        self.steps.say(f"[red]{escape(cause)}[/]")
        self.steps.say(
            f"meanwhile the old version answered {visitor.answers} times and failed {len(visitor.failures)} times"
        )
        if visitor.failures or not visitor.answers:
            raise ServiceError("demo_step_failed", f"Requests failed during the rollback: {visitor.failures[:5]}.", "")

    def _failed_deployment(self) -> str:
        try:
            self.toolkit.deploy(self.broken, progress=self.steps.tell)
        except StackError as error:
            if error.code == "deployment_failed":
                return error.message
            raise
        raise StackError("demo_step_failed", "The broken version was expected to fail, but it was deployed.", "")

    def _delete(self) -> None:
        result = self.toolkit.delete(self.name, progress=self.steps.tell)
        self.steps.say(str(result.to_dict()["summary"]))
        left = [*self.toolkit.leftovers(self.name, self.source.definition.cluster), *self.containers_left()]
        if left:
            raise StackError("demo_step_failed", f"Still there: {', '.join(left)}.", "Delete the app again.")
        self.steps.say("nothing is left: no stack, service, container, image, repository, role or log group")

    def _fetch(self, deployed: DeployResult) -> int | None:
        path = self.source.definition.health_check_path
        return self.toolkit.fetch(deployed.endpoint, path)


def demo(
    app: Annotated[
        Path | None,
        typer.Argument(help="Folder of the app; broken.yaml in it is its broken version.", show_default=str(_EXAMPLE)),
    ] = None,
    aws: Annotated[bool, typer.Option("--aws", help="Act on the AWS account, not on a local AWS sandbox.")] = False,
    svg: Annotated[Path | None, typer.Option(help="Write a picture of the terminal to this file.")] = None,
    profile: Profile = None,
    region: Region = None,
    as_json: AsJson = False,
) -> None:
    """Show the whole way: build, review, deploy, fetch, repeat, break and roll back, delete.

    Progress goes to standard error; --json prints the steps with their times on standard output.
    """

    steps = Steps()
    with reporting(as_json=as_json, beside=steps.to_dict), recording(svg):
        source, broken = _sources(app or _example())
        with _toolkit_on_aws(steps, profile, region) if aws else _toolkit_on_sandbox(steps, source) as (toolkit, left):
            Demo(toolkit, source, broken, left, steps).run()
        message_console().print(f"\n[bold green]Every step held[/] [dim]({steps.seconds:.0f} s)[/]")
        if as_json:
            print_json(steps.to_dict())


def _example() -> Path:
    """The example that the demo shows: of the checkout that this module belongs to, or of the current folder."""
    checkout = Path(__file__).resolve().parents[4]
    found = next((root / _EXAMPLE for root in (checkout, Path.cwd()) if (root / _EXAMPLE).is_dir()), None)
    if found is None:
        raise DefinitionError(
            "examples_missing",
            f"The demo shows {_EXAMPLE}, which comes with Expressway's source and not with the installed package.",
            "Run it in a checkout of the source, or name a folder with a Dockerfile, expressway.yaml and broken.yaml.",
        )
    return found


def _sources(app: Path) -> tuple[AppSource, AppSource]:
    from expressway.toolkit import app_source

    source = app_source(app)
    broken_file = source.base_dir / "broken.yaml"
    if not broken_file.is_file():
        raise DefinitionError(
            "definition_missing",
            f"The demo deploys a broken version too, but {broken_file} does not exist.",
            "Copy expressway.yaml to broken.yaml and break the app in it, say by its command.",
        )
    return source, app_source(broken_file)


@contextmanager
def _toolkit_on_aws(
    steps: Steps, profile: str | None, region: str | None
) -> Generator[tuple[Toolkit, Callable[[], list[str]]]]:
    from expressway.toolkit import Toolkit

    with Toolkit(profile=profile, region=region) as toolkit:
        with steps.step("Find the AWS account"):
            steps.say(toolkit.target.describe())
            toolkit.warm()
        yield toolkit, list[str]


@contextmanager
def _toolkit_on_sandbox(steps: Steps, source: AppSource) -> Generator[tuple[Toolkit, Callable[[], list[str]]]]:
    """A sandbox of the demo's own, gone afterwards; the engine and the base images stay for the next time."""
    from expressway.toolkit import Toolkit

    sandbox = installed_sandbox()

    state_dir = Path(tempfile.mkdtemp(prefix="expressway-demo-"))
    engine = None
    try:
        with steps.step("Start the local AWS sandbox"):
            sandbox.check_installed()
            engine = sandbox.provide_engine(install=True, progress=steps.tell)
            for image in sandbox.prepare_example(
                source.base_dir, engine.docker_host, install=True, progress=steps.tell
            ):  # base images and wheels, for builds on a machine that cannot pull them
                steps.say(f"base image {image.name}: {image.origin}")
            info = sandbox.start(state_dir=state_dir / "sandbox", docker_host=engine.docker_host)
            steps.say(
                f"{info.endpoint_url} (account {info.account_id}, {info.region}); container engine: {engine.source}"
            )
        environ = {"DOCKER_HOST": engine.docker_host, "EXPRESSWAY_HOME": str(state_dir)}
        with Toolkit(sandbox_url=info.endpoint_url, environ=environ) as toolkit:
            toolkit.warm()
            yield toolkit, lambda: _left_on_this_machine(toolkit, sandbox.container_names(info), source.definition.name)
    finally:
        sandbox.stop(state_dir / "sandbox")
        if engine is not None:
            engine.close()
        shutil.rmtree(state_dir, ignore_errors=True)


def _left_on_this_machine(toolkit: Toolkit, containers: list[str], app_name: str) -> list[str]:
    images = toolkit.remove_local_images(app_name)
    return [f"container {name}" for name in containers] + [f"image {name}" for name in images]
