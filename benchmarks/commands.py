"""Runs the command lines that are measured; one that fails is no measurement."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

_TIMEOUT_SECONDS = 180


class MeasurementFailed(Exception):  # noqa: N818 - a result of the run, told in the table
    """Something that should have been measured did not do its work."""


def run(command: Sequence[str | Path], *, cwd: Path, environment: Mapping[str, str], accepted: int = 0) -> str:
    """Run a command to its end; its standard output.

    Raises:
        MeasurementFailed: it ended with another status than `accepted`, or not at all.
    """
    try:
        done = subprocess.run(
            command,
            cwd=cwd,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise MeasurementFailed(f"{_shown(command)}: {exc}") from exc
    if done.returncode != accepted:
        output = (done.stderr.strip() or done.stdout.strip())[-1500:]
        raise MeasurementFailed(f"{_shown(command)} ended with status {done.returncode}: {output}")
    return done.stdout


def _shown(command: Sequence[str | Path]) -> str:
    return " ".join(Path(part).name if Path(part).is_absolute() else str(part) for part in command)
