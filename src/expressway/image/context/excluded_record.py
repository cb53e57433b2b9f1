"""The files kept out of the images that this machine built, by image digest, for any later process."""

import json
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

from expressway.aws.values.image import digest_of
from expressway.core.directories import state_not_writable, write_whole
from expressway.image.context.excluded import ExcludedFiles
from expressway.privacy.untrusted import cleaned

MOST_IMAGES = 200
MOST_PATHS = 500
MOST_BYTES = 32 * 1024
_LONGEST_PATH = 1_024


class ExcludedFilesJournal:
    """One small file for each image in the state directory, and a copy in memory. All targets share the files."""

    def __init__(self, state: Path) -> None:
        self._folder = state / "excluded-files"
        self._own: dict[str, ExcludedFiles] = {}

    def record(self, image: str, excluded_files: ExcludedFiles, warn: Callable[[str], None]) -> None:
        """Record what was kept out of `image`, a reference by digest; nothing excluded leaves the record as it is.

        Only the first paths are kept where there are very many. A record that cannot be written is a warning.
        """
        from expressway.privacy.masking.detector import masked_json  # not for a command that only reads

        digest = digest_of(image)
        if not digest or not excluded_files.paths:
            return
        kept = _bounded(excluded_files)
        self._own[digest] = kept
        if self._read(digest) == kept:
            with suppress(OSError):
                os.utime(self._path(digest))
            return
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            write_whole(self._path(digest), masked_json({"paths": kept.paths, "ignore_file": kept.ignore_file}))
            self._forget_oldest()
        except OSError as exc:
            warn(
                f"Which files were kept out of the image cannot be written down: {state_not_writable(exc).message} "
                "Later commands cannot name them as the cause of a crash."
            )

    def of_image(self, image: str) -> ExcludedFiles:
        """What was kept out of `image`; nothing where it is not named by digest or has no readable record."""
        digest = digest_of(image)
        return self._own.get(digest) or self._read(digest) if digest else ExcludedFiles()

    def _read(self, digest: str) -> ExcludedFiles:
        try:
            with self._path(digest).open(encoding="utf-8") as file:
                stored: Any = json.loads(file.read(2 * MOST_BYTES))
        except (OSError, ValueError, RecursionError):
            return ExcludedFiles()
        return _parsed(stored)

    def _path(self, digest: str) -> Path:
        return self._folder / f"{digest.removeprefix('sha256:')}.json"

    def _forget_oldest(self) -> None:
        entries = sorted(self._folder.glob("*.json"), key=lambda entry: entry.stat().st_mtime)
        for entry in entries[:-MOST_IMAGES]:
            entry.unlink(missing_ok=True)


def _parsed(stored: Any) -> ExcludedFiles:
    """The record, if it has the shape of one; anybody may have written into the state directory."""
    record = cast("dict[str, Any]", stored) if isinstance(stored, dict) else {}
    paths, ignore_file = record.get("paths"), record.get("ignore_file")
    if not isinstance(paths, list) or not isinstance(ignore_file, str):
        return ExcludedFiles()
    texts = tuple(path for path in cast("list[Any]", paths) if isinstance(path, str))
    return _bounded(ExcludedFiles(texts, ignore_file[:_LONGEST_PATH]))


def _bounded(excluded_files: ExcludedFiles) -> ExcludedFiles:
    """The first paths that fit, cleaned and relative."""
    kept: list[str] = []
    size = 0
    for path in map(cleaned, excluded_files.paths[:MOST_PATHS]):
        size += len(json.dumps(path)) + 2
        if size > MOST_BYTES:
            break
        if path and len(path) <= _LONGEST_PATH and not path.startswith("/"):
            kept.append(path)
    return ExcludedFiles(tuple(kept), cleaned(excluded_files.ignore_file))
