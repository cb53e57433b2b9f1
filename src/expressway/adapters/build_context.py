"""Reads the folder that an image is built from, refusing what must not be sent to an engine."""

import contextlib
import hashlib
import os
import pwd
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from expressway.errors import ImageError
from expressway.model.build_context import (
    DEFAULT_LIMIT_BYTES,
    PROTECTED,
    BuildContext,
    ContextEntry,
    largest_entries,
)
from expressway.model.ignore_patterns import IgnoreRules
from expressway.model.progress import Cancellation, NeverCancelled

_SYSTEM_FOLDERS = (
    *("bin", "boot", "dev", "etc", "home", "lib", "lib64", "media", "mnt", "opt", "proc", "root", "run", "sbin"),
    *("srv", "sys", "tmp", "usr", "var", "Users", "Applications", "Library", "System", "private", "Volumes"),
)
_CHUNK_BYTES = 1024 * 1024
_NEVER = NeverCancelled()


def resolve_context(folder: Path, *, home: Path | None = None) -> Path:
    """The folder's real path, if an image may be built from it.

    Raises:
        ImageError: ``context_missing``, ``context_not_a_folder``, ``context_refused`` (the file system's root, a
            system folder, a home directory or a folder above one).
    """
    try:
        root = folder.resolve(strict=True)
    except (OSError, RuntimeError) as exc:
        raise ImageError(
            "context_missing",
            f"Expected a folder to build the image from, but {folder} does not exist.",
            "Correct build.context (it is relative to the definition), or the path that was given.",
        ) from exc
    if not root.is_dir():
        raise ImageError(
            "context_not_a_folder",
            f"Expected a folder to build the image from, but {root} is a file.",
            "Name the folder that holds the Dockerfile.",
        )
    refused = _why_refused(root, home or Path.home())
    if refused:
        raise ImageError(
            "context_refused",
            f"An image is not built from {root}: {refused}.",
            "Put the application in a folder of its own and name that folder.",
        )
    return root


def read_build_context(
    root: Path,
    dockerfile: str = "Dockerfile",
    *,
    limit_bytes: int = DEFAULT_LIMIT_BYTES,
    cancellation: Cancellation = _NEVER,
) -> BuildContext:
    """Read a resolved folder: .dockerignore honoured, secrets kept out, sizes added up, every file hashed.

    Args:
        root: what `resolve_context` returned.
        dockerfile: path of the Dockerfile, relative to `root` or absolute inside it.

    Raises:
        ImageError: ``dockerfile_missing``, ``dockerfile_outside``, ``context_symlink_outside``,
            ``context_too_large``, ``context_unreadable``.
    """
    path = _find_dockerfile(root, dockerfile)
    name = path.relative_to(root).as_posix()
    try:
        rules, ignore_files = _ignore_rules(root, name)
        scan = _Scan(root, rules, always=(name, *ignore_files))
        scan.walk(cancellation)
        _refuse_size(scan, limit_bytes)
        entries = tuple(_hashed(root, entry, cancellation) for entry in sorted(scan.entries, key=lambda e: e.path))
        text = path.read_bytes().decode("utf-8", errors="replace")
    except OSError as exc:
        raise ImageError(
            "context_unreadable",
            f"A file of the build context cannot be read: {exc.strerror or exc} ({exc.filename or root}).",
            "Correct its permissions, or name it in .dockerignore.",
        ) from exc
    return BuildContext(
        root=str(root),
        dockerfile=name,
        dockerfile_text=text,
        entries=entries,
        left_out=tuple(sorted(scan.left_out)),
        ignored_special=tuple(sorted(scan.special)),
        ignore_file=next(iter(ignore_files), ".dockerignore"),
    )


@dataclass(slots=True)
class _Scan:
    """One walk through the folder. `always` names files that builders read even when they are ignored."""

    root: Path
    rules: IgnoreRules
    always: tuple[str, ...]
    entries: list[ContextEntry] = field(default_factory=list[ContextEntry])
    left_out: list[str] = field(default_factory=list[str])
    special: list[str] = field(default_factory=list[str])

    def walk(self, cancellation: Cancellation) -> None:
        pending = [""]
        while pending:
            cancellation.raise_if_cancelled()
            folder = pending.pop()
            with os.scandir(self.root / folder) as found:
                for item in found:
                    path = f"{folder}/{item.name}" if folder else item.name
                    if self._take(item, path):
                        pending.append(path)

    def _take(self, item: os.DirEntry[str], path: str) -> bool:
        """Note one directory entry; True when it is a folder to look into."""
        is_folder = item.is_dir(follow_symlinks=False)
        excluded = self.rules.excludes(path) and path not in self.always
        if excluded:
            needed = any(name.startswith(f"{path}/") for name in self.always)
            return is_folder and (needed or self.rules.may_take_back_below(path))
        if PROTECTED.excludes(path) and path not in self.always and not self.rules.names_explicitly(path):
            self.left_out.append(f"{path}/" if is_folder else path)
            return False
        self._note(item, path, is_folder)
        return is_folder

    def _note(self, item: os.DirEntry[str], path: str, is_folder: bool) -> None:
        status = item.stat(follow_symlinks=False)
        mode = stat.S_IMODE(status.st_mode)
        if stat.S_ISLNK(status.st_mode):
            self.entries.append(ContextEntry(path, "link", 0o777, 0, self._link_target(path)))
        elif is_folder:
            self.entries.append(ContextEntry(path, "folder", mode))
        elif stat.S_ISREG(status.st_mode):
            self.entries.append(ContextEntry(path, "file", mode, status.st_size))
        else:
            self.special.append(path)

    def _link_target(self, path: str) -> str:
        real = Path(os.path.realpath(self.root / path))
        target = str((self.root / path).readlink())
        if not real.is_relative_to(self.root):
            raise ImageError(
                "context_symlink_outside",
                f"The symbolic link {path} leads out of the build context, to {target}.",
                f"Replace it by the file itself, or add {path} to .dockerignore.",
            )
        return target


def _why_refused(root: Path, home: Path) -> str | None:
    homes = {home.resolve()}
    with contextlib.suppress(KeyError):
        homes.add(Path(pwd.getpwuid(os.getuid()).pw_dir).resolve())
    if root == Path(root.anchor):
        return "it is the root of the file system"
    if root in homes or (root.parent in {Path("/home"), Path("/Users")}):
        return "it is a home directory"
    if any(root in home.parents for home in homes):
        return "a home directory lies inside it"
    if root.parent == Path(root.anchor) and root.name in _SYSTEM_FOLDERS:
        return "it is a folder of the system"
    return None


def _find_dockerfile(root: Path, dockerfile: str) -> Path:
    named = root / dockerfile
    try:
        path = named.resolve(strict=True)
    except (OSError, RuntimeError) as exc:
        raise ImageError(
            "dockerfile_missing",
            f"Expected a Dockerfile at {named}, but there is none.",
            "Write one, or name it in build.dockerfile (relative to the context)." + _near(root),
        ) from exc
    if not path.is_file():
        raise ImageError("dockerfile_missing", f"Expected a Dockerfile at {named}, but it is no file.", _near(root))
    if not path.is_relative_to(root):
        raise ImageError(
            "dockerfile_outside",
            f"The Dockerfile {path} lies outside the build context {root}.",
            "Move it into the folder, or make the folder that holds both the context.",
        )
    return path


def _near(root: Path) -> str:
    found = sorted(p.name for p in root.iterdir() if "dockerfile" in p.name.lower() or p.name == "Containerfile")
    return f" Found here: {', '.join(found[:5])}." if found else ""


def _ignore_rules(root: Path, dockerfile: str) -> tuple[IgnoreRules, tuple[str, ...]]:
    """The rules of ``<Dockerfile>.dockerignore`` if there is one (as BuildKit has it), else of ``.dockerignore``."""
    for name in (f"{dockerfile}.dockerignore", ".dockerignore"):
        path = root / name
        if path.is_file() and path.resolve().is_relative_to(root):
            return IgnoreRules(path.read_text(encoding="utf-8", errors="replace").splitlines()), (name,)
    return IgnoreRules(()), ()


def _refuse_size(scan: _Scan, limit_bytes: int) -> None:
    sizes = [(entry.path, entry.size_bytes) for entry in scan.entries]
    total = sum(size for _, size in sizes)
    if total > limit_bytes:
        largest = largest_entries(sizes)
        named = ", ".join(f"{path} ({size / 1024**2:.1f} MiB)" for path, size in largest)
        raise ImageError(
            "context_too_large",
            f"The build context has {total / 1024**2:.1f} MiB; the limit is {limit_bytes / 1024**2:.1f} MiB.",
            f"Add what the image does not need to .dockerignore. Most is in: {named}.",
            {"size_bytes": total, "limit_bytes": limit_bytes, "largest": dict(largest)},
        )


def _hashed(root: Path, entry: ContextEntry, cancellation: Cancellation) -> ContextEntry:
    if entry.kind != "file":
        return entry
    cancellation.raise_if_cancelled()
    digest = hashlib.sha256()
    size = 0
    for chunk in _chunks(root / entry.path):
        digest.update(chunk)
        size += len(chunk)
    return ContextEntry(entry.path, entry.kind, entry.mode, size, digest.hexdigest())


def _chunks(path: Path) -> Iterator[bytes]:
    # A link put in the file's place after the walk must not be followed.
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb", buffering=0) as handle:
        while chunk := handle.read(_CHUNK_BYTES):
            yield chunk
