"""Write what an app's folder lacks to run in a container, and review the Dockerfile that it has."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Protocol

from expressway.app.definition import AppDefinition
from expressway.app.parse import parse_definition_text
from expressway.aws.values.service import DEFAULT_HEALTH_PATH
from expressway.containerize import draft
from expressway.containerize.detect.framework import (
    DetectedApp,
    apps_below,
    detect_app,
    frameworks_of,
    is_workspace,
)
from expressway.containerize.detect.listening import DEFAULT_PORT, find_listening
from expressway.containerize.detect.manifests import unparsable
from expressway.containerize.detect.start_command import find_entry_point
from expressway.containerize.files import AppFiles
from expressway.containerize.recipes import Recipes
from expressway.containerize.result import Containerization
from expressway.containerize.review.existing import with_own_dockerfile
from expressway.containerize.review.hadolint import LintedLine, lint_finding
from expressway.diagnose.finding import Finding, ranked
from expressway.errors import DefinitionError, ExpresswayError, ImageError
from expressway.privacy.untrusted import echoed, named

_DEFINITIONS = ("expressway.yaml", "expressway.yml")
_OMITTED_SHOWN = 10
_MOST_NAMED = 20
_SAME_RULES = {
    "DL3002": "runs_as_root",
    "DL3006": "base_image_not_pinned",
    "DL3007": "base_image_not_pinned",
    "DL3025": "shell_form_command",
    "DL3057": "no_health_check",
    "DL3064": "secret_in_image",
}
"""Rules of the linter that repeat a finding of ours, which has a remedy."""
_UNREAD_RULE = "DL1000"
"""The linter's only answer for a file that it cannot parse."""
_BUILD_REASONS = (
    "Dependencies are built in a stage of their own, so that the image that runs has no build tools.",
    "Manifests are copied before the source, so that a change of code does not install dependencies again.",
)
_GENERAL_REASONS = (
    "Bases are named by version and distribution: the next build makes the same image.",
    "An ordinary user runs the app, started in exec form, so that the signal to stop reaches it.",
    "ECS does not read HEALTHCHECK: the load balancer asks health_check_path. It serves local engines.",
)


class AppFolder(Protocol):
    """An app's folder (containerize.folder.LocalFolder)."""

    def read(self, root: Path) -> AppFiles: ...
    def write(self, root: Path, contents: Mapping[str, str], *, overwrite: bool) -> tuple[str, ...]: ...


Linter = Callable[[str], tuple[LintedLine, ...]]


@dataclass(frozen=True, slots=True)
class ContainerizePorts:
    """`linter` raises an ExpresswayError when it cannot lint, which becomes a gap."""

    folder: AppFolder
    linter: Linter
    recipes: Recipes


@dataclass(frozen=True, slots=True)
class ContainerizeRequest:
    """An app's resolved folder. `port` and `framework` (a name such as ``flask``) are detected where they are None.

    `write` writes the files that the folder lacks; with `overwrite`, also the improved Dockerfile and .dockerignore.
    """

    root: Path
    port: int | None = None
    framework: str | None = None
    write: bool = False
    overwrite: bool = False


def containerize_app(request: ContainerizeRequest, ports: ContainerizePorts) -> Containerization:
    """The files that an app lacks, the findings about those it has, and what was assumed. Runs nothing of the app.

    Raises:
        DefinitionError: ``unknown_framework``, ``invalid_port``.
        ImageError: ``app_empty``, ``app_in_subfolder``, ``framework_unknown``, ``folder_unreadable``,
            ``folder_not_writable``.
    """
    _check(request, ports.recipes)
    files = ports.folder.read(request.root)
    own_dockerfile = "Dockerfile" in files.paths
    detected = _detect(request, files, ports.recipes, needed=not own_dockerfile)
    definition, definition_findings = _own_definition(files)
    port = request.port if request.port is not None else definition.container_port if definition else None
    result = _describe(files, detected, ports.recipes, port=port, own_dockerfile=own_dockerfile)
    if definition is not None and request.port is None:
        result = replace(result, health_path=definition.health_check_path)
    result = replace(result, findings=(*result.findings, *definition_findings))
    if own_dockerfile:
        result = with_own_dockerfile(result, files, detected, asked_port=request.port)
    result = _with_lint(result, files, ports.linter)
    result = replace(result, findings=ranked(result.findings), gaps=(*result.gaps, *_gaps(files)))
    if not request.write:
        return result
    written = ports.folder.write(request.root, result.files, overwrite=False)
    if request.overwrite and result.improved:
        written = (*written, *ports.folder.write(request.root, result.improved, overwrite=True))
    return replace(result, written=written)


def _check(request: ContainerizeRequest, recipes: Recipes) -> None:
    if request.port is not None and not 1 <= request.port <= 65535:
        raise DefinitionError("invalid_port", f"Expected a port from 1 to 65535, got {request.port}.", "Correct it.")
    if request.framework is not None and request.framework not in recipes.frameworks:
        message = f"Expected one of {', '.join(recipes.frameworks)} as framework, got {named(request.framework)}."
        raise DefinitionError("unknown_framework", message, "Name one of these, or leave it out to have it found.")


def _detect(request: ContainerizeRequest, files: AppFiles, recipes: Recipes, *, needed: bool) -> DetectedApp | None:
    if not files.paths:
        message = f"The folder {echoed(str(request.root))} has no files that could be read."
        raise ImageError("app_empty", message, "Name the folder that holds the app's source.")
    found = frameworks_of(files, recipes)
    if request.framework is not None:
        return detect_app(files, recipes, request.framework)
    if needed and (not found or is_workspace(files)):
        _refuse(request, files, recipes, found)
    return detect_app(files, recipes, found[0], found[1:]) if found else None


def _refuse(request: ContainerizeRequest, files: AppFiles, recipes: Recipes, found: tuple[str, ...]) -> None:
    below = apps_below(files, recipes)
    if below:
        apps = {named(folder): kind for folder, kind in islice(below.items(), _MOST_NAMED)}
        more = f" and {len(below) - len(apps)} more" if len(below) > len(apps) else ""
        listed = ", ".join(f"{folder} ({kind})" for folder, kind in apps.items()) + more
        hint = "Name one of these folders, and give each app its own definition."
        if is_workspace(files):
            hint += " They share a lock file above them: write a Dockerfile in the folder above."
        raise ImageError(
            "app_in_subfolder",
            f"The folder {echoed(str(request.root))} holds several parts rather than one app: {listed}.",
            hint,
            {"apps": apps},
        )
    if found:
        return
    titles = ", ".join(framework.title for framework in recipes.frameworks.values())
    broken = unparsable(files)
    raise ImageError(
        "framework_unknown",
        f"Nothing in {echoed(str(request.root))} shows a framework that Expressway knows ({titles}).",
        f"Correct {broken[0]}." if broken else "Write a Dockerfile, which is then checked; or name the framework.",
        {"problems": list(broken[:_MOST_NAMED])} if broken else {},
    )


def _describe(
    files: AppFiles, detected: DetectedApp | None, recipes: Recipes, *, port: int | None, own_dockerfile: bool
) -> Containerization:
    """Everything that the folder lacks; without a framework that is the definition and a .dockerignore."""
    name = draft.app_name_of(files.name)
    if detected is None:
        assumed = () if port else (f"No port was found; {DEFAULT_PORT} was assumed.",)
        result = Containerization(name, port or DEFAULT_PORT, DEFAULT_HEALTH_PATH, "", assumptions=assumed)
        return _with_missing_files(result, {".dockerignore": draft.general_ignore_file()}, files)
    listening = find_listening(detected, files, port=port)
    entry = find_entry_point(detected, files)
    contents = {".dockerignore": draft.ignore_file_of(detected, entry, files)}
    if not own_dockerfile:
        contents |= draft.image_files_of(detected, entry, listening, files=files, recipes=recipes)
    framework = detected.framework
    otherwise = framework.unless_variant
    advice = (otherwise.note,) if otherwise and draft.template_of(detected, files) == otherwise.template else ()
    assumptions = (*detected.assumptions, *listening.assumptions, *entry.assumptions)
    build_reasons = _BUILD_REASONS if detected.installer else ()
    reasons = (*build_reasons, *_GENERAL_REASONS, *framework.reasons, *entry.reasons)
    result = Containerization(
        name,
        listening.port,
        listening.health_path,
        draft.final_image_of(detected, files),
        framework.title,
        detected.installer.title if detected.installer else None,
        findings=(*listening.findings, *entry.findings),
        assumptions=() if own_dockerfile else assumptions,
        reasons=() if own_dockerfile else reasons,
        notes=(*framework.notes, *advice),
    )
    return _with_missing_files(result, contents, files, cpu=framework.cpu, memory_mib=framework.memory_mib)


def _with_missing_files(
    result: Containerization,
    contents: Mapping[str, str],
    files: AppFiles,
    *,
    cpu: int | None = None,
    memory_mib: int | None = None,
) -> Containerization:
    """`result` with those of `contents` that the folder has no file for, and a definition where it has none."""
    wanted = dict(contents)
    if not any(name in files.paths for name in _DEFINITIONS):
        wanted["expressway.yaml"] = draft.definition_of(
            result.app_name, port=result.container_port, health_path=result.health_path, cpu=cpu, memory_mib=memory_mib
        )
    kept = [path for path in ("Dockerfile", *wanted, *_DEFINITIONS) if path in files.paths]
    missing = {path: content for path, content in wanted.items() if path not in files.paths}
    return replace(result, files=missing, kept=tuple(dict.fromkeys(kept)))


def _own_definition(files: AppFiles) -> tuple[AppDefinition | None, tuple[Finding, ...]]:
    path = next((name for name in _DEFINITIONS if name in files.paths), None)
    if path is None:
        return None, ()
    try:
        return parse_definition_text(files.text(path)), ()
    except DefinitionError as error:
        return None, (Finding(error.code, "critical", error.message, remedy=error.hint, resource=path),)


def _with_lint(result: Containerization, files: AppFiles, linter: Linter) -> Containerization:
    text = result.files.get("Dockerfile") or files.text("Dockerfile")
    try:
        linted = linter(text)
    except ExpresswayError as error:
        return replace(result, gaps=(*result.gaps, f"hadolint: {error.message}"))
    codes = {finding.code for finding in result.findings}
    unread = [line for line in linted if line.rule == _UNREAD_RULE]
    if unread and "dockerfile_invalid" not in codes:
        gap = f"hadolint: it does not understand line {unread[0].line} of the Dockerfile, which builders do."
        return replace(result, gaps=(*result.gaps, gap))
    further = [line for line in linted if _SAME_RULES.get(line.rule) not in codes]
    return replace(result, findings=(*result.findings, *(lint_finding(line, "Dockerfile") for line in further)))


def _gaps(files: AppFiles) -> tuple[str, ...]:
    """The paths that were not read, each with its reason."""
    parts = [item.rpartition(": ") for item in files.omitted[:_OMITTED_SHOWN]]
    shown = [f"not read: {named(path)}{colon}{why}" for path, colon, why in parts]
    more = len(files.omitted) - len(shown)
    return (*shown, *((f"not read: {more} more",) if more else ()))
