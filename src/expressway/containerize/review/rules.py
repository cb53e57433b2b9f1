"""What is to be said of an app's own Dockerfile beyond what a linter says, and the edits that mend it.

An edit is proposed only where it is sure to mean the same; everything else is a finding with its remedy.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from expressway.containerize.review.layers import base_findings, order_findings, secret_findings
from expressway.containerize.review.start import command_findings, health_findings, port_findings, user_findings
from expressway.diagnose.catalog import make_finding
from expressway.diagnose.finding import Finding
from expressway.image.dockerfile.edit import Edit, ExpectedApp
from expressway.image.dockerfile.lexer import bare_lines
from expressway.image.dockerfile.parser import Dockerfile


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
