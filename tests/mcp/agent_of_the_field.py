"""Connects to an ECS server as agents of the field do; run by the Python of `requirements/agent.txt`, not by ours.

    python agent_of_the_field.py PROGRAM < {variables, calls}

Prints what it saw as JSON: the tools, those that a filter on schemas leaves, and the answer of each call.
"""

import asyncio
import json
import sys

from langchain_core.tools import ToolException  # pyright: ignore
from langchain_mcp_adapters.client import MultiServerMCPClient  # pyright: ignore
from langchain_mcp_adapters.tools import load_mcp_tools  # pyright: ignore


def servers_of(program: str, variables: dict[str, str]) -> dict:
    """The configuration of the agent, made of its own variables, with the program in place of uvx."""
    own = {
        "AWS_REGION": variables.get("AWS_REGION", variables.get("AWS_DEFAULT_REGION", "us-west-2")),
        "FASTMCP_LOG_LEVEL": variables.get("FASTMCP_LOG_LEVEL", "ERROR"),
    }
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        if variables.get(name):
            own[name] = variables[name]
    for name in ("ALLOW_WRITE", "ALLOW_SENSITIVE_DATA"):
        own[name] = "true" if variables.get(f"ECS_MCP_{name}", "false").lower() == "true" else "false"
    return {"ecs": {"command": program, "args": [], "env": own, "transport": "stdio"}}


def kept(tools: list) -> list:
    """The tools whose schemas have no object without properties; the agent takes no others."""
    left = []
    for tool in tools:
        schema = tool.args_schema or {}
        properties = schema.get("properties", {})
        objects = [one for one in properties.values() if one.get("type") == "object"]
        if (schema.get("type") != "object" or properties) and all(one.get("properties") for one in objects):
            left.append(tool)
    return left


async def answer_of(tool, arguments: dict) -> str:
    """What a model would be told."""
    try:
        return str(await tool.ainvoke(arguments))
    except ToolException as error:
        return str(error)


async def main() -> None:
    asked = json.load(sys.stdin)
    servers = servers_of(sys.argv[1], asked["variables"])
    prefixed = await MultiServerMCPClient(servers, tool_name_prefix=True).get_tools()
    client = MultiServerMCPClient(servers)
    async with client.session("ecs") as session:
        tools = await load_mcp_tools(session)
        left = {tool.name: tool for tool in kept(tools)}
        answers = {name: await answer_of(left[name], given) for name, given in asked["calls"].items() if name in left}
    by_prefix = {tool.name: tool for tool in prefixed}
    name = next(iter(asked["calls"]))
    print(
        json.dumps(
            {
                "tools": [tool.name for tool in tools],
                "kept": list(left),
                "prefixed": [tool.name for tool in kept(prefixed)],
                "answers": answers,
                "prefixed_answer": await answer_of(by_prefix[f"ecs_{name}"], asked["calls"][name]),
            }
        )
    )


asyncio.run(main())
