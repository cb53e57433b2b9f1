"""Turns an engine's many push events into a few lines of progress: one when a layer's state really changes."""

import time
from collections.abc import Mapping
from typing import Any

from expressway.core.progress import Progress, ProgressSink

_QUARTERS = 4


class PushProgress:
    """Follows every layer of one push."""

    def __init__(self, progress: ProgressSink) -> None:
        self._progress = progress
        self._started = time.monotonic()
        self._bytes: dict[str, tuple[int, int]] = {}
        self._told: dict[str, str] = {}

    def tell(self, event: Mapping[str, Any]) -> None:
        """Take one event of the engine's stream; tells layers' states, and each quarter of their bytes."""
        layer, status = str(event.get("id") or ""), str(event.get("status") or "")
        if not status:
            return
        detail: Mapping[str, Any] = event.get("progressDetail") or {}
        current, total = int(detail.get("current") or 0), int(detail.get("total") or 0)
        mark = status
        if layer and total:
            self._bytes[layer] = (min(current, total), total)
            mark = f"{status} {current * _QUARTERS // total}"
        elif layer and layer in self._bytes and status in {"Pushed", "Layer already exists"}:
            total_bytes = self._bytes[layer][1]
            self._bytes[layer] = (total_bytes, total_bytes)
        if self._told.get(layer) != mark:
            self._told[layer] = mark
            self._progress(self._line(layer, status, current, total))

    def _line(self, layer: str, status: str, current: int, total: int) -> Progress:
        amount = f" {current / 1024**2:.1f} of {total / 1024**2:.1f} MiB" if total else ""
        message = f"layer {layer}: {status.lower()}{amount}" if layer else status
        done, everything = sum(b for b, _ in self._bytes.values()), sum(t for _, t in self._bytes.values())
        fraction = done / everything if everything else None
        return Progress("push", message, time.monotonic() - self._started, fraction, layer or None)
