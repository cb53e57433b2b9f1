"""What containerizing an app gives, and its answer within a stated size."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NotRequired, cast

from typing_extensions import TypedDict

from expressway.diagnose.finding import Finding
from expressway.ecs_api.truncate import Omitted, cut_answer, json_bytes
from expressway.hints import command
from expressway.privacy.untrusted import named

_OFFICIAL = "public.ecr.aws/docker/library/"


class DockerfileGuidanceJson(TypedDict):
    base_image: str | None
    reasons: list[str]


class ValidationGuidanceJson(TypedDict):
    hadolint: str


class BuildGuidanceJson(TypedDict):
    build_command: str


class RunGuidanceJson(TypedDict):
    run_command: str
    check: str


class GuidanceJson(TypedDict):
    """Reasons for the Dockerfile, commands to lint, build, run and check it, and what to do next."""

    dockerfile_guidance: DockerfileGuidanceJson
    validation_guidance: ValidationGuidanceJson
    build_guidance: BuildGuidanceJson
    run_guidance: RunGuidanceJson
    notes: list[str]
    next_steps: list[str]


class CutJson(TypedDict):
    """What an answer within a stated size leaves out, and where the rest is."""

    omitted: list[str]
    rest: str


class ContainerizationJson(TypedDict):
    """The public keys of the answer; those that are not required are absent where they would be empty.

    `files` has contents by path; `cut` is there only where `within_size` left something out.
    """

    container_port: int
    base_image: str | None
    framework: NotRequired[str]
    package_manager: NotRequired[str]
    files: NotRequired[dict[str, str]]
    diff: NotRequired[str]
    kept: NotRequired[list[str]]
    written: NotRequired[list[str]]
    findings: NotRequired[list[Mapping[str, Any]]]
    assumptions: NotRequired[list[str]]
    gaps: NotRequired[list[str]]
    guidance: GuidanceJson
    cut: NotRequired[CutJson]


@dataclass(frozen=True, slots=True)
class Containerization:
    """The files that an app lacks, and the findings about those that it has.

    Attributes:
        framework, installer: titles; None where the folder has no sign of one.
        files: contents by path of files that the folder lacks.
        diff: unified, of existing files that can be improved; ``git apply`` or ``patch -p1`` applies it.
        improved: contents by path of the files that the diff changes.
        kept: existing files that were not changed.
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

    def to_dict(self) -> ContainerizationJson:
        """The shape that every face shows; empty parts are left out."""
        image, port = f"{self.app_name}:local", self.container_port
        base_image = _shown_image(self.base_image)
        answer: ContainerizationJson = {
            "container_port": port,
            "base_image": base_image,
            "framework": self.framework or "",
            "package_manager": self.installer or "",
            "files": dict(self.files),
            "diff": self.diff,
            "kept": list(self.kept),
            "written": list(self.written),
            "findings": [finding.to_dict() for finding in self.findings],
            "assumptions": list(self.assumptions),
            "gaps": list(self.gaps),
            "guidance": {
                "dockerfile_guidance": {"base_image": base_image, "reasons": list(self.reasons)},
                "validation_guidance": {"hadolint": "hadolint Dockerfile"},
                "build_guidance": {"build_command": f"docker build --platform linux/amd64 -t {image} ."},
                "run_guidance": {
                    "run_command": f"docker run --rm --init -p {port}:{port} {image}",
                    "check": f"curl -f http://localhost:{port}{named(self.health_path)}",
                },
                "notes": list(self.notes),
                "next_steps": self._next_steps(),
            },
        }
        required = ContainerizationJson.__required_keys__
        return cast("ContainerizationJson", {key: part for key, part in answer.items() if part or key in required})

    def _next_steps(self) -> list[str]:
        steps: list[str] = []
        pending = [path for path in self.files if path not in self.written]
        if pending:
            steps.append(f"Write {', '.join(pending)} into the folder (or ask for it with write).")
        if self.diff and not set(self.improved) <= set(self.written):
            steps.append("Review the diff and apply it (or ask for it with write and overwrite).")
        return [*steps, f"{command('synth')} checks the definition; then {command('diff')} and {command('deploy')}."]


def _shown_image(name: str) -> str | None:
    """An image as the folder names it, an official one by its short name; None where it names none."""
    prefix = _OFFICIAL if name.startswith(_OFFICIAL) else ""
    return f"{prefix}{named(name.removeprefix(prefix))}" if name else None


ANSWER_BYTES = 24_000
"""About 6,000 tokens; the answer for an ordinary app takes a quarter of it."""
_FILES_BYTES, _DIFF_BYTES, _ROOM_FOR_NOTES = 12_000, 4_000, 1_200
_REST = "The linked resource has all of it; write (and overwrite, for the diff) puts it into the folder."
_MOST_ITEMS = 20


def within_size(whole: Mapping[str, Any]) -> Mapping[str, Any]:
    """`whole` (a `ContainerizationJson`) in at most `ANSWER_BYTES` of JSON.

    A file or diff is shown whole or left out, since a part of one is of no use. ``cut`` names what is left out or
    shortened, and how to get it; without it nothing is.
    """
    if json_bytes(whole) <= ANSWER_BYTES:
        return whole
    files, omitted = _fitting(whole.get("files", {}))
    parts: dict[str, Any] = {"files": files} if files else {}
    diff = str(whole.get("diff", ""))
    if diff and json_bytes(diff) <= _DIFF_BYTES:
        parts["diff"] = diff
    elif diff:
        omitted.append(f"diff: {len(diff):,} characters")
    others = {name: part for name, part in whole.items() if name not in {"files", "diff"}}
    for name, part in others.items():
        if isinstance(part, list) and len(items := cast("list[Any]", part)) > _MOST_ITEMS:
            omitted.append(str(Omitted(name, _MOST_ITEMS, len(items))))
            others[name] = items[:_MOST_ITEMS]
    cut = cut_answer(others, max_bytes=ANSWER_BYTES - json_bytes(parts) - _ROOM_FOR_NOTES)
    note = {"omitted": [*omitted, *map(str, cut.omitted)], "rest": _REST}
    return {**cut.content, **parts, "cut": note}


def _fitting(files: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """The files that fit, the shortest first, and what the others are called."""
    shown: dict[str, str] = {}
    omitted: list[str] = []
    for path, content in sorted(files.items(), key=lambda item: len(item[1])):
        if json_bytes({**shown, path: content}) <= _FILES_BYTES:
            shown[path] = content
        else:
            omitted.append(f"files: {path}, {len(content):,} characters")
    return {path: content for path, content in files.items() if path in shown}, omitted
