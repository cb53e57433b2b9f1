"""A build context as a value: what would be sent to the container engine, and the digest of exactly that."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

DEFAULT_LIMIT_BYTES = 500 * 1024 * 1024
CONTENT_TAG_PREFIX = "ctx-"
CONTENT_TAG = re.compile(r"ctx-[0-9a-f]{20}(?:-[0-9a-f]{12})?")
"""The tag of a content; the optional end marks an image that was rebuilt from the same content."""


@dataclass(frozen=True, slots=True)
class ContextEntry:
    """One file, folder or symbolic link of a context.

    Attributes:
        path: relative to the context, with ``/``.
        mode: permission bits.
        size_bytes: of a file; 0 else.
        content: SHA-256 (hex) of a file, target of a link, "" for a folder.
    """

    path: str
    kind: Literal["file", "folder", "link"]
    mode: int
    size_bytes: int = 0
    content: str = ""


@dataclass(frozen=True, slots=True)
class BuildContext:
    """Everything that would be sent to the engine.

    Attributes:
        root: the folder's resolved path.
        dockerfile: path of the Dockerfile inside the context, with ``/``.
        entries: sorted by path.
        excluded_files: protected paths (keys, credentials, version control), as `safe_path` writes them.
        ignored_special: sockets, pipes and devices, which no image can hold.
        outside_links: relative links that climb out of the context: they are packed, and lead elsewhere in an image.
        ignore_file: where a ``!`` line includes what was excluded.
        builder_only: entries that builders read and no image gets: an excluded Dockerfile or .dockerignore, and the
            excluded folders that hold nothing else.
    """

    root: str
    dockerfile: str
    dockerfile_text: str
    entries: tuple[ContextEntry, ...]
    excluded_files: tuple[str, ...] = ()
    ignored_special: tuple[str, ...] = ()
    outside_links: tuple[str, ...] = ()
    ignore_file: str = ".dockerignore"
    builder_only: tuple[str, ...] = ()

    @property
    def size_bytes(self) -> int:
        return sum(entry.size_bytes for entry in self.entries)


def context_digest(context: BuildContext, *, target: str | None, args: Mapping[str, str], platform: str) -> str:
    """SHA-256 (hex) of all that decides what a build makes: paths, modes, contents, Dockerfile, target, args.

    Times and owners do not count: a fresh clone of the same files has the same digest.
    """
    settings = {"dockerfile": context.dockerfile, "target": target, "args": dict(args), "platform": platform}
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for entry in context.entries:
        digest.update(f"\n{json.dumps([entry.path, entry.kind, entry.mode, entry.content])}".encode())
    return digest.hexdigest()


def content_tag(digest: str) -> str:
    """The image tag that names a content: ``ctx-`` and the first 20 digits of its digest."""
    return f"{CONTENT_TAG_PREFIX}{digest[:20]}"


def rebuilt_tag(tag: str, image_id: str) -> str:
    """The tag of an image that was rebuilt from a content: the content's, and 12 digits of the image's own id."""
    return f"{tag}-{image_id.removeprefix('sha256:')[:12]}"


def largest_entries(entries: Iterable[tuple[str, int]], count: int = 5) -> tuple[tuple[str, int], ...]:
    """The top-level paths that hold most bytes, as (path, bytes), the largest first."""
    totals: Counter[str] = Counter()
    for path, size in entries:
        totals["".join(path.partition("/")[:2])] += size
    return tuple(sorted(totals.items(), key=lambda item: (-item[1], item[0]))[:count])
