"""The environment of the processes that do the heavy loading for us: CDK kernel and linters."""

from collections.abc import Mapping

from expressway.core.cache_directory import cache_directory, user_cache
from expressway.core.child_environment import CACHES, PYTHON, child_environment


def worker_environment(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a worker: no credentials and no proxies, and compiled modules kept in a cache of ours.

    Compiling the CDK's Python takes seconds, so it has to be kept even where PYTHONDONTWRITEBYTECODE is
    set (as in many container images) or the installation is read-only.
    """
    variables = child_environment(environ, also=PYTHON | CACHES)
    variables.pop("PYTHONDONTWRITEBYTECODE", None)
    cache = cache_directory(variables, user_cache(variables) / "expressway")
    variables |= _RETURN_FREED_MEMORY
    variables["PYTHONPYCACHEPREFIX"] = str(cache / "bytecode")
    return variables


_RETURN_FREED_MEMORY = {
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": "131072",
    "MALLOC_TRIM_THRESHOLD_": "131072",
}
"""Node reads the CDK's 55 MB of archives to find them unchanged; glibc gives that back only when told to."""
