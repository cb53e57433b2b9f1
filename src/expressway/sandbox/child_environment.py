"""The environment of the processes that the sandbox starts: an allow-list, so that no credentials get into them."""

import os
from collections.abc import Mapping

SYSTEM_PATH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
_ORDINARY = frozenset({"HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "LD_LIBRARY_PATH"})
_PYTHON = frozenset({"PYTHONPATH", "PYTHONHOME", "PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX"})
_ENGINE_CLIENT = frozenset({"DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "DOCKER_CONFIG"})
_NETWORK = frozenset({"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"})


def child_environment(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """What a system program needs to run, and the proxies through which it reaches the network."""
    variables = os.environ if environ is None else environ
    kept = {name: value for name, value in variables.items() if _is_ordinary(name) or name.upper() in _NETWORK}
    return kept | {"PATH": _path(variables)}


def emulator_environment(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """What the emulator's process needs: it talks to the container engine and to nobody else."""
    variables = os.environ if environ is None else environ
    kept = {
        name: value
        for name, value in variables.items()
        if _is_ordinary(name)
        or name in _PYTHON | _ENGINE_CLIENT | {"LOG_LEVEL"}
        or (name.startswith("EXPRESSWAY_SANDBOX_") and name.endswith("_SECONDS"))
    }
    return kept | {"PATH": _path(variables)}


def _is_ordinary(name: str) -> bool:
    return name in _ORDINARY or name.startswith("LC_")


def _path(variables: Mapping[str, str]) -> str:
    path = [part for part in variables.get("PATH", "").split(os.pathsep) if part]
    return os.pathsep.join([*path, *(part for part in SYSTEM_PATH if part not in path)])
