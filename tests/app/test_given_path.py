"""A path that somebody names is read within bounds, and what no file system takes is refused in words of ours."""

import os
from pathlib import Path

import pytest

from expressway.app.given_path import given_path, read_ordinary_file
from expressway.errors import UsageError


@pytest.mark.parametrize("text", ["/srv/app", "app", "", "a" * 255, "é" * 127, "/a" * 2_048, "a b\n"])
def test_a_path_that_a_file_system_takes_is_that_path(text: str) -> None:
    assert given_path(text) == Path(text)


def test_the_tilde_is_the_home_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert given_path("~/app") == tmp_path / "app"
    assert given_path(Path("~")) == tmp_path


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a\0b", "NUL"),
        ("\ud800", "no Unicode"),
        ("~nobody-of-that-name/app", "the home folder of a user that is not here"),
        ("a" * 256, "a name of more than 255 bytes"),
        ("short/" + "é" * 128, "a name of more than 255 bytes"),
        ("/a" * 2_048 + "/", "more than 4096 bytes"),
        ("/é" * 1_366, "more than 4096 bytes"),
        ("/a" * 1_000_000, "more than 4096 bytes"),
    ],
)
def test_what_no_file_system_takes_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(UsageError) as caught:
        given_path(text)
    assert caught.value.code == "invalid_path"
    assert reason in caught.value.message
    assert len(caught.value.message) < 500


def test_an_ordinary_file_is_read_up_to_its_bound(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"x" * 2_048)
    assert read_ordinary_file(file, 2_048) == (b"x" * 2_048, "")
    assert read_ordinary_file(file, 2_047) == (None, "it is larger than 1 KiB")
    file.write_bytes(b"x\0")
    assert read_ordinary_file(file, 2_048) == (None, "it is no text")


def test_what_is_no_ordinary_file_is_not_read_nor_waited_for(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("secret")
    (tmp_path / "link").symlink_to("target")
    os.mkfifo(tmp_path / "pipe")
    assert read_ordinary_file(tmp_path / "pipe", 9) == (None, "it is no ordinary file")
    assert read_ordinary_file(Path("/dev/zero"), 9) == (None, "it is no ordinary file")
    for name in ("link", "absent"):
        content, why = read_ordinary_file(tmp_path / name, 9)
        assert content is None
        assert why
