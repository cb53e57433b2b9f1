"""What the two faces call the same thing: a hint says it once, and each face shows it in its own words.

A hint that names a command or an option of the command line, or a tool or parameter of MCP, holds both between marks of
its own; `for_people` and `for_agents` keep the one that the reader can use.
"""

import re
from collections.abc import Mapping

OPENING, BETWEEN, CLOSING = "⦅", "⦙", "⦆"
_BOTH = re.compile(f"{OPENING}([^{BETWEEN}{CLOSING}]*){BETWEEN}([^{CLOSING}]*)(?:{CLOSING}|$)")
TOOLS: Mapping[str, str] = {
    "synth": "synth_app",
    "diff": "diff_app",
    "deploy": "deploy_app",
    "status": "get_deployment_status",
    "list": "list_apps",
    "delete": "delete_app",
    "build": "build_and_push_image_to_ecr",
    "containerize": "containerize_app",
    "troubleshoot": "ecs_troubleshooting_tool",
    "api": "ecs_resource_management",
}
"""The tool that does what a command does."""


_ACTIONS = {
    "events": "fetch_service_events",
    "failures": "fetch_task_failures",
    "logs": "fetch_task_logs",
    "stack": "fetch_cloudformation_status",
}


def on_faces(*, command_line: str, mcp: str) -> str:
    """A part of a sentence in the words of each face."""
    return f"{OPENING}{command_line}{BETWEEN}{mcp}{CLOSING}"


def command(name: str, arguments: str = "", *, mcp: str = "") -> str:
    """A command with its arguments, and the tool with how `mcp` says them."""
    return on_faces(command_line=f"expressway {name} {arguments}".strip(), mcp=f"{TOOLS[name]} {mcp}".strip())


def action(name: str) -> str:
    """An action of troubleshooting: what the command takes as its action, and what the tool does."""
    return on_faces(command_line=f"expressway troubleshoot --action {name}", mcp=_ACTIONS[name])


def option(name: str) -> str:
    """An option of the command line that is a parameter of the tool, given as true there."""
    return on_faces(command_line=f"--{name.replace('_', '-')}", mcp=f"{name}: true")


REGION = on_faces(command_line="--region", mcp="the parameter region")
USE_SANDBOX = on_faces(
    command_line="use --sandbox for the local AWS sandbox", mcp="have EXPRESSWAY_SANDBOX set for the local AWS sandbox"
)


def for_people(text: str) -> str:
    """The text in the words of the command line."""
    return _BOTH.sub(r"\1", text) if OPENING in text else text


def for_agents(text: str) -> str:
    """The text in the words of MCP."""
    return _BOTH.sub(r"\2", text) if OPENING in text else text
