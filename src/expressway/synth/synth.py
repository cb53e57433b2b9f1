"""Synthesize an app: its definition becomes templates without lint errors, which may be written into a folder."""

import tempfile
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from expressway.app.definition import AppDefinition
from expressway.app.sections import pseudo_parameters
from expressway.cloudformation.limits import check_limits
from expressway.cloudformation.template import AppTemplates, Template
from expressway.core.progress import Progress, ProgressSink, ignore_progress
from expressway.errors import ExpresswayError, SynthesisError
from expressway.privacy.untrusted import named, quoted
from expressway.synth.lint.linter import LintFinding

Synthesize = Callable[[AppDefinition], AppTemplates]
"""Makes templates of a definition."""

Linter = Callable[[Iterable[Template], Sequence[str]], tuple[LintFinding, ...]]
"""Lints templates for the regions given."""

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class SynthResult:
    """The templates of an app, lint findings that are no errors, and warnings about values."""

    templates: AppTemplates
    findings: tuple[LintFinding, ...] = ()
    warnings: tuple[str, ...] = ()


def synth_app(
    definition: AppDefinition,
    *,
    synthesize: Synthesize,
    linter: Linter | None,
    progress: ProgressSink = ignore_progress,
    clock: Clock = time.monotonic,
) -> SynthResult:
    """The templates of `definition`, linted for the regions that it names unless `linter` is None.

    Raises:
        SynthesisError: ``lint_errors`` with all findings in the details, or what `synthesize` and `linter` raise.
        StackError: ``template_too_large``, ``limit_exceeded``.
    """
    warnings = tuple(_unreplaced_parameters(definition))
    for warning in warnings:
        progress(Progress("synth", warning, level="warning"))
    started = clock()
    templates = synthesize(definition)
    check_limits(*templates)
    stacks = " and ".join(template.stack_name for template in templates)
    progress(Progress("synth", f"synthesized {stacks}", clock() - started))
    if linter is None:
        return SynthResult(templates, warnings=warnings)
    started = clock()
    findings = linter(templates, definition.regions)
    regions = ", ".join(definition.regions)
    count = "1 finding" if len(findings) == 1 else f"{len(findings) or 'no'} findings"
    progress(Progress("lint", f"linted for {regions}: {count}", clock() - started))
    _refuse_errors(findings)
    return SynthResult(templates, findings, warnings)


def _unreplaced_parameters(definition: AppDefinition) -> Iterator[str]:
    """A warning for each value that names a pseudo parameter: CloudFormation replaces those in templates only."""
    texts = {f"environment.{named(name)}": value for name, value in definition.environment.items()}
    texts |= {f"command[{index}]": argument for index, argument in enumerate(definition.command)}
    for path, text in texts.items():
        if parameters := pseudo_parameters(text):
            yield (
                f"{path}: the container gets {' and '.join(parameters)} letter by letter, since nothing in a "
                "definition is replaced. Write the value itself if that was meant."
            )


def _refuse_errors(findings: tuple[LintFinding, ...]) -> None:
    errors = [finding for finding in findings if finding.severity == "error"]
    if not errors:
        return
    listed = " ".join(
        f"{error.rule} at {error.path or error.stack}: {quoted(error.message, public=True)}" for error in errors
    )
    raise SynthesisError(
        "lint_errors",
        f"Expected templates without errors, the linters found {len(errors)}: {listed}",
        "Correct what the definition sets there.",
        {"findings": [asdict(finding) for finding in findings]},
    )


def write_templates(folder: Path, templates: Sequence[Template]) -> tuple[Path, ...]:
    """Write each template to ``{stack name}.template.json`` in `folder`, which is made if it is missing.

    All are written beside their places first and then moved there, so that a full disk leaves what was there.

    Raises:
        ExpresswayError: ``output_not_writable``; nothing was written, and no folder was made.
    """
    paths = tuple(folder / f"{template.stack_name}.template.json" for template in templates)
    try:
        with _created(folder), tempfile.TemporaryDirectory(dir=folder, prefix=".draft-") as drafts:
            for path, template in zip(paths, templates, strict=True):
                (Path(drafts) / path.name).write_text(template.body, encoding="utf-8")
            for path in paths:
                (Path(drafts) / path.name).replace(path)
    except OSError as exc:
        raise ExpresswayError(
            "output_not_writable",
            f"The templates cannot be written into {folder}: {exc.strerror or exc}.",
            "Name a folder that can be made or written, on a disk with room.",
            {"path": str(exc.filename or folder)},
        ) from exc
    return paths


@contextmanager
def _created(folder: Path) -> Generator[None]:
    """`folder`, gone again when what follows fails, with the parents that had to be made."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError:
        for path in missing:
            with suppress(OSError):
                path.rmdir()
        raise
