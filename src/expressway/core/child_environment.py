"""The environment of the processes that are started: an allow-list, so that no credentials reach what needs none."""

import os
from collections.abc import Iterable, Mapping

SYSTEM_PATH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
_ORDINARY = frozenset({"HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "LD_LIBRARY_PATH"})
PYTHON = frozenset(
    {
        *("PYTHONPATH", "PYTHONHOME", "PYTHONUSERBASE", "PYTHONNOUSERSITE", "PYTHONSAFEPATH", "PYTHONUTF8"),
        *("PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX"),
    }
)
"""Where a Python of ours finds its modules, and how it reads text."""
CACHES = frozenset(
    {
        *("EXPRESSWAY_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"),
        *("JSII_RUNTIME_PACKAGE_CACHE", "JSII_RUNTIME_PACKAGE_CACHE_ROOT"),
    }
)
"""Where workers of ours keep what they compiled or unpacked."""
NETWORK = frozenset({"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"})
"""How the network is reached, in upper and lower case; an address of a proxy may hold a password."""


def child_environment(environ: Mapping[str, str] | None = None, *, also: Iterable[str] = ()) -> dict[str, str]:
    """The variables of `environ` (this process's by default) that any program needs to run, and those named in `also`.

    PATH always has the system's folders, as programs such as iptables are not on everybody's.
    """
    variables = os.environ if environ is None else environ
    named = _ORDINARY.union(also)
    kept = {name: value for name, value in variables.items() if _is_kept(name, named)}
    return kept | {"PATH": _path(variables)}


def _is_kept(name: str, named: frozenset[str]) -> bool:
    return name in named or name.startswith("LC_") or (name.upper() in NETWORK and name.upper() in named)


def _path(variables: Mapping[str, str]) -> str:
    path = [part for part in variables.get("PATH", "").split(os.pathsep) if part]
    return os.pathsep.join([*path, *(part for part in SYSTEM_PATH if part not in path)])
