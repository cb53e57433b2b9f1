"""An app's folder is read within limits and never left; files are written whole, and nothing is overwritten unasked."""

import os
from pathlib import Path

import pytest

from expressway.containerize.folder import LocalFolder
from expressway.errors import ImageError

WRITER = LocalFolder((), ())


def read(root: Path) -> tuple[dict[str, str], tuple[str, ...]]:
    files = LocalFolder(["package.json", "config/routes.rb"], ["*.py"]).read(root.resolve())
    return dict(files.texts), files.omitted


def test_manifests_and_sources_are_read_and_other_files_only_named(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text("{}")
    (tmp_path / "app.py").write_text("x = 1")
    (tmp_path / "photo.png").write_bytes(b"\x89PNG")
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "routes.rb").write_text("get '/'")
    files = LocalFolder(["package.json", "config/routes.rb"], ["*.py"]).read(tmp_path)
    assert files.paths == ("app.py", "config/routes.rb", "package.json", "photo.png")
    assert dict(files.texts) == {"package.json": "{}", "config/routes.rb": "get '/'", "app.py": "x = 1"}
    assert files.omitted == ()


def test_installed_packages_and_version_control_are_not_looked_into(tmp_path: Path) -> None:
    for folder in ("node_modules/x", ".git", ".venv/lib", "target"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "package.json").write_text("{}")
    assert read(tmp_path) == ({}, ())


def test_a_link_that_leads_outside_is_named_and_not_read(tmp_path: Path) -> None:
    secret = tmp_path / "outside.py"
    secret.write_text("SECRET = 1")
    root = tmp_path / "app"
    root.mkdir()
    (root / "leak.py").symlink_to(secret)
    (root / "folder").symlink_to(tmp_path, target_is_directory=True)
    (root / "real.py").write_text("x = 1")
    (root / "alias.py").symlink_to("real.py")
    texts, omitted = read(root)
    assert texts == {"real.py": "x = 1", "alias.py": "x = 1"}
    assert omitted == ("leak.py: it is a link that leads out of the folder",)


def test_what_is_no_ordinary_text_of_bearable_size_is_left_out_without_hanging(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.py")
    (tmp_path / "binary.py").write_bytes(b"a\0b")
    (tmp_path / "huge.py").write_text("#" * (512 * 1024 + 1))
    (tmp_path / "loop.py").symlink_to("loop.py")
    texts, omitted = read(tmp_path)
    assert texts == {}
    assert [item.split(":")[0] for item in omitted] == ["binary.py", "huge.py", "loop.py", "pipe.py"]


def test_reading_stops_when_enough_was_read_and_manifests_come_first(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text("{}")
    for number in range(20):
        (tmp_path / f"a{number:02}.py").write_text("#" * 512 * 1024)
    texts, omitted = read(tmp_path)
    assert "package.json" in texts
    assert sum(map(len, texts.values())) <= 8 * 1024 * 1024
    assert omitted[-1].endswith("enough was read")


def test_folders_count_too_so_that_no_tree_is_walked_without_end(tmp_path: Path) -> None:
    for number in range(5_010):
        (tmp_path / f"d{number:04}").mkdir()
    (tmp_path / "d0001" / "app.py").write_text("x = 1")
    texts, omitted = read(tmp_path)
    assert texts == {}
    assert "more than 5000 files and folders" in omitted[-1]


def test_text_that_is_not_utf_8_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    (tmp_path / "old.py").write_bytes(b"name = '\xe9'")
    assert read(tmp_path)[0]["old.py"].startswith("name = '")


def test_a_folder_that_is_gone_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ImageError) as caught:
        read(tmp_path / "gone")
    assert caught.value.code == "folder_unreadable"


def test_a_file_that_is_there_stays_unless_it_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("mine")
    assert WRITER.write(tmp_path, {"Dockerfile": "new", ".dockerignore": "x"}, overwrite=False) == (".dockerignore",)
    assert (tmp_path / "Dockerfile").read_text() == "mine"
    (tmp_path / "Dockerfile").chmod(0o640)
    assert WRITER.write(tmp_path, {"Dockerfile": "new"}, overwrite=True) == ("Dockerfile",)
    assert (tmp_path / "Dockerfile").read_text() == "new"
    assert (tmp_path / "Dockerfile").stat().st_mode & 0o777 == 0o640
    assert sorted(path.name for path in tmp_path.iterdir()) == [".dockerignore", "Dockerfile"]


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_link_is_never_written_through(tmp_path: Path, overwrite: bool) -> None:
    target = tmp_path / "elsewhere"
    target.write_text("mine")
    root = tmp_path / "app"
    root.mkdir()
    (root / "Dockerfile").symlink_to(target)
    (root / ".dockerignore").symlink_to(tmp_path / "not-there-yet")
    contents = {"Dockerfile": "new", ".dockerignore": "new"}
    assert WRITER.write(root, contents, overwrite=overwrite) == ()
    assert target.read_text() == "mine"
    assert not (tmp_path / "not-there-yet").exists()


def test_a_folder_that_cannot_be_written_is_an_error_that_tells_what_was(tmp_path: Path) -> None:
    with pytest.raises(ImageError) as caught:
        WRITER.write(tmp_path / "gone", {"Dockerfile": "x"}, overwrite=False)
    assert caught.value.code == "folder_not_writable"
    assert caught.value.details["written"] == []
