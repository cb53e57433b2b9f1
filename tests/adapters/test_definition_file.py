"""Definition files on disk."""

from pathlib import Path

import pytest

from expressway.adapters.definition_file import load_definition
from expressway.errors import DefinitionError

TEXT = "name: hello\nbuild: ./app\n"


@pytest.mark.parametrize("name", ["expressway.yaml", "expressway.yml"])
def test_a_folder_stands_for_the_definition_in_it(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(TEXT)
    loaded = load_definition(tmp_path)
    assert (loaded.definition.name, loaded.path, loaded.base_dir) == ("hello", tmp_path / name, tmp_path)


def test_a_file_of_any_name_is_taken(tmp_path: Path) -> None:
    file = tmp_path / "web.yaml"
    file.write_text(TEXT)
    assert load_definition(str(file)).base_dir == tmp_path


def test_a_link_to_a_definition_takes_its_paths_from_where_the_file_is(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "expressway.yaml").write_text(TEXT)
    (tmp_path / "link.yaml").symlink_to(tmp_path / "real" / "expressway.yaml")
    assert load_definition(tmp_path / "link.yaml").base_dir == tmp_path / "real"


def test_a_missing_file_and_an_empty_folder_are_told_apart(tmp_path: Path) -> None:
    for path, text in ((tmp_path / "none.yaml", "a file or folder at"), (tmp_path, "expressway.yaml in the folder")):
        with pytest.raises(DefinitionError, match=text) as caught:
            load_definition(path)
        assert caught.value.code == "definition_missing"


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "expressway.yaml"
    file.write_bytes(b"name: \xff\xfe")
    with pytest.raises(DefinitionError) as caught:
        load_definition(file)
    assert caught.value.code == "definition_unreadable"


def test_faults_in_the_text_name_the_file(tmp_path: Path) -> None:
    file = tmp_path / "expressway.yaml"
    for text, code in (("a: [", "invalid_yaml"), ("name: Bad", "invalid_definition")):
        file.write_text(text)
        with pytest.raises(DefinitionError) as caught:
            load_definition(file)
        assert (caught.value.code, caught.value.details["file"]) == (code, str(file))
