"""Builds with BuildKit through the command that comes with the engine: the docker library does not speak it.

docker-py knows the classic builder only (docker/docker-py#2230).
"""

import os
import re
import shutil
import signal
import subprocess
import time
from collections import deque
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from expressway.core.child_environment import NETWORK, child_environment
from expressway.core.progress import Cancellation, Progress, ProgressSink
from expressway.errors import EngineError, ImageError
from expressway.image.context.archive import unpacked_context
from expressway.image.context.values import BuildContext
from expressway.image.dockerfile.parser import BuildkitReason
from expressway.image.engine.discovery import EngineAddress, credential_helpers
from expressway.image.engine.errors import BuildFailure, build_error, network_warning, plain_text
from expressway.image.engine.network import BuildNetwork
from expressway.image.engine.stream import interruptible
from expressway.image.values import EngineFacts, ImageBuild
from expressway.privacy.untrusted import quoted

_STEP = re.compile(r"^#\d+ (\[(?:\S+ )?(?P<done>\d{1,9})/(?P<all>\d{1,9})\] .+|\[internal\] load metadata for .+)$")
_NOISE = re.compile(r"^(?:#\d+ (?:sha256:|DONE|CACHED|transferring|\.\.\.)|-+$|$)")
_FAILURE = re.compile(r"^(?:ERROR: )?(failed to |executor failed |error: |ERROR: )", re.IGNORECASE)
_FAILED_STEP = re.compile(r"^ > (\[[^\]]+\] .+|resolve image config for .+):$")
"""Heads the output of the step that failed; steps run side by side, so the last one that began need not be it."""
_FAILED_NUMBER = re.compile(r"^#(\d{1,9}) ERROR: ")
_TIME = re.compile(r"^(?:#\d{1,9} )?\d{1,9}\.\d{1,9} ")
_TAIL_LINES = 400
_LONGEST_LINE = 4096
_STOP_SECONDS = 5.0


def usual_folders(environ: Mapping[str, str], home: Path) -> tuple[str, ...]:
    """Where a docker command may be: PATH first, then where products put it without changing PATH."""
    folders = [folder for folder in environ.get("PATH", "").split(os.pathsep) if folder]
    folders += ["/usr/local/bin", "/usr/bin", "/opt/homebrew/bin", str(home / ".docker/bin"), str(home / ".rd/bin")]
    return (*folders, "/Applications/Docker.app/Contents/Resources/bin")


def find_buildkit_command(
    address: EngineAddress, *, environ: Mapping[str, str], folders: Sequence[str]
) -> tuple[tuple[str, ...], Mapping[str, str]] | None:
    """The command (program and words before the options) that builds with BuildKit, and its environment.

    Every ``docker`` in `folders` is tried, since one without buildx may hide one with it. None when there is none.
    """
    environment = _environment(address, environ)
    for program in _programs(folders):
        if _answers((program, "buildx", "version"), environment):
            return (program, "buildx", "build", "--builder", "default", "--load", "--provenance=false"), environment
        # Up to version 22 BuildKit is built into the command; later ones say here that buildx is missing.
        if _answers((program, "build", "--help"), environment):
            return (program, "build"), environment
    return None


def buildkit_missing(reasons: tuple[BuildkitReason, ...], facts: EngineFacts | None = None) -> ImageError:
    """The error when the Dockerfile needs BuildKit and nothing here has it (or what there is, is too old)."""
    install = "Install the buildx plug-in (Debian 13: docker-buildx; Docker's packages: docker-buildx-plugin)"
    if not reasons:
        message = "This engine has no classic builder any more, and no docker command with buildx was found."
        return ImageError("buildkit_required", message, f"{install}.")
    first = reasons[0]
    message = f"Line {first.line} of the Dockerfile ({first.text}) needs BuildKit: {first.why}"
    if facts is not None:
        message += f", from version {first.engine_major} of the engine on; this one is {facts.version}."
        hint = (
            "Upgrade the engine, write the line without that feature, or make `# syntax=docker/dockerfile:1` the "
            "first line if the engine may fetch that image."
        )
    else:
        message += (
            "; the engine's library interface has the classic builder only and no docker command with buildx was found."
        )
        hint = f"{install}, or write the line without that feature."
    lines = [{"line": reason.line, "text": reason.text, "why": reason.why} for reason in reasons]
    return ImageError("buildkit_required", message, hint, {"lines": lines})


def build_with_buildkit(
    command: tuple[str, ...],
    environment: Mapping[str, str],
    build: ImageBuild,
    archive: IO[bytes],
    *,
    network: BuildNetwork,
    pull: bool = False,
    progress: ProgressSink,
    cancellation: Cancellation,
) -> None:
    """Build `archive` (a tar of the context) into the engine, under the name `build.name`.

    Build arguments travel as ``NAME=value`` and never in the environment: there a name such as DOCKER_HOST, PATH or
    LD_PRELOAD would act on this machine. That shows them in the process list, as the image's history does anyhow.

    Raises:
        ImageError: ``build_failed``, ``base_image_unavailable``, ``build_frontend_unavailable``, ``disk_full``.
        EngineError: ``engine_unreachable`` when the command cannot start.
    """
    words = [*command, "--progress", "plain", "--platform", build.platform, "--tag", build.name]
    words += ["--pull"] if pull else []
    words += ["--target", build.target] if build.target else []
    words += [word for name, value in sorted(build.args.items()) for word in ("--build-arg", f"{name}={value}")]
    words += _network_words(network, build, environment)
    with _handed_over(build.context, archive, cancellation) as (place, stdin):
        _run([*words, *place], stdin, environment, build, progress=progress, cancellation=cancellation)


@contextmanager
def _handed_over(
    context: BuildContext, archive: IO[bytes], cancellation: Cancellation
) -> Generator[tuple[tuple[str, ...], IO[bytes] | int]]:
    """The arguments for Dockerfile and context, and the command's input.

    A tar is enough unless it holds what only builders may read.
    """
    if not context.builder_only:
        yield ("--file", context.dockerfile, "-"), archive
        return
    with unpacked_context(context, archive, cancellation=cancellation) as (folder, dockerfile):
        yield ("--file", str(dockerfile), str(folder)), subprocess.DEVNULL


def _run(
    words: Sequence[str],
    stdin: IO[bytes] | int,
    environment: Mapping[str, str],
    build: ImageBuild,
    *,
    progress: ProgressSink,
    cancellation: Cancellation,
) -> None:
    try:
        process = subprocess.Popen(
            words,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        )
    except OSError as exc:
        message = f"{words[0]} cannot be started: {exc.strerror}."
        raise EngineError("engine_unreachable", message, "Reinstall it.") from exc
    tail: deque[str] = deque(maxlen=_TAIL_LINES)
    step, unreached = "", ""
    with process:
        lines = interruptible(_lines(process), cancellation=cancellation, stop=lambda: _stop(process))
        started = time.monotonic()
        for line in lines:
            step = _report(line, step, progress=progress, elapsed_seconds=time.monotonic() - started)
            tail.append(line)
            unreached = unreached or network_warning(line, progress)
    if process.returncode != 0:
        message = next((line for line in reversed(tail) if _FAILURE.match(line)), tail[-1] if tail else "")
        output = _output_of_failed_step([line for line in tail if not _NOISE.match(line)])
        failed = next((found[1] for line in tail if (found := _FAILED_STEP.match(line))), step)
        syntax_line = next((reason.line for reason in build.buildkit_reasons if reason.text.startswith("# syntax=")), 0)
        raise build_error(BuildFailure(message, failed, output, syntax_line, unreached))


def _network_words(network: BuildNetwork, build: ImageBuild, environment: Mapping[str, str]) -> Iterator[str]:
    """Network options; proxies are taken from the environment, so that the process list does not show them."""
    if network.mode:
        yield from ("--network", network.mode)
    for name, value in sorted(network.args.items()):
        if name not in build.args:
            yield from ("--build-arg", name if environment.get(name) == value else f"{name}={value}")


def _output_of_failed_step(lines: Sequence[str]) -> tuple[str, ...]:
    """The output of the step that failed, without its number and times; everything where no step is said to."""
    number = next((found[1] for line in reversed(lines) if (found := _FAILED_NUMBER.match(line))), None)
    own = [line for line in lines if line.startswith(f"#{number} ") and not _FAILED_NUMBER.match(line)]
    return tuple(_TIME.sub("", line) for line in own[1:] or lines)


def _report(line: str, step: str, *, progress: ProgressSink, elapsed_seconds: float) -> str:
    found = _STEP.match(line)
    fraction = None
    if found:
        step = found[1]
        if found["all"]:
            fraction = int(found["done"]) / max(1, int(found["all"]))
    if not _NOISE.match(line):
        progress(Progress("build", quoted(line, public=True), elapsed_seconds, fraction))
    return step


def _lines(process: subprocess.Popen[bytes]) -> Iterator[str]:
    if process.stdout is not None:
        # A line without an end is reported in pieces.
        for line in iter(lambda output=process.stdout: output.readline(_LONGEST_LINE), b""):
            yield plain_text(line.decode("utf-8", errors="replace"))


def _stop(process: subprocess.Popen[bytes]) -> None:
    for sign in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            return
        os.killpg(process.pid, sign)
        try:
            process.wait(timeout=_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            continue


_CLIENT = frozenset({"DOCKER_CONFIG", "BUILDX_CONFIG", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR", *NETWORK})
"""What the docker command reads besides what is set for it; it asks registries for tokens itself."""
_ECR_HELPER = "ecr-login"


def _environment(address: EngineAddress, environ: Mapping[str, str]) -> Mapping[str, str]:
    """Passes no credentials but those that a configured credential helper or an SSH connection needs."""
    also = set(_CLIENT)
    if address.docker_host.startswith("ssh://"):
        also.add("SSH_AUTH_SOCK")
    if _ECR_HELPER in credential_helpers(environ):
        also |= {name for name in environ if name.startswith("AWS_")}
    tls = {"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(address.tls_directory)} if address.tls_directory else {}
    own = {**tls, "DOCKER_HOST": address.docker_host, "DOCKER_BUILDKIT": "1"}
    return child_environment(environ, also=also) | own


def _programs(folders: Sequence[str]) -> Iterator[str]:
    seen: set[str] = set()
    for folder in folders:
        program = shutil.which("docker", path=folder)
        if program and os.path.realpath(program) not in seen:
            seen.add(os.path.realpath(program))
            yield program


def _answers(command: tuple[str, ...], environment: Mapping[str, str]) -> bool:
    try:
        done = subprocess.run(command, env=environment, capture_output=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
