"""What was kept out of an image is written down within bounds, and read with suspicion."""

import json
from pathlib import Path

import pytest

from expressway.image.context import excluded_record as excluded_files
from expressway.image.context.excluded import ExcludedFiles
from expressway.image.context.excluded_record import MOST_BYTES, MOST_PATHS, ExcludedFilesJournal

IMAGE = f"registry.example/web@sha256:{'a' * 64}"


def record(folder: Path, image: str, *paths: str) -> None:
    ExcludedFilesJournal(folder).record(image, ExcludedFiles(paths), pytest.fail)


def read(folder: Path, image: str = IMAGE) -> ExcludedFiles:
    return ExcludedFilesJournal(folder).of_image(image)


def test_another_process_reads_what_was_recorded_whatever_the_repository_is_called(tmp_path: Path) -> None:
    record(tmp_path, IMAGE, "certs/ca.pem", ".env")
    assert read(tmp_path).paths == ("certs/ca.pem", ".env")
    assert read(tmp_path, f"elsewhere.example/a/b@sha256:{'a' * 64}").paths == ("certs/ca.pem", ".env")


@pytest.mark.parametrize("image", ["", "web", "web:latest", "web@sha256:../../x", "web@sha256:" + "A" * 64, "@"])
def test_an_image_that_is_not_named_by_digest_has_no_record(image: str, tmp_path: Path) -> None:
    record(tmp_path, image, "certs/ca.pem")
    assert read(tmp_path, image) == ExcludedFiles()
    assert list(tmp_path.rglob("*")) == []


def test_where_nothing_is_kept_out_any_more_what_the_image_was_built_without_stays_known(tmp_path: Path) -> None:
    record(tmp_path, IMAGE, "certs/ca.pem")
    record(tmp_path, IMAGE)
    assert read(tmp_path).paths == ("certs/ca.pem",)
    record(tmp_path, IMAGE, "certs/new.pem")
    assert read(tmp_path).paths == ("certs/new.pem",)


def test_very_many_or_very_long_paths_are_cut_and_cleaned(tmp_path: Path) -> None:
    record(tmp_path, IMAGE, "a\x1b[31mb.pem", "x" * 5_000, "/etc/key.pem", *(f"{n}.pem" for n in range(10_000)))
    paths = read(tmp_path).paths
    assert paths[:2] == ("ab.pem", "0.pem")
    assert len(paths) < MOST_PATHS
    record(tmp_path, IMAGE, *("é" * 900 + str(n) for n in range(400)))
    (file,) = tmp_path.rglob("*.json")
    assert file.stat().st_size < 2 * MOST_BYTES
    assert 0 < len(read(tmp_path).paths) < 400


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", "null", '{"paths": "x", "ignore_file": "y"}', '{"paths": ["x"]}', "[" * 100_000),
        json.dumps({"paths": ["x" * 60] * 5_000, "ignore_file": ".dockerignore"}),
    ],
)
def test_a_damaged_record_is_none_and_is_written_anew(text: str, tmp_path: Path) -> None:
    record(tmp_path, IMAGE, "certs/ca.pem")
    (file,) = tmp_path.rglob("*.json")
    file.write_text(text)
    assert read(tmp_path) == ExcludedFiles()
    record(tmp_path, IMAGE, "certs/ca.pem")
    assert read(tmp_path).paths == ("certs/ca.pem",)


def test_what_somebody_else_wrote_is_bounded_too(tmp_path: Path) -> None:
    record(tmp_path, IMAGE, "certs/ca.pem")
    (file,) = tmp_path.rglob("*.json")
    file.write_text(json.dumps({"paths": ["\x1b[1mkey.pem", 7, "/root/x", "ok.pem"], "ignore_file": "\x1b[1mx"}))
    assert read(tmp_path) == ExcludedFiles(("key.pem", "ok.pem"), "x")


def test_a_state_directory_that_cannot_be_written_is_a_warning_and_the_process_itself_still_knows(
    tmp_path: Path,
) -> None:
    (tmp_path / "excluded-files").write_text("a file in the folder's place")
    journal, warnings = ExcludedFilesJournal(tmp_path), list[str]()
    journal.record(IMAGE, ExcludedFiles(("certs/ca.pem",)), warnings.append)
    assert len(warnings) == 1
    assert "cannot be written down" in warnings[0]
    assert journal.of_image(IMAGE).paths == ("certs/ca.pem",)
    assert read(tmp_path) == ExcludedFiles()


def test_only_the_newest_images_are_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(excluded_files, "MOST_IMAGES", 3)
    images = [f"web@sha256:{number:064x}" for number in range(6)]
    for image in images:
        record(tmp_path, image, "ca.pem")
    assert len(list(tmp_path.rglob("*.json"))) == 3
    assert read(tmp_path, images[-1]).paths == ("ca.pem",)
