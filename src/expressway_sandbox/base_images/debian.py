"""Programs of this machine, and the Debian packages that bring them, installed only when asked to."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from expressway.core.child_environment import NETWORK, SYSTEM_PATH, child_environment
from expressway.core.progress import Progress, ProgressSink, ignore_progress
from expressway.errors import EngineError


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
    for arguments in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", *packages]):
        done = _apt_get(["-o", "DPkg::Lock::Timeout=120", *arguments])
        if done.returncode != 0:
            reason = _last_line(done)
            raise EngineError(
                "package_install_failed",
                f"apt-get could not install {', '.join(packages)}: {reason}",
                f"Correct what apt-get names, then repeat; by hand: {command}",
                {"output": _output(done)[-12:]},
            )


def unpack_package(package: str, folder: Path, *, progress: ProgressSink = ignore_progress) -> None:
    """Fetch a Debian package as apt would, verified by its signatures, and unpack it into `folder`: nothing is
    installed, nobody needs to be root, and apt's own lists stay as they are.

    Raises:
        EngineError: ``package_fetch_failed`` without apt-get or dpkg-deb, or when one of them fails.
    """
    unpacker = find_program("dpkg-deb")
    if find_program("apt-get") is None or unpacker is None:
        raise _not_fetched(package, "this is no Debian system", [])
    progress(Progress("sandbox", f"fetching {package}"))
    with tempfile.TemporaryDirectory(prefix="expressway-package-") as place:
        fetched = _apt_get([*_VERIFIED, "download", "-qq", package], cwd=place)
        if fetched.returncode != 0:  # a machine that never asked its mirror what there is
            options = [*_VERIFIED, *_own_state(Path(place))]
            updated = _apt_get([*options, "update", "-qq"], cwd=place)
            fetched = _apt_get([*options, "download", "-qq", package], cwd=place) if not updated.returncode else updated
        files = list(Path(place).glob("*.deb"))
        if fetched.returncode != 0 or len(files) != 1:
            raise _not_fetched(package, _last_line(fetched), _output(fetched))
        command = [unpacker, "--extract", str(files[0]), str(folder)]
        unpacked = subprocess.run(command, capture_output=True, text=True, env=child_environment())
        if unpacked.returncode != 0:
            raise _not_fetched(package, _last_line(unpacked), _output(unpacked))


_VERIFIED = [
    *("-o", "APT::Get::AllowUnauthenticated=false", "-o", "Acquire::AllowInsecureRepositories=false"),
    *("-o", "APT::Sandbox::User="),  # apt's own user could not write into a private folder
]


def _own_state(place: Path) -> list[str]:
    """Options that give apt lists and a cache of its own."""
    for name in ("lists/partial", "cache/archives/partial"):
        (place / name).mkdir(parents=True)
    return ["-o", f"Dir::State::lists={place}/lists", "-o", f"Dir::Cache={place}/cache"]


def _apt_get(arguments: Sequence[str], cwd: str | None = None) -> "subprocess.CompletedProcess[str]":
    environment = child_environment(also=NETWORK) | {"DEBIAN_FRONTEND": "noninteractive"}
    command = [find_program("apt-get") or "apt-get", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, cwd=cwd)


def _output(done: "subprocess.CompletedProcess[str]") -> list[str]:
    return (done.stderr or done.stdout).strip().splitlines()


def _last_line(done: "subprocess.CompletedProcess[str]") -> str:
    return (_output(done) or ["it gave no reason"])[-1]


def _not_fetched(package: str, reason: str, output: Sequence[str]) -> EngineError:
    return EngineError(
        "package_fetch_failed",
        f"The Debian package {package} could not be fetched: {reason}",
        f"Correct what apt-get names, or install it: apt-get update && apt-get install {package}.",
        {"output": list(output[-12:])},
    )
