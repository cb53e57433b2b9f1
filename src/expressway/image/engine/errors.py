"""Maps failures of engines and registries to our errors."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from expressway.core.progress import Progress, ProgressSink
from expressway.core.text import shortened
from expressway.errors import EngineError, ExpresswayError, ImageError
from expressway.image.engine.network import unreachable
from expressway.privacy.untrusted import echoed, named, quoted

_ERROR = re.compile(
    r"\berror(?:\[\w{1,20}\])?\s?[:!]|\berror TS\d|^\s?(?:npm|yarn) (?:error|ERR!)|^E: |^\s?\[ERROR\]|\bfatal:|"
    r"^[\w.]{0,200}(?:Error|Exception)\b|\.go:\d{1,6}:\d{1,6}: |command not found|: not found$|\bpanic: |"
    r"no such file or directory|permission denied|cannot find |could not find |"
    r"undefined reference|\bunable to (?:locate|find|resolve)|"
    r"^An error occurred|what went wrong:|\bkilled$",
    re.IGNORECASE,
)
_REPEATED = re.compile(
    r"^\s?npm (?:error|ERR!) (?:code|errno|syscall|path|A complete log)|complete log of this run|"
    r"error Command failed with exit code|\b0 errors?\b|did not complete successfully|returned a non-zero code",
    re.IGNORECASE,
)
"""First and last lines of reports, which name no reason themselves."""
_LONGEST_LINE = 2_000
_BEFORE, _AFTER, _LAST = 2, 12, 12


def first_cause(lines: Sequence[str]) -> int | None:
    """The index of the first line that names an error; None when no line does."""
    bounded = enumerate(line[:_LONGEST_LINE] for line in lines)
    return next((at for at, line in bounded if _ERROR.search(line) and not _REPEATED.search(line)), None)


def telling_part(lines: Sequence[str]) -> tuple[str, ...]:
    """The lines about the first cause and the last ones, ``…`` where some are omitted between them."""
    at = first_cause(lines)
    start = len(lines) - _LAST if at is None else at - _BEFORE
    first = range(max(0, start), min(len(lines), max(0, start) + _BEFORE + 1 + _AFTER))
    last = range(max(first.stop, len(lines) - _LAST), len(lines))
    between = ("…",) if last and last.start > first.stop else ()
    return (*(lines[number] for number in first), *between, *(lines[number] for number in last))


_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_EXIT_CODE = re.compile(r"(?:non-zero code: |exit code: |exit status )(\d{1,9})")
_DISK_FULL = ("no space left on device", "disk quota exceeded")
_BASE_IMAGE = (
    *("manifest unknown", "pull access denied", "repository does not exist", "failed to resolve source metadata"),
    *("load metadata for", "no match for platform in manifest", "failed to do request", "unable to find image"),
)
_LONGEST_STEP = 300
_LONGEST_MESSAGE = 2_000
_FRONTEND_STEP = "resolve image config for "
"""How BuildKit calls the fetching of the program that reads the Dockerfile; base images have metadata loaded."""
_NETWORK = (
    *("dial tcp", "no such host", "i/o timeout", "connection refused", "connection reset", "tls handshake timeout"),
    *("temporary failure in name resolution", "server misbehaving", "network is unreachable"),
)
_EXPIRED = ("authorization token has expired", "token has expired", "expiredtoken", "reauthenticate")
_IMMUTABLE = ("tag is immutable", "is immutable", "cannot be overwritten", "imagetagalreadyexists", "tag invalid")
_DENIED = (
    *("denied", "unauthorized", "no basic auth credentials", "authentication required", "authorization failed"),
    *("forbidden", "not authorized"),
)
_TRANSIENT = (
    *("connection reset", "broken pipe", "unexpected eof", "i/o timeout", "tls handshake timeout", "timeout"),
    *("connection refused", "toomanyrequests", "too many requests", "rate exceeded", "throttl", "no such host"),
    *("received unexpected http status: 5", "503", "502", "500 internal", "504", "request canceled", "server closed"),
    *("use of closed network connection", "temporarily unavailable", "eof", "remote disconnected", "aborted"),
)


@dataclass(frozen=True, slots=True)
class BuildFailure:
    """A failed build: the builder's message, the step it was in, and its output, as far back as it was kept.

    `syntax_line` is the line of the Dockerfile that names a BuildKit frontend, from 1; 0 without one. `unreached` is
    the first line that says that something in the network was not reached.
    """

    message: str
    step: str
    tail: tuple[str, ...]
    syntax_line: int = 0
    unreached: str = ""


def plain_text(text: str) -> str:
    """Output without terminal colors and line ends."""
    return _ANSI.sub("", text).rstrip()


def network_warning(line: str, progress: ProgressSink) -> str:
    """Warn at once of a line that says that the network was not reached, since tools retry for minutes; the line."""
    if not unreachable(line):
        return ""
    progress(Progress("build", "the build does not reach the network; what follows may be attempts", level="warning"))
    return line


def build_error(failure: BuildFailure) -> ImageError:
    """``disk_full``, ``build_frontend_unavailable``, ``base_image_unavailable`` or ``build_failed``."""
    text = plain_text(failure.message)
    message, step = _quoted(text), echoed(failure.step, _LONGEST_STEP) if failure.step else ""
    lowered = text.lower()
    details: dict[str, object] = {"step": failure.step, "output": list(telling_part(failure.tail))}
    if _has(lowered, _DISK_FULL):
        return _disk_full(text, details)
    if failure.step.startswith(_FRONTEND_STEP):
        return _frontend_unavailable(failure, message, details)
    starts_with_base = " FROM " in f" {failure.step} " or "load metadata for" in failure.step
    if _has(lowered, _BASE_IMAGE) or (starts_with_base and _has(lowered, (*_NETWORK, *_DENIED, "not found"))):
        return ImageError(
            "base_image_unavailable",
            f"A base image could not be fetched ({step or 'FROM'}): {message}",
            "Check its name and tag, that the engine reaches the registry, and sign in there if it is private "
            "(docker login). Without a network, expressway sandbox start --seed makes the examples' base images.",
            details,
        )
    return _build_failed(failure, text, f" in {step}" if step else "", details)


def _build_failed(failure: BuildFailure, text: str, where: str, details: dict[str, object]) -> ImageError:
    exit_code = _EXIT_CODE.search(text)
    if exit_code:
        details["exit_code"] = int(exit_code[1])
    output = [line for line in failure.tail if line and line != text]
    at = first_cause(output)
    cause = output[-1 if at is None else at] if output else ""
    status = f" with exit code {exit_code[1]}" if exit_code else ""
    reason = _quoted(cause if exit_code and cause else text)
    hint = "Correct the Dockerfile or what it copies; the last lines of its output say why."
    if failure.unreached:
        details["unreached"] = reason = _quoted(failure.unreached)
        hint = (
            "The build did not reach the network. In Expressway's own engine, builds use this machine's name servers "
            "and the proxies in HTTP_PROXY, HTTPS_PROXY and NO_PROXY: check these; another engine has its own settings."
        )
    return ImageError("build_failed", f"The build failed{where}{status}: {reason}", hint, details)


def _quoted(text: str) -> str:
    """The words of a builder or registry, which may repeat those of the app's files."""
    return quoted(shortened(text, _LONGEST_MESSAGE), public=True)


def _frontend_unavailable(failure: BuildFailure, message: str, details: dict[str, object]) -> ImageError:
    frontend = named(failure.step.removeprefix(_FRONTEND_STEP).removeprefix("docker-image://"))
    line = failure.syntax_line
    place = f"line {line} of the Dockerfile names with # syntax=" if line else "the build names"
    return ImageError(
        "build_frontend_unavailable",
        f"The BuildKit frontend {frontend}, which {place}, could not be fetched: {message}",
        f"Remove {f'line {line}' if line else 'that'} if the Dockerfile does without (most do: the engine has a "
        "frontend of its own), or give the engine access to that registry.",
        details | {"frontend": frontend} | ({"line": line} if line else {}),
    )


def push_error(message: str, destination: str) -> ImageError:
    """The error for a failed push.

    ``login_expired`` and ``push_interrupted`` are worth another attempt; ``tag_immutable``, ``push_denied``,
    ``repository_missing``, ``disk_full`` and ``push_failed`` are not.
    """
    text = plain_text(message)
    lowered = text.lower()
    details: dict[str, object] = {"destination": destination}
    if _has(lowered, _DISK_FULL):
        return _disk_full(text, details)
    if _has(lowered, _IMMUTABLE):
        return ImageError(
            "tag_immutable",
            f"The repository keeps its tags: {destination} exists with other content ({_quoted(text)}).",
            "Choose another tag, or leave the tag out to have one made from the content.",
            details,
        )
    known = (
        (_EXPIRED, "login_expired", "Repeat the command: it signs in again and continues."),
        (("name unknown", "does not exist", "not known to registry"), "repository_missing", "Deploy the repository."),
        (_DENIED, "push_denied", "The role or identity that pushes needs ecr:PutImage and the layer upload actions."),
        (_TRANSIENT, "push_interrupted", "Repeat the command: layers that arrived are not sent again."),
    )
    found = ((code, hint) for words, code, hint in known if _has(lowered, words))
    code, hint = next(found, ("push_failed", "See the registry's message."))
    return ImageError(code, f"Pushing {destination} failed: {_quoted(text)}", hint, details)


def engine_error(exc: BaseException, doing: str) -> ExpresswayError:
    """The error for an engine that stopped answering or refused a call while `doing`."""
    text = plain_text(str(getattr(exc, "explanation", None) or exc))
    if _has(text.lower(), _DISK_FULL):
        return _disk_full(text, {})
    if getattr(exc, "status_code", None):
        message = f"The container engine did not {doing}: {_quoted(text)}"
        return EngineError("engine_refused", message, "See the engine's message and its log.")
    return EngineError(
        "engine_unreachable",
        f"The container engine stopped answering while it was to {doing}: {_quoted(text) or type(exc).__name__}",
        "Check that the engine runs, then repeat the command: it continues.",
    )


def _disk_full(message: str, details: dict[str, object]) -> ImageError:
    hint = "Free disk space (docker system prune removes what no container uses) and repeat the command."
    return ImageError("disk_full", f"A disk is full: {_quoted(message)}", hint, details)


def _has(text: str, words: Sequence[str]) -> bool:
    return any(word in text for word in words)
