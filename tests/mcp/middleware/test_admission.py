"""What leaves the front desk: the tool's own result as it is, and no error in the SDK's words."""

from typing import Any, cast

import pytest
from mcp.server.mcpserver.tools import Tool
from mcp.types import CallToolRequestParams, CallToolResult, EmptyResult, TextContent

from expressway.mcp.middleware.admission import AdmissionMiddleware, Listed
from expressway.privacy.gates import Gates
from tests.mcp.connections import error_shape

WORDS = [TextContent(type="text", text="1 validation error for look_at")]


async def look() -> None:
    """The tool that is called."""


async def leaving(result: Any) -> Any:
    """What a client gets where the SDK answers `result` to a call."""

    async def call_next(_: object) -> Any:
        return result

    desk = AdmissionMiddleware({"look": Listed(Tool.from_function(look), writes=False)}, Gates())
    return await desk.intercept_tool_call(CallToolRequestParams(name="look"), cast("Any", None), call_next)


async def test_an_error_in_the_sdks_words_leaves_as_an_internal_error_without_them() -> None:
    shape = error_shape(await leaving(CallToolResult(content=list(WORDS), is_error=True)))
    assert shape["code"] == "internal_error"
    assert "validation" not in str(shape)


@pytest.mark.parametrize(
    "result",
    [
        CallToolResult(content=list(WORDS), is_error=True, structured_content={"code": "app_not_found"}),
        CallToolResult(content=list(WORDS), structured_content={"status": "ready"}),
        CallToolResult(content=list(WORDS)),
        EmptyResult(),
    ],
    ids=["error", "structured", "plain", "other"],
)
async def test_any_other_result_leaves_as_it_is(result: object) -> None:
    assert await leaving(result) is result
