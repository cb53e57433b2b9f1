"""An app's folder: read without running anything in it, within limits; and new files written into it."""

import os
import stat
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from fnmatch import fnmatchcase
from itertools import islice
from pathlib import Path

from expressway.app.given_path import read_ordinary_file
from expressway.containerize.files import AppFiles
from expressway.containerize.recipes import Recipes
from expressway.errors import ImageError
from expressway.privacy.untrusted import echoed

_SKIPPED = frozenset(
    {
        *(".git", ".hg", ".svn", "node_modules", "bower_components", "__pycache__", ".venv", "venv", ".tox", ".nox"),
        *(".next", ".nuxt", ".turbo", ".gradle", ".idea", ".vscode", "target", "obj", ".mypy_cache", ".ruff_cache"),
        *(".pytest_cache", ".terraform", "cdk.out", "site-packages", "coverage"),
    }
)
_OWN_FILES = ("Dockerfile", ".dockerignore", "expressway.yaml", "expressway.yml", "go.work", "lerna.json")
_MOST_ENTRIES = 5_000
_DEEPEST = 6
_LARGEST_BYTES = 512 * 1024
_TOTAL_BYTES = 8 * 1024 * 1024


class LocalFolder:
    """Folders of apps on this machine.

    Args:
        manifests: patterns of the files that are read in any folder; one with ``/`` ends a path.
        sources: patterns of the files that are read after the manifests.
    """

    def __init__(self, manifests: Sequence[str], sources: Sequence[str]) -> None:
        self._manifests, self._sources = manifests, sources

    @classmethod
    def of_recipes(cls, recipes: Recipes) -> "LocalFolder":
        """Folders of apps in the languages that `recipes` know."""
        languages = recipes.languages.values()
        manifests = [name for language in languages for name in language.manifests]
        return cls((*_OWN_FILES, *manifests), tuple(name for language in languages for name in language.sources))

    def read(self, root: Path) -> AppFiles:
        """What a resolved folder holds: the paths of its files, and the texts of those whose names match.

        Manifests are read before sources, the shallowest first, until 8 MiB are read; files above 512 KiB, those that
        are no text, and links that lead outside are omitted and named, and so is what comes after 5,000 files and
        folders. Folders of installed packages are not read.

        Raises:
            ImageError: ``folder_unreadable``.
        """
        omitted: list[str] = []
        try:
            paths = tuple(sorted(_walk(root, omitted)))
        except OSError as exc:
            raise ImageError(
                "folder_unreadable",
                f"The folder {echoed(str(root))} cannot be read: {exc.strerror or exc}.",
                "Give yourself permission to read it, or name another folder.",
            ) from exc
        texts: dict[str, str] = {}
        total = 0
        for path in _wanted(paths, self._manifests, self._sources):
            content, why = _read(root, path)
            if content is None:
                omitted.append(f"{path}: {why}")
            elif total + len(content) > _TOTAL_BYTES:
                omitted.append(f"{path}: enough was read")
                break
            else:
                total += len(content)
                texts[path] = content.decode("utf-8", errors="replace")
        return AppFiles(root.name, paths, texts, tuple(omitted))

    def write(self, root: Path, contents: Mapping[str, str], *, overwrite: bool) -> tuple[str, ...]:
        """Write files into a folder, each whole or not at all, and return the paths that were written.

        An existing file is left as it is unless `overwrite`; a link is never written through.

        Raises:
            ImageError: ``folder_not_writable``.
        """
        written: list[str] = []
        try:
            for path, content in contents.items():
                if _write(root / path, content, overwrite=overwrite):
                    written.append(path)
        except OSError as exc:
            raise ImageError(
                "folder_not_writable",
                f"{echoed(str(exc.filename or root))} cannot be written: {exc.strerror or exc}.",
                "Give yourself permission to write there, or take the files from the answer.",
                {"written": written},
            ) from exc
        return tuple(written)


def _write(path: Path, content: str, *, overwrite: bool) -> bool:
    there = path.is_symlink() or path.exists()
    if there and (path.is_symlink() or not overwrite):
        return False
    mode = stat.S_IMODE(path.stat().st_mode) if there else 0o644
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(content)
        Path(name).chmod(mode)
        if there:
            Path(name).replace(path)
        else:
            # A link, unlike a renaming, fails on a file that somebody else has created meanwhile.
            os.link(name, path)
        return True
    except FileExistsError:
        return False
    finally:
        with suppress(FileNotFoundError):
            Path(name).unlink()


def _walk(root: Path, omitted: list[str]) -> Iterator[str]:
    pending = [("", 0)]
    count = 0
    while pending:
        folder, depth = pending.pop(0)
        try:
            found = _entries(root / folder, _MOST_ENTRIES - count)
        except OSError as exc:
            if not folder:
                raise
            omitted.append(f"{folder}/: {exc.strerror}")
            continue
        for item in found:
            path = f"{folder}/{item.name}" if folder else item.name
            count += 1
            if count > _MOST_ENTRIES:
                omitted.append(f"{path}: more than {_MOST_ENTRIES} files and folders; the rest was not looked at")
                return
            if not item.is_dir(follow_symlinks=False):
                yield path
            elif item.name not in _SKIPPED and depth < _DEEPEST:
                pending.append((path, depth + 1))


def _entries(folder: Path, most: int) -> list[os.DirEntry[str]]:
    """What a folder holds in order of names, one more than `most` at the most: it may hold millions of files."""
    with os.scandir(folder) as found:
        return sorted(islice(found, most + 1), key=lambda item: item.name)


def _wanted(paths: Sequence[str], manifests: Sequence[str], sources: Sequence[str]) -> Iterator[str]:
    """Paths to read: manifests in any folder, then sources."""
    shallow = sorted(paths, key=lambda path: (path.count("/"), path))
    first = [path for path in shallow if _matches(path, manifests)]
    yield from first
    taken = set(first)
    yield from (path for path in shallow if path not in taken and _matches(path, sources))


def _matches(path: str, patterns: Sequence[str]) -> bool:
    name = path.rpartition("/")[2]
    return any(fnmatchcase(path if "/" in each else name, f"*{each}" if "/" in each else each) for each in patterns)


def _read(root: Path, path: str) -> tuple[bytes | None, str]:
    """The content, or None and why not."""
    try:
        real = (root / path).resolve(strict=True)
    except (OSError, RuntimeError) as exc:
        return None, getattr(exc, "strerror", None) or "it cannot be read"
    if not real.is_relative_to(root):
        return None, "it is a link that leads out of the folder"
    return read_ordinary_file(real, _LARGEST_BYTES)
