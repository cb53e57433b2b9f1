"""The ports of ECS API calls: the API itself, and who owns what a call touches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from expressway.aws.values.service import DeploymentState, ExpressService, RevisionState, ServiceState
    from expressway.cloudformation.stack import StackState
    from expressway.ecs_api.operations import ApiOperation


class Api(Protocol):
    """The APIs by names of operations (ecs_api.client.AwsApi)."""

    def call(
        self, operation: ApiOperation, parameters: Mapping[str, Any], *, repeatable: bool
    ) -> Mapping[str, Any]: ...


class Stacks(Protocol):
    """Stacks by name or id, and by what they hold (cloudformation.client.CloudFormation)."""

    def names(self) -> tuple[str, ...]: ...
    def describe(self, stack_name: str) -> StackState | None: ...
    def stack_of(self, physical_id: str) -> str | None: ...


class Services(Protocol):
    """What services run (aws.ecs.client.Ecs)."""

    def service(self, cluster: str, service_name: str) -> ServiceState | None: ...
    def express_service(self, service_arn: str) -> ExpressService | None: ...
    def newest_deployments(self, cluster: str, service: str) -> tuple[DeploymentState, ...]: ...
    def revisions(self, revision_arns: Sequence[str]) -> tuple[RevisionState, ...]: ...
