"""What the documentation endpoint listed last, on disk: the next server lists its own words from the start."""

import hashlib
import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from expressway.core.directories import write_whole
from expressway.knowledge.schemas import is_listable
from expressway.knowledge.values import KNOWLEDGE_TOOLS, KnowledgeTool

_MOST_BYTES = 300_000


class RememberedListing:
    """One small file an endpoint. A folder that cannot be written or a file that is damaged costs nothing but that."""

    def __init__(self, state: Path, url: str) -> None:
        self._path = state / "cache" / "knowledge" / f"{hashlib.sha256(url.encode()).hexdigest()[:32]}.json"

    def load(self) -> tuple[KnowledgeTool, ...]:
        """The tools that are passed on, as they were listed last; empty when they never were."""
        try:
            with self._path.open("rb") as file:
                stored = json.loads(file.read(_MOST_BYTES))
        except (OSError, ValueError, RecursionError):
            return ()
        found = (_tool(item) for item in stored) if isinstance(stored, list) else ()
        return tuple(tool for tool in found if tool is not None)

    def save(self, tools: Sequence[KnowledgeTool]) -> None:
        """Remember those of `tools` that are passed on."""
        kept = tuple(tool for tool in tools if tool.name in KNOWLEDGE_TOOLS)
        if kept == self.load():
            return
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(self._path, json.dumps([[tool.name, tool.description, tool.input_schema] for tool in kept]))


def _tool(item: Any) -> KnowledgeTool | None:
    match item:
        case [str(name), str(description), dict(schema)] if name in KNOWLEDGE_TOOLS and is_listable(schema):
            return KnowledgeTool(name, description, schema)
        case _:
            return None
