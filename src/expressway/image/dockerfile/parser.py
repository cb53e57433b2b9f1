"""What a Dockerfile says: its stages, base images, ports, user, command, and what only BuildKit can build."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from expressway.core.text import near_name, shortened
from expressway.image.dockerfile.lexer import DockerfileProblem, Instruction, ScannedDockerfile, scan_dockerfile
from expressway.privacy.untrusted import echoed, named

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


_KEYWORDS = {
    *("ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "MAINTAINER"),
    *("RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"),
}
_FROM = re.compile(r"^(?P<base>\S+)(?:\s+AS\s+(?P<name>[A-Za-z][A-Za-z0-9._-]*))?$", re.IGNORECASE)
ASSIGNED = re.compile(r"(?<!\w)([A-Za-z_]\w*)=(\"[^\"]*\"|'[^']*'|\S*)")
_VARIABLE = re.compile(r"\$(?:\{(?P<braced>\w+)(?:(?P<operator>:?[-+])(?P<word>[^}]*))?\}|(?P<plain>\w+))")
_PLAIN_VARIABLE = re.compile(r"\$(?P<braced>(?!))?(?P<operator>(?!))?(?P<word>(?!))?(?P<plain>\w+)")
_LONGEST_VALUE = 16 * 1024
"""Variables that hold variables may grow with each line: what is longer is cut."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One ``FROM`` and what follows it. `base` is as written, with variables; `name` is None without ``AS``."""

    index: int
    line: int
    base: str
    name: str | None
    instructions: tuple[Instruction, ...]

    def last(self, keyword: str) -> Instruction | None:
        """The last instruction of that keyword: the one that counts for CMD, USER, ENTRYPOINT. Triggers do not."""
        found = [each for each in self.instructions if each.keyword == keyword and not each.trigger]
        return found[-1] if found else None


@dataclass(frozen=True, slots=True)
class Dockerfile:
    """A Dockerfile, read. `problems` is empty when a builder can start on it; `escape` continues lines."""

    stages: tuple[Stage, ...]
    global_args: Mapping[str, str]
    buildkit_reasons: tuple[BuildkitReason, ...]
    problems: tuple[DockerfileProblem, ...]
    escape: str = "\\"

    def stage(self, target: str | None = None) -> Stage | None:
        """The stage that is built: the one named (or numbered) `target`, else the last; None when there is none."""
        if target is None:
            return self.stages[-1] if self.stages else None
        wanted = target.lower()
        named = [s for s in self.stages if (s.name or "").lower() == wanted or str(s.index) == wanted]
        return named[0] if named else None

    def exposed_ports(self, target: str | None = None) -> tuple[int, ...]:
        """TCP ports that the built stage exposes, in order; variables count with the value that the file gives."""
        exposed = [(each.arguments, values) for each, values in self._known(target) if each.keyword == "EXPOSE"]
        ports = [port for arguments, values in exposed for port in _tcp_ports(expand_variables(arguments, values))]
        return tuple(dict.fromkeys(ports))

    def environment(self, target: str | None = None) -> Mapping[str, str]:
        """The variables that the built stage sets with ENV, with variables in their values filled in."""
        known = self._known(target)
        names = {name for each, _ in known if each.keyword == "ENV" for name in _assigned(each, {})}
        return {name: value for _, values in known[-1:] for name, value in values.items() if name in names}

    def _known(self, target: str | None) -> list[tuple[Instruction, Mapping[str, str]]]:
        """The instructions of the built stage and those below it, each with the variables that are set after it."""
        known: list[tuple[Instruction, Mapping[str, str]]] = []
        environment: dict[str, str] = {}
        for stage in self.chain(target):
            values: dict[str, str] = {}
            for instruction in (each for each in stage.instructions if not each.trigger):
                if instruction.keyword == "ENV":
                    environment |= _assigned(instruction, {**values, **environment})
                elif instruction.keyword == "ARG":
                    values |= _assigned(instruction, {**self.global_args, **values, **environment})
                known.append((instruction, {**values, **environment}))
        return known

    def user(self, target: str | None = None) -> str | None:
        """The user that the container runs as, or None when only the base image says."""
        found = self.last("USER", target)
        return found.arguments.strip() if found else None

    def command(self, target: str | None = None) -> tuple[str, ...] | None:
        """CMD as a list; the shell form becomes ``/bin/sh -c …``. None when only the base image says."""
        found = self.last("CMD", target)
        return _command(found.arguments) if found else None

    def entrypoint(self, target: str | None = None) -> tuple[str, ...] | None:
        """ENTRYPOINT as a list, like `command`."""
        found = self.last("ENTRYPOINT", target)
        return _command(found.arguments) if found else None

    def base_images(self, args: Mapping[str, str] | None = None) -> tuple[str, ...]:
        """The images that have to come from a registry or the engine, with build arguments filled in."""
        values = {**self.global_args, **(args or {})}
        names = {stage.name.lower() for stage in self.stages if stage.name}
        bases = [expand_variables(stage.base, values) for stage in self.stages]
        return tuple(dict.fromkeys(b for b in bases if b.lower() not in names and b != "scratch"))

    def outside_images(self, args: Mapping[str, str] | None = None) -> tuple[str, ...]:
        """`base_images`, and the images that files are copied or mounted from."""
        stages = {name for stage in self.stages for name in (str(stage.index), (stage.name or "").lower())}
        values = {**self.global_args, **(args or {})}
        named = [expand_variables(name, values) for stage in self.stages for name in _sources(stage)]
        outside = (name for name in named if name and name.lower() not in stages)
        return tuple(dict.fromkeys((*self.base_images(args), *outside)))

    def chain(self, target: str | None = None) -> Iterator[Stage]:
        """The built stage and the stages it is based on, the lowest first."""
        stages: list[Stage] = []
        current = self.stage(target)
        while current is not None:  # each base is a stage above
            stages.append(current)
            base = current.base.lower()
            above = self.stages[: current.index]
            current = next((stage for stage in above if (stage.name or "").lower() == base), None)
        yield from reversed(stages)

    def last(self, keyword: str, target: str | None = None) -> Instruction | None:
        """The instruction of that keyword that counts, in the built stage or in one that it is based on."""
        found = [instruction for stage in self.chain(target) if (instruction := stage.last(keyword))]
        return found[-1] if found else None


def _sources(stage: Stage) -> Iterator[str]:
    """The images or stages that ``COPY --from=`` and ``RUN --mount=…,from=`` of a stage name."""
    for name, value in (flag for instruction in stage.instructions for flag in instruction.flags):
        if name == "from":
            yield value
        elif name == "mount":
            yield from (part.removeprefix("from=") for part in value.split(",") if part.startswith("from="))


def parse_dockerfile(text: str) -> Dockerfile:
    """Read a Dockerfile. Never raises: what is wrong is in `problems`, all of it, with line numbers."""
    scanned = scan_dockerfile(text)
    problems = [*scanned.problems, *_instruction_problems(scanned.instructions)]
    stages = tuple(_stages(scanned.instructions, problems))
    if not any(_may_open_a_stage(instruction) for instruction in scanned.instructions):
        problems.append(DockerfileProblem(1, "a Dockerfile needs a FROM instruction; there is none"))
    global_args: dict[str, str] = {}
    for instruction in scanned.instructions:
        if instruction.keyword == "FROM":
            break
        if instruction.keyword == "ARG":
            name, _, value = instruction.arguments.partition("=")
            global_args[name.strip()] = expand_variables(value.strip().strip("\"'"), global_args)
    escape = scanned.directives.get("escape", (0, "\\"))[1]
    return Dockerfile(stages, global_args, tuple(buildkit_reasons(scanned)), tuple(problems), escape)


def expand_variables(text: str, values: Mapping[str, str]) -> str:
    """Fill in ``$NAME``, ``${NAME}``, ``${NAME:-word}`` and ``${NAME:+word}`` the way builders do."""

    def value_of(match: re.Match[str]) -> str:
        value = values.get(match["braced"] or match["plain"], "")
        operator = match["operator"] or ""
        if operator.endswith("-"):
            return value or match["word"]
        if operator.endswith("+"):
            return match["word"] if value else ""
        return value

    # After the last brace no "${" ends, so that none is looked for there.
    braced, brace, plain = text[:_LONGEST_VALUE].rpartition("}")
    filled = _VARIABLE.sub(value_of, braced + brace) + _PLAIN_VARIABLE.sub(value_of, plain)
    return filled[:_LONGEST_VALUE]


def _instruction_problems(instructions: Sequence[Instruction]) -> Iterator[DockerfileProblem]:
    seen_from = False
    is_dockerfile = any(instruction.keyword == "FROM" for instruction in instructions)
    for instruction in instructions:
        if instruction.keyword not in _KEYWORDS:
            # What has no FROM may be any file, and is not repeated.
            word = f" {echoed(instruction.keyword)}" if is_dockerfile else ""
            yield DockerfileProblem(instruction.line, f"unknown instruction{word}{_meant(instruction)}")
        elif not instruction.arguments:
            yield DockerfileProblem(instruction.line, f"{instruction.keyword} needs an argument")
        elif not seen_from and instruction.keyword not in {"FROM", "ARG"}:
            yield DockerfileProblem(instruction.line, f"{instruction.keyword} before the first FROM")
        seen_from = seen_from or _may_open_a_stage(instruction)


def _may_open_a_stage(instruction: Instruction) -> bool:
    """A FROM, or an unknown word: if it was meant to be a FROM, nothing else is wrong."""
    return instruction.keyword == "FROM" or instruction.keyword not in _KEYWORDS


def _meant(instruction: Instruction) -> str:
    near = near_name(instruction.keyword, sorted(_KEYWORDS))
    return f"; did you mean {near}?" if near else ""


def _stages(instructions: Sequence[Instruction], problems: list[DockerfileProblem]) -> Iterator[Stage]:
    starts = [index for index, instruction in enumerate(instructions) if instruction.keyword == "FROM"]
    for number, start in enumerate(starts):
        opening = instructions[start]
        end = starts[number + 1] if number + 1 < len(starts) else len(instructions)
        match = _FROM.match(" ".join(opening.arguments.split()))
        if match is None:
            if opening.arguments:
                problems.append(DockerfileProblem(opening.line, "expected FROM image [AS name]"))
            continue
        body = tuple(instructions[start + 1 : end])
        yield Stage(number, opening.line, match["base"], match["name"], body)


def _assigned(instruction: Instruction, known: Mapping[str, str]) -> Mapping[str, str]:
    """What an ENV or ARG sets, with variables filled in; an ARG without a value keeps the one that is known."""
    pairs: list[tuple[str, str]] = ASSIGNED.findall(instruction.arguments)
    name, _, value = instruction.arguments.partition(" ")
    if not pairs:
        pairs = [(name, value.strip() if instruction.keyword == "ENV" else known.get(name, ""))]
    return {name: expand_variables(value.strip("\"'"), known) for name, value in pairs}


def _tcp_ports(arguments: str) -> list[int]:
    ports: list[int] = []
    for word in arguments.split():
        match = re.fullmatch(r"(\d{1,5})(?:-(\d{1,5}))?(?:/tcp)?", word, re.IGNORECASE)
        if match:
            first = int(match[1])
            ports += range(first, min(int(match[2] or first), first + 100) + 1)
    return ports


def _command(arguments: str) -> tuple[str, ...]:
    if arguments.startswith("["):
        try:
            words = json.loads(arguments)
        except (ValueError, RecursionError):
            words = None
        if isinstance(words, list):
            return tuple(str(word) for word in words)
    return ("/bin/sh", "-c", " ".join(arguments.split("\n")))
