"""What an operation would build: told by the content that decides the image, and by nothing else."""

from dataclasses import replace
from pathlib import Path

import pytest

from expressway.image.check import build_request, built_content, check_build, deployed_content
from expressway.toolkit import app_source, inline_source


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "shop"
    made.mkdir()
    (made / "expressway.yaml").write_text("name: shop\nbuild: .\n")
    (made / "Dockerfile").write_text("FROM scratch\nCOPY . /\n")
    (made / ".dockerignore").write_text("notes.txt\n")
    (made / "app.py").write_text("print('one')\n")
    return made


def both(folder: Path) -> tuple[str, str]:
    return deployed_content(app_source(folder)).text, built_content("shop", str(folder)).text


def test_what_decides_the_image_counts(folder: Path) -> None:
    seen = {both(folder)}
    (folder / "app.py").write_text("print('two')\n")
    seen.add(both(folder))
    (folder / "new.py").write_text("")
    seen.add(both(folder))
    (folder / "app.py").chmod(0o700)
    seen.add(both(folder))
    assert len({deployed for deployed, _ in seen}) == len({built for _, built in seen}) == 4


def test_what_the_build_ignores_does_not(folder: Path) -> None:
    before = both(folder)
    (folder / "notes.txt").write_text("nothing for the image")
    (folder / "app.py").touch()
    assert both(folder) == before


def test_the_build_alone_also_depends_on_the_definition_that_lies_there(folder: Path) -> None:
    before = built_content("shop", str(folder)).text
    inline = deployed_content(inline_source({"name": "shop", "build": "."}, folder)).text
    (folder / ".dockerignore").write_text("notes.txt\nexpressway.yaml\n")
    unseen = built_content("shop", str(folder)).text
    (folder / "expressway.yaml").write_text("name: shop\nbuild: .\nrepository:\n  keep_tagged: 7\n")
    assert len({before, unseen, built_content("shop", str(folder)).text}) == 3
    assert inline.startswith("ctx-")


def test_an_app_that_builds_nothing_has_no_content(tmp_path: Path) -> None:
    source = inline_source({"name": "shop", "image": "public.ecr.aws/docker/library/httpd:2.4"}, tmp_path)
    assert deployed_content(source).text == ""


def test_a_folder_that_cannot_be_built_is_told_apart_by_why(folder: Path) -> None:
    (folder / "Dockerfile").unlink()
    without = both(folder)
    assert all("dockerfile_missing" in told for told in without)
    (folder / "Dockerfile").write_text("FRM scratch\n")
    assert all("dockerfile_invalid" in told for told in both(folder))
    (folder / "expressway.yaml").write_text("name: other\nbuild: .\n")
    assert "app_name_mismatch" in built_content("shop", str(folder)).text


def test_a_folder_that_was_read_for_the_comparison_is_not_read_again_for_the_build(folder: Path) -> None:
    read = built_content("shop", str(folder)).context
    request = build_request("shop", folder, None, app_source(folder))
    (folder / "app.py").write_text("print('two')\n")

    assert read is not None
    assert check_build(replace(request, read=read), engine=None).context is read
    assert check_build(request, engine=None).context != read
