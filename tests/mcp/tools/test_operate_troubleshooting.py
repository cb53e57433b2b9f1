"""The troubleshooting tool as a client sees it, in both protocol eras."""

import json
import threading
from typing import Any, ClassVar

import pytest
from mcp.types import ResourceLink, TextContent, TextResourceContents

from expressway.privacy.gates import Gates
from mcp import Client
from tests.mcp.connections import CLOSED, ERAS, WIDE_OPEN, Era, connected, error_shape, good_shape
from tests.mcp.fakes import FakeToolkit

TOOL = "ecs_troubleshooting_tool"
GUIDANCE = "get_ecs_troubleshooting_guidance"
SENSITIVE = ("fetch_service_events", "fetch_task_failures", "fetch_task_logs", "fetch_network_configuration")
OPEN_TO_ALL = (GUIDANCE, "fetch_cloudformation_status", "detect_image_pull_failures")
HUGE: dict[str, Any] = {
    "status": "success",
    "assessment": "The service web: 40 critical findings.",
    "findings": [
        {
            "code": f"code_{number}",
            "severity": "critical",
            "resource": f"arn:aws:ecs:us-east-1:000000000000:service/default/web-{number}",
            "cause": "It does not serve. " * 5,
            "evidence": [f"line {number}.{line} of the log " + "x" * 150 for line in range(6)],
            "remedy": "Correct it. " * 10,
            "confidence": "high",
        }
        for number in range(40)
    ],
    "raw_data": {"service_details": [{"arn": "a" * 100}] * 200},
}


async def _text(client: Client, uri: str) -> str:
    contents = (await client.read_resource(uri)).contents[0]
    assert isinstance(contents, TextResourceContents)
    return contents.text


@pytest.mark.parametrize("era", ERAS)
async def test_a_call_without_arguments_or_with_the_known_ones_is_passed_on(era: Era) -> None:
    toolkit = FakeToolkit()
    async with connected(toolkit, era) as client:
        good_shape(await client.call_tool(TOOL, {}))
        given = {"ecs_cluster_name": "default", "ecs_service_name": "web"}
        shape = good_shape(await client.call_tool(TOOL, {"action": GUIDANCE, "parameters": given}))
    assert shape["assessment"] == "Nothing is wrong."
    assert [asked for name, asked in toolkit.calls if name == "troubleshoot"] == [(GUIDANCE, {}), (GUIDANCE, given)]
    assert "MainThread" not in toolkit.threads


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("action", SENSITIVE)
async def test_actions_that_show_what_applications_wrote_need_the_gate(era: Era, action: str) -> None:
    toolkit = FakeToolkit()
    async with connected(toolkit, era, CLOSED) as client:
        shape = error_shape(await client.call_tool(TOOL, {"action": action, "parameters": {"ecs_cluster_name": "c"}}))
    assert shape["code"] == "sensitive_data_not_allowed"
    assert action in shape["message"]
    assert "troubleshoot" not in toolkit.names
    async with connected(toolkit, era, WIDE_OPEN) as client:
        good_shape(await client.call_tool(TOOL, {"action": action, "parameters": {"ecs_cluster_name": "c"}}))


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("action", OPEN_TO_ALL)
async def test_the_others_answer_with_the_gate_closed_and_withhold_their_evidence(era: Era, action: str) -> None:
    async with connected(FakeToolkit(troubleshooting=HUGE), era, CLOSED) as client:
        result = await client.call_tool(TOOL, {"action": action, "parameters": {"ecs_cluster_name": "c"}})
        shape = good_shape(result)
        link = next(block for block in result.content if isinstance(block, ResourceLink))
        whole = await _text(client, str(link.uri))
    assert all("evidence" not in finding for finding in shape["findings"])
    assert "of the log" not in whole
    assert "withheld" in shape


@pytest.mark.parametrize("era", ERAS)
async def test_a_huge_answer_stays_below_4_kb_and_links_to_the_rest(era: Era) -> None:
    async with connected(FakeToolkit(troubleshooting=HUGE), era, WIDE_OPEN) as client:
        result = await client.call_tool(TOOL, {"parameters": {"ecs_cluster_name": "default"}})
        shape = good_shape(result)
        text = next(block for block in result.content if isinstance(block, TextContent))
        link = next(block for block in result.content if isinstance(block, ResourceLink))
        whole = json.loads(await _text(client, str(link.uri)))
    assert len(text.text.encode()) + len(link.model_dump_json(by_alias=True, exclude_none=True)) <= 4096
    assert shape["omitted"]["findings"] == 40 - len(shape["findings"])
    assert shape["findings"][0]["code"] == "code_0"
    assert [one["code"] for one in whole["findings"]] == [one["code"] for one in HUGE["findings"]]


class _Line(str):
    """A line of a log that remembers which threads looked into it for what is to be shown."""

    __slots__ = ()
    read_by: ClassVar[list[str]] = []

    def isascii(self) -> bool:
        self.read_by.append(threading.current_thread().name)
        return super().isascii()


@pytest.mark.parametrize(("lines", "is_kept"), [(1, True), (60, True), (100, False)])
async def test_lines_are_looked_through_in_a_thread_and_only_where_somebody_can_see_them(
    lines: int, is_kept: bool
) -> None:
    entries = [{"message": _Line("word " * (10_000 if lines > 1 else 10)), "severity": "INFO"} for _ in range(lines)]
    answer = {"status": "success", "message": "Lines.", "findings": [], "log_entries": entries}
    _Line.read_by.clear()
    async with connected(FakeToolkit(troubleshooting=answer), "auto", WIDE_OPEN) as client:
        asked = {"action": "fetch_task_logs", "parameters": {"ecs_cluster_name": "default"}}
        result = await client.call_tool(TOOL, asked)
    assert not result.is_error
    assert bool(_Line.read_by) is is_kept
    assert threading.main_thread().name not in _Line.read_by


@pytest.mark.parametrize("gates", [CLOSED, WIDE_OPEN])
async def test_text_and_structured_content_together_stay_below_8_kb(gates: Gates) -> None:
    full_of_quotes = [f"{number} " + '"' * 228 for number in range(6)]
    told: dict[str, Any] = {"status": "success", "findings": [], "gaps": full_of_quotes}
    toolkit = FakeToolkit(troubleshooting=told)
    async with connected(toolkit, "auto", gates) as client:
        result = await client.call_tool(TOOL, {"parameters": {"ecs_cluster_name": "default"}})
    good_shape(result)
    text = next(block for block in result.content if isinstance(block, TextContent))
    assert len(text.text.encode()) <= 4096
    assert len(result.model_dump_json(by_alias=True, exclude_none=True).encode()) <= 8192


async def test_the_whole_answer_comes_when_it_is_asked_for() -> None:
    async with connected(FakeToolkit(troubleshooting=HUGE), "auto", WIDE_OPEN) as client:
        given = {"ecs_cluster_name": "default", "detail": "full"}
        shape = good_shape(await client.call_tool(TOOL, {"parameters": given}))
    assert len(shape["findings"]) == 40


@pytest.mark.parametrize("era", ERAS)
async def test_an_unknown_action_is_refused_with_the_nearest_before_anything_is_asked(era: Era) -> None:
    toolkit = FakeToolkit()
    async with connected(toolkit, era, CLOSED) as client:
        shape = error_shape(await client.call_tool(TOOL, {"action": "fetch_task_log"}))
    assert shape["code"] == "unknown_action"
    assert "fetch_task_logs" in shape["hint"]
    assert toolkit.names == []
