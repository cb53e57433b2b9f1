"""Packs a build context for the engine: exactly what was read before, or an error."""

import errno
import hashlib
import os
import tarfile
import tempfile
from pathlib import Path
from typing import IO

from expressway.adapters.build_context import open_regular_file
from expressway.errors import ImageError
from expressway.model.build_context import BuildContext, ContextEntry
from expressway.model.progress import Cancellation, NeverCancelled
from expressway.model.protected_files import safe_path

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
        spool.seek(0)
    except OSError as exc:
        spool.close()
        if exc.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise ImageError(
                "disk_full",
                "The disk is full: the build context could not be packed.",
                f"Free at least {context.size_bytes // 1024**2 + 1} MiB below {tempfile.gettempdir()}, and repeat.",
            ) from exc
        raise _changed(str(exc.filename or "a file")) from exc
    except BaseException:
        spool.close()
        raise
    return spool


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
        with _Checked(path) as source:
            if source.size_bytes < entry.size_bytes:
                raise _changed(entry.path)
            tar.addfile(member, source)  # type: ignore[arg-type]
            if source.hexdigest() != entry.content:
                raise _changed(entry.path)


class _Checked:
    """A file that hashes what is read from it."""

    def __init__(self, path: Path) -> None:
        self._handle = open_regular_file(path)
        self._digest = hashlib.sha256()
        self.size_bytes = os.fstat(self._handle.fileno()).st_size

    def read(self, size: int = -1) -> bytes:
        chunk = self._handle.read(size) or b""
        self._digest.update(chunk)
        return chunk

    def hexdigest(self) -> str:
        return self._digest.hexdigest()

    def __enter__(self) -> "_Checked":
        return self

    def __exit__(self, *_: object) -> None:
        self._handle.close()


def _changed(path: str) -> ImageError:
    return ImageError(
        "context_changed",
        f"{safe_path(path)} changed while the image was being built.",
        "Repeat the command once nothing writes to the folder.",
    )
