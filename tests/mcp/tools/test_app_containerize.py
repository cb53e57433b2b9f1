"""`containerize_app` over both protocol eras: what reaches the toolkit, and what a closed gate refuses."""

import json
from pathlib import Path

import pytest
from mcp.types import ResourceLink, TextResourceContents

from expressway.toolkit import Toolkit
from tests.mcp.connections import CLOSED, ERAS, OPEN, Era, connected, error_shape, good_shape
from tests.mcp.fakes import FakeToolkit

APPS = Path(__file__).parents[2] / "containerize" / "apps"


@pytest.mark.parametrize("era", ERAS)
async def test_the_call_that_agents_know_works_with_closed_gates(era: Era) -> None:
    toolkit = FakeToolkit()
    async with connected(toolkit, era, CLOSED) as client:
        shape = good_shape(await client.call_tool("containerize_app", {"app_path": "/srv/shop", "port": 5000}))
    assert toolkit.calls == [("containerize", ("/srv/shop", 5000, None, False, False))]
    assert shape["container_port"] == 5000
    assert {"base_image", "guidance"} <= shape.keys()


@pytest.mark.parametrize("era", ERAS)
async def test_writing_into_the_folder_needs_the_gate(era: Era) -> None:
    toolkit = FakeToolkit()
    arguments = {"app_path": "/srv/shop", "write": True}
    async with connected(toolkit, era, CLOSED) as client:
        error = error_shape(await client.call_tool("containerize_app", arguments))
    assert (error["code"], toolkit.calls) == ("write_not_allowed", [])
    async with connected(toolkit, era, OPEN) as client:
        good_shape(await client.call_tool("containerize_app", arguments))
    assert toolkit.calls == [("containerize", ("/srv/shop", None, None, True, False))]


async def test_a_port_that_cannot_be_is_refused_before_anything_is_read() -> None:
    toolkit = FakeToolkit()
    async with connected(toolkit, "auto") as client:
        error = error_shape(await client.call_tool("containerize_app", {"app_path": "/srv/shop", "port": 70000}))
    assert error["code"] == "invalid_arguments"
    assert toolkit.calls == []


async def test_a_real_folder_comes_back_as_files_without_credentials_for_any_account() -> None:
    with Toolkit(environ={"EXPRESSWAY_HOME": "/nonexistent"}) as toolkit:
        async with connected(toolkit, "auto", CLOSED) as client:
            shape = good_shape(await client.call_tool("containerize_app", {"app_path": str(APPS / "flask")}))
    assert shape["framework"] == "Flask"
    assert set(shape["files"]) == {"Dockerfile", ".dockerignore", "expressway.yaml"}
    assert "withheld" not in shape


@pytest.mark.parametrize("era", ERAS)
async def test_a_huge_manifest_gives_no_huge_answer_but_a_link_to_it(era: Era, tmp_path: Path) -> None:
    names = [f"requirements-{number:04}-{'x' * 100}.txt" for number in range(1_500)]
    for name in names:
        (tmp_path / name).write_text("flask==3.1.0\n")
    (tmp_path / "requirements.txt").write_text("flask==3.1.0\n" + "".join(f"-r {name}\n" for name in names))
    (tmp_path / "app.py").write_text("from flask import Flask\n\napp = Flask(__name__)\n")
    with Toolkit(environ={"EXPRESSWAY_HOME": "/nonexistent"}) as toolkit:
        async with connected(toolkit, era, CLOSED) as client:
            result = await client.call_tool("containerize_app", {"app_path": str(tmp_path)})
            shape = good_shape(result)
            [link] = [block for block in result.content if isinstance(block, ResourceLink)]
            [whole] = (await client.read_resource(str(link.uri))).contents
    assert len(json.dumps(shape)) < 24_000
    assert "Dockerfile" not in shape["files"]
    assert "files: Dockerfile" in shape["cut"]["omitted"][0]
    assert isinstance(whole, TextResourceContents)
    dockerfile = json.loads(whole.text)["files"]["Dockerfile"]
    assert all(name in dockerfile for name in names)
