"""What AWS answers from the records: lists, filters, look-ups by name, and its errors for what is not there."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tests.e2e.scenarios.recorded import account_reads, ecs_reads
from tests.e2e.scenarios.recorded.lookups import Listing, RefusedCallError
from tests.e2e.scenarios.recorded.wire import Call
from tests.e2e.scenarios.recorded.world import ACCOUNT, World

__all__ = ["RefusedCallError", "answer_to"]

Handler = Callable[[World, Mapping[str, Any]], Mapping[str, Any]]

LISTINGS: Mapping[str, Listing] = {
    "ecs:DescribeServiceDeployments": Listing(
        "ecs.deployments", "serviceDeployments", "serviceDeploymentArns", ("serviceDeploymentArn",)
    ),
    "ecs:DescribeServiceRevisions": Listing(
        "ecs.revisions", "serviceRevisions", "serviceRevisionArns", ("serviceRevisionArn",)
    ),
    "elbv2:DescribeTargetGroups": Listing(
        "elbv2.target_groups",
        "TargetGroups",
        "TargetGroupArns",
        ("TargetGroupArn",),
        missing="TargetGroupNotFound",
        within=(("LoadBalancerArn", "LoadBalancerArns"),),
    ),
    "elbv2:DescribeLoadBalancers": Listing(
        "elbv2.load_balancers",
        "LoadBalancers",
        "LoadBalancerArns",
        ("LoadBalancerArn",),
        missing="LoadBalancerNotFound",
    ),
    "elbv2:DescribeListeners": Listing(
        "elbv2.listeners",
        "Listeners",
        "ListenerArns",
        ("ListenerArn",),
        within=(("LoadBalancerArn", "LoadBalancerArn"),),
    ),
    "ec2:DescribeVpcs": Listing("ec2.vpcs", "Vpcs", "VpcIds", ("VpcId",), missing="InvalidVpcID.NotFound"),
    "ec2:DescribeSubnets": Listing(
        "ec2.subnets", "Subnets", "SubnetIds", ("SubnetId",), missing="InvalidSubnetID.NotFound"
    ),
    "ec2:DescribeRouteTables": Listing("ec2.route_tables", "RouteTables", "RouteTableIds", ("RouteTableId",)),
    "ec2:DescribeSecurityGroups": Listing(
        "ec2.security_groups", "SecurityGroups", "GroupIds", ("GroupId",), missing="InvalidGroup.NotFound"
    ),
    "ec2:DescribeNetworkAcls": Listing("ec2.network_acls", "NetworkAcls", "NetworkAclIds", ("NetworkAclId",)),
    "ec2:DescribeVpcEndpoints": Listing("ec2.vpc_endpoints", "VpcEndpoints", "VpcEndpointIds", ("VpcEndpointId",)),
    "ec2:DescribeInternetGateways": Listing(
        "ec2.internet_gateways", "InternetGateways", "InternetGatewayIds", ("InternetGatewayId",)
    ),
    "ec2:DescribeNatGateways": Listing("ec2.nat_gateways", "NatGateways", "NatGatewayIds", ("NatGatewayId",)),
    "ec2:DescribeNetworkInterfaces": Listing(
        "ec2.network_interfaces", "NetworkInterfaces", "NetworkInterfaceIds", ("NetworkInterfaceId",)
    ),
    "ecr:DescribeRepositories": Listing(
        "ecr.repositories",
        "repositories",
        "repositoryNames",
        ("repositoryName",),
        missing="RepositoryNotFoundException",
    ),
    "secretsmanager:ListSecrets": Listing("secretsmanager.secrets", "SecretList"),
    "ssm:DescribeParameters": Listing("ssm.parameters", "Parameters"),
    "application-autoscaling:DescribeScalableTargets": Listing(
        "scaling.targets", "ScalableTargets", "ResourceIds", ("ResourceId",)
    ),
    "application-autoscaling:DescribeScalingPolicies": Listing(
        "scaling.policies", "ScalingPolicies", within=(("ResourceId", "ResourceId"),)
    ),
    "application-autoscaling:DescribeScalingActivities": Listing(
        "scaling.activities", "ScalingActivities", within=(("ResourceId", "ResourceId"),)
    ),
    "cloudwatch:DescribeAlarms": Listing("cloudwatch.alarms", "MetricAlarms", "AlarmNames", ("AlarmName",)),
    "logs:DescribeLogGroups": Listing(
        "logs.groups",
        "logGroups",
        "logGroupIdentifiers",
        ("logGroupName",),
        prefix=("logGroupNamePrefix", "logGroupName"),
    ),
    "service-quotas:ListServiceQuotas": Listing("quotas", "Quotas", within=(("ServiceCode", "ServiceCode"),)),
}

HANDLERS: Mapping[str, Handler] = {
    "sts:GetCallerIdentity": lambda _world, _asked: {
        "Account": ACCOUNT,
        "Arn": f"arn:aws:iam::{ACCOUNT}:user/operator",
        "UserId": "AIDAEXAMPLE",
    },
    **ecs_reads.HANDLERS,
    **account_reads.HANDLERS,
}


def answer_to(world: World, call: Call) -> Mapping[str, Any]:
    """The answer's value, in the shape of the operation's output.

    A read that nothing is recorded for is answered with empty lists, as AWS answers for an account that has none.

    Raises:
        RefusedCallError: AWS would answer with an error.
    """
    _refuse_denied(world, call)
    if call.name in HANDLERS:
        return HANDLERS[call.name](world, call.parameters)
    if call.name in LISTINGS:
        return LISTINGS[call.name].answer(world, call.parameters)
    if call.operation.name.startswith(("Describe", "List")):
        shape = call.operation.output_shape
        members: Mapping[str, Any] = shape.members if shape else {}  # type: ignore[union-attr]
        return {name: [] for name, member in members.items() if member.type_name == "list"}
    raise RefusedCallError("UnsupportedOperation", f"Nothing is recorded for {call.name}.")


def _refuse_denied(world: World, call: Call) -> None:
    """Deny what the world says is denied, in the words of the service."""
    asked = str(call.parameters)
    action = call.name.replace("elbv2:", "elasticloadbalancing:")
    for operation, word in world.denied:
        if operation == call.name and word in asked:
            code = "UnauthorizedOperation" if call.service == "ec2" else "AccessDeniedException"
            raise RefusedCallError(
                code, f"User: arn:aws:iam::{ACCOUNT}:user/operator is not authorized to perform: {action}"
            )


def operations() -> Sequence[str]:
    """Every operation that is answered from records."""
    return sorted({*LISTINGS, *HANDLERS})
