"""Commands find the definition in the folder they run in or above it, and say which they took."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from expressway.cli.targets import HERE, app_name_or_here, definition_at
from expressway.errors import DefinitionError, UsageError

pytestmark = pytest.mark.process


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with an app in it, and the folder src/deep inside the app, in which commands run."""
    monkeypatch.setenv("HOME", str(tmp_path))
    app = tmp_path / "work" / "shop"
    deep = app / "src" / "deep"
    deep.mkdir(parents=True)
    (tmp_path / "work" / ".git").mkdir()
    (app / "expressway.yaml").write_text("name: shop\nimage: nginx\n")
    monkeypatch.chdir(deep)
    return app


def test_a_folder_above_is_taken_and_said(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert definition_at(HERE) == repository / "expressway.yaml"
    assert capsys.readouterr().err.replace("\n", "") == f"definition {repository / 'expressway.yaml'}"


def test_a_definition_in_the_folder_itself_needs_no_word(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(repository)
    assert definition_at(HERE) == HERE
    assert capsys.readouterr().err == ""


def test_nothing_is_taken_from_above_a_folder_that_is_named(repository: Path) -> None:
    with pytest.raises(DefinitionError) as caught:
        definition_at(repository / "src")
    assert caught.value.code == "definition_missing"
    assert f"expressway containerize {repository / 'src'} --write" in caught.value.hint
    (repository / "my app").mkdir()
    with pytest.raises(DefinitionError) as caught:
        definition_at(repository / "my app")
    assert f"expressway containerize '{repository / 'my app'}' --write" in caught.value.hint


def _repository_root(app: Path) -> None:
    (app / "src" / ".git").touch()  # as in a work tree


def _home(app: Path) -> None:
    os.environ["HOME"] = str(app)


def _of_another_user(app: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a folder to another user")
    os.chown(app, 12345, 12345)


@pytest.mark.parametrize("border", [_repository_root, _home, _of_another_user])
def test_the_search_ends_at_the_border_of_the_work(repository: Path, border: object) -> None:
    assert callable(border)
    border(repository)
    with pytest.raises(DefinitionError) as caught:
        definition_at(HERE)
    assert caught.value.code == "definition_missing"
    assert "or a folder above it" in caught.value.message


def test_the_root_of_the_repository_is_looked_into_itself(
    repository: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (repository / "expressway.yaml").rename(tmp_path / "work" / "expressway.yml")
    assert definition_at(HERE) == tmp_path / "work" / "expressway.yml"


def test_the_apps_name_is_the_nearest_definitions(repository: Path) -> None:
    assert app_name_or_here("other") == "other"
    assert app_name_or_here(None) == "shop"
    (repository / "expressway.yaml").unlink()
    with pytest.raises(UsageError) as caught:
        app_name_or_here(None)
    assert caught.value.code == "app_missing"


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "expressway", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def test_a_deletion_without_a_name_is_of_the_folders_app(repository: Path) -> None:
    done = run("delete", "--json")
    assert done.returncode == 3
    assert "Deleting shop has to be confirmed" in json.loads(done.stdout)["error"]["message"]
    assert str(repository / "expressway.yaml") in done.stderr.replace("\n", "")


@pytest.mark.parametrize("command", ["deploy", "diff", "synth", "build"])
def test_without_a_definition_the_way_to_one_is_told(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)
    done = run(command, "--json", *(["--region", "us-east-1"] if command != "synth" else []))
    assert done.returncode == 2
    error = json.loads(done.stdout)["error"]
    assert error["code"] == "definition_missing"
    assert "expressway containerize . --write" in error["hint"]


@pytest.mark.parametrize("command", ["status", "delete", "restart"])
def test_without_a_name_and_a_definition_the_command_says_so(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    done = run(command, "--json")
    assert done.returncode == 2
    assert json.loads(done.stdout)["error"]["code"] == "app_missing"


def test_troubleshooting_is_about_the_folders_app_where_nothing_else_is_named(repository: Path) -> None:
    environ = {**os.environ, "EXPRESSWAY_SANDBOX": "http://127.0.0.1:1"}
    command = [sys.executable, "-m", "expressway", "troubleshoot", "--action", "stack", "--json"]
    about: dict[str, str] = {}
    for name, more in {"app": [], "stack": ["--stack", "other"]}.items():
        done = subprocess.run([*command, *more], capture_output=True, text=True, timeout=120, env=environ)
        about[name] = done.stderr
    assert "definition " in about["app"]
    assert "definition " not in about["stack"]
