"""Where Amazon ECS puts a service's tasks: networks and target groups, from what ECS answers."""

from collections.abc import Iterator, Sequence
from typing import Any

from expressway.aws.ecs.parse import short_name
from expressway.aws.errors import Raw
from expressway.aws.values.network import ServicePlacement, TargetBinding


def service_placement(raw: Raw) -> ServicePlacement:
    """One element of DescribeServices.services; the newest rollout's network counts where the service names none."""
    rollouts: Sequence[Raw] = raw.get("deployments", ())
    primary: Raw = next((rollout for rollout in rollouts if rollout.get("status") == "PRIMARY"), {})
    network = raw.get("networkConfiguration") or primary.get("networkConfiguration") or {}
    is_express = raw.get("resourceManagementType") == "ECS"
    return ServicePlacement(
        service_arn=raw.get("serviceArn", ""),
        service_name=raw.get("serviceName", ""),
        is_express=is_express,
        launch_type=_launch_type(raw) or _launch_type(primary),
        revision_arns=tuple(
            revision["arn"] for revision in raw.get("currentServiceRevisions", ()) if revision.get("arn")
        ),
        task_definition_arn=raw.get("taskDefinition", ""),
        bindings=_bindings(raw),
        **_vpc_configuration(network, says_default=not is_express),
    )


def revision_placement(raw: Raw) -> ServicePlacement:
    """One element of DescribeServiceRevisions.serviceRevisions."""
    managed: Raw = raw.get("ecsManagedResources") or {}
    paths: Sequence[Raw] = managed.get("ingressPaths", ())
    network = _vpc_configuration(raw.get("networkConfiguration") or {}, says_default=False)
    group_arns = _managed_arns(iter(managed.get("serviceSecurityGroups", ())))
    managed_groups = tuple(short_name(arn) for arn in group_arns)
    network["security_group_ids"] = tuple(dict.fromkeys([*network["security_group_ids"], *managed_groups]))
    return ServicePlacement(
        service_arn=raw.get("serviceArn", ""),
        service_name=short_name(raw.get("serviceArn", "")),
        launch_type=_launch_type(raw),
        task_definition_arn=raw.get("taskDefinition", ""),
        managed_group_ids=managed_groups,
        bindings=_bindings(raw),
        load_balancer_arns=_managed_arns(path.get("loadBalancer") for path in paths),
        rule_arns=_managed_arns(path.get("rule") for path in paths),
        access_type=next((path.get("accessType", "") for path in paths), ""),
        **network,
    )


def _managed_arns(resources: Iterator[Raw | None]) -> tuple[str, ...]:
    """The ARNs of managed resources that ECS says are there."""
    return tuple(
        resource["arn"]
        for resource in resources
        if resource and resource.get("arn") and resource.get("status") == "ACTIVE"
    )


def _vpc_configuration(network: Raw, *, says_default: bool) -> dict[str, Any]:
    """`says_default`: without assignPublicIp a service of its own gets none; Express Mode decides by the subnets."""
    configuration: Raw = network.get("awsvpcConfiguration") or {}
    assigned = configuration.get("assignPublicIp")
    if not assigned and says_default and configuration:
        assigned = "DISABLED"
    return {
        "subnet_ids": tuple(configuration.get("subnets", ())),
        "security_group_ids": tuple(configuration.get("securityGroups", ())),
        "assign_public_ip": assigned == "ENABLED" if assigned else None,
    }


def _bindings(raw: Raw) -> tuple[TargetBinding, ...]:
    return tuple(
        TargetBinding(balancer["targetGroupArn"], balancer.get("containerPort", 0))
        for balancer in raw.get("loadBalancers", ())
        if balancer.get("targetGroupArn")
    )


def _launch_type(raw: Raw) -> str:
    """The launch type, also where capacity providers stand for it; a provider of one's own is EC2."""
    if raw.get("launchType"):
        return str(raw["launchType"])
    providers = {str(strategy.get("capacityProvider", "")) for strategy in raw.get("capacityProviderStrategy", ())}
    if not providers:
        return ""
    return "FARGATE" if providers <= {"FARGATE", "FARGATE_SPOT"} else "EC2"
