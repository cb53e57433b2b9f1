"""Tools by the names that earlier servers for ECS gave them, for agents configured for those; off by default."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from mcp.server.mcpserver import Context
from pydantic import Field

from expressway.errors import DefinitionError
from expressway.mcp.results import Answer
from expressway.mcp.tools.app import AppName, AppPath, AppTools
from expressway.mcp.tools.service import ServiceTools

DEPRECATED = "{} is deprecated: use {}."
_NEXT_STEPS = {1: 2, 2: 3}
FORMER_PORT = 80
"""The port when none was given, and no definition names one."""
FormerOperation = Literal["generate_templates", "build_and_push", "deploy"]


@dataclass(frozen=True, slots=True)
class FormerArguments:
    """The optional arguments of create_ecs_infrastructure, by their own names; `memory` in MiB."""

    force_deploy: bool = False
    deployment_step: int | None = None
    vpc_id: str | None = None
    subnet_ids: Sequence[str] | None = None
    route_table_ids: Sequence[str] | None = None
    cpu: int | None = None
    memory: int | None = None
    desired_count: int | None = None
    container_port: int | None = None
    health_check_path: str | None = None

    @property
    def operation(self) -> FormerOperation:
        """What the call did: only templates; repository and image (steps 1 and 2); or everything."""
        if not self.force_deploy:
            return "generate_templates"
        return "build_and_push" if self.deployment_step in {1, 2} else "deploy"

    def definition(self, app_name: str, known: Mapping[str, Any] | None) -> dict[str, Any]:
        """The app's definition: the `known` one, if its folder has one, with what the arguments change.

        Raises:
            DefinitionError: ``argument_without_equivalent``.
        """
        if self.vpc_id and not self.subnet_ids:
            raise DefinitionError(
                "argument_without_equivalent",
                "Expected subnet_ids along with vpc_id: a service is placed by its subnets; got vpc_id alone.",
                "Pass two or more subnets of that VPC, in two zones; or leave both out for the default VPC.",
            )
        base: dict[str, Any] = dict(known or {"name": app_name, "build": ".", "container_port": FORMER_PORT})
        named = {
            "cpu": self.cpu,
            "memory_mib": self.memory,
            "container_port": self.container_port,
            "health_check_path": self.health_check_path,
        }
        base.update({name: value for name, value in named.items() if value is not None})
        if self.subnet_ids:
            base["network"] = {**base.get("network", {}), "subnets": list(self.subnet_ids)}
        if self.desired_count is not None:
            scaling: Mapping[str, Any] = base.get("scaling", {})
            base["scaling"] = {
                **scaling,
                "min": self.desired_count,
                "max": max(scaling.get("max", 3), self.desired_count),
            }
        return base

    @property
    def unused(self) -> tuple[str, ...]:
        """Arguments that were given and mean nothing today, each with the reason."""
        told: list[str] = []
        if self.vpc_id:
            told.append("vpc_id: the VPC is that of the subnets")
        if self.route_table_ids:
            told.append("route_table_ids: no VPC endpoints are made")
        return tuple(told)


@dataclass(frozen=True)
class CompatTools:
    """Thin aliases: each does what today's tools do, and says which."""

    apps: AppTools
    services: ServiceTools

    async def create_ecs_infrastructure(
        self,
        ctx: Context,
        app_name: AppName,
        app_path: AppPath,
        force_deploy: Annotated[bool, Field(description="False: only the templates.")] = False,
        deployment_step: Annotated[int | None, Field(ge=1, le=3, description="1, 2: image; 3: all.")] = None,
        vpc_id: Annotated[str | None, Field(description="Not used.")] = None,
        subnet_ids: Annotated[list[str] | None, Field(description="Subnets of the service.")] = None,
        route_table_ids: Annotated[list[str] | None, Field(description="Not used.")] = None,
        cpu: Annotated[int | None, Field(description="CPU units.")] = None,
        memory: Annotated[int | None, Field(description="MiB")] = None,
        desired_count: Annotated[int | None, Field(ge=1, description="Tasks.")] = None,
        container_port: Annotated[int | None, Field(description="Default 80, or the definition's.")] = None,
        health_check_path: Annotated[str | None, Field(description="Answers 200 while well.")] = None,
    ) -> Answer[Mapping[str, Any]]:
        """Deprecated: use synth_app, diff_app and deploy_app. Answers for agents that know this name, with today's
        results: the templates of the app; with force_deploy its repository and image (deployment_step 1 or 2), or the
        whole deployment (3, or none) on Express Mode instead of the Fargate service that this once made."""
        former = FormerArguments(
            *(force_deploy, deployment_step, vpc_id, subnet_ids, route_table_ids),
            *(cpu, memory, desired_count, container_port, health_check_path),
        )
        definition = former.definition(app_name, await self.apps.worker.known_definition(app_name, app_path))
        answer: Answer[Mapping[str, Any]]
        if former.operation == "generate_templates":
            answer, instead = await self.apps.synth_app(ctx, app_path, definition), "synth_app, then diff_app"
        elif former.operation == "build_and_push":
            answer = await self.services.build_and_push_image_to_ecr(ctx, app_name, app_path)
            instead = "build_and_push_image_to_ecr, or deploy_app alone"
        else:
            answer, instead = await self.apps.deploy_app(ctx, app_path, definition), "deploy_app"
        step = deployment_step if force_deploy else None
        added = {
            "operation": former.operation,
            "step": step,
            "next_step": _NEXT_STEPS.get(step or 0),
            "unused_arguments": list(former.unused) or None,
        }
        return _with_note(answer, "create_ecs_infrastructure", instead, added)

    async def delete_ecs_infrastructure(
        self,
        ctx: Context,
        app_name: AppName,
        ecr_template_path: Annotated[str | None, Field(description="Not used.")] = None,
        ecs_template_path: Annotated[str | None, Field(description="Not used.")] = None,
    ) -> Answer[Mapping[str, Any]]:
        """Deprecated: use delete_app. Answers for agents that know this name: deletes the app's service, then its
        repository with the images. Ask the person first. Stacks are told by their owner, not by template files."""
        paths = {"ecr_template_path": ecr_template_path, "ecs_template_path": ecs_template_path}
        unused = [name for name, path in paths.items() if path]
        answer = await self.apps.delete_app(ctx, app_name)
        return _with_note(answer, "delete_ecs_infrastructure", "delete_app", {"unused_arguments": unused or None})


def _with_note(
    answer: Answer[Mapping[str, Any]], name: str, instead: str, more: Mapping[str, Any]
) -> Answer[Mapping[str, Any]]:
    added = {"deprecated": DEPRECATED.format(name, instead), **more}
    return Answer({**answer.content, **added}, answer.links, answer.failed)
