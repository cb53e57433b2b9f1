"""How many modules of Expressway a call enters: those of which a function runs, without what importing them runs.

    python -m benchmarks.modules

Guidance is asked about a crashing service whose surroundings are looked into as well, as the recorded AWS answers; a
first deployment is made in memory, without adapters and faces.
"""

import sys
import tempfile
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from tests.deploy.fakes import World
from tests.e2e.scenarios.recorded.collection import recorded_scenarios
from tests.e2e.scenarios.recorded.server import serve
from tests.e2e.scenarios.recorded.world import World as RecordedWorld

from expressway import errors
from expressway.toolkit import Toolkit

_SOURCE = Path(errors.__file__).parent


def entered(call: Callable[[], object]) -> list[str]:
    """The modules, by name, of which the call runs a function."""
    files: set[str] = set()

    def note(frame: FrameType, event: str, _: object) -> None:
        code = frame.f_code
        if event == "call" and code.co_filename not in files and not _is_import(frame):
            files.add(code.co_filename)

    threading.setprofile(note)
    sys.setprofile(note)
    try:
        call()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    ours = [Path(file).relative_to(_SOURCE) for file in files if Path(file).is_relative_to(_SOURCE)]
    return sorted(str(file.with_suffix("")).replace("/", ".") for file in ours)


def _is_import(frame: FrameType) -> bool:
    """Whether a module is being loaded, by the frame itself or above it."""
    at: FrameType | None = frame
    while at is not None and at.f_code is not entered.__code__:
        if at.f_code.co_name == "<module>":
            return True
        at = at.f_back
    return False


def guidance() -> list[str]:
    [crash] = [one for one in recorded_scenarios() if one.scenario.name == "forgotten_tasks"]
    with serve(RecordedWorld()) as aws, tempfile.TemporaryDirectory() as home:
        aws.world = crash.world(datetime.now(UTC))
        with Toolkit(sandbox_url=aws.endpoint_url, environ={"EXPRESSWAY_HOME": home}) as toolkit:
            question = crash.scenario.guidance
            return entered(lambda: toolkit.troubleshoot(question.action, question.parameters))


def first_deployment() -> list[str]:
    return entered(World().deploy)


if __name__ == "__main__":
    for name, modules in (("guidance", guidance()), ("first deployment", first_deployment())):
        print(f"{name}: {len(modules)} modules")
        if "--list" in sys.argv:
            print("  " + "\n  ".join(modules))
