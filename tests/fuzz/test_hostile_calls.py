"""Calls of every tool with generated arguments, definitions, paths and names: each ends soon, in a small answer."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp.types import CallToolResult

from expressway.app.parse import parse_definition, parse_definition_text
from expressway.errors import ExpresswayError
from mcp import Client
from tests.fuzz.hostile_values import MARKER, Hostile
from tests.fuzz.offline_toolkit import OfflineToolkit
from tests.mcp.connections import CLOSED, OPEN, connected

LARGEST_ERROR = 24_000
LARGEST_ANSWER = 60_000
HANGS_AFTER_SECONDS = 120
DEFINITION: dict[str, Any] = {
    "name": "shop",
    "build": {"context": ".", "dockerfile": "Dockerfile", "args": {"A": "b"}},
    "container_port": 8080,
    "health_check_path": "/health",
    "scaling": {"min": 1, "max": 2},
    "environment": {"A": "b"},
    "secrets": {"S": "arn:aws:secretsmanager:eu-west-1:111122223333:secret:team/web-AbCdEf"},
    "network": {"subnets": ["subnet-12345678", "subnet-12345679"]},
    "regions": ["eu-west-1"],
}
STRANGERS = ("shadow", "credentials", ".env", "id_rsa", "secrets.yaml", "list.yml", "key.json", "Dockerfile.env")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An app beside files that are nobody's definition, and what leads to them."""
    app = tmp_path / "app"
    app.mkdir()
    (app / "Dockerfile").write_text('FROM python:3.13-slim\nCMD ["python", "app.py"]\n')
    (app / "requirements.txt").write_text("flask\n")
    (app / "app.py").write_text("from flask import Flask\napp = Flask(__name__)\n")
    for number, name in enumerate(STRANGERS):
        text = (f"{MARKER}: {MARKER}\n", f"[{MARKER}]\nkey={MARKER}\n", f"- {MARKER}\n", f"{MARKER}")[number % 4]
        (tmp_path / name).write_text(text)
        (app / name).write_text(text)
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "expressway.yaml").symlink_to(tmp_path / "secrets.yaml")
    (tmp_path / "piped").mkdir()
    os.mkfifo(tmp_path / "piped" / "expressway.yaml")
    (tmp_path / "folder" / "expressway.yaml").mkdir(parents=True)
    return tmp_path


def paths_in(folder: Path) -> list[str]:
    named = (
        "",
        "app",
        "linked",
        "piped",
        "folder",
        "app/expressway.yaml",
        "linked/expressway.yaml",
        "none",
        *STRANGERS,
    )
    return [*(str(folder / name) for name in named), *(str(folder / "app" / name) for name in STRANGERS)]


def check(result: CallToolResult, tool: str) -> None:
    told = json.dumps(result.structured_content)
    assert MARKER not in told, f"{tool}: {told[:500]}"
    assert result.structured_content is not None
    if result.is_error:
        assert result.structured_content.get("code", "internal_error") != "internal_error", f"{tool}: {told[:500]}"
    assert len(told) < (LARGEST_ERROR if result.is_error else LARGEST_ANSWER), f"{tool}: {len(told)}"


async def called(client: Client, tool: str, arguments: dict[str, Any]) -> CallToolResult:
    with anyio.fail_after(HANGS_AFTER_SECONDS):
        return await client.call_tool(tool, arguments)


async def test_any_arguments_of_any_tool_end_in_a_small_answer(folder: Path) -> None:
    hostile = Hostile(1)
    async with connected(OfflineToolkit(), "legacy", OPEN) as client:
        tools = (await client.list_tools()).tools
        for _ in range(40):
            for tool in tools:
                known = list(tool.input_schema["properties"])
                arguments = {name: hostile.value() for name in known if hostile.random.random() < 0.5}
                for name in tool.input_schema.get("required", ()):
                    arguments.setdefault(name, hostile.text())
                if "app_path" in arguments and hostile.random.random() < 0.7:
                    arguments["app_path"] = hostile.random.choice(paths_in(folder))
                if hostile.random.random() < 0.2:
                    arguments[hostile.text()] = hostile.value()
                check(await called(client, tool.name, arguments), tool.name)


@pytest.mark.parametrize("gates", [CLOSED, OPEN], ids=["closed", "open"])
async def test_no_path_discloses_what_is_no_definition(folder: Path, gates: Any) -> None:
    async with connected(OfflineToolkit(), "legacy", gates) as client:
        for path in paths_in(folder):
            for tool, more in (
                ("synth_app", {}),
                ("diff_app", {}),
                ("deploy_app", {"wait_seconds": 0}),
                ("build_and_push_image_to_ecr", {"app_name": "shop"}),
                ("containerize_app", {}),
                ("diff_app", {"definition": {"name": "shop", "build": "."}}),
            ):
                check(await called(client, tool, {"app_path": path, **more}), f"{tool} {path}")
        for name in STRANGERS:
            definition = {"name": "shop", "build": {"dockerfile": name}}
            result = await called(client, "diff_app", {"app_path": str(folder / "app"), "definition": definition})
            check(result, name)


async def test_any_definition_ends_in_a_small_answer(folder: Path) -> None:
    hostile = Hostile(2)
    file = folder / "app" / "expressway.yaml"
    async with connected(OfflineToolkit(), "legacy", OPEN) as client:
        for _ in range(150):
            text = json.dumps(DEFINITION) if hostile.random.random() < 0.3 else hostile.yaml()
            file.write_bytes(hostile.damaged(text.encode()))
            check(await called(client, "diff_app", {"app_path": str(folder / "app")}), "diff_app")
            definition = hostile.changed(DEFINITION)
            arguments = {"app_path": str(folder / "app"), "definition": definition}
            check(await called(client, "diff_app", arguments), "diff_app")


async def test_any_name_and_parameter_ends_in_a_small_answer() -> None:
    hostile = Hostile(3)
    operations = ("ListClusters", "UpdateService", "RegisterTaskDefinition", "ecr:DescribeImages", "TagResource")
    actions = ("fetch_task_logs", "get_ecs_troubleshooting_guidance", "detect_image_pull_failures")
    async with connected(OfflineToolkit(), "legacy", OPEN) as client:
        for _ in range(150):
            check(await called(client, hostile.text(), {}), "any name")
            operation = hostile.random.choice((*operations, hostile.text()))
            honest = {
                "cluster": "c",
                "tags": [{"key": "a", "value": "b"}],
                "maxResults": 1,
                "containerDefinitions": [{}],
            }
            arguments = {"api_operation": operation, "api_params": hostile.changed(honest), "query": hostile.text()}
            check(await called(client, "ecs_resource_management", arguments), operation)
            action = hostile.random.choice((*actions, hostile.text()))
            honest = {"ecs_cluster_name": "c", "ecs_service_name": "s", "time_window": 60, "start_time": "2025-01-01"}
            arguments = {"action": action, "parameters": hostile.changed(honest)}
            check(await called(client, "ecs_troubleshooting_tool", arguments), action)


def test_any_definition_is_taken_or_refused_in_few_words() -> None:
    hostile = Hostile(4, surrogates=True)
    for _ in range(400):
        errors = (error_of(parse_definition, hostile.value()), error_of(parse_definition_text, hostile.yaml()))
        for error in filter(None, errors):
            assert error.code in {"invalid_definition", "invalid_yaml", "definition_too_large"}
            assert len(json.dumps(error.to_dict())) < LARGEST_ERROR


def error_of(parse: Callable[[Any], object], given: object) -> ExpresswayError | None:
    try:
        parse(given)
    except ExpresswayError as error:
        return error
    return None
