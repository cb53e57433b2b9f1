"""Findings about how a Dockerfile's container runs: command, port, health check, user."""

import json
import re
from collections.abc import Iterator, Sequence

from expressway.diagnose.catalog import make_finding
from expressway.diagnose.finding import Finding
from expressway.image.dockerfile.edit import Edit, ExpectedApp, cased, is_single_line, official_name, split_image
from expressway.image.dockerfile.lexer import Instruction
from expressway.image.dockerfile.parser import Dockerfile, Stage, expand_variables

_ROOT_USERS = {"root", "0", "0:0", "root:root", "0:root"}
_ORDINARY_BASE = re.compile(r"nonroot|unprivileged|chainguard|rootless")
_WINDOWS = re.compile(r"windows|nanoserver|servercore")
_STARTS_AS_ROOT = re.compile(r"(?:^|/)(?:nginx|httpd|caddy|haproxy|php:[^/]*apache[^/]*|php:[^/]*fpm[^/]*)(?::|@|$)")
_DROPS_RIGHTS = re.compile(r"\b(?:gosu|su-exec|setpriv|runuser|s6-setuidgid)\b")
_RUN_AS_ROOT = {
    *("alpine", "amazoncorretto", "buildpack-deps", "bun", "debian", "eclipse-temurin", "golang", "gradle", "maven"),
    *("node", "openjdk", "php", "python", "ruby", "rust", "ubuntu"),
}
# Ports that images expose which a Dockerfile may be based on.
_PORT_OPTIONS = re.compile(
    r"""(?<![\w-])(?:--(?:port|server[.]port)|-p)(?:=|\s+|"\s*,\s*")(?P<port>\d{2,5})\b"""
    r"""|(?<![\w-])(?:--(?:bind|listen|host|address|addr)|-[bS]|runserver)(?:=|\s+|"\s*,\s*")[^\s",]{0,300}:(?P<bound>\d{2,5})\b"""
)
_BASE_PORTS = {"nginx": 80, "httpd": 80, "caddy": 80, "tomcat": 8080, "jetty": 8080}
_LOOPBACK = re.compile(
    r"""(?P<option>(?<![\w-])(?:--?(?:host|hostname|bind|listen|address|addr|ip|interface|server[.]address)|-[bHS]"""
    r"""|runserver)(?:=|\s+|"\s*,\s*")(?:tcp://|http://)?)(?:127\.0\.0\.1|localhost)\b"""
)
_ASSIGNMENTS = re.compile(r"^(?:[A-Za-z_]\w*=[^\s\"'\\$`]*\s+)+")
_ASSIGNS = re.compile(r"^[A-Za-z_]\w*=")
_BUILTINS = {
    *("!", ".", ":", "cd", "eval", "exec", "export", "for", "if", "read", "set", "source", "test", "time", "trap"),
    *("ulimit", "umask", "unset", "until", "wait", "while", "{"),
}
_DEVELOPMENT = re.compile(
    r"\bflask\b.{0,100}\brun\b|\brunserver\b|\b(?:npm|yarn|pnpm)\b.{0,100}\b(?:dev|serve)\b|\bnext\b.{0,100}\bdev\b"
    r"|\bnodemon\b|--reload\b|\bartisan\b.{0,100}\bserve\b|\bvite\b(?!.{0,100}\bbuild\b)"
)
_SHELL = re.compile(r"[|;&<>`$()*?~{}\[\]\"'\\#]")
_SEQUENCE = re.compile(r"[|;&\n]")
_FIRST_ORDINARY_PORT = 1024


def command_findings(stage: Stage, dockerfile: Dockerfile, lines: Sequence[str]) -> Iterator[Finding | Edit]:
    """Shell forms, loopback addresses, servers for development."""
    for keyword, words in (("ENTRYPOINT", dockerfile.entrypoint()), ("CMD", dockerfile.command())):
        instruction = stage.last(keyword)
        if instruction is None:
            continue
        yield from _command_findings(instruction, " ".join(words or ()))
        line = lines[instruction.line - 1]
        improved = _LOOPBACK.sub(r"\g<option>0.0.0.0", _exec_form(instruction, dockerfile) or line)
        if improved != line and is_single_line(lines, instruction.line):
            yield Edit(instruction.line, 1, (improved,))


def port_findings(stage: Stage, dockerfile: Dockerfile, expected: ExpectedApp) -> Iterator[Finding | Edit]:
    """A port that no EXPOSE names, or another than the one asked for."""
    exposed = dockerfile.exposed_ports()
    where, port, asked_port = f"Dockerfile:{stage.line}", expected.port, expected.asked_port
    if dockerfile.last("EXPOSE") is None and base_port(dockerfile) is None:
        cause = f"No EXPOSE names the port; {port} was assumed."
        remedy = f"Add EXPOSE {port}, or the port that it is."
        yield make_finding(code="port_not_exposed", cause=cause, remedy=remedy, resource=where)
        yield from _inserted(stage, f"EXPOSE {port}")
    elif exposed and asked_port is not None and asked_port not in exposed:
        cause = f"Port {asked_port} was asked for; the Dockerfile exposes {', '.join(map(str, exposed))}."
        yield make_finding(code="port_mismatch", severity="warning", cause=cause, resource=where)


def health_findings(stage: Stage, dockerfile: Dockerfile, expected: ExpectedApp) -> Iterator[Finding | Edit]:
    """A container whose health only the load balancer checks."""
    if dockerfile.last("HEALTHCHECK") is not None:
        return
    cause = "No HEALTHCHECK: a local engine cannot check the app's health. (On ECS the load balancer asks.)"
    yield make_finding(code="no_health_check", cause=cause, resource=f"Dockerfile:{stage.line}")
    if _can_probe(lowest_base(dockerfile), expected):
        words = json.dumps(list(expected.probe))
        yield from _inserted(stage, f"HEALTHCHECK --interval=15s --timeout=5s --start-period=30s CMD {words}")


def user_findings(stage: Stage, dockerfile: Dockerfile) -> Iterator[Finding | Edit]:
    """An app that runs as root."""
    user = dockerfile.user()
    base = lowest_base(dockerfile)
    starts = [each.arguments for keyword in ("ENTRYPOINT", "CMD") if (each := dockerfile.last(keyword))]
    if any(_DROPS_RIGHTS.search(start) for start in starts) or _WINDOWS.search(base):
        return
    if (user is None and _ORDINARY_BASE.search(base)) or (user is not None and user.lower() not in _ROOT_USERS):
        return
    yield make_finding(
        code="runs_as_root",
        cause="The app runs as root in its container: whoever breaks into it owns everything in it.",
        resource=f"Dockerfile:{stage.line}",
        confidence="high" if user is not None else "medium",
    )
    if user is None and _may_run_as_any_user(stage, dockerfile, base):
        identity = "1000:1000" if official_name(split_image(base)[0]) == "node" else "10001:10001"
        yield from _inserted(stage, f"USER {identity}")


def base_port(dockerfile: Dockerfile) -> int | None:
    """The port that a well-known base image exposes, which the Dockerfile need not repeat."""
    name, tag = split_image(lowest_base(dockerfile))
    official = official_name(name)
    of_php = 80 if "apache" in tag else 9000 if "fpm" in tag else None
    return of_php if official == "php" else _BASE_PORTS.get(official)


def listening_port(dockerfile: Dockerfile) -> int | None:
    """The port that the start command names, else the one in the variable PORT."""
    for keyword in ("CMD", "ENTRYPOINT"):
        instruction = dockerfile.last(keyword)
        match = _PORT_OPTIONS.search(instruction.arguments) if instruction else None
        if match:
            return int(match["port"] or match["bound"])
    port = dockerfile.environment().get("PORT", "")
    return int(port) if re.fullmatch("[0-9]{1,5}", port) else None


def lowest_base(dockerfile: Dockerfile) -> str:
    """The image that the built stage is based on in the end, with the values that the file gives its variables."""
    lowest = next(iter(dockerfile.chain()), None)
    return expand_variables(lowest.base, dockerfile.global_args) if lowest else ""


def _command_findings(instruction: Instruction, text: str) -> Iterator[Finding]:
    where = f"Dockerfile:{instruction.line}"
    keyword = instruction.keyword
    if not instruction.arguments.startswith("[") and not _replaces_shell(instruction.arguments):
        yield make_finding(
            code="shell_form_command",
            cause=f"{keyword} in shell form starts the app below a shell, which keeps the signal to stop from it.",
            remedy=f'Write {keyword} as a list: {keyword} ["program", "argument"].',
            resource=where,
        )
    if _LOOPBACK.search(instruction.arguments):
        yield make_finding(
            code="listens_on_loopback",
            cause=f"{keyword} makes the app listen on 127.0.0.1: nothing outside the container reaches it.",
            remedy="Listen on 0.0.0.0.",
            resource=where,
            confidence="medium",
        )
    if _DEVELOPMENT.search(text):
        cause = f"{keyword} starts a server that is meant for development."
        yield make_finding(code="development_server", cause=cause, resource=where, confidence="medium")


def _exec_form(instruction: Instruction, dockerfile: Dockerfile) -> str | None:
    """The exec form that means the same; None when there is none, or when it would change what is started.

    With an ENTRYPOINT in shell form CMD counts for nothing; in exec form it would be handed on as arguments.
    """
    both = instruction.keyword == "ENTRYPOINT" and dockerfile.last("CMD") is not None
    other_shell = dockerfile.last("SHELL") is not None or dockerfile.escape != "\\"
    if instruction.arguments.startswith("[") or both or other_shell:
        return None
    words = _exec_words(instruction.arguments)
    return None if words is None else cased(f"{instruction.keyword} {json.dumps(words)}", instruction.written)


def _exec_words(arguments: str) -> list[str] | None:
    """The words of a command; with a shell that it replaces where variables are filled in."""
    assigned = _ASSIGNMENTS.match(arguments)
    head, rest = (assigned[0], arguments[assigned.end() :]) if assigned else ("", arguments)
    first = rest.split(None, 1)[0] if rest.split() else ""
    if first in _BUILTINS or not first or _ASSIGNS.match(first):
        return None
    if not head and not _SHELL.search(rest):
        return rest.split()
    return None if _SEQUENCE.search(arguments) else ["sh", "-c", f"{head}exec {rest}"]


def _replaces_shell(arguments: str) -> bool:
    """Whether a command in shell form ends its shell by ``exec``."""
    return bool(re.match(r"(?:[A-Za-z_]\w*=\S*\s+)*exec\s", arguments)) and not _SEQUENCE.search(arguments)


def _can_probe(base: str, expected: ExpectedApp) -> bool:
    """Whether the image that runs is of the kind that has what the health check is made of."""
    (name, tag), (wanted, wanted_tag) = split_image(base), split_image(expected.probe_base)
    needs_system = expected.probe[:1] in {("bash",), ("wget",)}
    same_system = not needs_system or ("alpine" in tag) == ("alpine" in wanted_tag)
    return bool(expected.probe) and official_name(name) == official_name(wanted) and same_system and "fpm" not in tag


def _may_run_as_any_user(stage: Stage, dockerfile: Dockerfile, base: str) -> bool:
    """Whether an ordinary user can run it: no low port, no volume, no later step, no trigger."""
    ordinary = all(port >= _FIRST_ORDINARY_PORT for port in dockerfile.exposed_ports())
    known = official_name(split_image(base)[0]) in _RUN_AS_ROOT and not _STARTS_AS_ROOT.search(base)
    steps = [each for base in dockerfile.chain() for each in base.instructions]
    starts = [found.line for keyword in ("ENTRYPOINT", "CMD") if (found := stage.last(keyword)) is not None]
    later = any(each.keyword in {"RUN", "COPY", "ADD"} and each.line > min(starts, default=0) for each in steps)
    rights = any(each.trigger or each.keyword == "VOLUME" or _DROPS_RIGHTS.search(each.arguments) for each in steps)
    return ordinary and known and not later and not rights and dockerfile.escape == "\\"


def _inserted(stage: Stage, line: str) -> Iterator[Edit]:
    """The line before the first of the last ENTRYPOINT and CMD; nothing when the base image starts the app."""
    starts = [found for keyword in ("ENTRYPOINT", "CMD") if (found := stage.last(keyword)) is not None]
    if starts:
        first = min(starts, key=lambda start: start.line)
        yield Edit(first.line, 0, (cased(line, first.written),))
