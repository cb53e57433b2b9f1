"""What containerizing an app gives."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from expressway.diagnose.finding import Finding
from expressway.hints import command
from expressway.privacy.untrusted import named

_OFFICIAL = "public.ecr.aws/docker/library/"


@dataclass(frozen=True, slots=True)
class Containerization:
    """The files of an app, or what is to be said of those that it has.

    Attributes:
        framework, installer: titles; None when the folder shows none.
        files: contents by path of files that the folder lacks.
        diff: unified, of files that are there and could be better; ``git apply`` or ``patch -p1`` take it.
        improved: contents by path of the files that the diff changes.
        kept: files that are there and were left as they are.
        written: files that were written.
        assumptions: what was decided where the folder allows more than one reading.
        gaps: what could not be read or checked.
    """

    app_name: str
    container_port: int
    health_path: str
    base_image: str
    framework: str | None = None
    installer: str | None = None
    files: Mapping[str, str] = field(default_factory=dict[str, str])
    improved: Mapping[str, str] = field(default_factory=dict[str, str])
    diff: str = ""
    kept: tuple[str, ...] = ()
    written: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    assumptions: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    gaps: tuple[str, ...] = ()

    def to_dict(self) -> Mapping[str, Any]:
        """The shape that every face shows; empty parts are left out."""
        parts: dict[str, Any] = {
            "framework": self.framework,
            "package_manager": self.installer,
            "files": dict(self.files),
            "diff": self.diff,
            "kept": list(self.kept),
            "written": list(self.written),
            "findings": [finding.to_dict() for finding in self.findings],
            "assumptions": list(self.assumptions),
            "gaps": list(self.gaps),
        }
        always = {"container_port": self.container_port, "base_image": _image(self.base_image)}
        return always | {name: part for name, part in parts.items() if part} | {"guidance": self._guidance()}

    def _guidance(self) -> dict[str, Any]:
        image, port = f"{self.app_name}:local", self.container_port
        return {
            "dockerfile_guidance": {"base_image": _image(self.base_image), "reasons": list(self.reasons)},
            "validation_guidance": {"hadolint": "hadolint Dockerfile"},
            "build_guidance": {"build_command": f"docker build --platform linux/amd64 -t {image} ."},
            "run_guidance": {
                "run_command": f"docker run --rm --init -p {port}:{port} {image}",
                "check": f"curl -f http://localhost:{port}{named(self.health_path)}",
            },
            "notes": list(self.notes),
            "next_steps": self._next_steps(),
        }

    def _next_steps(self) -> list[str]:
        steps: list[str] = []
        pending = [path for path in self.files if path not in self.written]
        if pending:
            steps.append(f"Write {', '.join(pending)} into the folder (or ask for it with write).")
        if self.diff and not set(self.improved) <= set(self.written):
            steps.append("Review the diff and apply it (or ask for it with write and overwrite).")
        return [*steps, f"{command('synth')} checks the definition; then {command('diff')} and {command('deploy')}."]


def _image(name: str) -> str | None:
    """An image as the folder names it, an official one by its short name; None where it names none."""
    if not name:
        return None
    return f"{_OFFICIAL}{named(name.removeprefix(_OFFICIAL))}" if name.startswith(_OFFICIAL) else named(name)
