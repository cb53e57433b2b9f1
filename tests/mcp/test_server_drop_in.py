"""The server under its predecessor's name: started as agents of the field start that one, with what they set."""

import fcntl
import hashlib
import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from mcp.client.stdio import StdioServerParameters

from expressway.mcp.logs import start_logging
from expressway.privacy.gates import gates_of, is_enabled
from mcp import Client
from tests.mcp.connections import ERAS, Era, error_shape
from tests.mcp.fakes import LONG, write_app
from tests.mcp.known_tools import PARAMETERS
from tests.secret_samples import SecretSource

pytestmark = pytest.mark.process

ROOT = Path(__file__).parents[2]
PROGRAM = Path(sys.executable).with_name("ecs-mcp-server")
_PINS = ROOT / "requirements" / "agent.txt"
_AGENTS = ROOT / ".expressway" / "agents"


@pytest.fixture(scope="session")
def agent_python() -> Path:
    """A Python with langchain-mcp-adapters, kept between runs: it needs another version of the MCP SDK than we do."""
    home = _AGENTS / hashlib.sha256(_PINS.read_bytes()).hexdigest()[:12]
    _AGENTS.mkdir(parents=True, exist_ok=True)
    python, uv = home / "bin" / "python", Path(sys.executable).with_name("uv")
    with (_AGENTS / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (home / "installed").exists():
            subprocess.run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, home], check=True)
            install = [uv, "pip", "install", "--quiet", "--python", python, "--require-hashes", "-r", _PINS]
            subprocess.run(install, check=True)
            (home / "installed").touch()
    return python


def _calls(app: str) -> Mapping[str, Mapping[str, Any]]:
    cluster = {"parameters": {"ecs_cluster_name": "default"}}
    page = {"url": "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/Welcome.html"}
    return {
        "get_deployment_status": {"app_name": "shop"},
        "synth_app": {"app_path": app},
        "diff_app": {"app_path": app},
        "deploy_app": {"app_path": app},
        "list_apps": {},
        "delete_app": {"app_name": "shop"},
        "build_and_push_image_to_ecr": {"app_name": "shop", "app_path": app},
        "validate_ecs_express_mode_prerequisites": {"image_uri": "public.ecr.aws/docker/library/httpd:2.4"},
        "wait_for_service_ready": {"cluster": "default", "service_name": "shop"},
        "ecs_troubleshooting_tool": cluster,
        "ecs_resource_management": {"api_operation": "ListClusters", "api_params": {}},
        "containerize_app": {"app_path": app},
        "aws_knowledge_aws___search_documentation": {"search_phrase": "express mode"},
        "aws_knowledge_aws___read_documentation": page,
        "aws_knowledge_aws___recommend": page,
    }


def _asked(python: Path, home: Path, variables: Mapping[str, str], calls: Mapping[str, Any]) -> Mapping[str, Any]:
    done = subprocess.run(
        [python, ROOT / "tests" / "mcp" / "agent_of_the_field.py", PROGRAM],
        input=json.dumps({"variables": variables, "calls": calls}),
        env={"PATH": os.environ["PATH"], "HOME": str(home), "AWS_EC2_METADATA_DISABLED": "true"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


def test_an_agent_of_the_field_gets_every_tool_and_each_answers(agent_python: Path, tmp_path: Path) -> None:
    app = str(write_app(tmp_path / "app"))
    found = _asked(agent_python, tmp_path, {"ENABLE_ECS_MCP": "true", "AWS_REGION": "us-east-1"}, _calls(app))
    assert set(found["tools"]) == set(PARAMETERS)
    assert found["kept"] == found["tools"], "no tool is dropped for its schema"
    assert found["prefixed"] == [f"ecs_{name}" for name in found["tools"]]
    assert found["answers"].keys() == PARAMETERS.keys()
    for name, answer in found["answers"].items():
        assert "{" in answer, (name, answer)
        for broken in ("internal_error", "unknown_tool", "invalid_arguments"):
            assert broken not in answer, (name, answer)
    assert "shop-express-service" in found["answers"]["synth_app"]
    assert '"code"' in found["prefixed_answer"]
    for name in ("deploy_app", "delete_app", "build_and_push_image_to_ecr"):
        assert "write_not_allowed" in found["answers"][name]


def test_what_the_agent_allows_is_allowed(agent_python: Path, tmp_path: Path) -> None:
    variables = {"ECS_MCP_ALLOW_WRITE": "true", "ECS_MCP_ALLOW_SENSITIVE_DATA": "true"}
    found = _asked(agent_python, tmp_path, variables, {"delete_app": {"app_name": "shop"}})
    assert "write_not_allowed" not in found["answers"]["delete_app"]
    assert '"code"' in found["answers"]["delete_app"]


def _parameters(tmp_path: Path, **variables: str) -> StdioServerParameters:
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), **variables}
    return StdioServerParameters(command=str(PROGRAM), env=environment)


@pytest.mark.parametrize("era", ERAS)
async def test_a_server_that_was_turned_off_lists_nothing(era: Era, tmp_path: Path) -> None:
    parameters = _parameters(tmp_path, ENABLE_ECS_MCP="false", ALLOW_WRITE="true")
    async with Client(parameters, mode=era, read_timeout_seconds=LONG) as client:
        assert (await client.list_tools()).tools == []
        assert "turned this server off" in (client.instructions or "")


@pytest.mark.parametrize("era", ERAS)
async def test_a_closed_gate_without_the_prefix_stays_closed(era: Era, tmp_path: Path) -> None:
    parameters = _parameters(tmp_path, ALLOW_WRITE="false", ECS_MCP_ALLOW_WRITE="true", ENABLE_ECS_MCP="true")
    async with Client(parameters, mode=era, read_timeout_seconds=LONG) as client:
        shape = error_shape(await client.call_tool("delete_app", {"app_name": "shop"}))
    assert shape["code"] == "write_not_allowed"


@pytest.mark.parametrize(
    ("variables", "opened"),
    [
        ({}, False),
        ({"ECS_MCP_ALLOW_WRITE": "true"}, True),
        ({"ECS_MCP_ALLOW_WRITE": "True"}, True),
        ({"ECS_MCP_ALLOW_WRITE": "on"}, False),
        ({"ECS_MCP_ALLOW_WRITE": "true", "ALLOW_WRITE": "false"}, False),
        ({"ECS_MCP_ALLOW_WRITE": "true", "ALLOW_WRITE": ""}, False),
        ({"ECS_MCP_ALLOW_WRITE": "false", "ALLOW_WRITE": "true"}, True),
    ],
)
def test_the_name_without_the_prefix_wins(variables: Mapping[str, str], opened: bool) -> None:
    assert gates_of(variables).allow_write == opened
    sensitive = {name.replace("WRITE", "SENSITIVE_DATA"): value for name, value in variables.items()}
    assert gates_of(sensitive).allow_sensitive_data == opened
    assert not gates_of(sensitive).allow_write


@pytest.mark.parametrize(
    ("value", "enabled"), [(None, True), ("", True), ("true", True), ("TRUE", True), ("false", False), ("0", False)]
)
def test_a_server_is_on_unless_it_is_turned_off(value: str | None, enabled: bool) -> None:
    assert is_enabled({} if value is None else {"ENABLE_ECS_MCP": value}) == enabled


# -- the log ------------------------------------------------------------------------------------------------------
@pytest.fixture
def fresh_logging() -> Iterator[None]:
    """What a test changes of the process's log is taken back."""
    root = logging.getLogger()
    levels = {name: logging.getLogger(name).level for name in ("", "expressway", "mcp")}
    before = list(root.handlers)
    yield
    for handler in [one for one in root.handlers if one not in before]:
        root.removeHandler(handler)
        if isinstance(handler, logging.FileHandler):
            handler.close()
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


@pytest.mark.usefixtures("fresh_logging")
@pytest.mark.parametrize(
    ("level", "ours", "others"),
    [
        (None, "WARNING", "WARNING"),
        ("error", "ERROR", "ERROR"),
        ("DEBUG", "DEBUG", "WARNING"),
        ("INFO", "INFO", "WARNING"),
        ("loud", "WARNING", "WARNING"),
    ],
)
def test_the_level_is_the_operators_and_never_lets_boto_write_requests(
    level: str | None, ours: str, others: str, capsys: pytest.CaptureFixture[str]
) -> None:
    start_logging({} if level is None else {"FASTMCP_LOG_LEVEL": level})
    assert logging.getLevelName(logging.getLogger("expressway.mcp.executor").getEffectiveLevel()) == ours
    assert logging.getLevelName(logging.getLogger("botocore.endpoint").getEffectiveLevel()) == others
    assert ("FASTMCP_LOG_LEVEL" in capsys.readouterr().err) == (level == "loud")


@pytest.mark.usefixtures("fresh_logging")
def test_the_log_goes_to_a_file_too_without_secrets(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "server.log"
    start_logging({"FASTMCP_LOG_FILE": str(path)})
    text, secret = SecretSource(7).of_kind("github token")
    logging.getLogger("expressway").error("it says %s", text)
    assert "it says" in path.read_text()
    assert secret not in path.read_text()
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.usefixtures("fresh_logging")
@pytest.mark.parametrize("path", ["/proc/nobody/writes/here.log", "~nosuchuser\0/x.log", "/dev/null/x.log"])
def test_a_log_file_that_cannot_be_written_is_no_reason_not_to_serve(
    path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    start_logging({"FASTMCP_LOG_FILE": path})
    assert "FASTMCP_LOG_FILE cannot be written" in capsys.readouterr().err
