"""While a folder is read that is large or made to be slow, the server answers everybody else."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest

from expressway.deploy.deploy import DeployResult
from expressway.image.check import build_request, check_build
from expressway.toolkit import AppSource
from tests.fuzz.offline_toolkit import OfflineToolkit
from tests.mcp.connections import ERAS, Era, connected, shape_of
from tests.mcp.fakes import LONG, FakeShape

IGNORED = "*a*a*a*a*a*a*a*a*a*ab\n" + "**/" * 200 + "b\n"
HUGE = 400_000


def many_files(folder: Path) -> None:
    for number in range(2_000):
        (folder / f"{'a' * 40}{number}").write_text("x")


def huge_texts(folder: Path) -> None:
    (folder / "Dockerfile").write_text("FROM python:3\n" + "RUN " + "a=" * HUGE + "\n")
    (folder / "requirements.txt").write_text("flask" + " " * HUGE + "\n")
    (folder / "app.py").write_text("(" * 50_000 + "\n" + "flask " * 50_000)
    (folder / "package.json").write_text("[" * HUGE)


def deep_folders(folder: Path) -> None:
    place = folder
    for _ in range(200):
        place /= "a" * 12
        place.mkdir()
        (place / "main.py").write_text("from flask import Flask\n")


HOSTILE: dict[str, Callable[[Path], None]] = {
    "many files": many_files,
    "huge texts": huge_texts,
    "deep folders": deep_folders,
}


def hostile(folder: Path, make: Callable[[Path], None]) -> Path:
    (folder / "Dockerfile").write_text("FROM scratch\nCOPY . .\n")
    (folder / ".dockerignore").write_text(IGNORED)
    make(folder)
    return folder


class WatchedToolkit(OfflineToolkit):
    """Tells when it begins to read a folder, and ends no sooner than `go_on` is set."""

    def containerize(self, app_path: str, port: int | None = None, **options: Any) -> FakeShape:
        self.begun.set()
        try:
            return super().containerize(app_path, port, **options)
        finally:
            assert self.go_on.wait(LONG)

    def deploy(self, source: AppSource, **options: Any) -> DeployResult:
        self.begun.set()
        try:
            check_build(build_request(source.definition.name, source.base_dir, None, source), engine=None)
        finally:
            assert self.go_on.wait(LONG)
        return super().deploy(source, **options)


TOOLS: Mapping[str, Mapping[str, Any]] = {
    "containerize_app": {},
    "deploy_app": {"definition": {"name": "shop", "build": {"context": "."}}},
}


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("make", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("tool", TOOLS)
async def test_other_requests_are_answered_while_a_hostile_folder_is_read(
    tool: str, make: Callable[[Path], None], era: Era, tmp_path: Path
) -> None:
    toolkit = WatchedToolkit()
    toolkit.go_on.clear()
    arguments = {**TOOLS[tool], "app_path": str(hostile(tmp_path, make))}
    ended: list[Any] = []
    with anyio.fail_after(LONG):
        async with connected(toolkit, era) as client, anyio.create_task_group() as group:

            async def read() -> None:
                ended.append(shape_of(await client.call_tool(tool, arguments)))

            group.start_soon(read)
            assert await anyio.to_thread.run_sync(toolkit.begun.wait, LONG)
            try:
                assert (await client.list_tools()).tools
                assert not ended
            finally:
                toolkit.go_on.set()
    (shape,) = ended
    assert "internal_error" not in json.dumps(shape)
