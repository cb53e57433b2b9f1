"""The Node side of the CDK kernel: which Node runs it, and a runtime without the launcher process.

jsii starts its runtime through a launcher that keeps a second Node process (about 50 MB) only to pass messages
on. The runtime itself speaks on file descriptor 3; the shim below lets it speak on its standard streams, so one
process does. ``JSII_RUNTIME`` and ``JSII_NODE`` are jsii's own settings for this.
"""

import importlib.metadata
import importlib.util
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from expressway.core.child_environment import CACHES, PYTHON, child_environment
from expressway.core.directories import cache_directory
from expressway_constructs.node import bundled_node

_NEEDED = ("send", "handshake", "_next_message", "_jsii_runtime")


def pipeline_loading() -> Callable[[], None]:
    """From now on loading an assembly does not wait; the function that is returned does.

    Where this version of jsii is made otherwise, loading waits as ever.

    Raises:
        RuntimeError: (by the function) Node did not start as expected, or cannot load an assembly.
    """
    from jsii._kernel.providers import process as provider
    from jsii._kernel.types import LoadRequest

    node: Any = getattr(provider, "_NodeProcess", None)
    answer: Any = getattr(provider, "_ProcessResponse", None)
    if node is None or answer is None or not all(hasattr(node, name) for name in _NEEDED):
        return lambda: None
    send, handshake = node.send, node.handshake
    unanswered: list[Callable[[], object]] = []

    def read_answers() -> None:
        while unanswered:
            unanswered.pop(0)()

    def send_in_turn(self: Any, request: Any, response_type: Any) -> Any:
        if not isinstance(request, LoadRequest):
            read_answers()
            return send(self, request, response_type)
        self._process.stdin.write(json.dumps(self._serializer.unstructure(request)).encode() + b"\n")
        self._process.stdin.flush()
        unanswered.append(lambda: _refuse_failure(self._serializer.structure(self._next_message(), answer)))
        return None

    def handshake_later(self: Any) -> None:
        unanswered.append(lambda: handshake(self))

    node.send, node.handshake = send_in_turn, handshake_later
    if "JSII_RUNTIME" in os.environ:  # jsii unpacks its own runtime even then
        node._jsii_runtime = _no_runtime
    return read_answers


def _no_runtime(_node: Any) -> str:
    return ""


def _refuse_failure(answer: Any) -> None:
    if not hasattr(answer, "ok"):
        raise RuntimeError(getattr(answer, "error", answer))


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


_SHIM = """\
// Speaks jsii's protocol on the standard streams instead of descriptor 3, and keeps stray output out of it.
const fs = require("fs");
const { readSync, writeSync } = fs;
fs.readSync = (fd, ...rest) => readSync(fd === 3 ? 0 : fd, ...rest);
fs.writeSync = (fd, ...rest) => writeSync(fd === 3 ? 1 : fd, ...rest);
process.stdout.write = process.stderr.write.bind(process.stderr);
// Node has this from NODE_OPTIONS; jsii looks for it here, and else links the CDK's 9,000 files one by one.
process.execArgv.push("--preserve-symlinks");
require("./lib/program.js");
"""
_EXPECTED = "readFD:3,writeFD:3"
"""What the runtime's text must hold for the shim to fit it."""

_FILES = {"lib__program.js": "program.js", "lib__runtime-index-worker.js": "runtime-index-worker.js"}


def lean_runtime(folder: Path) -> Path | None:
    """Write the runtime without its launcher into `folder`; None when this version of jsii does not fit the shim."""
    spec = importlib.util.find_spec("jsii._embedded.jsii")
    locations = list(spec.submodule_search_locations or []) if spec else []
    source = Path(locations[0]) if locations else folder / "missing"
    if not all((source / name).is_file() for name in _FILES):
        return None
    if _EXPECTED not in (source / "lib__program.js").read_text(encoding="utf-8"):
        return None
    (folder / "lib").mkdir(parents=True, exist_ok=True)
    for name, target in _FILES.items():
        (folder / "lib" / target).write_bytes((source / name).read_bytes())
    shim = folder / "runtime.js"
    shim.write_text(_SHIM, encoding="utf-8")
    return shim


def prepare_environment(folder: Path) -> None:
    """Set this process's environment for the CDK before it is imported; `folder` must outlive the process's use."""
    for name in [name for name in os.environ if name.startswith(("CDK_", "JSII_")) or name == "NODE_OPTIONS"]:
        if name not in _KEPT:
            del os.environ[name]
    node = bundled_node()
    if node is not None:
        os.environ["JSII_NODE"] = str(node)
    runtime = lean_runtime(folder)
    if runtime is not None:
        os.environ["JSII_RUNTIME"] = str(runtime)
    usual = package_cache(os.environ)
    cache = cache_directory(os.environ, usual)
    if cache != usual:
        os.environ["JSII_RUNTIME_PACKAGE_CACHE_ROOT"] = str(cache / "jsii")
    os.environ["JSII_DEPRECATED"] = "quiet"
    # A small young generation takes 30 MB less and is no slower on templates of this size.
    os.environ["NODE_OPTIONS"] = "--max-semi-space-size=1 --preserve-symlinks"


_KEPT = {"JSII_RUNTIME_PACKAGE_CACHE", "JSII_RUNTIME_PACKAGE_CACHE_ROOT"}
