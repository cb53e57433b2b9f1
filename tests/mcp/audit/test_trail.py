"""Which calls of a server are written down, in both protocol eras."""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest

from expressway.aws.values.target import Target
from expressway.errors import ExpresswayError, ServiceError, TargetError
from expressway.mcp.audit.trail import AuditTrail
from expressway.mcp.server import OptionalTools, build_server
from expressway.privacy.gates import Gates
from mcp import Client
from tests.mcp.connections import CLOSED, ERAS, OPEN, WIDE_OPEN, Era, error_shape, good_shape
from tests.mcp.fakes import LONG, TARGET, FakeToolkit, source_of, write_app

Records = list[Mapping[str, Any]]
EVERYTHING = OptionalTools((), former_names=True)


@asynccontextmanager
async def audited(toolkit: FakeToolkit, era: Era, gates: Gates, records: Records) -> AsyncGenerator[Client]:
    async with Client(
        build_server(source_of(toolkit), gates, audit=AuditTrail(records.append, {"caller": "ann"})), mode=era
    ) as client:
        yield client


def _events(records: Records) -> list[tuple[str, str, str]]:
    return [(one["event"], one["tool"], one.get("outcome", "")) for one in records]


@pytest.mark.parametrize("era", ERAS)
async def test_a_change_and_its_failure_are_written_down_before_and_after(era: Era, tmp_path: Path) -> None:
    records: Records = []
    toolkit = FakeToolkit()
    app = str(write_app(tmp_path))
    async with audited(toolkit, era, OPEN, records) as client:
        good_shape(await client.call_tool("deploy_app", {"app_path": app}))
        toolkit.fails = ServiceError("service_missing", "Gone.", "Delete it.")
        error_shape(await client.call_tool("deploy_app", {"app_path": app}))
    assert _events(records) == [
        ("intent", "deploy_app", ""),
        ("outcome", "deploy_app", "ok"),
        ("intent", "deploy_app", ""),
        ("outcome", "deploy_app", "service_missing"),
    ]
    assert records[0]["call_id"] == records[1]["call_id"] != records[2]["call_id"] == records[3]["call_id"]
    for one in records:
        assert (one["target"], one["account_id"], one["region"]) == (TARGET.describe(), "000000000000", "us-east-1")
        assert one["caller_arn"] == TARGET.caller_arn
        assert one["who"] == {"caller": "ann", "client": "mcp", "client_version": one["who"]["client_version"]}
        assert one["arguments"] == {"app_path": app}
    assert {one["decision"] for one in records if one["event"] == "outcome"} == {"allowed"}


_APP = {"app_path": "the app's folder"}
CHANGES: Mapping[str, Mapping[str, Any]] = {
    "deploy_app": _APP,
    "delete_app": {"app_name": "shop"},
    "build_and_push_image_to_ecr": {"app_name": "shop"} | _APP,
    "ecs_resource_management": {"api_operation": "UpdateService", "api_params": {"service": "shop"}},
    "create_ecs_infrastructure": {"app_name": "shop"} | _APP,
    "delete_ecs_infrastructure": {"app_name": "shop"},
    "containerize_app": {"write": True} | _APP,
}


async def test_every_tool_that_changes_something_is_among_the_calls_below() -> None:
    async with Client(build_server(source_of(FakeToolkit()), OPEN, optional_tools=EVERYTHING), mode="auto") as client:
        listed = (await client.list_tools()).tools
    assert {one.name for one in listed if one.annotations and not one.annotations.read_only_hint} == set(CHANGES)


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("tool", CHANGES)
async def test_the_intent_is_written_before_the_toolkit_is_asked_for_a_change(
    tool: str, era: Era, tmp_path: Path
) -> None:
    records: Records = []
    asked_when_written: list[list[str]] = []
    toolkit = FakeToolkit()

    def sink(record: Mapping[str, Any]) -> None:
        records.append(record)
        asked_when_written.append([name for name in toolkit.names if name != "at"])

    arguments = dict(CHANGES[tool])
    if "app_path" in arguments:
        arguments["app_path"] = str(write_app(tmp_path))
    if tool != "containerize_app":
        arguments = arguments | {"region": "eu-west-1", "profile": "shop"}
    server = build_server(source_of(toolkit), OPEN, optional_tools=EVERYTHING, audit=AuditTrail(sink))
    async with Client(server, mode=era) as client:
        good_shape(await client.call_tool(tool, arguments))
    assert _events(records) == [("intent", tool, ""), ("outcome", tool, "ok")]
    assert asked_when_written[0] == []
    assert asked_when_written[1] != []
    wanted = ("this machine", "") if tool == "containerize_app" else (TARGET.describe(), "shop")
    assert (records[0]["target"], records[0].get("profile", "")) == wanted


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    ("tool", "outcome"),
    [("deploy_app", "ok"), ("build_and_push_image_to_ecr", "ok"), ("delete_app", "service_missing")],
)
async def test_a_cancelled_call_is_written_down_and_so_is_how_its_work_ended(
    tool: str, outcome: str, era: Era, tmp_path: Path
) -> None:
    records: Records = []
    toolkit = FakeToolkit()
    toolkit.go_on.clear()
    if outcome != "ok":
        toolkit.delete_errors = [{"code": outcome, "message": "Gone."}]
    app = {"app_path": str(write_app(tmp_path))}
    arguments = app if tool == "deploy_app" else {"app_name": "shop"} | (app if tool.startswith("build") else {})
    async with audited(toolkit, era, OPEN, records) as client:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client.call_tool, tool, arguments)
            await anyio.to_thread.run_sync(toolkit.begun.wait, LONG)
            tasks.cancel_scope.cancel()
        await _until(lambda: len(records) == 2)
        toolkit.go_on.set()
        await _until(lambda: len(records) == 3)
    assert _events(records) == [("intent", tool, ""), ("outcome", tool, "cancelled"), ("end", tool, outcome)]
    assert len({one["call_id"] for one in records}) == 1
    assert {one["target"] for one in records} == {TARGET.describe()}
    assert records[1]["arguments"] == arguments
    assert records[2]["operation_id"].startswith(tool.partition("_")[0])


@pytest.mark.parametrize("era", ERAS)
async def test_work_that_was_answered_as_running_has_its_end_written(era: Era, tmp_path: Path) -> None:
    records: Records = []
    toolkit = FakeToolkit()
    toolkit.go_on.clear()
    app = {"app_path": str(write_app(tmp_path)), "wait_seconds": 0}
    async with audited(toolkit, era, OPEN, records) as client:
        for _ in range(2):  # the second joins
            assert good_shape(await client.call_tool("deploy_app", app))["status"] == "running"
        toolkit.go_on.set()
        await _until(lambda: len(records) == 4)
    assert sorted(one["event"] for one in records) == ["end", "intent", "outcome", "outcome"]
    assert records[-1]["event"] == "end"
    assert records[-1]["call_id"] == records[0]["call_id"]
    assert {one["operation_id"] for one in records[1:]} == {"deploy-shop-1"}


async def test_a_server_that_ends_says_so_of_what_is_under_way(tmp_path: Path) -> None:
    records: Records = []
    trail = AuditTrail(records.append)
    toolkit = FakeToolkit()
    toolkit.go_on.clear()
    app = str(write_app(tmp_path))
    async with Client(build_server(source_of(toolkit), OPEN, audit=trail), mode="auto") as client:
        good_shape(await client.call_tool("deploy_app", {"app_path": app, "wait_seconds": 0}))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client.call_tool, "deploy_app", {"app_path": app})
            await _until(lambda: len(trail.unfinished()) == 2)
            trail.close()
            tasks.cancel_scope.cancel()
        toolkit.go_on.set()
    assert sorted(_events(records)) == [
        ("end", "deploy_app", "interrupted"),
        ("intent", "deploy_app", ""),
        ("outcome", "deploy_app", "running"),
        ("outcome", "deploy_app", "server_stopped"),
    ]


async def _until(holds: Callable[[], bool]) -> None:
    with anyio.fail_after(LONG):
        while not holds():
            await anyio.sleep(0.005)


@pytest.mark.parametrize("era", ERAS)
async def test_what_does_not_change_anything_leaves_no_intent(era: Era, tmp_path: Path) -> None:
    records: Records = []
    async with audited(FakeToolkit(), era, OPEN, records) as client:
        good_shape(await client.call_tool("containerize_app", {"app_path": str(write_app(tmp_path))}))
        good_shape(await client.call_tool("ecs_resource_management", {"api_operation": "ListClusters"}))
        error_shape(await client.call_tool("delete_app", {"app_name": 5}))
    assert _events(records) == [("outcome", "delete_app", "invalid_arguments")]


async def test_a_target_that_cannot_be_read_is_written_down_as_unknown() -> None:
    class Nowhere(FakeToolkit):
        @property
        def target(self) -> Target:
            raise TargetError("credentials_missing", "There are none.", "Sign in.")

    records: Records = []
    async with audited(Nowhere(), "auto", OPEN, records) as client:
        error_shape(await client.call_tool("delete_app", {"app_name": "shop", "region": "eu-west-1"}))
    assert _events(records) == [("intent", "delete_app", ""), ("outcome", "delete_app", "credentials_missing")]
    assert (records[0]["target"], records[0]["region"]) == ("unknown (credentials_missing)", "eu-west-1")


@pytest.mark.parametrize("era", ERAS)
async def test_a_refusal_is_written_down(era: Era) -> None:
    records: Records = []
    async with audited(FakeToolkit(), era, CLOSED, records) as client:
        error_shape(await client.call_tool("delete_app", {"app_name": "shop"}))
    assert [(one["tool"], one["decision"], one["outcome"]) for one in records] == [
        ("delete_app", "refused", "write_not_allowed")
    ]


@pytest.mark.parametrize("era", ERAS)
async def test_a_tool_that_is_not_there_is_an_ordinary_error_where_calls_are_written_down(era: Era) -> None:
    records: Records = []
    async with audited(FakeToolkit(), era, OPEN, records) as client:
        assert error_shape(await client.call_tool("deploy_ap", {}))["code"] == "unknown_tool"
    assert records == []


@pytest.mark.parametrize("era", ERAS)
async def test_a_read_is_not_unless_it_shows_text_of_others(era: Era) -> None:
    records: Records = []
    toolkit = FakeToolkit()
    async with audited(toolkit, era, WIDE_OPEN, records) as client:
        good_shape(await client.call_tool("get_deployment_status", {"app_name": "shop"}))
        assert records == []
        toolkit.status_shape = {"status": "failed", "last_error": {"evidence": ["a line of a log"]}}
        good_shape(await client.call_tool("get_deployment_status", {"app_name": "shop"}))
    assert [one["effect"] for one in records] == [["disclosure"]]


async def test_a_log_that_cannot_be_kept_does_not_take_the_answer_away(caplog: pytest.LogCaptureFixture) -> None:
    def full(record: Mapping[str, Any]) -> None:
        raise ExpresswayError("state_not_writable", "The disk is full.", "Free it.")

    async with Client(build_server(source_of(FakeToolkit()), OPEN, audit=AuditTrail(full)), mode="auto") as client:
        good_shape(await client.call_tool("delete_app", {"app_name": "shop"}))
    assert caplog.text.count("missing in the audit log") == 2
    assert "The intent of delete_app" in caplog.text
    assert "The outcome of delete_app" in caplog.text
