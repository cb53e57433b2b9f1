"""Where the CDK's Python types contradict each other.

A class such as ``iam.Role`` has other parameter names than its own interface ``iam.IRole``, and type checkers
rightly object. Node matches them by position, so the values fit; these functions say so in one place.
"""

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, SupportsIndex, cast, overload

import aws_cdk as cdk
import jsii
from aws_cdk import aws_iam as iam

from expressway_constructs.errors import ConstructError
from expressway_constructs.setting_types import is_token_list

if TYPE_CHECKING:
    from aws_cdk import aws_ec2 as ec2
    from aws_cdk import aws_ecr as ecr
    from aws_cdk import aws_ecs as ecs
    from aws_cdk import aws_logs as logs
    from aws_cdk import aws_secretsmanager as secretsmanager
    from aws_cdk import aws_ssm as ssm

    # What users pass: an interface, or a class of the CDK's that names the parameters otherwise.
    AnyCluster = ecs.ICluster | ecs.Cluster
    AnyGrantee = iam.IGrantable | iam.Role | iam.User | iam.Group
    AnyLogGroup = logs.ILogGroup | logs.LogGroup
    AnyPrincipal = iam.IPrincipal | iam.PrincipalBase | iam.Role | iam.User
    AnyRepository = ecr.IRepository | ecr.RepositoryBase
    AnyRole = iam.IRole | iam.Role
    AnySecret = secretsmanager.ISecret | secretsmanager.Secret
    AnySecurityGroup = ec2.ISecurityGroup | ec2.SecurityGroup
    AnySubnet = ec2.ISubnet | ec2.Subnet
    AnyTaskDefinition = ecs.ITaskDefinition | ecs.TaskDefinition
    AnyVpc = ec2.IVpc | ec2.Vpc
    ServiceSecret = ecs.Secret | AnySecret | ssm.IParameter | ssm.StringParameter | ssm.StringListParameter | str


class Connectable:
    """``aws_ec2.IConnectable`` for ``jsii.implements``, without loading aws_ec2, which takes 20 MB in every app."""

    __jsii_type__ = "aws-cdk-lib.aws_ec2.IConnectable"

    @property
    @jsii.member(jsii_name="connections")
    def connections(self) -> Any:
        """What jsii looks up by name; the class that implements the interface has its own."""


class TokenList(list[str]):
    """A list that is known only at deploy time, whose entries can be asked for by their index.

    In the CDK such a list is a Python list of one marker, which is valid only where a list is expected: as an entry
    it stops the synthesis. Its length and its end are not known, so there are no negative indices and no slices.
    """

    @overload
    def __getitem__(self, index: SupportsIndex) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...

    def __getitem__(self, index: SupportsIndex | slice) -> str | list[str]:
        if isinstance(index, slice) or int(index) < 0:
            raise ConstructError(
                "unknown_length",
                f"Expected an index of 0 or more for a list that is known only at deploy time, got {index!r}.",
                "Pass the list as a whole, or ask for single entries from its start.",
            )
        return cdk.Fn.select(int(index), list(self))


def ids_of(entries: Sequence[str]) -> list[str]:
    """The entries as a list, which can be asked for single ones also where all of it is one token."""
    return TokenList(entries) if is_token_list(entries) else list(entries)


LAST = 1000
"""The priority of aspects that look at what all others made: ``cdk.AspectPriority.READONLY``, without asking Node."""


def late(aspect: Any, construct: Any) -> None:
    """Let `aspect` visit `construct` after all that change constructs."""
    cdk.Aspects.of(construct).add(aspect, priority=LAST)


@cache
def account_id() -> str:
    """The account that a stack is deployed to; the same token always, so Node is asked once."""
    return cdk.Aws.ACCOUNT_ID


def as_principal(principal: Any) -> iam.IPrincipal:
    """A principal of any class, as the interface."""
    return cast("iam.IPrincipal", principal)


def as_role(role: "AnyRole") -> iam.IRole:
    """A role of any class, as the interface."""
    return cast("iam.IRole", role)


def as_grantee(grantee: Any) -> iam.IGrantable:
    """A grantee of any class, as the interface."""
    return cast("iam.IGrantable", grantee)
