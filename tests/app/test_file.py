"""Definition files on disk."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from expressway.app.file import has_definition, is_folder, load_definition
from expressway.errors import DefinitionError, ExpresswayError
from expressway.hints import for_agents, for_people

TEXT = "name: hello\nbuild: ./app\n"
MARKER = "hunter2-marker"
STRANGERS = {
    "shadow": f"root:$6${MARKER}:19000:0:99999:7:::\ntoken: {MARKER}\n",
    "credentials": f"[default]\naws_secret_access_key = {MARKER}\n",
    "token.yaml": f"token: {MARKER}\n{MARKER}: x\n",
    "list.yml": f"- {MARKER}\n",
    "config.yaml": f"apiVersion: v1\nkind: Secret\ndata: {{{MARKER}: {MARKER}}}\n",
    "chart.yaml": f"name: web\n{MARKER}: 1\n{MARKER}b: 2\n",
    "values.yaml": f"name: web\nimage: x\n{MARKER}: 1\nb{MARKER}: 2\nc{MARKER}: 3\n",
    "key.json": f'{{"{MARKER}": "{MARKER}"}}',
    "broken.yaml": f"{MARKER}: [",
    "tagged.yaml": f"a: !{MARKER} b",
    "twice.yaml": f"{MARKER}: 1\n{MARKER}: 2",
    "undefined.yaml": f"a: *{MARKER}",
    "expressway.yaml": f"{MARKER}: {MARKER}\n",
    "expressway.yml": f"{MARKER}\n",
    ".env": f"name: {MARKER}\nbuild: {MARKER}\n",
}


def error_of(path: Path | str) -> ExpresswayError:
    with pytest.raises(ExpresswayError) as caught:
        load_definition(path)
    return caught.value


@pytest.mark.parametrize("name", ["expressway.yaml", "expressway.yml"])
def test_a_folder_stands_for_the_definition_in_it(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(TEXT)
    loaded = load_definition(tmp_path)
    assert (loaded.definition.name, loaded.path, loaded.base_dir) == ("hello", tmp_path / name, tmp_path)


def test_a_yaml_file_of_another_name_is_taken_when_it_is_a_definition(tmp_path: Path) -> None:
    file = tmp_path / "web.yaml"
    file.write_text(TEXT)
    assert load_definition(str(file)).base_dir == tmp_path


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    (tmp_path / "expressway.yaml").write_bytes(b"\xef\xbb\xbf" + TEXT.encode())
    assert load_definition(tmp_path).definition.name == "hello"


@pytest.mark.parametrize("name", STRANGERS)
def test_what_is_no_definition_is_named_and_never_quoted(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    folder = tmp_path_factory.mktemp("app")  # a longer path is shortened in the message
    (folder / name).write_text(STRANGERS[name])
    error = error_of(folder / name)
    assert error.code in {"not_a_definition", "invalid_yaml"}
    assert name in error.message or name in str(error.details["file"])
    assert MARKER not in json.dumps(error.to_dict())


def test_a_link_to_a_definition_takes_its_paths_from_where_the_file_is(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "expressway.yaml").write_text(TEXT)
    (tmp_path / "link.yaml").symlink_to(tmp_path / "real" / "expressway.yaml")
    assert load_definition(tmp_path / "link.yaml").base_dir == tmp_path / "real"


@pytest.mark.parametrize(("target", "code"), [("../other/expressway.yaml", "definition_outside"), (".env", None)])
def test_a_link_to_what_is_no_definition_of_the_folder_is_not_followed(
    tmp_path: Path, target: str, code: str | None
) -> None:
    for folder in ("app", "other"):
        (tmp_path / folder).mkdir()
    for file in ("other/expressway.yaml", "app/.env"):
        (tmp_path / file).write_text(f"{TEXT}{MARKER}: 1\n")
    (tmp_path / "app" / "expressway.yaml").symlink_to(target)
    for path in (tmp_path / "app", tmp_path / "app" / "expressway.yaml"):
        error = error_of(path)
        assert error.code == (code or "not_a_definition")
        assert MARKER not in json.dumps(error.to_dict())


def test_pipes_devices_and_folders_are_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "expressway.yaml")
    assert error_of(tmp_path).code == "definition_unreadable"
    folder = tmp_path / "folder"
    (folder / "expressway.yaml").mkdir(parents=True)
    assert error_of(folder).code == "definition_unreadable"
    for device in ("/dev/zero", "/dev/stdin", "/dev/null"):
        assert error_of(device).code == "not_a_definition"
    linked = tmp_path / "linked"
    linked.mkdir()
    (linked / "expressway.yaml").symlink_to("/dev/zero")
    assert error_of(linked).code == "not_a_definition"


def test_paths_that_no_file_system_takes_are_one_short_error() -> None:
    for path in ("a\0b", "~nosuchuser/x", "x" * 300, "x/" * 5_000, "/" + "y" * 1_000_000, "\ud800"):
        error = error_of(path)
        assert error.code == "invalid_path"
        assert len(json.dumps(error.to_dict())) < 1_000


@pytest.mark.parametrize("look", [is_folder, has_definition])
def test_where_nobody_may_look_nothing_is_said_to_be_or_not(look: Callable[[Path], bool], tmp_path: Path) -> None:
    assert look(tmp_path / "absent") is False
    with pytest.raises(DefinitionError) as caught:
        look(tmp_path / ("x" * 300))
    assert caught.value.code == "definition_missing"
    assert "File name too long" in caught.value.message


def test_a_missing_file_and_an_empty_folder_are_told_apart(tmp_path: Path) -> None:
    for path, text in ((tmp_path / "none.yaml", "a file or folder at"), (tmp_path, "expressway.yaml in the folder")):
        with pytest.raises(DefinitionError, match=text) as caught:
            load_definition(path)
        assert caught.value.code == "definition_missing"
        assert "expressway containerize FOLDER --write" in for_people(caught.value.hint)
        assert "containerize_app with write: true" in for_agents(caught.value.hint)


@pytest.mark.parametrize("content", [b"name: \xff\xfe", b"name: a\0", b"\xff\xfen\0a\0", b"name: a\n" * 200_000])
def test_a_file_that_is_no_short_text_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "expressway.yaml"
    file.write_bytes(content)
    assert error_of(file).code == "definition_unreadable"


def test_faults_in_the_text_name_the_file(tmp_path: Path) -> None:
    file = tmp_path / "expressway.yaml"
    for text, code in (("a: [", "invalid_yaml"), ("name: Bad", "invalid_definition")):
        file.write_text(text)
        error = error_of(file)
        assert (error.code, error.details["file"]) == (code, str(file))
