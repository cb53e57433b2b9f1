"""Builds with the engine's classic builder, and follows its output."""

import re
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from expressway.core.progress import Progress, ProgressSink
from expressway.errors import ImageError
from expressway.image.engine.errors import BuildFailure, build_error, engine_error, network_warning, plain_text
from expressway.image.engine.network import BuildNetwork
from expressway.image.values import ImageBuild
from expressway.privacy.untrusted import quoted

if TYPE_CHECKING:
    from docker import APIClient

_NEEDS_BUILDKIT = re.compile(
    r"requires? buildkit|(?:classic|legacy) builder.{0,200}(?:removed|not supported)", re.IGNORECASE
)
_STEP = re.compile(r"^Step (?P<done>\d{1,9})/(?P<all>\d{1,9}) : ")
_NOISE = re.compile(r"^ ---> |^Removing intermediate container |^\[Warning\] One or more build-args ")
_TAIL_LINES = 400


def build_classic(
    client: "APIClient",
    build: ImageBuild,
    upload: Any,
    *,
    network: BuildNetwork,
    pull: bool = False,
    progress: ProgressSink,
    follow: Callable[[Iterator[Any]], Iterator[dict[str, Any]]],
) -> bool:
    """Build an image from the archive that `upload` reads; False when the engine says that it has no such builder.

    Args:
        network: what the build gets of this machine's network.
        pull: whether the images that it is made of are pulled, also where the engine has them.
        follow: reads the engine's stream, so that it can be broken off.

    Raises:
        ImageError: see `DockerEngine.build`.
    """
    from docker.errors import APIError

    try:
        events = client.build(
            fileobj=upload,
            custom_context=True,
            dockerfile=build.context.dockerfile,
            tag=build.name,
            target=build.target or "",
            buildargs={**network.args, **build.args},
            network_mode=network.mode or None,
            platform=build.platform,
            pull=pull,
            rm=True,
            forcerm=True,
            decode=True,
        )
        follow_build(follow(events), progress)
    except APIError as exc:
        message = str(exc.explanation or exc)
        if _NEEDS_BUILDKIT.search(message):
            return False
        raise build_error(BuildFailure(message, "", ())) from exc
    except ImageError as exc:
        if _NEEDS_BUILDKIT.search(exc.message):
            return False
        raise
    return True


def follow_build(events: Iterator[dict[str, Any]], progress: ProgressSink) -> None:
    """Relay the classic builder's stream; raises on its error, or when it ends without having built."""
    tail: deque[str] = deque(maxlen=_TAIL_LINES)
    step, fraction, built, unreached = "", None, False, ""
    started = time.monotonic()
    for event in events:
        if "error" in event:
            raise build_error(BuildFailure(str(event["error"]), step, tuple(tail), unreached=unreached))
        built = built or "ID" in (event.get("aux") or {})
        for line in _lines(event):
            match = _STEP.match(line)
            if match:
                tail.clear()  # what earlier steps said is no reason
                step, fraction = line, int(match["done"]) / max(1, int(match["all"]))
            built = built or line.startswith("Successfully built")
            if not _NOISE.match(line):
                tail.append(line)
                progress(Progress("build", quoted(line, public=True), time.monotonic() - started, fraction))
                unreached = unreached or network_warning(line, progress)
    if not built:
        raise engine_error(EOFError("the build's output ended early"), "build an image")


def _lines(event: Mapping[str, Any]) -> Iterator[str]:
    text = str(event.get("stream") or "")
    if not text and event.get("status") and not event.get("progressDetail"):
        text = " ".join(str(event[key]) for key in ("id", "status") if event.get(key))
    for line in text.splitlines():
        if plain_text(line).strip():
            yield plain_text(line)
