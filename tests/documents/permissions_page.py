"""The reference of permissions, generated from the calls of AWS in the source."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import botocore.session
from botocore import xform_name

import expressway
from tests.documents.tables import code, table

SOURCE = Path(expressway.__file__).parent
_IAM_PREFIXES = {"monitoring": "cloudwatch"}
"""Where IAM's prefix is not the name that requests are signed for."""
_READS = re.compile(r"(BatchGet|BatchCheck|Describe|Get|Head|List|Simulate|Filter|Estimate)")

_HEAD = """# Permissions

Every operation of AWS that Expressway calls by itself, generated from its source. When troubleshooting, a read that is
not allowed is a named gap of the answer; when planning, it is a warning.

CloudFormation creates the resources of a deployment with the credentials of the caller. A deployment therefore also
needs the permissions of its resource types: `AWS::ECR::Repository`, `AWS::ECS::ExpressGatewayService`,
`AWS::IAM::Role`, `AWS::Logs::LogGroup`, and `AWS::IAM::ManagedPolicy` where secrets need more room than a role has.
It passes the roles of the service, which needs `iam:PassRole`. The tool `ecs_resource_management` and the
command `api` need the permission of the operation that they are given.
"""
BY_TASK = {
    "read a service": (
        "ecs:DescribeClusters ecs:ListClusters ecs:ListServices ecs:DescribeServices ecs:ListTasks ecs:DescribeTasks "
        "ecs:ListServiceDeployments ecs:DescribeServiceDeployments ecs:DescribeServiceRevisions "
        "ecs:DescribeExpressGatewayService ecs:DescribeTaskDefinition elasticloadbalancing:DescribeTargetHealth "
        "logs:GetLogEvents logs:FilterLogEvents"
    ),
    "examine its network": (
        "ec2:DescribeVpcs ec2:DescribeVpcAttribute ec2:DescribeSubnets ec2:DescribeRouteTables "
        "ec2:DescribeSecurityGroups ec2:DescribeNetworkAcls ec2:DescribeVpcEndpoints ec2:DescribeNatGateways "
        "ec2:DescribeInternetGateways ec2:DescribeNetworkInterfaces ec2:DescribeManagedPrefixLists "
        "ec2:GetManagedPrefixListEntries elasticloadbalancing:DescribeLoadBalancers "
        "elasticloadbalancing:DescribeTargetGroups elasticloadbalancing:DescribeTargetHealth "
        "elasticloadbalancing:DescribeRules"
    ),
    "examine its dependencies": (
        "ecr:DescribeImages ecr:BatchGetImage ecr:GetDownloadUrlForLayer ecr:GetRepositoryPolicy iam:GetRole "
        "iam:ListAttachedRolePolicies iam:ListRolePolicies iam:GetRolePolicy iam:GetPolicy iam:GetPolicyVersion "
        "iam:SimulatePrincipalPolicy secretsmanager:DescribeSecret secretsmanager:GetResourcePolicy "
        "ssm:DescribeParameters kms:DescribeKey kms:GetKeyPolicy application-autoscaling:DescribeScalableTargets "
        "application-autoscaling:DescribeScalingPolicies application-autoscaling:DescribeScalingActivities "
        "cloudwatch:DescribeAlarms cloudwatch:GetMetricStatistics logs:DescribeLogGroups servicequotas:GetServiceQuota "
        "servicequotas:GetAWSDefaultServiceQuota ecs:ListTaskDefinitionFamilies"
    ),
    "examine a failed stack": (
        "cloudformation:DescribeStacks cloudformation:ListStacks cloudformation:ListStackResources "
        "cloudformation:DescribeStackEvents cloudformation:DescribeEvents"
    ),
    "plan: check what a definition names (each only if it is named)": (
        "ecs:DescribeClusters iam:GetRole iam:GetUser ec2:DescribeSubnets ec2:DescribeSecurityGroups "
        "secretsmanager:DescribeSecret ssm:DescribeParameters kms:DescribeKey"
    ),
}
"""Operations that each task needs, by IAM's prefix of their service."""
_PUSH = (
    "Pushing an image also needs what the registry asks for: `ecr:GetAuthorizationToken`, "
    "`ecr:BatchCheckLayerAvailability`,\n`ecr:InitiateLayerUpload`, `ecr:UploadLayerPart`, `ecr:CompleteLayerUpload`, "
    "`ecr:PutImage` and `ecr:BatchGetImage`."
)


def permissions_page() -> str:
    """The operations of each service, reads and changes apart."""
    rows = (
        (code(prefix), _names(actions, reads=True), _names(actions, reads=False))
        for prefix, actions in sorted(called_operations().items())
    )
    tasks = ((task, ", ".join(code(name) for name in names.split())) for task, names in BY_TASK.items())
    by_task = f"## By task\n\n{table(('to', 'allow'), tasks)}\n\n{_PUSH}"
    return f"{_HEAD}\n{by_task}\n\n## By service\n\n{table(('service', 'reads', 'changes'), rows)}\n"


def _names(actions: set[str], *, reads: bool) -> str:
    return ", ".join(code(name) for name in sorted(actions) if bool(_READS.match(name)) is reads)


@cache
def called_operations() -> Mapping[str, set[str]]:
    """The operations that the source calls, by IAM's prefix of their service.

    What runs in Lambda has a role of its own, with the permissions that the template gives it.
    """
    called: dict[str, set[str]] = defaultdict(set)
    for path in sorted(SOURCE.rglob("*.py")):
        if "functions" in path.parts:
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        words = set(_words(tree))
        for service in set(_services(tree)):
            prefix, operations = _operations(service)
            called[prefix] |= {operations[word] for word in words & set(operations)}
    return called


def _services(tree: ast.Module) -> Iterator[str]:
    """The services of which a module takes a client."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "client":
            yield from (part.value for part in node.args[:1] if isinstance(part, ast.Constant))


def _words(tree: ast.Module) -> Iterator[str]:
    """Attributes, and texts that could be names of methods."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


@cache
def _operations(service: str) -> tuple[str, Mapping[str, str]]:
    model = botocore.session.get_session().get_service_model(service)
    prefix = _IAM_PREFIXES.get(model.signing_name, model.signing_name)
    return prefix, {xform_name(name): name for name in model.operation_names}
