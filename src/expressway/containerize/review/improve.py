"""Improves an app's own Dockerfile and .dockerignore: as findings, and as a diff that nobody has to take."""

import difflib
from dataclasses import dataclass

from expressway.containerize.review.layers import has_secret_text
from expressway.containerize.review.rules import review_dockerfile
from expressway.diagnose.catalog import make_finding
from expressway.diagnose.finding import Finding
from expressway.errors import ImageError
from expressway.image.context.dockerignore import read_ignore_file
from expressway.image.context.protected_files import PROTECTED
from expressway.image.dockerfile.edit import ExpectedApp, apply_edits
from expressway.image.dockerfile.lexer import split_lines
from expressway.image.dockerfile.parser import parse_dockerfile
from expressway.privacy.untrusted import named

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
