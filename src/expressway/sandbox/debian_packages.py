"""Programs of this machine, and the Debian packages that bring them, installed only when asked to."""

import os
import shutil
import subprocess
from collections.abc import Sequence

from expressway.adapters.child_environment import NETWORK, SYSTEM_PATH, child_environment
from expressway.errors import EngineError
from expressway.model.progress import Progress, ProgressSink, ignore_progress


def find_program(name: str) -> str | None:
    """The full path of a program, also when PATH lacks the sbin directories (as it does for ordinary users)."""
    return shutil.which(name, path=os.pathsep.join((os.environ.get("PATH", ""), *SYSTEM_PATH)))


def install_packages(packages: Sequence[str], *, progress: ProgressSink = ignore_progress) -> None:
    """Install Debian packages with apt-get.

    Raises:
        EngineError: ``package_install_failed`` without root or apt-get, or when apt-get fails.
    """
    command = f"apt-get update && apt-get install -y --no-install-recommends {' '.join(packages)}"
    apt = find_program("apt-get")
    if apt is None or os.geteuid() != 0:
        raise EngineError(
            "package_install_failed",
            f"Installing {', '.join(packages)} needs root and apt-get.",
            f"Run as root: {command}",
        )
    progress(Progress("sandbox", f"installing {', '.join(packages)}"))
    environment = child_environment(also=NETWORK) | {"DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", *packages]):
        done = subprocess.run(
            [apt, "-o", "DPkg::Lock::Timeout=120", *arguments], env=environment, capture_output=True, text=True
        )
        if done.returncode != 0:
            lines = (done.stderr or done.stdout).strip().splitlines()
            raise EngineError(
                "package_install_failed",
                f"apt-get could not install {', '.join(packages)}: {lines[-1] if lines else 'it gave no reason'}",
                f"Correct what apt-get names, then repeat; by hand: {command}",
                {"output": lines[-12:]},
            )
