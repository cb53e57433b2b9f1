"""Whether a file that is protected by its name holds, by its content, nothing secret."""

import os
import re
import stat
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from expressway.image.context.protected_files import is_source_code
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


def holds_nothing_secret(root: Path, path: str, *, is_folder: bool) -> bool:
    """Whether `path`, whose name is protected, may be part of an image all the same.

    Source code is no secret, nor a folder ``credentials`` that holds some or encrypted files, certificates and public
    keys without a private one, and a ``.env`` file of settings that browsers get anyway. What cannot be told is
    protected.
    """
    name = path.rpartition("/")[2]
    if is_folder:
        return name == "credentials" and any(map(_is_no_secret, _files_below(root / path)))
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


def _is_no_secret(name: str) -> bool:
    return is_source_code(name) or name.endswith(".enc")


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


def _files_below(folder: Path) -> Iterator[str]:
    return islice(_walk(folder), _MOST_LOOKED_AT)


def _walk(folder: Path) -> Iterator[str]:
    pending = [folder]
    while pending:
        try:
            with os.scandir(pending.pop()) as found:
                for item in found:
                    if item.is_dir(follow_symlinks=False):
                        pending.append(Path(item.path))
                        yield ""
                    else:
                        yield item.name
        except OSError:
            continue
