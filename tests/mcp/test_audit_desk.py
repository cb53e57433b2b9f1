"""Which calls of a server are written down, in both protocol eras."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from expressway.errors import ExpresswayError, ServiceError
from expressway.mcp.server import build_server
from expressway.policy.gates import Gates
from mcp import Client
from tests.mcp.connections import CLOSED, ERAS, OPEN, WIDE_OPEN, Era, error_shape, good_shape
from tests.mcp.fake_toolkit import FakeToolkit, write_app

Records = list[Mapping[str, Any]]


@asynccontextmanager
async def audited(toolkit: FakeToolkit, era: Era, gates: Gates, records: Records) -> AsyncGenerator[Client]:
    async with Client(build_server(lambda: toolkit, gates, audit=records.append), mode=era) as client:
        yield client


@pytest.mark.parametrize("era", ERAS)
async def test_a_change_and_its_failure_are_written_down(era: Era, tmp_path: Path) -> None:
    records: Records = []
    toolkit = FakeToolkit()
    async with audited(toolkit, era, OPEN, records) as client:
        good_shape(await client.call_tool("deploy_app", {"app_path": str(write_app(tmp_path))}))
        toolkit.fails = ServiceError("service_missing", "Gone.", "Delete it.")
        error_shape(await client.call_tool("deploy_app", {"app_path": str(tmp_path)}))
    assert [(one["tool"], one["decision"], one["outcome"]) for one in records] == [
        ("deploy_app", "allowed", "ok"),
        ("deploy_app", "allowed", "service_missing"),
    ]
    assert records[0]["target"]


@pytest.mark.parametrize("era", ERAS)
async def test_a_refusal_is_written_down(era: Era) -> None:
    records: Records = []
    async with audited(FakeToolkit(), era, CLOSED, records) as client:
        error_shape(await client.call_tool("delete_app", {"app_name": "shop"}))
    assert [(one["tool"], one["decision"], one["outcome"]) for one in records] == [
        ("delete_app", "refused", "write_not_allowed")
    ]


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

    async with Client(build_server(FakeToolkit, OPEN, audit=full), mode="auto") as client:
        good_shape(await client.call_tool("delete_app", {"app_name": "shop"}))
    assert "missing in the audit log" in caplog.text
