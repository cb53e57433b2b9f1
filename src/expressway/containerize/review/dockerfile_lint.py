"""What a linter says about one line of a Dockerfile."""

from collections.abc import Mapping
from dataclasses import dataclass

from expressway.core.text import shortened
from expressway.diagnose.finding import Finding, Severity
from expressway.privacy.untrusted import quoted

_SEVERITIES: Mapping[str, Severity] = {"error": "critical", "warning": "warning"}


@dataclass(frozen=True, slots=True)
class LintedLine:
    """A rule (DL3008, SC2086), its level (error, warning, info, style), the line from 1, and the rule's words."""

    rule: str
    level: str
    line: int
    message: str


_LONGEST = 400


def lint_finding(linted: LintedLine, file: str) -> Finding:
    """The finding that a linted line is."""
    page = (
        "https://github.com/hadolint/hadolint/wiki"
        if linted.rule.startswith("DL")
        else "https://www.shellcheck.net/wiki"
    )
    return Finding(
        code=f"hadolint_{linted.rule.lower()}",
        severity=_SEVERITIES.get(linted.level, "info"),
        cause=quoted(shortened(linted.message.split("\n")[0], _LONGEST), public=True),
        remedy=f"{page}/{linted.rule}",
        resource=f"{file}:{linted.line}",
    )
