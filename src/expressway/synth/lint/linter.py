"""Linting of templates, in processes of their own and in parallel; findings are cached by the template's digest."""

import hashlib
import importlib.metadata
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from expressway.cloudformation.template import Template
from expressway.errors import SynthesisError
from expressway.synth.cache import ResultCache
from expressway.synth.workers import LINT_SECONDS, LINT_VARIABLE, worker_environment

Severity = Literal["error", "warning", "info"]


@dataclass(frozen=True, slots=True, order=True)
class LintFinding:
    """One finding of one tool.

    Attributes:
        tool: ``cfn-lint`` or ``cloudformation-validate``.
        rule: the tool's own rule id, such as ``E3012``.
        path: where in the template, as ``Resources/Service/Properties/Cpu``; empty for the whole template.
        stack: name of the stack whose template it is.
    """

    stack: str
    tool: str
    severity: Severity
    rule: str
    path: str
    message: str


TOOLS = ("cfn-lint", "cloudformation-validate")
_MODULE = "expressway.synth.lint.worker"

Findings = tuple[LintFinding, ...]


class TemplateLinter:
    """Lints templates with cfn-lint (for every region) and cloudformation-validate; safe to share between threads.

    Args:
        cache_dir: folder for findings that outlive this process; none are kept on disk without it.
        timeout_seconds: longest wait for one run of one tool.
    """

    def __init__(self, *, cache_dir: Path | None = None, timeout_seconds: float = LINT_SECONDS) -> None:
        self._disk = None if cache_dir is None else ResultCache(cache_dir, limit=400)
        self._timeout_seconds = timeout_seconds
        self._memory: dict[str, Findings] = {}

    def __call__(self, templates: Iterable[Template], regions: Sequence[str]) -> Findings:
        """Every finding on `templates`, sorted; an empty tuple when they are clean.

        Raises:
            SynthesisError: ``linter_missing``, ``lint_failed`` when a tool does not run.
        """
        places = tuple(sorted(regions))
        listed = tuple(templates)
        keys = {(tool, each): _key(tool, each, places) for tool in TOOLS for each in listed}
        results = {key: self._known(key) for key in keys.values()}
        unknown = {tool: [each for each in listed if results[keys[tool, each]] is None] for tool in TOOLS}
        # One run a tool: loading it takes longer than linting a template with it.
        runs = [(tool, unknown[tool], places) for tool in TOOLS if unknown[tool]]
        with ThreadPoolExecutor(max_workers=max(1, len(runs))) as pool:
            for fresh in pool.map(self._run, runs):
                results |= fresh
        return tuple(sorted(finding for findings in results.values() for finding in findings or ()))

    def _known(self, key: str) -> Findings | None:
        if key in self._memory:
            return self._memory[key]
        stored = self._disk.read(key) if self._disk else None
        if stored is None:
            return None
        return self._memory.setdefault(key, _findings(stored))

    def _run(self, run: tuple[str, list[Template], tuple[str, ...]]) -> dict[str, Findings]:
        tool, templates, regions = run
        found = self.find(tool, templates, regions)
        fresh: dict[str, Findings] = {}
        for template in templates:
            key = _key(tool, template, regions)
            fresh[key] = tuple(finding for finding in found if finding.stack == template.stack_name)
            if self._disk:
                self._disk.write(key, [asdict(finding) for finding in fresh[key]])
        self._memory |= fresh
        return fresh

    def find(self, tool: str, templates: list[Template], regions: tuple[str, ...]) -> Findings:
        """What one tool finds, in a process of its own."""
        return _run(tool, templates, regions, timeout_seconds=self._timeout_seconds)


def _run(tool: str, templates: list[Template], regions: tuple[str, ...], *, timeout_seconds: float) -> Findings:
    job = [{"stack": each.stack_name, "body": each.body, "regions": list(regions)} for each in templates]
    names = " and ".join(each.stack_name for each in templates)
    try:
        with tempfile.TemporaryDirectory(prefix="expressway-lint-") as empty:  # where no project file configures a tool
            done = subprocess.run(
                [sys.executable, "-m", _MODULE, tool],
                input=json.dumps(job),
                capture_output=True,
                text=True,
                encoding="utf-8",
                errors="replace",
                timeout=timeout_seconds,
                check=True,
                env=worker_environment(),
                cwd=empty,
            )
        return _findings(json.loads(done.stdout))
    except (OSError, subprocess.SubprocessError, ValueError, TypeError) as exc:
        output = str(getattr(exc, "stderr", "") or "")[-4000:]
        last = output.strip().rpartition("\n")[2] or str(exc)
        if isinstance(exc, subprocess.TimeoutExpired):
            last = f"no answer within {timeout_seconds:g} s"
            advice = f"Try again, or allow more seconds with the variable {LINT_VARIABLE}."
        else:
            advice = "Reinstall Expressway (in a checkout: rm -r .venv && make setup)."
        raise SynthesisError(
            "lint_failed",
            f"Expected {tool} to lint {names}, got: {last}",
            f"{advice} Templates are linted before every plan and deployment; only synth can leave it out.",
            {"tool": tool, "output": output},
        ) from exc


def _findings(stored: list[dict[str, Any]]) -> Findings:
    return tuple(sorted(LintFinding(**finding) for finding in stored))


def _key(tool: str, template: Template, regions: tuple[str, ...]) -> str:
    places = ",".join(regions) if tool == "cfn-lint" else ""
    text = f"{tool} {_version(tool)}\n{_worker_digest()}\n{template.stack_name}\n{template.digest}\n{places}"
    return hashlib.sha256(text.encode()).hexdigest()


@cache
def _version(tool: str) -> str:
    try:
        return importlib.metadata.version(tool)
    except importlib.metadata.PackageNotFoundError as exc:
        raise SynthesisError(
            "linter_missing",
            f"Expected {tool}, with which templates are linted before every plan and deployment, got none.",
            f"Install {' and '.join(TOOLS)} beside Expressway (its extra deploy).",
        ) from exc


@cache
def _worker_digest() -> str:
    return hashlib.sha256(Path(__file__).with_name("worker.py").read_bytes()).hexdigest()
