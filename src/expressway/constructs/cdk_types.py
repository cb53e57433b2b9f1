"""Where the CDK's Python types contradict each other.

A class such as ``iam.Role`` names parameters otherwise than its own interface ``iam.IRole``, and type checkers
rightly object. Node matches them by position, so the values fit; these functions say so in one place.
"""

from functools import cache
from typing import Any, cast

import aws_cdk as cdk
from aws_cdk import aws_iam as iam

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


def as_role(role: iam.Role) -> iam.IRole:
    """A role that was made here, as the interface."""
    return cast("iam.IRole", role)
