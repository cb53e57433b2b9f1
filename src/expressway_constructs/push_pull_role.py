"""The role that pushes and pulls images of one repository, and nothing else."""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from expressway_constructs import setting_types as types
from expressway_constructs.cdk_types import account_id, as_principal
from expressway_constructs.errors import ConstructError
from expressway_constructs.setting_types import is_token

if TYPE_CHECKING:
    from expressway_constructs.cdk_types import AnyPrincipal, AnyRepository

PULL_ACTIONS = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
PUSH_ACTIONS = (
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:CompleteLayerUpload",
    "ecr:InitiateLayerUpload",
    "ecr:PutImage",
    "ecr:UploadLayerPart",
)
"""Source: "Required IAM permissions for pushing an image", Amazon ECR User Guide."""

PUSH_TAG = "expressway:push"
"""Tag of the principals that may assume a role which names nobody; its value is the app's name."""


class PushPullRole(iam.Role):
    """A role that may push to and pull from one ECR repository, assumed only by principals that are named.

    It trusts neither the whole account nor a service. It is an ``aws_iam.Role``, with ``from_role_arn``,
    ``from_role_name`` and ``grant_assume_role`` as usual.

    Args:
        repository: the repository that the role works on.
        principals: who may assume it, such as ``iam.ArnPrincipal(…)`` or an OIDC provider with its conditions.
            Default: nobody; then `deployer_arn` or `push_tag_value` must be given.
        deployer_arn: one more principal, usually a CloudFormation parameter; an empty value at deploy time
            means none. Default: none.
        permission_set: name of a permission set of IAM Identity Center whose holders, in this account, may assume
            the role while `deployer_arn` is empty; an empty value at deploy time means none. They need
            ``sts:AssumeRole`` in the permission set, too. Default: none.
        push_tag_value: principals of this account that carry the tag ``expressway:push`` with this value may
            assume the role while no other principal is named. Default: nobody by tag.
        role_name: physical name. Default: CloudFormation makes one.
        max_session_duration: longest session. Default: 1 hour.

    Raises:
        ConstructError: ``invalid_push_pull_role`` when nobody could assume the role, or everybody could.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        repository: "AnyRepository",
        principals: "Sequence[AnyPrincipal]" = (),
        deployer_arn: str | None = None,
        permission_set: str | None = None,
        push_tag_value: str | None = None,
        role_name: str | None = None,
        max_session_duration: cdk.Duration | None = None,
        description: str = "Pushes and pulls the images of one repository",
    ) -> None:
        arguments = locals()
        types.refuse_wrong_types(
            "invalid_push_pull_role", arguments, _TYPES, place=f"{scope.node.path}/{construct_id}".lstrip("/")
        )
        named = any((principals, deployer_arn, permission_set, push_tag_value))
        _refuse_open_trust(principals, named=named)
        _refuse_wrong_permission_set(permission_set)
        super().__init__(
            scope,
            construct_id,
            # Replaced below where conditions on the deployer's ARN decide; kept where principals alone are named.
            assumed_by=_all_of(principals) if principals else _account(),
            role_name=role_name,
            description=description,
            max_session_duration=max_session_duration,
            inline_policies={"PushPull": _push_pull_policy(repository)},
        )
        self.deployer_condition: cdk.CfnCondition | None = None
        self.permission_set_condition: cdk.CfnCondition | None = None
        if deployer_arn or permission_set or not principals:
            by_tag: Any = cdk.Aws.NO_VALUE
            if push_tag_value and not principals:
                by_tag = _trust_in_account({"StringEquals": {f"aws:PrincipalTag/{PUSH_TAG}": push_tag_value}})
            self._replace_trust(principals, self._trust_of_deployer(deployer_arn, permission_set, by_tag))

    def grant_push_pull(self, repository: "AnyRepository") -> None:
        """Let the role push to and pull from one more repository."""
        self.add_to_policy(iam.PolicyStatement(actions=_ACTIONS, resources=[repository.repository_arn]))

    def _trust_of_deployer(self, deployer_arn: str | None, permission_set: str | None, otherwise: Any) -> Any:
        """Trust the deployer if it is named at deploy time, else the holders of the permission set, else others."""
        trust = otherwise
        if permission_set:
            condition = self.permission_set_condition = self._unless_empty("HasPermissionSet", permission_set)
            trust = {"Fn::If": [condition.logical_id, _trust_by_permission_set(permission_set), trust]}
        if deployer_arn:
            condition = self.deployer_condition = self._unless_empty("HasDeployer", deployer_arn)
            trust = {"Fn::If": [condition.logical_id, _trust({"AWS": deployer_arn}), trust]}
        return trust

    def _unless_empty(self, construct_id: str, value: str) -> cdk.CfnCondition:
        given = cdk.Fn.condition_not(cdk.Fn.condition_equals(value, ""))
        return cdk.CfnCondition(self, construct_id, expression=given)

    def _replace_trust(self, principals: "Sequence[AnyPrincipal]", deployer: Any) -> None:
        """Write the trust policy with CloudFormation conditions, which the CDK's own documents cannot hold."""
        statements: list[Any] = [*_merged(_trust_of(principal) for principal in principals), deployer]
        role = self.node.default_child
        assert isinstance(role, iam.CfnRole)
        role.assume_role_policy_document = {"Version": "2012-10-17", "Statement": statements}


_TYPES = {
    "repository": types.one("an ecr.IRepository", types.REPOSITORY_KIND, optional=False),
    "principals": types.each("an iam.IPrincipal", types.offers("policy_fragment", "assume_role_action")),
    **dict.fromkeys(("deployer_arn", "permission_set", "push_tag_value"), types.one("a text", types.is_value)),
    "role_name": types.TEXT,
    "max_session_duration": types.one("a Duration", lambda value: isinstance(value, cdk.Duration)),
    "description": types.one("a text", types.is_text, optional=False),
}

_ACTIONS = sorted({*PULL_ACTIONS, *PUSH_ACTIONS})


def _push_pull_policy(repository: "AnyRepository") -> iam.PolicyDocument:
    return iam.PolicyDocument(
        statements=[
            iam.PolicyStatement(sid="PushAndPull", actions=_ACTIONS, resources=[repository.repository_arn]),
            # The token is the account's; ECR offers no resource to narrow it to.
            _sign_in(),
        ]
    )


@cache
def _sign_in() -> iam.PolicyStatement:
    return iam.PolicyStatement(sid="SignIn", actions=["ecr:GetAuthorizationToken"], resources=["*"])


def _all_of(principals: "Sequence[AnyPrincipal]") -> iam.IPrincipal:
    return as_principal(iam.CompositePrincipal(*(as_principal(principal) for principal in principals)))


@cache
def _account() -> iam.IPrincipal:
    return as_principal(iam.AccountPrincipal(account_id()))


def _trust(
    principal: Any, condition: Mapping[str, Any] | None = None, action: str = "sts:AssumeRole"
) -> dict[str, Any]:
    statement = {"Action": action, "Effect": "Allow", "Principal": principal}
    return {**statement, "Condition": condition} if condition else statement


def _trust_of(principal: "AnyPrincipal") -> dict[str, Any]:
    fragment = principal.policy_fragment
    shape = {key: values[0] if len(values) == 1 else values for key, values in fragment.principal_json.items()}
    return _trust(shape, fragment.conditions, principal.assume_role_action)


def _merged(statements: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """One statement for the principals that are trusted alike: a trust policy has 2,048 characters."""
    alike: dict[str, dict[str, Any]] = {}
    for statement in statements:
        principal = statement["Principal"]
        if principal.keys() != {"AWS"}:
            alike[repr(statement)] = statement
            continue
        key = repr({**statement, "Principal": ""})
        known = alike.setdefault(key, {**statement, "Principal": {"AWS": []}})
        arns = principal["AWS"]
        known["Principal"]["AWS"] += arns if isinstance(arns, list) else [arns]
    for statement in alike.values():
        arns = statement["Principal"].get("AWS")
        if isinstance(arns, list) and len(arns) == 1:
            statement["Principal"] = {"AWS": arns[0]}
    return list(alike.values())


def _trust_by_permission_set(name: str) -> dict[str, Any]:
    """Trust the role that IAM Identity Center makes in this account for a permission set, and no other.

    That role lies below a path which may name a region, and has 16 characters after its name that change when
    the set is assigned again; a principal may hold no wildcard, a condition may. Only AWS can create a role below
    ``/aws-reserved/``. Source: IAM Identity Center, "Referencing permission sets in resource policies".
    """
    role = f"AWSReservedSSO_${{Name}}_{'?' * 16}"
    path = "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/aws-reserved/sso.amazonaws.com"
    patterns = [{"Fn::Sub": [f"{place}/{role}", {"Name": name}]} for place in (path, f"{path}/*")]
    return _trust_in_account({"ArnLike": {"aws:PrincipalArn": patterns}})


def _trust_in_account(condition: Mapping[str, Any]) -> dict[str, Any]:
    return _trust({"AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}}, condition)


def _refuse_open_trust(principals: "Sequence[AnyPrincipal]", *, named: bool) -> None:
    too_open = [principal for principal in principals if isinstance(principal, _OPEN)]
    if named and not too_open:
        return
    got = f"a {type(too_open[0]).__name__}" if too_open else "nobody"
    raise ConstructError(
        "invalid_push_pull_role",
        f"principals: expected roles, users or an OIDC provider with conditions, got {got}.",
        "Name who may push, such as iam.ArnPrincipal of the pipeline's role.",
    )


def _refuse_wrong_permission_set(name: str | None) -> None:
    if not name or is_token(name) or _PERMISSION_SET.fullmatch(name):
        return
    raise ConstructError(
        "invalid_push_pull_role",
        f"permission_set: expected the name of one permission set of IAM Identity Center, got {name!r}.",
        "Leave out AWSReservedSSO_, the suffix and wildcards.",
    )


_PERMISSION_SET = re.compile(r"(?!AWSReservedSSO_)[A-Za-z0-9+=,.@_-]{1,32}")
"""Source: IAM Identity Center API, CreatePermissionSet, Name."""

_OPEN = (iam.AccountPrincipal, iam.AnyPrincipal, iam.StarPrincipal, iam.ServicePrincipal)
