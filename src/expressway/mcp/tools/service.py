"""The tools for single steps, named and shaped as agents know them. Their docstrings are written for a model."""

from dataclasses import dataclass
from typing import Annotated, cast

from mcp.server.mcpserver import Context
from pydantic import Field

from expressway.core.progress import NeverCancelled
from expressway.deploy.shapes import BuiltImageJson, ReadinessJson
from expressway.errors import ExpresswayError
from expressway.mcp.background import BackgroundOperation
from expressway.mcp.executor import ToolExecutor, built_content
from expressway.mcp.results import Answer, compact_json
from expressway.mcp.tools.app import AppName
from expressway.plan.shapes import PrerequisitesJson

Role = Annotated[str, Field(description="Role name or ARN.")]
NameOrArn = Annotated[str, Field(description="Name or ARN.")]


@dataclass(frozen=True)
class ServiceTools:
    """Tools as methods, so that each finds the worker."""

    worker: ToolExecutor

    async def build_and_push_image_to_ecr(
        self,
        ctx: Context,
        app_name: AppName,
        app_path: Annotated[str, Field(description="Absolute path of the folder with the Dockerfile.")],
        tag: Annotated[str | None, Field(description="Default: derived from the content.")] = None,
    ) -> Answer[BuiltImageJson]:
        """Build a folder's Dockerfile and push the image to the app's ECR repository, made if missing. deploy_app
        does this itself. Goes on when the call is given up: call again for the result. Returns full_image_uri. Next:
        validate_ecs_express_mode_prerequisites."""

        toolkit, content = self.worker.toolkit(), built_content(app_name, app_path)

        def build(operation: BackgroundOperation) -> BuiltImageJson:
            return toolkit().build(
                app_name,
                app_path,
                tag,
                read=content.context,
                progress=operation.report,
                cancellation=NeverCancelled(),
                on_started=operation.started,
            )

        asked = compact_json(["build", app_name, app_path, tag])
        return Answer(await self.worker.finish_or_join(ctx, app_name, build, request=asked, content_of=content.text))

    async def validate_ecs_express_mode_prerequisites(
        self,
        ctx: Context,
        image_uri: Annotated[str, Field(description="With tag or digest.")],
        execution_role_arn: Role = "ecsTaskExecutionRole",
        infrastructure_role_arn: Role = "ecsInfrastructureRoleForExpressServices",
    ) -> Answer[PrerequisitesJson]:
        """Check that an image and two IAM roles fit an Express Mode service made by other means than deploy_app.
        Returns valid, errors, warnings and details."""
        return Answer(
            await self.worker.run(
                ctx,
                lambda toolkit, _, __: toolkit.prerequisites(image_uri, execution_role_arn, infrastructure_role_arn),
            )
        )

    async def wait_for_service_ready(
        self,
        ctx: Context,
        cluster: NameOrArn,
        service_name: NameOrArn,
        timeout_seconds: Annotated[int, Field(ge=1, le=3600, description="Longest wait.")] = 300,
    ) -> Answer[ReadinessJson]:
        """Wait until a service's newest deployment is done, its tasks are healthy and its URL answers; ends at once
        when that cannot happen. Returns status success, timeout (call again), failed or unverified, message and url."""
        try:
            readiness = await self.worker.run(
                ctx,
                lambda toolkit, progress, cancellation: toolkit.wait(
                    cluster, service_name, timeout_seconds, progress=progress, cancellation=cancellation
                ),
            )
        except ExpresswayError as error:
            return Answer(cast("ReadinessJson", {"status": "failed", **error.to_dict()}), failed=True)
        return Answer(readiness.to_dict())
