"""A deployment does not live in the request: it outlives waits, cancellations and clients."""

import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import anyio
import anyio.to_thread
import pytest
from mcp.server.mcpserver import Context
from mcp.shared.dispatcher import ProgressFnT

from expressway.core.pages import pages
from expressway.errors import DefinitionError
from expressway.mcp.executor import ToolExecutor
from expressway.mcp.server import build_server
from mcp import Client
from tests.mcp.connections import ERAS, OPEN, Era, connected, error_shape, good_shape
from tests.mcp.fakes import LONG, FakeToolkit, source_of, step, write_app
from tests.mcp.known_tools import PARAMETERS


@pytest.fixture
def held() -> Iterator[FakeToolkit]:
    """A toolkit whose deployments and deletions take until `go_on` is set."""
    toolkit = FakeToolkit(steps=[step("service", "bringing shop-express-service up to date")])
    toolkit.go_on.clear()
    yield toolkit
    toolkit.go_on.set()


async def _happens(event: object) -> None:
    assert await anyio.to_thread.run_sync(event.wait, LONG)  # type: ignore[attr-defined]


def _letting_go(held: FakeToolkit) -> ProgressFnT:
    """Lets the work end as soon as the request that watches it sees progress: it has joined by then."""

    async def watch(progress: float, total: float | None, message: str | None) -> None:
        held.go_on.set()

    return watch


@pytest.mark.parametrize("era", ERAS)
async def test_a_long_deployment_answers_running_with_its_id_phase_and_what_to_call_next(
    era: Era, held: FakeToolkit, tmp_path: Path
) -> None:
    async with connected(held, era) as client:
        result = await client.call_tool("deploy_app", {"app_path": str(write_app(tmp_path)), "wait_seconds": 0})
    shape = good_shape(result)
    assert (shape["status"], shape["operation_id"], shape["phase"]) == ("running", "deploy-shop-1", "service")
    assert "get_deployment_status" in shape["next"]
    assert not held.cancelled.is_set()


@pytest.mark.parametrize("era", ERAS)
async def test_asked_again_it_joins_the_deployment_under_way_and_gets_its_result(
    era: Era, held: FakeToolkit, tmp_path: Path
) -> None:
    arguments = {"app_path": str(write_app(tmp_path))}
    async with connected(held, era) as client:
        good_shape(await client.call_tool("deploy_app", {**arguments, "wait_seconds": 0}))
        shape = good_shape(await client.call_tool("deploy_app", arguments, progress_callback=_letting_go(held)))
    assert shape["status"] == "deployed"
    assert held.names == ["deploy"]


async def test_two_requests_at_once_make_one_deployment(held: FakeToolkit, tmp_path: Path) -> None:
    arguments = {"app_path": str(write_app(tmp_path))}
    shapes: list[object] = []

    async with connected(held, "auto") as client:

        async def deploy() -> None:
            shapes.append(good_shape(await client.call_tool("deploy_app", arguments))["status"])

        async with anyio.create_task_group() as group:
            group.start_soon(deploy)
            await _happens(held.begun)
            joined = good_shape(await client.call_tool("deploy_app", arguments | {"wait_seconds": 0}))
            held.go_on.set()
    assert joined["status"] == "running"
    assert shapes == ["deployed"]
    assert held.names == ["deploy"]


@pytest.mark.parametrize("era", ERAS)
async def test_another_deployment_or_a_deletion_of_the_same_app_is_refused_meanwhile(
    era: Era, held: FakeToolkit, tmp_path: Path
) -> None:
    arguments = {"app_path": str(write_app(tmp_path)), "wait_seconds": 0}
    async with connected(held, era) as client:
        good_shape(await client.call_tool("deploy_app", arguments))
        others = [
            await client.call_tool("deploy_app", {**arguments, "allow_replacement": True}),
            await client.call_tool("delete_app", {"app_name": "shop"}),
        ]
        write_app(tmp_path, extra="cpu: 512\nmemory_mib: 1024\n")
        others.append(await client.call_tool("deploy_app", arguments))
    for other in others:
        shape = error_shape(other)
        assert shape["code"] == "operation_running"
        assert shape["details"]["operation_id"] == "deploy-shop-1"
    assert held.names == ["deploy"]


@pytest.mark.parametrize("era", ERAS)
async def test_a_cancelled_request_leaves_the_deployment_running(era: Era, held: FakeToolkit, tmp_path: Path) -> None:
    arguments = {"app_path": str(write_app(tmp_path))}
    async with connected(held, era) as client:
        async with anyio.create_task_group() as group:
            group.start_soon(client.call_tool, "deploy_app", arguments)
            await _happens(held.begun)
            group.cancel_scope.cancel()
        assert not held.finished.is_set()
        held.go_on.set()
        await _happens(held.finished)
        assert not held.cancelled.is_set()
        good_shape(await client.call_tool("get_deployment_status", {"app_name": "shop"}))


def _buildable(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "expressway.yaml").write_text("name: shop\nbuild: .\n", encoding="utf-8")
    (folder / "Dockerfile").write_text("FROM scratch\nCOPY . /\n", encoding="utf-8")
    (folder / "app.py").write_text("print('one')\n", encoding="utf-8")
    return folder


@pytest.mark.parametrize("era", ERAS)
async def test_a_deployment_whose_folder_was_edited_meanwhile_is_not_joined_but_named(
    era: Era, held: FakeToolkit, tmp_path: Path
) -> None:
    folder = _buildable(tmp_path / "shop")
    arguments = {"app_path": str(folder), "wait_seconds": 0}
    async with connected(held, era) as client:
        good_shape(await client.call_tool("deploy_app", arguments))
        (folder / "app.py").write_text("print('two')\n", encoding="utf-8")
        refused = error_shape(await client.call_tool("deploy_app", arguments))
        (folder / "app.py").write_text("print('one')\n", encoding="utf-8")
        assert good_shape(await client.call_tool("deploy_app", arguments))["status"] == "running"
        held.go_on.set()
        await _happens(held.finished)
    assert (refused["code"], refused["details"]["operation_id"]) == ("operation_running", "deploy-shop-1")
    assert "folder has changed" in refused["message"]
    assert held.names == ["deploy"]
    assert [read and read.root for read in held.read] == [str(folder)], "the folder is not read again"


@pytest.mark.parametrize("era", ERAS)
async def test_a_build_whose_folder_was_edited_meanwhile_is_not_joined(
    era: Era, held: FakeToolkit, tmp_path: Path
) -> None:
    folder = _buildable(tmp_path / "shop")
    arguments = {"app_name": "shop", "app_path": str(folder)}
    async with connected(held, era) as client, anyio.create_task_group() as group:
        group.start_soon(client.call_tool, "build_and_push_image_to_ecr", arguments)
        await _happens(held.begun)
        (folder / "app.py").write_text("print('two')\n", encoding="utf-8")
        refused = error_shape(await client.call_tool("build_and_push_image_to_ecr", arguments))
        assert refused["code"] == "operation_running"
        assert "folder has changed" in refused["message"]
        held.go_on.set()
    assert held.names == ["build"]
    assert [read and read.root for read in held.read] == [str(folder)], "the folder is not read again"


async def test_what_a_folder_holds_is_never_read_on_the_event_loop(held: FakeToolkit) -> None:
    threads: list[int] = []

    def content() -> str:
        threads.append(threading.get_ident())
        raise DefinitionError("unreadable", "It cannot be read.")

    with pytest.raises(DefinitionError):
        await ToolExecutor(source_of(held), OPEN).start_or_join(
            cast("Context", None), "shop", lambda _: {}, request="", wait_seconds=0, content_of=content
        )
    assert len(threads) == 1
    assert threads != [threading.get_ident()]


BUILD = {"app_name": "shop", "app_path": "/srv/shop"}


@pytest.mark.parametrize("era", ERAS)
async def test_a_build_goes_on_when_its_request_is_cancelled_and_a_repeat_gets_its_result(
    era: Era, held: FakeToolkit
) -> None:
    async with connected(held, era) as client:
        async with anyio.create_task_group() as group:
            group.start_soon(client.call_tool, "build_and_push_image_to_ecr", BUILD)
            await _happens(held.begun)
            group.cancel_scope.cancel()
        assert not held.finished.is_set()
        answer = await client.call_tool("build_and_push_image_to_ecr", BUILD, progress_callback=_letting_go(held))
        shape = good_shape(answer)
    assert len(shape) == 5
    assert shape["stack_name"] == "shop-ecr-infrastructure"
    assert held.names == ["build"]
    assert not held.cancelled.is_set()


async def test_a_build_and_a_deployment_of_one_app_exclude_each_other(held: FakeToolkit, tmp_path: Path) -> None:
    async with connected(held, "auto") as client:
        good_shape(await client.call_tool("deploy_app", {"app_path": str(write_app(tmp_path)), "wait_seconds": 0}))
        refused = error_shape(await client.call_tool("build_and_push_image_to_ecr", BUILD))
    assert (refused["code"], refused["details"]["operation_id"]) == ("operation_running", "deploy-shop-1")
    assert held.names == ["deploy"]


async def test_a_silent_build_gives_signs_of_life(held: FakeToolkit) -> None:
    server = build_server(source_of(held), OPEN, sign_of_life_seconds=0.02)
    seen: list[str | None] = []

    async def watch(progress: float, total: float | None, message: str | None) -> None:
        seen.append(message)
        if len(seen) == 3:
            held.go_on.set()

    async with Client(server) as client:
        with anyio.fail_after(LONG):
            good_shape(await client.call_tool("build_and_push_image_to_ecr", BUILD, progress_callback=watch))
    assert seen[:3] == ["service: bringing shop-express-service up to date"] * 3


@pytest.mark.parametrize("era", ERAS)
async def test_a_client_that_leaves_does_not_stop_the_deployment(era: Era, held: FakeToolkit, tmp_path: Path) -> None:
    async with connected(held, era) as client:
        await client.call_tool("deploy_app", {"app_path": str(write_app(tmp_path)), "wait_seconds": 0})
    held.go_on.set()
    await _happens(held.finished)
    assert not held.cancelled.is_set()


@pytest.mark.parametrize("era", ERAS)
async def test_work_that_only_serves_its_request_stops_when_that_is_cancelled(era: Era, held: FakeToolkit) -> None:
    arguments = {"cluster": "default", "service_name": "shop"}
    async with connected(held, era) as client:
        async with anyio.create_task_group() as group:
            group.start_soon(client.call_tool, "wait_for_service_ready", arguments)
            await _happens(held.begun)
            group.cancel_scope.cancel()
        await _happens(held.cancelled)


@pytest.mark.parametrize("era", ERAS)
async def test_other_calls_are_answered_while_one_works(era: Era, held: FakeToolkit) -> None:
    async with connected(held, era) as client, anyio.create_task_group() as group:
        group.start_soon(client.call_tool, "wait_for_service_ready", {"cluster": "c", "service_name": "s"})
        await _happens(held.begun)
        good_shape(await client.call_tool("get_deployment_status", {"app_name": "shop"}))
        assert len((await client.list_tools()).tools) == len(PARAMETERS)
        held.go_on.set()


@pytest.mark.parametrize("era", ERAS)
async def test_a_long_deletion_answers_running_with_the_known_keys(era: Era, held: FakeToolkit) -> None:
    async with connected(held, era) as client:
        shape = good_shape(await client.call_tool("delete_app", {"app_name": "shop", "wait_seconds": 0}))
        assert {"service_deletion", "ecr_deletion", "summary", "errors"} <= shape.keys()
        assert (shape["status"], shape["operation_id"], shape["errors"]) == ("running", "delete-shop-1", [])
        done = good_shape(
            await client.call_tool("delete_app", {"app_name": "shop"}, progress_callback=_letting_go(held))
        )
    assert done["service_deletion"] == {"status": "deleted", "message": "Gone."}
    assert held.names == ["delete"]


async def test_who_joins_sees_where_the_work_stands(held: FakeToolkit, tmp_path: Path) -> None:
    arguments = {"app_path": str(write_app(tmp_path))}
    seen: list[str | None] = []

    async def watch(progress: float, total: float | None, message: str | None) -> None:
        seen.append(message)
        held.go_on.set()

    async with connected(held, "auto") as client:
        await client.call_tool("deploy_app", {**arguments, "wait_seconds": 0})
        await client.call_tool("deploy_app", arguments, progress_callback=watch)
    assert seen[0] == "service: bringing shop-express-service up to date"


class EndlessApi(FakeToolkit):
    """A toolkit whose service always names a next page."""

    pages_asked = 0

    def call_api(self, *_: object, **__: object) -> Mapping[str, Any]:
        def ask(**_token: str) -> Mapping[str, Any]:
            self.pages_asked += 1
            self.begun.set()
            return {"nextToken": str(self.pages_asked)}

        try:
            return {"pages": len(list(pages(ask, doing="list the tasks", by="nextToken", most=10**9)))}
        finally:
            self.finished.set()


@pytest.mark.parametrize("era", ERAS)
async def test_a_cancelled_call_stops_following_a_list_without_end(era: Era) -> None:
    toolkit = EndlessApi()
    async with connected(toolkit, era) as client:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client.call_tool, "ecs_resource_management", {"api_operation": "ListTasks"})
            await _happens(toolkit.begun)
            tasks.cancel_scope.cancel()
        await _happens(toolkit.finished)
