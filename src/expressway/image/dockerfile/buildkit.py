"""What in a Dockerfile only BuildKit can build."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from expressway.core.text import shortened
from expressway.image.dockerfile.lexer import Instruction, ScannedDockerfile
from expressway.privacy.untrusted import named

_BUILDKIT_FLAGS = {
    "RUN": {"mount", "network", "security", "device"},
    "COPY": {"link", "chmod", "exclude", "parents"},
    "ADD": {"link", "chmod", "exclude", "checksum", "keep-git-dir", "unpack"},
}
_ENGINE_MAJORS = {
    "chmod": 20,
    "link": 23,
    "checksum": 23,
    "keep-git-dir": 23,
    "exclude": 28,
    "parents": 28,
    "unpack": 28,
}
_PLATFORM_ARGS = {f"{side}{part}" for side in ("TARGET", "BUILD") for part in ("PLATFORM", "OS", "ARCH", "VARIANT")}
_LONGEST_TEXT = 300
_GIT_SOURCE = re.compile(r"(?:git@|https?://\S+\.git(?:[#\s]|$))")


@dataclass(frozen=True, slots=True)
class BuildkitReason:
    """Why the classic builder cannot build this: the line (from 1), the instruction's text, the reason.

    `engine_major` is the first Docker Engine whose own BuildKit knows the feature without a ``# syntax=`` line.
    """

    line: int
    text: str
    why: str
    engine_major: int = 18


def buildkit_reasons(scanned: ScannedDockerfile) -> Iterator[BuildkitReason]:
    """Everything in a Dockerfile that the classic builder lacks."""
    if "syntax" in scanned.directives:
        line, value = scanned.directives["syntax"]
        yield BuildkitReason(
            line, shortened(f"# syntax={value}", _LONGEST_TEXT), "a syntax directive names a BuildKit frontend"
        )
    for instruction in scanned.instructions:
        for why, major in _reasons(instruction):
            known = 18 if "syntax" in scanned.directives else major
            text = shortened(instruction.text, _LONGEST_TEXT)
            yield BuildkitReason(instruction.line, text, shortened(why, _LONGEST_TEXT), known)


def _reasons(instruction: Instruction) -> Iterator[tuple[str, int]]:
    for name, value in instruction.flags:
        if name in _BUILDKIT_FLAGS.get(instruction.keyword, ()):
            yield f"{instruction.keyword} --{name} is a BuildKit feature", _ENGINE_MAJORS.get(name, 18)
        if instruction.keyword == "FROM" and any(arg in value for arg in _PLATFORM_ARGS):
            yield f"only BuildKit sets the variable in --{name}={named(value)}", 18
    if instruction.heredocs:
        yield f"here-documents (<<{named(instruction.heredocs[0])}) are a BuildKit feature", 23
    if instruction.keyword == "ARG" and instruction.arguments in _PLATFORM_ARGS:
        yield f"only BuildKit sets {instruction.arguments}", 18
    if instruction.keyword == "ADD" and _GIT_SOURCE.match(instruction.arguments):
        yield "ADD of a Git repository is a BuildKit feature", 23
