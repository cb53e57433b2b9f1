"""Reads the folder that an image is built from, and refuses what must not be sent to an engine."""

import contextlib
import errno
import hashlib
import os
import pwd
import stat
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import IO

from expressway.core.progress import Cancellation, NeverCancelled
from expressway.errors import ImageError
from expressway.image.context.dockerignore import MOST_BYTES, read_ignore_file
from expressway.image.context.protected_files import safe_path
from expressway.image.context.values import DEFAULT_LIMIT_BYTES, BuildContext, ContextEntry, largest_entries
from expressway.image.context.walk import ContextWalk
from expressway.privacy.untrusted import echoed
from expressway.privacy.untrusted import named as quoted_name

_SYSTEM_FOLDERS = (
    *("bin", "boot", "dev", "etc", "home", "lib", "lib64", "media", "mnt", "opt", "proc", "root", "run", "sbin"),
    *("srv", "sys", "tmp", "usr", "var", "Users", "Applications", "Library", "System", "private", "Volumes"),
)
_CHUNK_BYTES = 1024 * 1024
_LARGEST_DOCKERFILE_BYTES = 512 * 1024
_MOST_NEAR = 1_000
_MOST_NAMED = 20
_MOST_LISTED = 500
_NEVER = NeverCancelled()


def resolve_context(folder: Path, *, home: Path | None = None) -> Path:
    """The folder's real path, if an image may be built from it.

    Raises:
        ImageError: ``context_missing``, ``context_not_a_folder``, ``context_refused`` (the file system's root, a
            system folder, a home directory or a folder above one).
    """
    try:
        root = folder.resolve(strict=True)
    except (OSError, RuntimeError, ValueError) as exc:
        raise ImageError(
            "context_missing",
            f"Expected a folder to build the image from, but {echoed(str(folder))} does not exist.",
            "Correct build.context (it is relative to the definition), or the path that was given.",
        ) from exc
    if not root.is_dir():
        message = f"Expected a folder to build the image from, but {echoed(str(root))} is a file."
        raise ImageError("context_not_a_folder", message, "Name the folder that holds the Dockerfile.")
    refused = why_refused(root, home or Path.home())
    if refused:
        message = f"An image is not built from {echoed(str(root))}: {refused}."
        raise ImageError("context_refused", message, "Put the application in its own folder and name that folder.")
    return root


def read_build_context(
    root: Path,
    dockerfile: str = "Dockerfile",
    *,
    limit_bytes: int = DEFAULT_LIMIT_BYTES,
    cancellation: Cancellation = _NEVER,
) -> BuildContext:
    """Read a resolved folder: .dockerignore honoured, secrets kept out, sizes added up, every file hashed.

    Symbolic links are packed as links, wherever they lead, and never followed.

    Args:
        root: what `resolve_context` returned.
        dockerfile: path of the Dockerfile, relative to `root` or absolute inside it.

    Raises:
        ImageError: ``dockerfile_missing``, ``dockerfile_outside``, ``dockerfile_too_large``, ``ignore_file_outside``,
            ``ignore_file_invalid``, ``context_too_large``, ``context_unreadable`` (all that cannot be read at once).
    """
    named = root / dockerfile
    path = _find_dockerfile(root, named)
    ignore_file = _find_ignore_file(root, named)
    _refuse_outside(root, path, ignore_file)
    name = path.relative_to(root).as_posix()
    ignore_name = ignore_file.relative_to(root).as_posix() if ignore_file else ".dockerignore"
    text = _text_of(path, root)
    content = _content(ignore_file, most_bytes=MOST_BYTES) if ignore_file else b""
    # A file of rules with another name than .dockerignore is applied here; no builder looks for it.
    always = (name, ".dockerignore") if ignore_name == ".dockerignore" else (name,)
    walk = ContextWalk(root, read_ignore_file(content, file=ignore_name), always=always)
    walk.walk(cancellation)
    _refuse_size(walk, limit_bytes)
    entries = tuple(_hashed_all(walk, limit_bytes, cancellation))
    if walk.unreadable:
        raise _unreadable(sorted(walk.unreadable))
    return BuildContext(
        root=str(root),
        dockerfile=name,
        dockerfile_text=text,
        entries=entries,
        excluded_files=tuple(sorted(walk.excluded_files)),
        ignored_special=tuple(sorted(walk.special)),
        outside_links=tuple(sorted(walk.outside_links)),
        ignore_file=ignore_name,
        builder_only=walk.builder_only(),
    )


def why_refused(root: Path, home: Path) -> str | None:
    """Why no image is built from a folder whose real path is `root`; None when one may be."""
    homes = {home.resolve()}
    with contextlib.suppress(KeyError):
        homes.add(Path(pwd.getpwuid(os.getuid()).pw_dir).resolve())
    refused = {
        "it is the root of the file system": root == Path(root.anchor),
        "it is a home directory": root in homes or root.parent in {Path("/home"), Path("/Users")},
        "a home directory lies inside it": any(root in home.parents for home in homes),
        "it is a folder of the system": root.parent == Path(root.anchor) and root.name in _SYSTEM_FOLDERS,
    }
    return next((reason for reason, holds in refused.items() if holds), None)


def _find_dockerfile(root: Path, named: Path) -> Path:
    try:
        path = named.resolve(strict=True)
    except (OSError, RuntimeError, ValueError) as exc:
        raise ImageError(
            "dockerfile_missing",
            f"Expected a Dockerfile at {echoed(str(named))}, but there is none.",
            "Write one, or name it in build.dockerfile (relative to the context)." + _near(root),
        ) from exc
    if not path.is_file():
        message = f"Expected a Dockerfile at {echoed(str(named))}, but it is no file."
        raise ImageError("dockerfile_missing", message, _near(root))
    return path


def _near(root: Path) -> str:
    try:
        names = sorted(p.name for p in islice(root.iterdir(), _MOST_NEAR))
    except OSError:
        return ""
    found = [safe_path(name) for name in names if "dockerfile" in name.lower() or name == "Containerfile"]
    return f" Found here: {', '.join(found[:5])}." if found else ""


def _find_ignore_file(root: Path, named: Path) -> Path | None:
    """``<Dockerfile>.dockerignore`` if there is one (as BuildKit has it), else ``.dockerignore``; None without one."""
    beside = Path(os.path.realpath(named.parent)) / f"{named.name}.dockerignore"
    return next((path for path in (beside, root / ".dockerignore") if path.is_symlink() or path.exists()), None)


def _refuse_outside(root: Path, dockerfile: Path, ignore_file: Path | None) -> None:
    """Refuse to read a Dockerfile or .dockerignore that lies, or leads, outside of the folder; both in one error."""
    outside: dict[str, str] = {}
    if not dockerfile.is_relative_to(root):
        outside["dockerfile_outside"] = (
            f"The Dockerfile {echoed(str(dockerfile))} lies outside the build context {echoed(str(root))}."
        )
    ends = (ignore_file, Path(os.path.realpath(ignore_file))) if ignore_file else ()
    if ignore_file and not all(path.is_relative_to(root) for path in ends):
        outside["ignore_file_outside"] = (
            f"{quoted_name(ignore_file.name)} leads out of the build context {echoed(str(root))}."
        )
    if outside:
        raise ImageError(
            next(iter(outside)),
            " ".join(outside.values()),
            "Put the file itself into the folder, or make the folder that holds both the context.",
        )


def _text_of(dockerfile: Path, root: Path) -> str:
    content = _content(dockerfile, most_bytes=_LARGEST_DOCKERFILE_BYTES)
    if len(content) > _LARGEST_DOCKERFILE_BYTES:
        message = f"{dockerfile.relative_to(root)} is larger than {_LARGEST_DOCKERFILE_BYTES // 1024} KiB."
        raise ImageError("dockerfile_too_large", message, "Name the Dockerfile itself in build.dockerfile.")
    return content.decode("utf-8", errors="replace")


def _content(path: Path, *, most_bytes: int) -> bytes:
    """The file's content, one byte more than `most_bytes` at the most."""
    try:
        real = path.resolve(strict=True)
        with open_regular_file(real) as handle:
            return handle.read(most_bytes + 1)
    except (OSError, RuntimeError) as exc:
        raise _unreadable([(safe_path(path.name), getattr(exc, "strerror", None) or "it cannot be read")]) from exc


def _refuse_size(walk: ContextWalk, limit_bytes: int) -> None:
    sizes = [(safe_path(entry.path), entry.size_bytes) for entry in walk.entries.values()]
    total = sum(size for _, size in sizes)
    if total > limit_bytes:
        largest = largest_entries(sizes)
        named = ", ".join(f"{quoted_name(path)} ({size / 1024**2:.1f} MiB)" for path, size in largest)
        raise ImageError(
            "context_too_large",
            f"The build context has {total / 1024**2:.1f} MiB; the limit is {limit_bytes / 1024**2:.1f} MiB.",
            f"Add what the image does not need to .dockerignore. Most is in: {named}.",
            {"size_bytes": total, "limit_bytes": limit_bytes, "largest": {quoted_name(p): size for p, size in largest}},
        )


def _unreadable(found: Sequence[tuple[str, str]]) -> ImageError:
    named = ", ".join(f"{quoted_name(path)} ({reason})" for path, reason in found[:_MOST_NAMED])
    more = f" and {len(found) - _MOST_NAMED} more" if len(found) > _MOST_NAMED else ""
    return ImageError(
        "context_unreadable",
        f"{len(found)} of the build context cannot be read: {named}{more}.",
        "Correct their permissions, or name them in .dockerignore.",
        {"unreadable": [quoted_name(path) for path, _ in found[:_MOST_LISTED]], "count": len(found)},
    )


def _hashed_all(walk: ContextWalk, limit_bytes: int, cancellation: Cancellation) -> Iterator[ContextEntry]:
    for _, entry in sorted(walk.entries.items()):
        try:
            yield _hashed(walk.root, entry, limit_bytes, cancellation)
        except OSError as exc:
            walk.note_unreadable(entry.path, exc)


def _hashed(root: Path, entry: ContextEntry, limit_bytes: int, cancellation: Cancellation) -> ContextEntry:
    if entry.kind != "file":
        return entry
    digest = hashlib.sha256()
    size = 0
    with open_regular_file(root / entry.path) as handle:
        # A file that grows while it is read ends at the limit; packing it then says that it changed.
        while size <= limit_bytes and (chunk := handle.read(_CHUNK_BYTES)):
            cancellation.raise_if_cancelled()
            digest.update(chunk)
            size += len(chunk)
    return ContextEntry(entry.path, entry.kind, entry.mode, size, digest.hexdigest())


def open_regular_file(path: Path) -> IO[bytes]:
    """A regular file, opened. A link or a pipe put in its place meanwhile is neither followed nor waited for."""
    handle = os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb", buffering=0)
    if not stat.S_ISREG(os.fstat(handle.fileno()).st_mode):
        handle.close()
        raise OSError(errno.EINVAL, "it is no regular file", str(path))
    return handle
