"""Walks a folder and notes what an image built from it may hold: as `docker build` does, less what may be secret."""

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from expressway.core.progress import Cancellation
from expressway.errors import ImageError
from expressway.image.context.dockerignore import IgnoreRules, with_parents
from expressway.image.context.protected_files import PROTECTED, is_source_code, safe_path
from expressway.image.context.values import ContextEntry
from expressway.privacy.masking.detector import masked

_LARGEST_JUDGED_BYTES = 1024 * 1024
_MOST_LOOKED_AT = 1_000
_PEM_LABEL = re.compile(rb"-----BEGIN ([A-Z0-9 ]{1,40})-----")
_PUBLIC_LABELS = frozenset(
    {
        *(b"CERTIFICATE", b"TRUSTED CERTIFICATE", b"X509 CERTIFICATE", b"X509 CRL", b"CERTIFICATE REQUEST"),
        *(b"NEW CERTIFICATE REQUEST", b"PUBLIC KEY", b"RSA PUBLIC KEY", b"SSH2 PUBLIC KEY", b"PKCS7", b"CMS"),
        *(b"DH PARAMETERS", b"EC PARAMETERS", b"PGP PUBLIC KEY BLOCK"),
    }
)
_SSH_PUBLIC_KEY = re.compile(
    rb"(?:ssh-(?:rsa|dss|ed25519)|ecdsa-sha2-nistp\d{3}|sk-[a-z0-9@.-]{1,60}) [A-Za-z0-9+/=]+[ \r\n]"
)
_PUBLIC_SETTING = re.compile(
    r"(?:export )?(?:(?:VITE|NEXT_PUBLIC|NUXT_PUBLIC|PUBLIC|REACT_APP|VUE_APP|GATSBY|EXPO_PUBLIC)_\w+"
    r"|NODE_ENV|PORT|HOST|TZ|LANG|LOG_LEVEL|CI|GENERATE_SOURCEMAP) ?="
)
"""Settings that frameworks compile into pages that browsers get, and some that are no secret anywhere."""
_SECRET_NAME = re.compile(r"secret|token|passw|private.?key|api.?key|access.?key", re.IGNORECASE)
_DATA_SUFFIXES = frozenset(
    {"", ".json", ".yaml", ".yml", ".toml", ".ini", ".cfg", ".conf", ".properties", ".xml", ".txt", ".env", ".csv"}
)
MOST_ENTRIES = 250_000
_ENTRIES_A_CHECK = 500


@dataclass(frozen=True, slots=True)
class _Folder:
    """A folder to walk: its path, the patterns that matched it, and whether it is in a folder ``credentials``."""

    path: str
    matched_by: tuple[bool, ...] | None
    in_credentials: bool = False


@dataclass(slots=True)
class ContextWalk:
    """One walk through the folder. `always` names files that builders read even when they are excluded.

    Attributes:
        unreadable: safe path and reason of whatever could not be read.
    """

    root: Path
    rules: IgnoreRules
    always: tuple[str, ...]
    most_entries: int = MOST_ENTRIES
    entries: dict[str, ContextEntry] = field(default_factory=dict[str, ContextEntry])
    excluded_files: list[str] = field(default_factory=list[str])
    special: list[str] = field(default_factory=list[str])
    outside_links: list[str] = field(default_factory=list[str])
    unreadable: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    _seen: int = 0
    _excluded_files: set[str] = field(default_factory=set[str])
    _excluded_folders: set[str] = field(default_factory=set[str])

    def walk(self, cancellation: Cancellation) -> None:
        """Fill the lists.

        Raises:
            ImageError: ``context_too_large`` when there are more than `most_entries` files and folders.
        """
        pending = [_Folder("", None)]
        while pending:
            cancellation.raise_if_cancelled()
            folder = pending.pop()
            try:
                with os.scandir(self.root / folder.path) as found:
                    for item in found:
                        self._count(cancellation)
                        path = f"{folder.path}/{item.name}" if folder.path else item.name
                        inside = self._take(item, path, folder)
                        if inside is not None:
                            pending.append(inside)
            except OSError as exc:
                self.note_unreadable(folder.path or ".", exc)

    def builder_only(self) -> tuple[str, ...]:
        """Entries that are excluded and only there for builders: files, and folders with nothing else in them."""
        excluded = self._excluded_files | self._excluded_folders
        needed = {path.rpartition("/")[0] for path in self.entries if path not in excluded}
        for folder in tuple(needed):
            needed.update(with_parents(folder))
        return tuple(sorted(self._excluded_files | (self._excluded_folders - needed)))

    def _count(self, cancellation: Cancellation) -> None:
        self._seen += 1
        if self._seen % _ENTRIES_A_CHECK == 0:
            cancellation.raise_if_cancelled()
        if self._seen > self.most_entries:
            raise ImageError(
                "context_too_large",
                f"The build context has more than {self.most_entries:,} files and folders.",
                "Add what the image does not need to .dockerignore, or make a smaller folder the context.",
            )

    def _take(self, item: os.DirEntry[str], path: str, parent: _Folder) -> _Folder | None:
        """Note one directory entry; what to walk next when it is a folder that may hold more."""
        is_folder = item.is_dir(follow_symlinks=False)
        excluded, matched_by = self.rules.decide(path, parent.matched_by)
        inside = _Folder(path, matched_by, parent.in_credentials or item.name == "credentials")
        if excluded and path not in self.always:
            needed = any(name.startswith(f"{path}/") for name in self.always)
            return inside if is_folder and (needed or self.rules.may_take_back_below(path)) else None
        if path not in self.always and self._is_protected(path, parent, is_folder=is_folder):
            self.excluded_files.append(safe_path(f"{path}/" if is_folder else path))
            return None
        self._note_parents(path)
        self._note(path)
        if excluded:
            self._excluded_files.add(path)
        return inside if is_folder else None

    def _is_protected(self, path: str, parent: _Folder, *, is_folder: bool) -> bool:
        by_name, _ = PROTECTED.decide(path)
        suspicious = parent.in_credentials and not is_folder and is_suspicious_data(self.root, path)
        if not by_name and not suspicious:
            return False
        if by_name and not suspicious and holds_nothing_secret(self.root, path, is_folder=is_folder):
            return False
        return not self.rules.names_explicitly(path)

    def _note_parents(self, path: str) -> None:
        """An excluded folder is part of the context once something inside it is, as Docker has it."""
        parent = path.rpartition("/")[0]
        while parent and parent not in self.entries:
            self._note(parent)
            self._excluded_folders.add(parent)
            parent = parent.rpartition("/")[0]

    def _note(self, path: str) -> None:
        try:
            status = (self.root / path).lstat()
            mode = stat.S_IMODE(status.st_mode)
            if stat.S_ISLNK(status.st_mode):
                self.entries[path] = ContextEntry(path, "link", 0o777, 0, self._link_target(path))
            elif stat.S_ISDIR(status.st_mode):
                self.entries[path] = ContextEntry(path, "folder", mode)
            elif stat.S_ISREG(status.st_mode):
                self.entries[path] = ContextEntry(path, "file", mode, status.st_size)
            else:
                self.special.append(safe_path(path))
        except OSError as exc:
            self.note_unreadable(path, exc)

    def _link_target(self, path: str) -> str:
        target = str((self.root / path).readlink())
        climbed = os.path.normpath(f"{path.rpartition('/')[0]}/{target}".lstrip("/"))
        if not target.startswith("/") and (climbed == ".." or climbed.startswith("../")):
            self.outside_links.append(safe_path(f"{path} -> {target}"))
        return target

    def note_unreadable(self, path: str, exc: OSError) -> None:
        self.unreadable.append((safe_path(path), exc.strerror or type(exc).__name__))


def holds_nothing_secret(root: Path, path: str, *, is_folder: bool) -> bool:
    """Whether `path`, whose name is protected, may be part of an image all the same.

    Source code is no secret, nor a folder ``credentials`` that holds some or encrypted files, certificates and public
    keys without a private one, and a ``.env`` file of settings that browsers get anyway. What cannot be judged is
    protected.
    """
    name = path.rpartition("/")[2]
    if is_folder:
        inside = _names_below(root / path)
        return name == "credentials" and any(is_source_code(each) or each.endswith(".enc") for each in inside)
    if is_source_code(name):
        return True
    content = _read(root, path)
    if content is None:
        return False
    if name.startswith(".env"):
        return _is_public_environment(content)
    if name.endswith((".pem", ".key")):
        return _is_public_pem(content)
    return name.startswith("id_") and _is_public_ssh_key(content)


def is_suspicious_data(root: Path, path: str) -> bool:
    """Whether a file inside a folder ``credentials`` is data that names or holds secrets, or cannot be judged."""
    if Path(path).suffix.lower() not in _DATA_SUFFIXES:
        return False
    content = _read(root, path)
    if content is None:
        return True
    text = content.decode("utf-8", errors="replace")
    return "PRIVATE KEY" in text or bool(_SECRET_NAME.search(text)) or masked(text) != text


def _is_public_pem(content: bytes) -> bool:
    labels = set(_PEM_LABEL.findall(content))
    return bool(labels) and labels <= _PUBLIC_LABELS and b"PRIVATE KEY" not in content


def _is_public_ssh_key(content: bytes) -> bool:
    lines = [line for line in content.splitlines(keepends=True) if line.strip()]
    return bool(lines) and all(_SSH_PUBLIC_KEY.match(line.rstrip() + b"\n") for line in lines)


def _is_public_environment(content: bytes) -> bool:
    text = content.decode("utf-8", errors="replace")
    settings = [line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith("#")]
    return bool(settings) and all(_PUBLIC_SETTING.match(line) for line in settings) and masked(text) == text


def _read(root: Path, path: str) -> bytes | None:
    """The content of a file, also behind a link inside `root`; None when it is large, elsewhere or unreadable."""
    try:
        real = (root / path).resolve(strict=True)
        if not real.is_relative_to(root):
            return None
        with os.fdopen(os.open(real, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as handle:
            if not stat.S_ISREG(os.fstat(handle.fileno()).st_mode):
                return None
            content = handle.read(_LARGEST_JUDGED_BYTES + 1)
    except (OSError, RuntimeError):
        return None
    return content if len(content) <= _LARGEST_JUDGED_BYTES else None


def _names_below(folder: Path) -> Iterator[str]:
    """The names of the first files; folders count, too, and are empty names."""
    return islice(_walk(folder), _MOST_LOOKED_AT)


def _walk(folder: Path) -> Iterator[str]:
    """Reads an entry at a time, unlike `os.walk`, so that a bound on the names holds for one huge folder as well."""
    pending = [folder]
    while pending:
        try:
            with os.scandir(pending.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(Path(entry.path))
                        yield ""
                    else:
                        yield entry.name
        except OSError:
            continue
