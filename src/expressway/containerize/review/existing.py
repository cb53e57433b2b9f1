"""Checks the Dockerfile and .dockerignore that an app brings; neither is changed here."""

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
_LOCKS = {
    "package.json": ("package-lock.json", "yarn.lock", "pnpm-lock.yaml"),
    "Gemfile": ("Gemfile.lock",),
}


def with_own_dockerfile(
    made: Containerization, files: AppFiles, detected: DetectedApp | None, *, asked_port: int | None
) -> Containerization:
    """`made` with the port and base of the app's own Dockerfile, what is to be said of it, and the diff."""
    text = files.text("Dockerfile")
    parsed = parse_dockerfile(text)
    exposed = parsed.exposed_ports()
    told = next(iter(exposed), None) or listening_port(parsed) or base_port(parsed)
    port = asked_port or told or made.container_port
    place = {"port": str(port), "path": made.health_path}
    expected = ExpectedApp(
        port=port,
        asked_port=asked_port,
        probe=fill_words(draft.probe_of(detected, files), place) if detected else (),
        pinned=_pinned(detected),
        probe_base=draft.final_image_of(detected, files) if detected else "",
        files=frozenset(_sufficient_manifests(files)),
        harmless=harmless_files(files),
    )
    improved = {"Dockerfile": improve_dockerfile(text, expected)}
    if ".dockerignore" in files.paths:
        improved[".dockerignore"] = improve_ignore_file(files.text(".dockerignore"), files.paths)
    stage = parsed.stage()
    lacking = dict(made.files)
    if "expressway.yaml" in lacking:
        lacking["expressway.yaml"] = draft.definition_of(made.app_name, port=port, health_path=made.health_path)
    return replace(
        made,
        container_port=port,
        base_image=next(reversed(parsed.base_images()), stage.base if stage else ""),
        files=lacking,
        improved={path: each.content for path, each in improved.items() if each.content is not None},
        diff="".join(each.diff for each in improved.values()),
        findings=(
            *made.findings,
            *_missing_ignore_file(files),
            *(f for each in improved.values() for f in each.findings),
        ),
        assumptions=made.assumptions if told is None else (),
    )


def _missing_ignore_file(files: AppFiles) -> tuple[Finding, ...]:
    if ".dockerignore" in files.paths or "Dockerfile.dockerignore" in files.paths:
        return ()
    return (
        make_finding(
            code="no_ignore_file",
            cause="There is no .dockerignore: version control, local builds and secrets are sent with each build.",
            resource=".dockerignore",
        ),
    )


def _pinned(detected: DetectedApp | None) -> Mapping[str, str]:
    """Tags for official images, of the version that the app wants."""
    if detected is None:
        return {}
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
    """Findings about a Dockerfile, and edits that mend some of them."""

    findings: tuple[Finding, ...] = ()
    edits: tuple[Edit, ...] = ()


def review_dockerfile(text: str, dockerfile: Dockerfile, expected: ExpectedApp) -> Review:
    """Every finding about the stage that is built last, and about bases, secrets and layers of all."""
    stage = dockerfile.stage()
    if stage is None or dockerfile.problems:
        return Review(
            tuple(
                make_finding(
                    code="dockerfile_invalid",
                    cause="The Dockerfile cannot be built: its line is no instruction that a builder knows.",
                    remedy=f"Correct it: {problem.message}.",
                    resource=f"Dockerfile:{problem.line}",
                )
                for problem in dockerfile.problems
            )
        )
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


_ESSENTIAL = (".git", ".env", "*.pem")
_CONTEXT_LINES = 3
_MOST_RULES = 1_000


@dataclass(frozen=True, slots=True)
class Improvement:
    """A file that could be better: its findings, its new content (None when nothing is proposed), its diff."""

    findings: tuple[Finding, ...] = ()
    content: str | None = None
    diff: str = ""


def improve_dockerfile(text: str, expected: ExpectedApp, *, path: str = "Dockerfile") -> Improvement:
    """What is to be said of a Dockerfile, and the same with the edits that are sure."""
    review = review_dockerfile(text, parse_dockerfile(text), expected)
    if not review.edits:
        return Improvement(review.findings)
    improved = apply_edits(text, review.edits)
    return Improvement(review.findings, improved, unified_diff(text, improved, path))


def improve_ignore_file(text: str, files: tuple[str, ...]) -> Improvement:
    """A .dockerignore that leaves in what may be secret."""
    lines = len(text.splitlines())
    if lines > _MOST_RULES:  # every file is compared with each of them
        return Improvement((_too_many_rules(lines),))
    try:
        rules = read_ignore_file(text.encode("utf-8", errors="surrogateescape"))
    except ImageError as exc:
        return Improvement((_not_checked(exc),))
    left_in = [path for path in files if PROTECTED.excludes(path) and not rules.excludes(path)]
    left_in = [path for path in left_in if not rules.names_explicitly(path)]
    missing = [pattern for pattern in _ESSENTIAL if not rules.excludes(pattern.replace("*", "x"))]
    if not left_in:
        return Improvement()
    improved = f"{text.rstrip()}\n" + "".join(f"{pattern}\n" for pattern in dict.fromkeys((*missing, *left_in)))
    finding = make_finding(
        code="secret_files_in_context",
        cause=f"The .dockerignore leaves in what usually holds secrets: {', '.join(map(named, left_in[:5]))}.",
        resource=".dockerignore",
    )
    return Improvement((finding,), improved, unified_diff(text, improved, ".dockerignore"))


def _too_many_rules(count: int) -> Finding:
    return make_finding(
        code="ignore_file_not_checked",
        cause=f"The .dockerignore has {count:,} lines; whether it keeps secret files out was not checked.",
        resource=".dockerignore",
    )


def _not_checked(exc: ImageError) -> Finding:
    return Finding(code=exc.code, severity="critical", cause=exc.message, remedy=exc.hint, resource=".dockerignore")


def unified_diff(before: str, after: str, path: str) -> str:
    """The diff, without lines around the changes where one of them may hold a secret."""
    shown = _diff(before, after, path, _CONTEXT_LINES)
    around = [line[1:] for line in split_lines(shown) if line.startswith(" ")]
    return _diff(before, after, path, 0) if any(has_secret_text(line) for line in around) else shown


def _diff(before: str, after: str, path: str, context: int) -> str:
    lines = list(
        difflib.unified_diff(
            split_lines(before),
            split_lines(after),
            f"a/{path}",
            f"b/{path}",
            n=context,
        )
    )
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
