"""Packs a build context for the engine: exactly what was read before, or an error."""

import errno
import hashlib
import io
import os
import tarfile
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from expressway.core.progress import Cancellation, NeverCancelled
from expressway.errors import ImageError
from expressway.image.context.protected_files import literal_pattern, safe_path
from expressway.image.context.reader import open_regular_file
from expressway.image.context.values import BuildContext, ContextEntry

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_SPOOL_BYTES = 32 * 1024 * 1024
_NEVER = NeverCancelled()


def open_context_archive(context: BuildContext, *, cancellation: Cancellation = _NEVER) -> IO[bytes]:
    """A tar archive of exactly the context that was read, positioned at its start; the caller closes it.

    Owners are set to root as the docker command does. Raises:
        ImageError: ``context_changed`` when a file is no longer what was read, ``disk_full``.
    """
    spool = tempfile.SpooledTemporaryFile(max_size=_SPOOL_BYTES)  # noqa: SIM115 - handed to the caller
    try:
        with tarfile.open(fileobj=spool, mode="w", format=tarfile.PAX_FORMAT) as tar:
            for entry in context.entries:
                cancellation.raise_if_cancelled()
                _add(tar, Path(context.root), entry)
            _add_ignore_file(tar, context)
        spool.seek(0)
    except OSError as exc:
        spool.close()
        if exc.errno in _FULL:
            raise _disk_full(context) from exc
        raise _changed(str(exc.filename or "a file")) from exc
    except BaseException:
        spool.close()
        raise
    return spool


@contextmanager
def unpacked_context(
    context: BuildContext, archive: IO[bytes], *, cancellation: Cancellation = _NEVER
) -> Generator[tuple[Path, Path]]:
    """A folder with what the image may hold, and the Dockerfile outside of it; both are removed at the end.

    BuildKit gives an image everything that is in a tar; of a folder, it gets the Dockerfile apart. The file beside the
    Dockerfile keeps the .dockerignore from being applied again.

    Raises:
        ImageError: ``disk_full``.
    """
    with tempfile.TemporaryDirectory(prefix="expressway-context-") as scratch:
        folder, dockerfile = Path(scratch, "context"), Path(scratch, "builder", Path(context.dockerfile).name)
        folder.mkdir()
        dockerfile.parent.mkdir()
        try:
            with tarfile.open(fileobj=archive) as tar:
                source = tar.extractfile(context.dockerfile)
                dockerfile.write_bytes(source.read() if source else b"")
                tar.extraction_filter = lambda member, _folder: member
                tar.extractall(folder, _image_members(tar, context, cancellation))  # noqa: S202 - of our own making
            dockerfile.with_name(f"{dockerfile.name}.dockerignore").write_text("# applied already\n")
        except OSError as exc:
            if exc.errno in _FULL:
                raise _disk_full(context) from exc
            raise
        yield folder, dockerfile


def _image_members(
    tar: tarfile.TarFile, context: BuildContext, cancellation: Cancellation
) -> Iterator[tarfile.TarInfo]:
    wanted = {entry.path for entry in context.entries} - set(context.builder_only)
    for member in tar.getmembers():
        cancellation.raise_if_cancelled()
        if member.name in wanted:
            yield member


def _disk_full(context: BuildContext) -> ImageError:
    hint = f"Free at least {context.size_bytes // 1024**2 + 1} MiB below {tempfile.gettempdir()}, and repeat."
    return ImageError("disk_full", "The disk is full: the build context could not be packed.", hint)


def _add_ignore_file(tar: tarfile.TarFile, context: BuildContext) -> None:
    """The classic builder removes an excluded Dockerfile, but reads the rules only from a file named .dockerignore.

    Where they are in a file of another name, a .dockerignore is added that excludes what that file excludes.
    """
    if not context.builder_only or any(entry.path == ".dockerignore" for entry in context.entries):
        return
    lines = "\n".join([".dockerignore", *map(literal_pattern, context.builder_only)]).encode(errors="surrogateescape")
    member = tarfile.TarInfo(".dockerignore")
    member.size, member.mode = len(lines), 0o644
    tar.addfile(member, io.BytesIO(lines))


def _add(tar: tarfile.TarFile, root: Path, entry: ContextEntry) -> None:
    path = root / entry.path
    member = tarfile.TarInfo(entry.path)
    member.mode = entry.mode
    member.mtime = int(path.lstat().st_mtime)
    if entry.kind == "folder":
        member.type = tarfile.DIRTYPE
        tar.addfile(member)
    elif entry.kind == "link":
        member.type, member.linkname = tarfile.SYMTYPE, entry.content
        tar.addfile(member)
    else:
        member.size = entry.size_bytes
        with open_regular_file(path) as handle:
            if os.fstat(handle.fileno()).st_size < entry.size_bytes:
                raise _changed(entry.path)
            source = _HashedFile(handle)
            tar.addfile(member, source)  # type: ignore[arg-type]
            if source.digest.hexdigest() != entry.content:
                raise _changed(entry.path)


class _HashedFile:
    """A file that hashes what is read from it."""

    def __init__(self, handle: IO[bytes]) -> None:
        self._handle = handle
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        chunk = self._handle.read(size) or b""
        self.digest.update(chunk)
        return chunk


def _changed(path: str) -> ImageError:
    message = f"{safe_path(path)} changed while the image was being built."
    return ImageError("context_changed", message, "Repeat the command once nothing writes to the folder.")
