"""The tools as the protocol lists them: what each does to the world, what it takes and what it answers."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mcp.server.mcpserver.tools import Tool
from mcp.types import ToolAnnotations

from expressway.mcp.results import ToolFunction, answering
from expressway.mcp.schemas import compact_input, compact_output
from expressway.mcp.target import TARGET_PROPERTIES
from expressway.mcp.tools.app import AppTools
from expressway.mcp.tools.compat import CompatTools
from expressway.mcp.tools.knowledge import (
    READ_INPUT,
    RECOMMEND_INPUT,
    SEARCH_INPUT,
    KnowledgeTools,
    passed_on,
)
from expressway.mcp.tools.operate import OperateTools
from expressway.mcp.tools.service import ServiceTools
from expressway.privacy.gates import Gates


@dataclass(frozen=True, slots=True)
class Entry:
    """One tool. `writes` needs ALLOW_WRITE; `destroys` may take away or replace what is there.

    `local` tools reach nothing outside this machine. `proxied` is the listed schema of a tool that hands its
    arguments, as they are, to somebody who checks them; it acts on no account.
    With `gated_per_call` each call decides which gates it needs. With `not_idempotent` repeating a call may change
    more; all others are idempotent. `lists_output`: its output schema is worth its bytes in every conversation.
    """

    function: ToolFunction
    title: str
    writes: bool = False
    destroys: bool = False
    local: bool = False
    proxied: Mapping[str, Any] | None = None
    gated_per_call: bool = False
    not_idempotent: bool = False
    lists_output: bool = False

    @property
    def gated(self) -> bool:
        """Whether the tool as a whole needs ALLOW_WRITE."""
        return self.writes and not self.gated_per_call

    @property
    def name(self) -> str:
        return self.function.__name__


def entries(apps: AppTools, services: ServiceTools, operate: OperateTools) -> tuple[Entry, ...]:
    """The tools that are always listed, in the order in which an agent meets them."""
    return (
        Entry(
            apps.containerize_app,
            "Make or check a Dockerfile",
            writes=True,
            destroys=True,
            local=True,
            gated_per_call=True,
        ),
        Entry(apps.synth_app, "Synthesize an app", local=True),
        Entry(apps.diff_app, "Show what would change", lists_output=True),
        Entry(apps.deploy_app, "Deploy an app", writes=True, destroys=True, lists_output=True),
        Entry(apps.get_deployment_status, "State of an app", lists_output=True),
        Entry(apps.list_apps, "List apps"),
        Entry(apps.delete_app, "Delete an app", writes=True, destroys=True),
        Entry(services.build_and_push_image_to_ecr, "Build and push an image", writes=True),
        Entry(services.validate_ecs_express_mode_prerequisites, "Check roles and image"),
        Entry(services.wait_for_service_ready, "Wait until a service serves"),
        Entry(operate.ecs_troubleshooting_tool, "Find out what is wrong", lists_output=True),
        Entry(
            operate.ecs_resource_management,
            "Call the ECS API",
            writes=True,
            destroys=True,
            gated_per_call=True,
            not_idempotent=True,
        ),
    )


def compat_entries(compat: CompatTools) -> tuple[Entry, ...]:
    """The tools by their former names; listed only where the operator wants them."""
    return (
        Entry(compat.create_ecs_infrastructure, "Deploy an app (former name)", writes=True, destroys=True),
        Entry(compat.delete_ecs_infrastructure, "Delete an app (former name)", writes=True, destroys=True),
    )


def knowledge_entries(knowledge: KnowledgeTools) -> tuple[Entry, ...]:
    """The tools that pass questions on to AWS Knowledge; not listed where the operator turned it off."""
    return (
        Entry(knowledge.aws_knowledge_aws___search_documentation, "Search AWS documentation", proxied=SEARCH_INPUT),
        Entry(knowledge.aws_knowledge_aws___read_documentation, "Read AWS documentation", proxied=READ_INPUT),
        Entry(knowledge.aws_knowledge_aws___recommend, "Related AWS documentation", proxied=RECOMMEND_INPUT),
    )


def _hints(entry: Entry) -> ToolAnnotations:
    """What the protocol would not assume: tools act on an open world, and of one that reads the rest means nothing."""
    return ToolAnnotations(
        read_only_hint=not entry.writes,
        destructive_hint=entry.destroys if entry.writes else None,
        idempotent_hint=not entry.not_idempotent if entry.writes else None,
        open_world_hint=False if entry.local else None,
    )


def tool_of(entry: Entry, gates: Gates) -> Tool:
    """The tool with schemas of few bytes and a description made of the function's docstring."""
    tool = Tool.from_function(
        answering(entry.function, entry.name, gates),
        name=entry.name,
        title=entry.title,
        description=" ".join((inspect.getdoc(entry.function) or "").split()),
        annotations=_hints(entry),
        structured_output=entry.lists_output,
    )
    tool.parameters = compact_input(tool.parameters, {} if entry.local else TARGET_PROPERTIES)
    result = tool.fn_metadata
    if result.output_schema is not None:
        result.output_schema = compact_output(result.output_schema, wrapped=result.wrap_output)
        result.output_model = None  # tests validate answers; a call reports what it did even if the shape is wrong
    if entry.proxied is not None:
        passed_on(tool, entry.proxied)
    return tool
