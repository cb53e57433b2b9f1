"""A Dockerfile's text, split into instructions: parser directives, comments, continuations, here-documents.

Syntax: https://docs.docker.com/reference/dockerfile/ (section Format).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from expressway.privacy.untrusted import echoed

_DIRECTIVE = re.compile(r"^#\s*(?P<name>[A-Za-z][A-Za-z0-9]*)\s*=\s*(?P<value>\S.*)$")
_DIRECTIVES = {"syntax", "escape", "check"}
_TOKEN = re.compile(r"""(?:"(?:\\.|[^"\\])*"|'[^']*'|\\.|[^\s"'\\])+""")
_HEREDOC = re.compile(r"""^\d*<<-?(?P<quote>["']?)(?P<name>[A-Za-z_][A-Za-z0-9_.]*)(?P=quote)$""")
_SPACES = re.compile(r"\s*")
_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_FLAG = re.compile(r"^--(?P<name>[A-Za-z][A-Za-z0-9-]*)(?:=(?P<value>.*))?$", re.DOTALL)
MOST_INSTRUCTIONS = 2_000
_TAKES_HEREDOCS = {"RUN", "COPY", "ADD"}


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction.

    Attributes:
        keyword: in upper case; ONBUILD is taken off and the instruction behind it given.
        trigger: whether ONBUILD stood before it, so that it is carried out only in images based on this one.
        written: the keyword as the file has it.
        arguments: the text after keyword and flags, continuation lines joined.
        line: number of its first line, counted from 1.
        flags: ``--name=value`` pairs before the arguments, in order; value "" for a bare flag.
        heredocs: the names of its here-documents.
    """

    keyword: str
    arguments: str
    line: int
    flags: tuple[tuple[str, str], ...] = ()
    heredocs: tuple[str, ...] = ()
    trigger: bool = False
    written: str = ""

    @property
    def text(self) -> str:
        """The instruction on one line, as messages quote it."""
        flags = "".join(f"--{name}={value} " if value else f"--{name} " for name, value in self.flags)
        onbuild = "ONBUILD " if self.trigger else ""
        return f"{onbuild}{self.keyword} {flags}{' '.join(self.arguments.split())}".strip()


@dataclass(frozen=True, slots=True)
class DockerfileProblem:
    """Something wrong: the line (from 1) and what was expected and came."""

    line: int
    message: str


@dataclass(slots=True)
class ScannedDockerfile:
    """What scanning found. `directives` maps a parser directive's name to its line and value."""

    instructions: list[Instruction] = field(default_factory=list[Instruction])
    directives: dict[str, tuple[int, str]] = field(default_factory=dict[str, tuple[int, str]])
    problems: list[DockerfileProblem] = field(default_factory=list[DockerfileProblem])


def scan_dockerfile(text: str) -> ScannedDockerfile:
    """Split a Dockerfile into instructions; what cannot be read becomes a problem with its line number."""
    lines = bare_lines(text.removeprefix("\ufeff"))
    scanned = ScannedDockerfile()
    start = _read_directives(lines, scanned)
    escape = scanned.directives.get("escape", (0, "\\"))[1]
    if escape not in {"\\", "`"}:
        line = scanned.directives["escape"][0]
        scanned.problems.append(DockerfileProblem(line, f"escape must be \\ or `: {echoed(escape)}"))
        escape = "\\"
    numbered = iter(list(enumerate(lines, start=1))[start:])
    for number, line in numbered:
        if line.strip() and not line.lstrip().startswith("#"):
            joined = _join_continuations(line, numbered, escape)
            scanned.instructions.append(_read_instruction(joined, number, numbered, scanned))
        if len(scanned.instructions) > MOST_INSTRUCTIONS:
            message = f"more than {MOST_INSTRUCTIONS} instructions; the rest was not read"
            scanned.problems.append(DockerfileProblem(number, message))
            break
    return scanned


def split_lines(text: str) -> list[str]:
    """The lines with their ends. Only a line feed ends a line, as builders and patches have it."""
    return _LINE.findall(text)


def bare_lines(text: str) -> list[str]:
    """The lines without their ends, whether of Unix or Windows."""
    return [line.removesuffix("\n").removesuffix("\r") for line in split_lines(text)]


def _read_directives(lines: list[str], scanned: ScannedDockerfile) -> int:
    for index, line in enumerate(lines):
        match = _DIRECTIVE.match(line.strip())
        name = match["name"].lower() if match else ""
        if match is None or name not in _DIRECTIVES or name in scanned.directives:
            return index
        scanned.directives[name] = (index + 1, match["value"])
    return len(lines)


def _join_continuations(line: str, numbered: Iterator[tuple[int, str]], escape: str) -> str:
    parts: list[str] = []
    while True:
        stripped = line.rstrip()
        continued = stripped.endswith(escape)
        parts.append(stripped[: -len(escape)] if continued else stripped)
        if not continued:
            return "\n".join(parts)
        line = next((text for _, text in numbered if text.strip() and not text.lstrip().startswith("#")), "")


def _read_instruction(
    joined: str, line: int, numbered: Iterator[tuple[int, str]], scanned: ScannedDockerfile
) -> Instruction:
    written, rest = _keyword(joined)
    trigger = written.upper() == "ONBUILD" and bool(rest)
    if trigger:  # builders refuse a trigger of a trigger
        written, rest = _keyword(rest)
    keyword = written.upper()
    flags, rest = _take_flags(rest)
    names: list[tuple[str, bool]] = []
    if keyword in _TAKES_HEREDOCS and not rest.startswith("["):
        names = [(match["name"], "<<-" in word) for word in _TOKEN.findall(rest) if (match := _HEREDOC.match(word))]
    for name, strips_tabs in names:
        if not any((text.lstrip("\t") if strips_tabs else text) == name for _, text in numbered):
            message = f"the here-document {echoed(name)} does not end: no line of that text"
            scanned.problems.append(DockerfileProblem(line, message))
    heredocs = tuple(name for name, _ in names)
    return Instruction(keyword, rest, line, flags, heredocs, trigger=trigger, written=written)


def _keyword(text: str) -> tuple[str, str]:
    keyword, _, rest = text.strip().partition(" ")
    if "\t" in keyword or "\n" in keyword:
        keyword, rest = text.split(None, 1) if len(text.split(None, 1)) == 2 else (text.strip(), "")
    return keyword, rest.strip()


def _take_flags(rest: str) -> tuple[tuple[tuple[str, str], ...], str]:
    flags: list[tuple[str, str]] = []
    at = 0
    while True:
        token = _TOKEN.match(rest, at)
        flag = _FLAG.match(token.group()) if token else None
        if token is None or flag is None:
            return tuple(flags), rest[at:]
        flags.append((flag["name"].lower(), flag["value"] or ""))
        space = _SPACES.match(rest, token.end())
        at = space.end() if space else token.end()
