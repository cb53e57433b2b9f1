"""`expressway containerize` as a person and a script use it, and as the installed package ships it."""

import json
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.process

ROOT = Path(__file__).parents[3]
APPS = ROOT / "tests" / "containerize" / "apps"


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "expressway", "containerize", *arguments], capture_output=True, text=True, timeout=120
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(APPS / "express", tmp_path / "shop"))


def test_files_go_to_standard_output_and_what_was_assumed_to_standard_error(folder: Path) -> None:
    before = sorted(path.name for path in folder.iterdir())
    done = run(str(folder))
    assert done.returncode == 0
    assert "# --- Dockerfile\nFROM " in done.stdout
    assert "name: shop\n" in done.stdout
    assert "assumed Nothing pins what npm installs." in done.stderr
    assert sorted(path.name for path in folder.iterdir()) == before


def test_writing_is_asked_for_and_repeating_it_changes_nothing(folder: Path) -> None:
    first = json.loads(run(str(folder), "--write", "--json").stdout)
    assert set(first["written"]) == {"Dockerfile", ".dockerignore", "expressway.yaml"}
    texts = {path.name: path.read_text() for path in folder.iterdir()}
    again = run(str(folder), "--write", "--overwrite", "--json")
    assert again.returncode == 0
    shape = json.loads(again.stdout)
    assert "written" not in shape
    assert "diff" not in shape
    assert "findings" not in shape
    assert {path.name: path.read_text() for path in folder.iterdir()} == texts


def test_the_diff_that_is_printed_is_one_that_git_applies(folder: Path) -> None:
    (folder / "Dockerfile").write_text("FROM node\nWORKDIR /app\nCOPY . .\nRUN npm install\nCMD node server.js")
    shape = json.loads(run(str(folder), "--json").stdout)
    applied = subprocess.run(["git", "apply", "-"], input=shape["diff"], text=True, capture_output=True, cwd=folder)
    assert applied.returncode == 0, applied.stderr
    assert (folder / "Dockerfile").read_text().endswith('\nCMD ["node", "server.js"]')
    left = json.loads(run(str(folder), "--json").stdout).get("findings", [])
    assert {finding["code"] for finding in left} <= {"no_ignore_file"}


def test_the_printed_diff_keeps_windows_line_ends_and_nothing_else_that_moves_a_cursor(folder: Path) -> None:
    text = "FROM node\r\nWORKDIR /app\r\n# \x1b[2J\rgone\r\nCOPY . .\r\nRUN npm install\r\nCMD node server.js\r\n"
    (folder / "Dockerfile").write_bytes(text.encode())
    command = [sys.executable, "-m", "expressway", "containerize", str(folder)]
    done = subprocess.run(command, capture_output=True, check=True, timeout=120)
    printed = done.stdout[done.stdout.index(b"--- a/Dockerfile") :]
    assert b"\x1b" not in printed
    assert b"\rgone" not in printed
    assert b"\n+COPY package.json ./\r\n" in printed


def test_a_folder_that_is_no_app_is_an_error_with_its_exit_code(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = run(str(tmp_path / "empty"), "--json")
    assert (done.returncode, json.loads(done.stdout)["error"]["code"]) == (5, "app_empty")
    done = run(str(tmp_path / "gone"), "--json")
    assert (done.returncode, json.loads(done.stdout)["error"]["code"]) == (5, "context_missing")


def test_the_wheel_ships_every_data_file(tmp_path: Path) -> None:
    command = [str(Path(sys.executable).parent / "hatchling"), "build", "-t", "wheel", "-d", str(tmp_path)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    [wheel] = tmp_path.glob("*.whl")
    room = ROOT / "src" / "expressway" / "containerize" / "data"
    here = {f"expressway/containerize/data/{path.relative_to(room)}" for path in room.rglob("*") if path.is_file()}
    shipped = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("expressway/containerize/data/")}
    assert here == shipped
    assert len(here) > 40


@pytest.mark.parametrize(
    ("dockerfile", "told"), [("FROM [/red]x\nCMD a\n", "on [/red]x\n"), ("", "on no base image\n")]
)
def test_a_base_image_is_told_as_the_folder_says_it(tmp_path: Path, dockerfile: str, told: str) -> None:
    (tmp_path / "Dockerfile").write_text(dockerfile)
    done = run(str(tmp_path))
    assert told in done.stderr
    assert "internal_error" not in done.stderr


def test_sigterm_ends_the_reading_of_a_huge_folder(tmp_path: Path) -> None:
    for number in range(200):
        place = tmp_path / f"{'a' * 40}{number}"
        place.mkdir()
        for name in ("main.py", "package.json", "Dockerfile", *(f"{'a' * 40}{each}.py" for each in range(40))):
            (place / name).write_text("from flask import Flask\n" * 100)
    (tmp_path / ".dockerignore").write_text("*a*a*a*a*a*a*a*a*a*ab\n" + "**/" * 200 + "b\n")
    (tmp_path / "Dockerfile").write_text("FROM python:3\nRUN " + "a=" * 200_000 + "\n")
    running = subprocess.Popen(
        [sys.executable, "-m", "expressway", "containerize", str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        while not reads(running.pid, tmp_path) and running.poll() is None:
            time.sleep(0.002)
        running.send_signal(signal.SIGTERM)
        _, err = running.communicate(timeout=60)
    finally:
        running.kill()
    assert "Traceback" not in err
    assert running.returncode in {128 + signal.SIGTERM, 0, 2}  # else it was quicker


def reads(process_id: int, folder: Path) -> bool:
    """Whether the process has something below the folder open."""
    try:
        return any(str(one.readlink()).startswith(str(folder)) for one in Path(f"/proc/{process_id}/fd").iterdir())
    except OSError:
        return False
