"""The tools for what runs already. Their docstrings are written for a model."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, NotRequired, cast

from mcp.server.mcpserver import Context
from pydantic import Field, WithJsonSchema
from typing_extensions import TypedDict

from expressway.diagnose.actions import GUIDANCE, Troubleshooting, action_of
from expressway.diagnose.answer import size_of
from expressway.ecs_api.operations import ANSWER_BYTES, LARGEST_LIMIT
from expressway.errors import RefusedError
from expressway.mcp.executor import ToolExecutor
from expressway.mcp.resources import FullResponses
from expressway.mcp.results import Answer, compact_json, redaction_policy_of, told_of
from expressway.mcp.schemas import number, object_of, text, texts
from expressway.privacy.gates import decide
from expressway.privacy.render import redact_response

_TEXT_BYTES = 3_900
_RESULT_BYTES = 7_700
"""Of 4 kB and 8 kB; the rest is for the link and the frame around both."""
_SHORTER = (2_600, 2_200, 1_800, 1_400, 1_000)
"""Tried one after the other where marks, notes and escapes make what was found too long."""


_NAME_OR_ARN = text("Name or ARN.")
_PARAMETERS = object_of(
    "Of the action.",
    ecs_cluster_name=_NAME_OR_ARN,
    ecs_service_name=_NAME_OR_ARN,
    ecs_task_id=text("Id or ARN."),
    cfn_stack_name=text("Name or id."),
    family_prefix=text("Task definition family."),
    vpc_id=text("VPC id."),
    symptoms_description=text("What was seen."),
    time_window=number("Seconds back."),
    start_time=text("ISO 8601."),
    end_time=text("ISO 8601."),
    filter_pattern=text("As CloudWatch Logs."),
    detail=text("summary or full."),
)
_API_PARAMS = object_of(
    "As the API takes them.",
    cluster=_NAME_OR_ARN,
    services=texts("Names or ARNs."),
    tasks=texts("Ids or ARNs."),
)


class TroubleshootingJson(TypedDict):
    """What every action answers besides data of its own; `omitted` counts what was cut, by the path of its list."""

    status: str
    assessment: NotRequired[str]
    message: NotRequired[str]
    findings: NotRequired[list[dict[str, Any]]]
    gaps: NotRequired[list[str]]
    omitted: NotRequired[dict[str, int]]


@dataclass(frozen=True)
class OperateTools:
    """Tools as methods, so that each finds the worker and the session's whole answers."""

    worker: ToolExecutor
    responses: FullResponses

    async def ecs_troubleshooting_tool(
        self,
        ctx: Context,
        action: Annotated[str, Field(description="One of the actions above.")] = GUIDANCE,
        parameters: Annotated[dict[str, Any] | None, WithJsonSchema(_PARAMETERS)] = None,
    ) -> Answer[TroubleshootingJson]:
        """Find out what is wrong on ECS; only reads. Begin with get_ecs_troubleshooting_guidance {ecs_cluster_name,
        ecs_service_name?, symptoms_description?}: one service, or every service of the cluster. Further actions:
        fetch_service_events {ecs_cluster_name, ecs_service_name}, fetch_task_failures {ecs_cluster_name},
        fetch_task_logs {ecs_cluster_name, ecs_task_id?, filter_pattern?}, these with time_window or start_time,
        end_time; detect_image_pull_failures {ecs_cluster_name + ecs_service_name or ecs_task_id, or cfn_stack_name, or
        family_prefix}; fetch_network_configuration {ecs_cluster_name, vpc_id?}; fetch_cloudformation_status
        {cfn_stack_name}. findings: the most serious first, with evidence and remedy; gaps: what may not be read;
        omitted: what a link leads to."""
        wanted = action_of(action)
        decision = decide(wanted.name, self.worker.gates, writes=False, sensitive=wanted.sensitive)
        if not decision.allowed:
            raise RefusedError(decision.code, decision.message, decision.hint)
        given: Mapping[str, Any] = parameters or {}
        return await self.worker.run(
            ctx, lambda toolkit, _, __: self._answered(wanted.name, toolkit.troubleshoot(wanted.name, given))
        )

    def _answered(self, name: str, found: Troubleshooting) -> Answer[TroubleshootingJson]:
        """As much as was asked for, with a link to the whole; what is too large to be kept is not even rendered."""
        answer = self._fitting(found)
        if "omitted" not in answer.content or not self.responses.has_room_for(size_of(found.whole)):
            return answer
        link = self.responses.keep(
            name, compact_json(redact_response(found.whole, redaction_policy_of(self.worker.gates)))
        )
        return replace(answer, links=[link] if link else [])

    def _fitting(self, found: Troubleshooting) -> Answer[TroubleshootingJson]:
        """The answer, so short that by default its text and the structured content, which says the same, fit."""
        answer = self._told(found.to_dict())
        if found.detail == "full":
            return answer
        for summary_bytes in _SHORTER:
            structured = len(answer.told.encode())
            if structured <= _TEXT_BYTES and len(compact_json(answer.told).encode()) + structured <= _RESULT_BYTES:
                break
            answer = self._told(found.to_dict(summary_bytes))
        return answer

    def _told(self, content: Mapping[str, Any]) -> Answer[TroubleshootingJson]:
        return Answer(cast("TroubleshootingJson", content), told=told_of(content, self.worker.gates))

    async def ecs_resource_management(
        self,
        ctx: Context,
        api_operation: Annotated[str, Field(description="Such as DescribeServices.")],
        api_params: Annotated[dict[str, Any] | None, WithJsonSchema(_API_PARAMS)] = None,
        query: Annotated[str | None, Field(description="JMESPath over the answer.")] = None,
        limit: Annotated[int | None, Field(ge=1, le=LARGEST_LIMIT, description="Items of a list; 100.")] = None,
    ) -> Answer[Mapping[str, Any]]:
        """Call any operation of the ECS API by name, or a read of ECR's (DescribeImages; ecr:ListTagsForResource
        where ECS has the name too). Reads always work; the rest needs ALLOW_WRITE: ask the person first. Returns the
        API's answer; nextToken continues a list, cut says what is left out and how to get it, touches what a change
        affected. What the stack of an Expressway app owns is refused: use deploy_app and delete_app."""
        given: Mapping[str, Any] = api_params or {}
        gates = self.worker.gates
        return Answer(
            await self.worker.run(
                ctx,
                lambda toolkit, _, __: toolkit.call_api(
                    api_operation, given, query=query, limit=limit, max_bytes=ANSWER_BYTES, gates=gates
                ),
            )
        )
