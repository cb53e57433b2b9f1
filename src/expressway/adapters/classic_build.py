"""Follows the output of the classic builder."""

import re
import time
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

from expressway.adapters.engine_messages import BuildFailure, build_error, engine_error, plain_text
from expressway.model.progress import Progress, ProgressSink

_STEP = re.compile(r"^Step (?P<done>\d+)/(?P<all>\d+) : ")
_NOISE = re.compile(r"^ ---> |^Removing intermediate container ")
_TAIL_LINES = 30


def follow_build(events: Iterator[dict[str, Any]], progress: ProgressSink) -> None:
    """Relay the classic builder's stream; raises on its error, or when it ends without having built."""
    tail: deque[str] = deque(maxlen=_TAIL_LINES)
    step, fraction, built = "", None, False
    started = time.monotonic()
    for event in events:
        if "error" in event:
            raise build_error(BuildFailure(str(event["error"]), step, tuple(tail)))
        built = built or "ID" in (event.get("aux") or {})
        for line in _lines(event):
            match = _STEP.match(line)
            if match:
                step, fraction = line, int(match["done"]) / int(match["all"])
            built = built or line.startswith("Successfully built")
            if not _NOISE.match(line):
                tail.append(line)
                progress(Progress("build", line, time.monotonic() - started, fraction))
    if not built:
        raise engine_error(EOFError("the build's output ended early"), "build an image")


def _lines(event: Mapping[str, Any]) -> Iterator[str]:
    text = str(event.get("stream") or "")
    if not text and event.get("status") and not event.get("progressDetail"):
        text = " ".join(str(event[key]) for key in ("id", "status") if event.get(key))
    for line in text.splitlines():
        if plain_text(line).strip():
            yield plain_text(line)
