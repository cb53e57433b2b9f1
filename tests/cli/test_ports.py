"""The embedded AWS is found by its entry point, and has every function that the command line calls."""

import inspect
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import expressway_sandbox
from expressway.cli.ports import SANDBOX_GROUP, Sandbox, installed_sandbox

ROOT = Path(__file__).parents[2]
FUNCTIONS = {name: member for name, member in vars(Sandbox).items() if name[0] != "_" and inspect.isfunction(member)}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The contents of the wheel, as an installer lays them."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [str(Path(sys.executable).parent / "hatchling"), "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    [wheel] = folder.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(folder / "site")
    return folder / "site"


def run(site: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a Python command on the packages in `site`, in a folder from which nothing else is found."""
    return subprocess.run(
        [sys.executable, *command],
        cwd=site.parent,
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_entry_point_of_this_installation_is_the_sandbox() -> None:
    assert installed_sandbox() is expressway_sandbox
    assert len(FUNCTIONS) == 14


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_sandbox_takes_what_the_port_promises(name: str) -> None:
    wanted, had = inspect.signature(FUNCTIONS[name]), inspect.signature(getattr(expressway_sandbox, name))
    taken = dict(had.parameters)
    for position, (parameter, promised) in enumerate([*wanted.parameters.items()][1:]):
        own = taken.pop(parameter)
        assert own.kind == promised.kind, parameter
        assert (own.default is inspect.Parameter.empty) == (promised.default is inspect.Parameter.empty), parameter
        if promised.kind is not inspect.Parameter.KEYWORD_ONLY:
            assert [*had.parameters].index(parameter) == position
    assert all(left.default is not inspect.Parameter.empty for left in taken.values()), "asks for more than is promised"


@pytest.mark.sandbox
def test_a_wheel_starts_the_sandbox_that_it_brings(site: Path) -> None:
    text = """if True:
        import json, pathlib
        from expressway.cli.ports import installed_sandbox
        sandbox, state = installed_sandbox(), pathlib.Path("state").resolve()
        info = sandbox.start(state_dir=state)
        running = sandbox.status(state) is not None
        print(json.dumps([sandbox.__file__, running, sandbox.stop(state).was_running]))
    """
    done = run(site, "-c", text)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [str(site / "expressway_sandbox" / "__init__.py"), True, True]


@pytest.mark.process
def test_commands_say_so_where_no_sandbox_is_installed(site: Path, tmp_path: Path) -> None:
    without = shutil.copytree(site, tmp_path / "site", ignore=shutil.ignore_patterns("expressway_sandbox"))
    [entry_points] = without.glob("expressway-*.dist-info/entry_points.txt")
    kept = entry_points.read_text().partition(f"[{SANDBOX_GROUP}]")
    entry_points.write_text(kept[0] + kept[2].partition("\n\n")[2])
    demo = ["demo", str(ROOT / "examples" / "httpbin")]
    for command in (["sandbox", "start"], ["sandbox", "status"], ["sandbox", "env"], ["list", "--sandbox"], demo):
        done = run(without, "-m", "expressway", *command, "--json")
        assert done.returncode == 4, done.stderr
        error = json.loads(done.stdout)["error"]
        assert (error["code"], SANDBOX_GROUP in error["message"]) == ("sandbox_not_installed", True), command
        assert "make setup" in error["hint"]
