"""What the arguments of create_ecs_infrastructure mean today: a definition, and what is done with it.

Agents still call tools of that name as earlier servers for ECS had it: Fargate behind a load balancer, set up in
three steps from templates in the app's folder. Express Mode makes the same of one definition in one step.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from expressway.errors import DefinitionError

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
