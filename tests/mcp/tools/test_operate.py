"""ecs_resource_management through the protocol: each call decides which gates it needs."""

from typing import Any

import pytest

from expressway.errors import RefusedError
from expressway.toolkit import Toolkit
from tests.mcp.connections import CLOSED, ERAS, OPEN, WIDE_OPEN, Era, connected, error_shape, good_shape
from tests.mcp.fakes import FakeToolkit

TOOL = "ecs_resource_management"
NOWHERE = {"EXPRESSWAY_SANDBOX": "http://127.0.0.1:1"}
"""What is refused before anything is sent needs no AWS."""


@pytest.mark.parametrize("era", ERAS)
async def test_the_call_reaches_the_toolkit_with_the_gates_even_when_they_are_closed(era: Era) -> None:
    toolkit = FakeToolkit(api_answer={"clusterArns": ["arn:aws:ecs:us-east-1:000000000000:cluster/a"]})
    async with connected(toolkit, era, CLOSED) as client:
        asked = {"api_operation": "ListClusters", "api_params": {"maxResults": 5}, "query": "clusterArns", "limit": 5}
        shape = good_shape(await client.call_tool(TOOL, asked))
        good_shape(await client.call_tool(TOOL, {"api_operation": "ListClusters"}))
    assert shape == toolkit.api_answer
    assert toolkit.calls == [
        ("call_api", ("ListClusters", {"maxResults": 5}, "clusterArns", 5, CLOSED)),
        ("call_api", ("ListClusters", {}, None, None, CLOSED)),
    ]
    assert all(name == "expressway tool" for name in toolkit.threads), "never on the event loop"


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    ("operation", "parameters", "touches"),
    [
        ("UpdateService", {"service": "web"}, "service web in cluster default"),
        ("delete_cluster", {"cluster": "prod"}, "cluster prod"),
        ("RunTask", {"taskDefinition": "web:1"}, "task definition web:1"),
    ],
)
async def test_a_change_is_refused_with_the_gate_closed_and_names_what_it_would_touch(
    era: Era, operation: str, parameters: dict[str, Any], touches: str
) -> None:
    async with connected(Toolkit(environ=NOWHERE), era, CLOSED) as client:
        error = error_shape(await client.call_tool(TOOL, {"api_operation": operation, "api_params": parameters}))
    assert error["code"] == "write_not_allowed"
    assert error["details"]["touches"][0] == touches
    assert "ALLOW_WRITE=true" in error["hint"]


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("operation", ["ExecuteCommand", "DiscoverPollEndpoint", "ecr:GetAuthorizationToken"])
async def test_what_opens_a_door_needs_both_gates(era: Era, operation: str) -> None:
    for gates, code in ((CLOSED, "write_not_allowed"), (OPEN, "sensitive_data_not_allowed")):
        async with connected(Toolkit(environ=NOWHERE), era, gates) as client:
            assert error_shape(await client.call_tool(TOOL, {"api_operation": operation}))["code"] == code


@pytest.mark.parametrize("era", ERAS)
async def test_wrong_names_and_parameters_are_errors_that_say_what_is_right(era: Era) -> None:
    async with connected(Toolkit(environ=NOWHERE), era, WIDE_OPEN) as client:
        unknown = error_shape(await client.call_tool(TOOL, {"api_operation": "DescribeServics"}))
        wrong = {"api_operation": "DescribeServices", "api_params": {"service": "web", "include": ["TAG"]}}
        misfit = error_shape(await client.call_tool(TOOL, wrong))
        query = {"api_operation": "ListClusters", "query": "clusterArns["}
        assert error_shape(await client.call_tool(TOOL, query))["code"] == "query_invalid"
        for limit in (0, 100_000):
            beyond = {"api_operation": "ListClusters", "limit": limit}
            assert error_shape(await client.call_tool(TOOL, beyond))["code"] == "invalid_arguments"
    assert unknown["details"]["suggestions"][0] == "DescribeServices"
    assert {one["path"] for one in misfit["details"]["problems"]} == {"service", "services", "include[0]"}
    assert "was TAGS meant?" in str(misfit["details"]["problems"])


@pytest.mark.parametrize("era", ERAS)
async def test_what_a_stack_owns_is_refused_in_the_shape_of_every_error(era: Era) -> None:
    owned = RefusedError("owned_by_stack", "It belongs to shop.", "delete_app", {"app_name": "shop"})
    async with connected(FakeToolkit(fails=owned), era, OPEN) as client:
        error = error_shape(await client.call_tool(TOOL, {"api_operation": "DeleteService"}))
    assert error == owned.to_dict()
