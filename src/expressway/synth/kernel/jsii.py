"""The Node side of the CDK kernel: which Node runs it, and a runtime without the launcher process.

jsii starts its runtime through a launcher that keeps a second Node process (about 50 MB) only to pass messages
on. The runtime itself speaks on file descriptor 3; the shim below lets it speak on its standard streams, so one
process does. ``JSII_RUNTIME`` and ``JSII_NODE`` are jsii's own settings for this.
"""

import importlib.util
import os
from pathlib import Path

from expressway.core.cache_directory import cache_directory
from expressway.synth.kernel.jsii_index import package_cache
from expressway_constructs.node import bundled_node

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
