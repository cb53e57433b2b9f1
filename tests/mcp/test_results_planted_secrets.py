"""Secrets are planted over everything that an AWS answers; none of them, and no eight characters of one, reaches a
client, the audit log or the journal, however answers are cut and queried.

Every tool of the server has its calls here: a new one fails the first test until somebody plants for it.
"""

import json
import logging
from collections.abc import AsyncGenerator, Collection, Mapping
from contextlib import asynccontextmanager
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import pytest
from botocore.loaders import create_loader
from mcp.server import MCPServer
from mcp.types import CallToolResult, ResourceLink, TextResourceContents

from expressway.aws.session import AwsSession
from expressway.diagnose.actions import ACTIONS
from expressway.mcp.audit.log import AuditLog
from expressway.mcp.audit.trail import AuditTrail
from expressway.mcp.logs import MaskingFormatter
from expressway.mcp.server import OptionalTools, build_server
from expressway.privacy.gates import Gates
from expressway.privacy.untrusted import quoted
from expressway.toolkit import Toolkit
from expressway.toolkit.wiring import Wiring
from mcp import Client
from tests.mcp.connections import ERAS, CheckedClient, Era, ProgressWatch
from tests.mcp.planted_aws import IMAGE, NOWHERE, PART, TASK_ARNS, PlantedAws

CLOSED = Gates(allow_write=True, allow_sensitive_data=False)
OPEN = Gates(allow_write=True, allow_sensitive_data=True)
REFUSED = frozenset({"iam:GetRole", "ecs:StopTask", "ecr:DescribeRepositories", "logs:DescribeLogGroups"})
Call = dict[str, Any]


class PlantedWiring(Wiring):
    """The real adapters over the planted AWS."""

    def __init__(self, wiring: Wiring, aws: PlantedAws) -> None:
        self.__dict__.update(wiring.__dict__)
        self._aws = aws

    @cached_property
    def session(self) -> AwsSession:
        return self._aws.session()


class PlantedToolkit(Toolkit):
    """The real toolkit over the planted AWS, on a machine without a container engine and without the internet."""

    def __init__(self, aws: PlantedAws, home: Path) -> None:
        environ = {
            "EXPRESSWAY_HOME": str(home),
            "DOCKER_HOST": "unix:///nonexistent/docker.sock",
            "EXPRESSWAY_KNOWLEDGE_URL": f"{NOWHERE}/mcp",
        }
        super().__init__(sandbox_url=NOWHERE, environ=environ)
        self._wiring = PlantedWiring(self._wiring, aws)


class Listener:
    """A client that keeps all that it is told."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._progress = ProgressWatch()
        self._told: list[str] = []

    def news(self) -> str:
        """What was told since it was asked last: results, resources and progress."""
        told = [*self._told, *(message for _, message in self._progress.seen)]
        self._told.clear()
        self._progress.seen.clear()
        return "\n".join(told)

    async def tools(self) -> frozenset[str]:
        return frozenset(tool.name for tool in (await self._client.list_tools()).tools)

    async def call(self, tool: str, arguments: Call) -> CallToolResult:
        result = await self._client.call_tool(tool, arguments, progress_callback=self._progress)
        self._told.append(result.model_dump_json())
        # Escapes of JSON would hide a secret from a search for it.
        self._told.append(json.dumps(result.structured_content, ensure_ascii=False))
        for block in result.content:
            if isinstance(block, ResourceLink):
                await self._read(str(block.uri))
        return result

    async def _read(self, uri: str) -> None:
        for content in (await self._client.read_resource(uri)).contents:
            assert isinstance(content, TextResourceContents)
            self._told.append(content.text)


@asynccontextmanager
async def listening(aws: PlantedAws, gates: Gates, era: Era, home: Path) -> AsyncGenerator[Listener]:
    with PlantedToolkit(aws, home) as toolkit:
        async with CheckedClient(server_of(toolkit, gates, home), mode=era) as client:
            yield Listener(client)


def server_of(toolkit: Toolkit, gates: Gates, home: Path) -> MCPServer:
    """The server with every tool that an operator can have."""
    everything = OptionalTools(knowledge=(), former_names=True)
    return build_server(lambda: toolkit, gates, optional_tools=everything, audit=AuditTrail(AuditLog(home).append))


@pytest.fixture
def server_log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """What the server writes to standard error."""
    caplog.handler.setFormatter(MaskingFormatter())
    caplog.set_level(logging.WARNING)
    return caplog


# -- the calls ------------------------------------------------------------------------------------------------
def definition_of(aws: PlantedAws) -> Call:
    return {
        "name": "shop",
        "image": IMAGE,
        "environment": {f"VALUE_{number}": aws.plant("definition's environment") for number in range(5)},
        "command": [aws.plant("definition's command")],
    }


def app_calls(aws: PlantedAws, folder: Path) -> dict[str, list[Call]]:
    source = {"app_path": str(folder), "definition": definition_of(aws)}
    wrong = {**source, "definition": {**definition_of(aws), "environment": {"A": [aws.plant("wrong definition")]}}}
    return {
        "synth_app": [{**source, "include_templates": True}, wrong],
        "diff_app": [{**source, "adopt": True, "allow_replacement": True}],
        "deploy_app": [{**source, "adopt": True, "allow_replacement": True, "wait_seconds": 30}],
        "get_deployment_status": [{"app_name": "shop"}, {"app_name": "cart"}],
        "list_apps": [{}],
        "build_and_push_image_to_ecr": [{"app_name": "shop", "app_path": str(folder)}],
        "validate_ecs_express_mode_prerequisites": [{"image_uri": IMAGE}],
        "wait_for_service_ready": [{"cluster": "default", "service_name": "shop", "timeout_seconds": 1}],
        "containerize_app": [{"app_path": str(folder)}, {"app_path": str(folder), "write": True}],
        "create_ecs_infrastructure": [
            {"app_name": "shop", "app_path": str(folder)},
            {"app_name": "shop", "app_path": str(folder), "force_deploy": True},
        ],
    }


def operate_calls() -> dict[str, list[Call]]:
    return {
        "ecs_troubleshooting_tool": [
            {"action": action, "parameters": {**parameters, **({"detail": detail} if detail else {})}}
            for action, choices in TROUBLESHOOTING.items()
            for parameters in choices
            for detail in ("", "full")
        ],
        "ecs_resource_management": [
            *(api_call("ecs", operation) for operation in operations("ecs")),
            *(api_call("ecr", operation) for operation in operations("ecr") if operation.startswith(_READS)),
            *({**api_call("ecs", operation), "query": query} for operation, query in QUERIES),
        ],
    }


def knowledge_calls() -> dict[str, list[Call]]:
    return {
        "aws_knowledge_aws___search_documentation": [{"search_phrase": "ecs"}],
        "aws_knowledge_aws___read_documentation": [{"url": "https://docs.aws.amazon.com/"}],
        "aws_knowledge_aws___recommend": [{"url": "https://docs.aws.amazon.com/"}],
    }


_CLUSTER, _SERVICE = {"ecs_cluster_name": "default"}, {"ecs_service_name": "shop"}
_TASK = {"ecs_task_id": TASK_ARNS[0].rpartition("/")[2]}
_STACK = {"cfn_stack_name": "shop-express-service"}
TROUBLESHOOTING: Mapping[str, list[Call]] = {
    "get_ecs_troubleshooting_guidance": [
        {**_CLUSTER, **_SERVICE, "symptoms_description": "it crashes"},
        _CLUSTER,
    ],
    "fetch_cloudformation_status": [_STACK],
    "fetch_service_events": [{**_CLUSTER, **_SERVICE}],
    "fetch_task_failures": [_CLUSTER],
    "fetch_task_logs": [{**_CLUSTER, **_TASK}, {**_CLUSTER, "filter_pattern": "Error"}],
    "detect_image_pull_failures": [{**_CLUSTER, **_SERVICE}, {**_CLUSTER, **_TASK}, _STACK, {"family_prefix": "shop"}],
    "fetch_network_configuration": [_CLUSTER],
}
_CONTAINERS = "taskDefinition.containerDefinitions[]"
QUERIES = (
    *(
        ("DescribeTaskDefinition", query.format(f"{_CONTAINERS}.environment[]"))
        for query in (
            "{}.reverse(value)",
            "{}.join('zz', ['a', value])",
            "join('zz', {}.value)",
            "{}.to_string(@)",
            "{}.[name, value, not_null(value), to_array(value)]",
        )
    ),
    ("DescribeTaskDefinition", f"{_CONTAINERS}.command[].reverse(@)"),
    ("DescribeTaskDefinition", f"{_CONTAINERS}.dockerLabels.map(&reverse(@), keys(@))"),
    ("DescribeTaskDefinition", f"{_CONTAINERS}.dockerLabels.values(@)[].reverse(@)"),
    ("DescribeTaskDefinition", "tags[].[reverse(key), reverse(value)]"),
    ("DescribeServices", "services[].events[].join('', ['x', reverse(message)])"),
    ("DescribeTasks", "tasks[].[reverse(stoppedReason), containers[].reverse(reason)]"),
    ("DescribeTasks", "map(&join('zz', [stoppedReason, taskArn]), tasks)"),
)
_READS = ("Describe", "List", "Get", "BatchGet", "BatchCheck")


@cache
def service_model(service: str) -> Mapping[str, Any]:
    return create_loader().load_service_model(service, "service-2")


def operations(service: str) -> list[str]:
    return sorted(service_model(service)["operations"])


def api_call(service: str, operation: str) -> Call:
    """A call with the parameters that it cannot do without."""
    model = service_model(service)
    shape = model["operations"][operation].get("input", {}).get("shape")
    given = _required(model["shapes"], shape) if shape else {}
    prefix = "ecr:" if service == "ecr" else ""
    return {"api_operation": f"{prefix}{operation}", "api_params": given}


def _required(shapes: Mapping[str, Any], name: str) -> Any:
    shape = shapes[name]
    kind = shape["type"]
    if kind == "structure":
        members = shape["members"]
        return {member: _required(shapes, members[member]["shape"]) for member in shape.get("required", ())}
    if kind == "list":
        return [_required(shapes, shape["member"]["shape"])]
    if kind == "map":
        return {}
    simple: dict[str, Any] = {"boolean": True, "integer": 1, "long": 1, "double": 1.0, "timestamp": 0}
    return shape["enum"][0] if "enum" in shape else simple.get(kind, "default")


def every_call(aws: PlantedAws, folder: Path) -> dict[str, list[Call]]:
    """By tool; what deletes the app comes last."""
    delete = {
        "delete_app": [{"app_name": "shop", "wait_seconds": 20}],
        "delete_ecs_infrastructure": [{"app_name": "shop"}],
    }
    return {**app_calls(aws, folder), **operate_calls(), **knowledge_calls(), **delete}


def app_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "Dockerfile").write_text('FROM public.ecr.aws/docker/library/busybox:1\nCMD ["true"]\n')
    return folder


def journal_with_secrets(aws: PlantedAws, home: Path) -> None:
    """What an operation before left behind: its error quotes a log."""
    folder = home / "operations" / f"sandbox-{'0' * 12}-us-east-1"
    folder.mkdir(parents=True)
    message = f"The container Main exited with code 1: {quoted(aws.plant('journal'))}"
    error = {
        "code": "deployment_failed",
        "message": message,
        "hint": "",
        "details": {"evidence": [aws.plant("journal")]},
    }
    record = {
        "operation_id": "deploy-cart-1",
        "app_name": "cart",
        "kind": "deploy",
        "state": "failed",
        "phase": "service",
        "message": message,
        "started_at": "2026-01-01T00:00:00+00:00",
        "updated_at": "2026-01-01T00:00:00+00:00",
        "error": error,
    }
    (folder / "cart.json").write_text(json.dumps(record))


def leaks(text: str, aws: PlantedAws, *, outside: Collection[str] = ()) -> list[tuple[str, str]]:
    """The secrets of which eight characters in a row are in the text, forwards or backwards."""
    sequences = {one[at : at + PART] for one in (text, text[::-1]) for at in range(len(one) - PART + 1)}
    return [aws.parts[part] for part in aws.parts.keys() & sequences if aws.parts[part][0] not in outside]


def written(home: Path, folder: str) -> str:
    return "\n".join(path.read_text() for path in sorted((home / folder).rglob("*.json*")))


# -- the tests ------------------------------------------------------------------------------------------------
async def test_every_tool_and_every_action_has_its_calls_here(tmp_path: Path) -> None:
    aws = PlantedAws(1, opaque=True)
    toolkit = PlantedToolkit(aws, tmp_path)
    listed = {tool.name for tool in await server_of(toolkit, CLOSED, tmp_path).list_tools()}
    assert listed == set(every_call(aws, tmp_path))
    assert set(TROUBLESHOOTING) == set(ACTIONS)


@pytest.mark.process
@pytest.mark.timeout(600)
@pytest.mark.parametrize("era", ERAS)
async def test_with_the_gate_closed_no_secret_gets_out_whatever_it_looks_like(
    era: Era, tmp_path: Path, server_log: pytest.LogCaptureFixture
) -> None:
    aws, home = PlantedAws(11, opaque=True, refusing=REFUSED), tmp_path / "home"
    journal_with_secrets(aws, home)
    await call_everything(aws, CLOSED, era, home, tmp_path)
    assert sum(map(len, aws.secrets.values())) >= 1000
    assert leaks(written(home, "audit"), aws) == []
    assert leaks(server_log.text, aws) == []
    assert [source for source in SOURCES if not aws.secrets[source]] == [], "of these nothing was proven"


@pytest.mark.process
@pytest.mark.timeout(600)
async def test_with_the_gate_open_secrets_of_known_kinds_are_still_masked_everywhere(
    tmp_path: Path, server_log: pytest.LogCaptureFixture
) -> None:
    aws, home = PlantedAws(12, opaque=False, refusing=REFUSED), tmp_path / "home"
    journal_with_secrets(aws, home)
    marked = await call_everything(aws, OPEN, "auto", home, tmp_path)
    assert sum(map(len, aws.secrets.values())) >= 1000
    assert leaks(written(home, "audit") + written(home, "operations"), aws, outside=("journal",)) == []
    assert leaks(server_log.text, aws) == []
    assert {"ecs_troubleshooting_tool", "ecs_resource_management", "get_deployment_status"} <= marked


async def call_everything(aws: PlantedAws, gates: Gates, era: Era, home: Path, tmp_path: Path) -> set[str]:
    """Call all that is listed, and look at each answer; the tools that showed text of others, marked as such."""
    calls = every_call(aws, app_folder(tmp_path))
    marked: set[str] = set()
    async with listening(aws, gates, era, home) as client:
        listed = await client.tools()
        for tool in (tool for tool in calls if tool in listed):
            for arguments in calls[tool]:
                content = (await client.call(tool, arguments)).structured_content or {}
                assert leaks(client.news(), aws) == [], (tool, arguments)
                assert content.get("code") != "internal_error", (tool, arguments)
                marked |= {tool} if "untrusted" in content else set()
    return marked


SOURCES = (
    *("service events", "rollout reasons", "stopped reasons", "container reasons", "environment values", "commands"),
    *("entry points", "docker labels", "secret references", "log driver options", "tags", "log lines"),
    *("stack status reasons", "stack event reasons", "deployed environment values", "deployed commands"),
    *("change set reasons", "AWS error messages", "definition's environment", "definition's command", "journal"),
    *("wrong definition", "image manifests"),
)
