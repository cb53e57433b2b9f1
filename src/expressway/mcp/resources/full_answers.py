"""Whole answers of which a call showed a part: kept for the session, within bounds, and served as resources."""

import itertools
import threading
from collections import OrderedDict

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ResourceNotFoundError
from mcp.types import ResourceLink

from expressway.mcp.middleware.request_bounds import marked

ANSWER_URI = "expressway://answers/{number}"
_ANSWERS_KEPT = 20
_BYTES_KEPT = 4_000_000
_JSON = "application/json"


class FullResponses:
    """The newest whole answers of a session; shared by its threads."""

    def __init__(self, *, answers: int = _ANSWERS_KEPT, size_bytes: int = _BYTES_KEPT) -> None:
        self._answers = answers
        self._size_bytes = size_bytes
        self._texts: OrderedDict[str, str] = OrderedDict()
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def has_room_for(self, size_bytes: int) -> bool:
        """Whether an answer of that size can be kept at all."""
        return size_bytes <= self._size_bytes

    def keep(self, name: str, text: str) -> ResourceLink | None:
        """Remember an answer's JSON and return the link to it; None for one that is too large to be kept."""
        size = len(text.encode())
        if not self.has_room_for(size):
            return None
        with self._lock:
            number = str(next(self._numbers))
            self._texts[number] = text
            while len(self._texts) > self._answers or self._held_bytes() > self._size_bytes:
                self._texts.popitem(last=False)
        return ResourceLink(uri=ANSWER_URI.format(number=number), name=name, mime_type=_JSON, size=size)

    def text(self, number: str) -> str:
        """The answer's JSON.

        Raises:
            ResourceNotFoundError: it was never given, or newer answers have taken its place.
        """
        with self._lock:
            text = self._texts.get(number)
        if text is None:
            raise ResourceNotFoundError(
                f"No answer {marked(number)} is kept (any more). Repeat the call that gave the link."
            )
        return text

    def _held_bytes(self) -> int:
        return sum(len(text.encode()) for text in self._texts.values())


def add_full_responses(server: MCPServer, kept: FullResponses) -> None:
    """Serve the whole answers."""

    @server.resource(
        ANSWER_URI,
        name="whole-answer",
        title="Whole answer of a tool",
        description="Everything that a call found out and did not show; its result links here.",
        mime_type=_JSON,
    )
    def answer(number: str) -> str:  # pyright: ignore[reportUnusedFunction]
        return kept.text(number)
