"""What is to be said of how a Dockerfile's container runs: command, port, health check, user."""

import json
import re
import shlex
from collections.abc import Iterator, Sequence

from expressway.model.dockerfile import Dockerfile, Stage
from expressway.model.dockerfile_edit import Edit, ExpectedApp, is_single_line, official_name, split_image
from expressway.model.dockerfile_text import Instruction
from expressway.model.finding import Finding

_ROOT_USERS = {"root", "0", "0:0", "root:root", "0:root"}
_ORDINARY_BASE = re.compile(r"nonroot|unprivileged|chainguard|rootless")
_STARTS_AS_ROOT = re.compile(r"(?:^|/)(?:nginx|httpd|caddy|haproxy)(?::|@|$)")
_LOOPBACK = re.compile(r"\b(?:127\.0\.0\.1|localhost)\b")
_DEVELOPMENT = re.compile(
    r"\bflask\b.*\brun\b|\brunserver\b|\b(?:npm|yarn|pnpm)\b.*\b(?:dev|serve)\b|\bnext\b.*\bdev\b|\bnodemon\b|--reload\b"
    r"|\bartisan\b.*\bserve\b|\bvite\b(?!.*\bbuild\b)"
)
_SHELL = re.compile(r"[|;&<>`$()*?~{}\[\]\"'\\]")
_SEQUENCE = re.compile(r"[|;&\n]")
_FIRST_ORDINARY_PORT = 1024


def command_findings(stage: Stage, dockerfile: Dockerfile, lines: Sequence[str]) -> Iterator[Finding | Edit]:
    """Shell forms, addresses that nobody reaches, servers for development."""
    for keyword, words in (("ENTRYPOINT", dockerfile.entrypoint()), ("CMD", dockerfile.command())):
        instruction = stage.last(keyword)
        if instruction is None:
            continue
        text = " ".join(words or ())
        yield from _command_findings(instruction, text)
        mended = instruction.text if instruction.arguments.startswith("[") else _exec_form(instruction)
        if mended is not None:
            mended = _LOOPBACK.sub("0.0.0.0", mended)
            if mended != instruction.text and is_single_line(lines, instruction.line):
                yield Edit(instruction.line, 1, (mended,))


def port_findings(stage: Stage, dockerfile: Dockerfile, expected: ExpectedApp) -> Iterator[Finding | Edit]:
    """A port that nothing tells, or another than was asked for."""
    exposed = dockerfile.exposed_ports()
    where = f"Dockerfile:{stage.line}"
    if not exposed:
        yield Finding(
            code="port_not_exposed",
            severity="info",
            cause=f"No EXPOSE tells the port; {expected.port} was assumed.",
            remedy=f"Add EXPOSE {expected.port}, or the port that it is.",
            resource=where,
        )
        yield from _inserted(stage, f"EXPOSE {expected.port}")
    elif expected.asked_port is not None and expected.asked_port not in exposed:
        listed = ", ".join(str(port) for port in exposed)
        yield Finding(
            code="port_mismatch",
            severity="warning",
            cause=f"Port {expected.asked_port} was asked for; the Dockerfile exposes {listed}.",
            remedy="Let the container listen on one port, and name the same in the definition.",
            resource=where,
        )


def health_findings(stage: Stage, expected: ExpectedApp) -> Iterator[Finding | Edit]:
    """A container whose health only the load balancer can tell."""
    if stage.last("HEALTHCHECK") is not None:
        return
    yield Finding(
        code="no_health_check",
        severity="info",
        cause="No HEALTHCHECK: a local engine cannot tell whether the app is well. (On ECS the load balancer asks.)",
        remedy="Add a HEALTHCHECK that asks the app.",
        resource=f"Dockerfile:{stage.line}",
    )
    if expected.probe:
        words = json.dumps(list(expected.probe))
        yield from _inserted(stage, f"HEALTHCHECK --interval=15s --timeout=5s --start-period=30s CMD {words}")


def user_findings(stage: Stage, dockerfile: Dockerfile) -> Iterator[Finding | Edit]:
    """An app that runs as root."""
    user = dockerfile.user()
    base = _lowest_base(stage, dockerfile)
    if (user is None and _ORDINARY_BASE.search(base)) or (user is not None and user.lower() not in _ROOT_USERS):
        return
    yield Finding(
        code="runs_as_root",
        severity="warning",
        cause="The app runs as root in its container: whoever breaks into it owns everything in it.",
        remedy="Add USER with an ordinary user before CMD; folders that the app writes to have to be that user's.",
        resource=f"Dockerfile:{stage.line}",
        confidence="high" if user is not None else "medium",
    )
    ordinary = all(port >= _FIRST_ORDINARY_PORT for port in dockerfile.exposed_ports())
    if user is None and ordinary and not _STARTS_AS_ROOT.search(base):
        identity = "1000:1000" if official_name(split_image(base)[0]) == "node" else "10001:10001"
        yield from _inserted(stage, f"USER {identity}")


def _command_findings(instruction: Instruction, text: str) -> Iterator[Finding]:
    where = f"Dockerfile:{instruction.line}"
    keyword = instruction.keyword
    if not instruction.arguments.startswith("["):
        yield Finding(
            code="shell_form_command",
            severity="warning",
            cause=f"{keyword} in shell form starts the app below a shell, which keeps the signal to stop from it.",
            remedy=f'Write {keyword} as a list: {keyword} ["program", "argument"].',
            resource=where,
        )
    if _LOOPBACK.search(text):
        yield Finding(
            code="listens_on_loopback",
            severity="critical",
            cause=f"{keyword} makes the app listen on 127.0.0.1: nothing outside the container reaches it.",
            remedy="Listen on 0.0.0.0.",
            resource=where,
            confidence="medium",
        )
    if _DEVELOPMENT.search(text):
        yield Finding(
            code="development_server",
            severity="warning",
            cause=f"{keyword} starts a server that is meant for development.",
            remedy="Start the framework's server for production.",
            resource=where,
            confidence="medium",
        )


def _exec_form(instruction: Instruction) -> str | None:
    """The exec form that means the same; None when a shell is needed for more than variables."""
    arguments = " ".join(instruction.arguments.split())
    if not _SHELL.search(arguments):
        return f"{instruction.keyword} {json.dumps(shlex.split(arguments))}"
    if not _SEQUENCE.search(instruction.arguments) and not arguments.startswith(("exec ", "cd ")):
        return f"{instruction.keyword} {json.dumps(['sh', '-c', f'exec {arguments}'])}"
    return None


def _inserted(stage: Stage, line: str) -> Iterator[Edit]:
    """The line before the first of the last ENTRYPOINT and CMD; nothing when the base image starts the app."""
    starts = [found.line for keyword in ("ENTRYPOINT", "CMD") if (found := stage.last(keyword)) is not None]
    if starts:
        yield Edit(min(starts), 0, (line,))


def _lowest_base(stage: Stage, dockerfile: Dockerfile) -> str:
    named = {each.name.lower(): each for each in dockerfile.stages if each.name}
    base, seen = stage.base, set[str]()
    while base.lower() in named and base.lower() not in seen:
        seen.add(base.lower())
        base = named[base.lower()].base
    return base
