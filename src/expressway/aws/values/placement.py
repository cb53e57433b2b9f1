"""Where a service runs in its network, and what its tasks need to reach."""

from dataclasses import dataclass, replace

from expressway.aws.values.task_definition import TaskDefinition


@dataclass(frozen=True, slots=True)
class TargetBinding:
    """A service registers `container_port` of its tasks in a target group."""

    target_group_arn: str
    container_port: int


@dataclass(frozen=True, slots=True)
class ServicePlacement:
    """Where a service's tasks are put, and how traffic is to reach them.

    Attributes:
        launch_type: FARGATE, EC2, EXTERNAL or MANAGED_INSTANCES; empty when unknown.
        subnet_ids, security_group_ids: as the newest revision has them, groups that ECS manages included.
        managed_group_ids: of these, the ones that ECS made for an Express service.
        assign_public_ip: None when nothing tells.
        bindings: the target groups of the newest revision.
        load_balancer_arns, rule_arns: those that ECS manages for an Express service.
        access_type: of an Express service's ingress: PUBLIC or PRIVATE; empty when unknown.
        task_definition_arn, revision_arns: what it runs; the revisions that are on their way or in service.
        needs: what its tasks need to start: the task definition; None when that could not be read.
    """

    service_arn: str
    service_name: str
    is_express: bool = False
    launch_type: str = "FARGATE"
    subnet_ids: tuple[str, ...] = ()
    security_group_ids: tuple[str, ...] = ()
    managed_group_ids: tuple[str, ...] = ()
    assign_public_ip: bool | None = None
    bindings: tuple[TargetBinding, ...] = ()
    load_balancer_arns: tuple[str, ...] = ()
    rule_arns: tuple[str, ...] = ()
    access_type: str = ""
    task_definition_arn: str = ""
    revision_arns: tuple[str, ...] = ()
    needs: TaskDefinition | None = None

    def completed_by(self, revision: "ServicePlacement") -> "ServicePlacement":
        """This placement with what a revision tells besides: what ECS manages, above all.

        What the service itself says stands: an older revision that still serves may have other groups.
        """
        own_groups = self.security_group_ids or revision.security_group_ids
        return replace(
            self,
            launch_type=self.launch_type or revision.launch_type,
            subnet_ids=self.subnet_ids or revision.subnet_ids,
            security_group_ids=tuple(dict.fromkeys((*own_groups, *revision.managed_group_ids))),
            managed_group_ids=tuple(dict.fromkeys((*self.managed_group_ids, *revision.managed_group_ids))),
            assign_public_ip=revision.assign_public_ip if self.assign_public_ip is None else self.assign_public_ip,
            bindings=tuple(dict.fromkeys((*revision.bindings, *self.bindings))),
            load_balancer_arns=tuple(dict.fromkeys((*self.load_balancer_arns, *revision.load_balancer_arns))),
            rule_arns=tuple(dict.fromkeys((*self.rule_arns, *revision.rule_arns))),
            access_type=self.access_type or revision.access_type,
            task_definition_arn=self.task_definition_arn or revision.task_definition_arn,
        )
