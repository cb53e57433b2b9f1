"""Reviews an app's own Dockerfile and .dockerignore, and proposes improved ones; changes neither."""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from expressway.containerize import draft
from expressway.containerize.detect.framework import DetectedApp
from expressway.containerize.detect.registry_credentials import harmless_files
from expressway.containerize.files import AppFiles
from expressway.containerize.recipes import fill_words
from expressway.containerize.result import Containerization
from expressway.containerize.review.layers import base_findings, has_secret_text, order_findings, secret_findings
from expressway.containerize.review.start import (
    base_port,
    command_findings,
    health_findings,
    listening_port,
    port_findings,
    user_findings,
)
from expressway.core import linear_regex
from expressway.diagnose.catalog import make_finding
from expressway.diagnose.finding import Finding
from expressway.errors import ImageError
from expressway.image.context.dockerignore import read_ignore_file
from expressway.image.context.protected_files import PROTECTED
from expressway.image.dockerfile.edit import Edit, ExpectedApp, apply_edits, official_name, split_image
from expressway.image.dockerfile.lexer import bare_lines, split_lines
from expressway.image.dockerfile.parser import Dockerfile, parse_dockerfile
from expressway.privacy.untrusted import named

_COMPANIONS = (".npmrc", ".yarnrc", ".yarnrc.yml", ".pnpmfile.cjs", "pnpm-workspace.yaml", ".ruby-version")
_NEEDS_MORE: Mapping[str, str] = {
    "requirements.txt": r"(?m)^\s*(?:-[rce]\b|--(?:requirement|constraint|editable)\b|\.|file:)|@\s*file:",
    "package.json": r'"(?:preinstall|install|postinstall|prepare|prepublish|workspaces)"\s*:|"(?:file|link|workspace):',
    "Gemfile": r"\bpath:|:path\b|\bgemspec\b|eval_gemfile|\bfile:|\bFile\.",
}
_LOCKS = {"package.json": ("package-lock.json", "yarn.lock", "pnpm-lock.yaml"), "Gemfile": ("Gemfile.lock",)}
_ESSENTIAL = (".git", ".env", "*.pem")
_CONTEXT_LINES = 3
_MOST_RULES = 1_000


def with_own_dockerfile(
    result: Containerization, files: AppFiles, detected: DetectedApp | None, *, asked_port: int | None
) -> Containerization:
    """`result` with the port and base of the app's own Dockerfile, the findings about it, and the diff."""
    text = files.text("Dockerfile")
    dockerfile = parse_dockerfile(text)
    found_port = next(iter(dockerfile.exposed_ports()), None) or listening_port(dockerfile) or base_port(dockerfile)
    port = asked_port or found_port or result.container_port
    place = {"port": str(port), "path": result.health_path}
    expected = ExpectedApp(
        port=port,
        asked_port=asked_port,
        probe=fill_words(draft.probe_of(detected, files), place) if detected else (),
        pinned=_pinned(detected) if detected else {},
        probe_base=draft.final_image_of(detected, files) if detected else "",
        files=frozenset(_sufficient_manifests(files)),
        harmless=harmless_files(files),
    )
    improved = {"Dockerfile": improve_dockerfile(text, dockerfile, expected)}
    if ".dockerignore" in files.paths:
        improved[".dockerignore"] = improve_ignore_file(files.text(".dockerignore"), files.paths)
    elif "Dockerfile.dockerignore" not in files.paths:
        cause = "There is no .dockerignore: version control, local builds and secrets are sent with each build."
        missing = make_finding(code="no_ignore_file", cause=cause, resource=".dockerignore")
        improved = {".dockerignore": Improvement((missing,)), **improved}
    stage = dockerfile.stage()
    missing_files = dict(result.files)
    if "expressway.yaml" in missing_files:
        definition = draft.definition_of(result.app_name, port=port, health_path=result.health_path)
        missing_files["expressway.yaml"] = definition
    return replace(
        result,
        container_port=port,
        base_image=next(reversed(dockerfile.base_images()), stage.base if stage else ""),
        files=missing_files,
        improved={path: each.content for path, each in improved.items() if each.content is not None},
        diff="".join(each.diff for each in improved.values()),
        findings=(*result.findings, *(finding for each in improved.values() for finding in each.findings)),
        assumptions=result.assumptions if found_port is None else (),
    )


def _pinned(detected: DetectedApp) -> Mapping[str, str]:
    """Tags for official images, of the version that the app wants."""
    images = detected.language.images
    values = {"version": detected.version, "distribution": draft.distribution_of(detected)}
    roles = sorted(images, key=("compile", "build", "run", "web", "assets").index)
    named = [split_image(fill_words((images[role],), values)[0]) for role in roles]
    return {official_name(name): tag for name, tag in reversed(named)}


def _sufficient_manifests(files: AppFiles) -> Iterator[str]:
    """Manifests that can be installed from without the source: they run no script and name no other file of the app."""
    companions = any(files.has(name) for name in _COMPANIONS) or files.has_folder("patches")
    for manifest, pattern in _NEEDS_MORE.items():
        text = files.text(manifest)
        if text and not companions and not linear_regex.search(pattern, text):
            yield from (manifest, *(lock for lock in _LOCKS.get(manifest, ()) if files.has(lock)))


@dataclass(frozen=True, slots=True)
class Review:
    """Findings about a Dockerfile, and the edits that resolve some of them.

    An edit is proposed only where it certainly keeps the meaning; everything else is a finding with its remedy.
    """

    findings: tuple[Finding, ...] = ()
    edits: tuple[Edit, ...] = ()


def review_dockerfile(text: str, dockerfile: Dockerfile, expected: ExpectedApp) -> Review:
    """Every finding, beyond a linter's, about the stage that is built last, and about bases, secrets and layers of all.

    Only what builders refuse is reported where the Dockerfile cannot be built.
    """
    stage = dockerfile.stage()
    if stage is None or dockerfile.problems:
        cause = "The Dockerfile cannot be built: its line is no instruction that a builder knows."
        invalid = (
            make_finding(
                code="dockerfile_invalid",
                cause=cause,
                remedy=f"Correct it: {problem.message}.",
                resource=f"Dockerfile:{problem.line}",
            )
            for problem in dockerfile.problems
        )
        return Review(tuple(invalid))
    lines = bare_lines(text)
    found = [
        *base_findings(dockerfile, lines, expected),
        *secret_findings(dockerfile, expected),
        *order_findings(dockerfile, lines, expected),
        *command_findings(stage, dockerfile, lines),
        *port_findings(stage, dockerfile, expected),
        *user_findings(stage, dockerfile),
        *health_findings(stage, dockerfile, expected),
    ]
    return Review(
        tuple(item for item in found if isinstance(item, Finding)),
        tuple(_above_comments(item, lines) for item in found if isinstance(item, Edit)),
    )


def _above_comments(edit: Edit, lines: Sequence[str]) -> Edit:
    """An insertion comes before the comment that belongs to what follows."""
    line = edit.line
    while edit.count == 0 and line > 1 and lines[line - 2].lstrip().startswith("#"):
        line -= 1
    return replace(edit, line=line)


@dataclass(frozen=True, slots=True)
class Improvement:
    """A file's findings, its improved content (None where nothing is proposed), and the diff between the two."""

    findings: tuple[Finding, ...] = ()
    content: str | None = None
    diff: str = ""


def improve_dockerfile(text: str, dockerfile: Dockerfile, expected: ExpectedApp) -> Improvement:
    """The findings about a Dockerfile, and its text with the proposed edits."""
    review = review_dockerfile(text, dockerfile, expected)
    if not review.edits:
        return Improvement(review.findings)
    improved = apply_edits(text, review.edits)
    return Improvement(review.findings, improved, _unified_diff(text, improved, "Dockerfile"))


def improve_ignore_file(text: str, files: tuple[str, ...]) -> Improvement:
    """The findings about a .dockerignore that includes what may be secret, and its text with what excludes that."""
    path = ".dockerignore"
    lines = len(text.splitlines())
    if lines > _MOST_RULES:  # every file is compared with each of them
        cause = f"The .dockerignore has {lines:,} lines; whether it keeps secret files out was not checked."
        return Improvement((make_finding(code="ignore_file_not_checked", cause=cause, resource=path),))
    try:
        rules = read_ignore_file(text.encode("utf-8", errors="surrogateescape"))
    except ImageError as exc:
        return Improvement((Finding(exc.code, "critical", exc.message, remedy=exc.hint, resource=path),))
    included = [file for file in files if PROTECTED.excludes(file) and not rules.excludes(file)]
    included = [file for file in included if not rules.names_explicitly(file)]
    if not included:
        return Improvement()
    missing = [pattern for pattern in _ESSENTIAL if not rules.excludes(pattern.replace("*", "x"))]
    improved = f"{text.rstrip()}\n" + "".join(f"{pattern}\n" for pattern in dict.fromkeys((*missing, *included)))
    cause = f"The .dockerignore leaves in what usually holds secrets: {', '.join(map(named, included[:5]))}."
    finding = make_finding(code="secret_files_in_context", cause=cause, resource=path)
    return Improvement((finding,), improved, _unified_diff(text, improved, path))


def _unified_diff(before: str, after: str, path: str) -> str:
    """The diff, without lines around the changes where one of them may hold a secret."""
    shown = _diff(before, after, path, context=_CONTEXT_LINES)
    around = [line[1:] for line in split_lines(shown) if line.startswith(" ")]
    return _diff(before, after, path, context=0) if any(has_secret_text(line) for line in around) else shown


def _diff(before: str, after: str, path: str, *, context: int) -> str:
    lines = difflib.unified_diff(split_lines(before), split_lines(after), f"a/{path}", f"b/{path}", n=context)
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
