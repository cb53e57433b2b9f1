"""The index that jsii keeps of the CDK's assemblies, without which Node holds all of them in memory (700 MB).

jsii's runtime builds it in a worker thread when it first loads an assembly. The thread only comes to run while the
main thread returns to its event loop, as it does behind jsii's own launcher but not in the lean runtime, which
blocks on its input. So where the index is missing it is built once, by a process of its own with the launcher.
"""

import importlib.metadata
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from expressway.core.child_environment import CACHES, PYTHON, child_environment

_INDEX = ".jsii.runtime-index.v1"
_PACKAGES = {"aws-cdk-lib": "aws-cdk-lib", "constructs": "constructs"}
"""npm package → the Python distribution that carries it; both have the same version."""
_LONGEST_SECONDS = 45.0
_POLL_SECONDS = 0.1


def ensure_index(environ: Mapping[str, str]) -> bool:
    """Build the index unless it is there; False when it could not be built: the kernel then works with more memory."""
    if _is_complete(environ):
        return True
    variables = child_environment(environ, also={*PYTHON, *CACHES, "JSII_NODE"})  # not JSII_RUNTIME, NODE_OPTIONS
    try:
        subprocess.run(
            [sys.executable, "-m", __name__],
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_LONGEST_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False
    return _is_complete(environ)


def _is_complete(environ: Mapping[str, str]) -> bool:
    root = package_cache(environ)
    return all(
        any((root / package / importlib.metadata.version(name)).glob(f"*/{_INDEX}"))
        for package, name in _PACKAGES.items()
    )


def package_cache(environ: Mapping[str, str]) -> Path:
    """Where jsii unpacks the assemblies (jsii-runtime, ``tar-cache``)."""
    if root := environ.get("JSII_RUNTIME_PACKAGE_CACHE_ROOT"):
        return Path(root)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "com.amazonaws.jsii" / "package-cache"
    return Path.home() / ".cache" / "aws" / "jsii" / "package-cache"


def main() -> None:
    """Load the CDK behind jsii's own launcher and stay until the index is written."""
    import aws_cdk  # pyright: ignore[reportUnusedImport]  # noqa: F401 - loading it is the work

    deadline = time.monotonic() + _LONGEST_SECONDS
    while not _is_complete(os.environ) and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)


if __name__ == "__main__":
    main()
