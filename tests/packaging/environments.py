"""Fresh environments with a wheel of ours, in which every package is pinned by its hash."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
UV = Path(sys.executable).with_name("uv")


def run(command: Sequence[str | Path], *, folder: Path = ROOT, seconds: float = 560, **variables: str) -> str:
    """Run a command, which has to succeed, and give what it printed."""
    done = subprocess.run(
        [str(word) for word in command],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"} | variables,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    assert done.returncode == 0, f"{command}: {done.stdout[-6000:]}{done.stderr[-2000:]}"
    return done.stdout


def build_wheel(project: Path, folder: Path) -> Path:
    """Build a wheel with the build backend that is installed here."""
    run([UV, "build", "--quiet", "--wheel", "--no-build-isolation", "--python", sys.executable, "-o", folder, project])
    (wheel,) = folder.glob("*.whl")
    return wheel


def environment(requirements: str, wheel: Path, *, without: Sequence[str] = ()) -> Path:
    """Give the Python of an environment with a file of ``requirements/`` and a wheel, but without some packages.

    It is kept with its compiled modules in the git-ignored ``.environments``: the CDK's take half a minute.
    """
    pins = (ROOT / "requirements" / requirements).read_text(encoding="utf-8")
    key = hashlib.sha256(f"{sys.version}{pins}{without}".encode()).hexdigest()[:16]
    folder = ROOT / ".environments" / f"{Path(requirements).stem}-{key}"
    python, wanted, done = folder / "bin" / "python", folder / "wanted.txt", folder / "complete"
    if not done.is_file():
        run([UV, "venv", "--quiet", "--clear", "--python", sys.executable, folder])
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    wanted.write_text(f"{pins}\n{wheel.as_uri()} --hash=sha256:{digest}\n", encoding="utf-8")
    ours = wheel.name.partition("-")[0].replace("_", "-")
    run([*_INSTALL, "--python", python, "--reinstall-package", ours, "-r", wanted])
    run([UV, "pip", "check", "--quiet", "--python", python])
    if without:
        run([UV, "pip", "uninstall", "--quiet", "--python", python, *without])
    done.touch()
    return python


_INSTALL = (UV, "pip", "install", "--quiet", "--require-hashes")
