"""Who may push an app's images when its definition does not say: whoever first deploys it."""

import re
from collections.abc import Mapping

from expressway.aws.values.target import Target

ROLE_OR_USER_PARAMETER = "PusherArn"
PERMISSION_SET_PARAMETER = "PusherPermissionSet"

_PERMISSION_SET_ROLE = re.compile(r"AWSReservedSSO_([A-Za-z0-9+=,.@_-]{1,32})_[0-9a-f]{16}")
"""Role of a permission set. Source: IAM Identity Center, "Referencing permission sets in resource policies"."""


def pusher_parameters(previous: Mapping[str, str], target: Target) -> dict[str, str]:
    """The parameters of the repository stack that name the pusher, both texts.

    The identity is fixed when the repository is first made and kept from then on, so that two people deploying
    in turn do not rewrite each other's trust.
    """
    names = (ROLE_OR_USER_PARAMETER, PERMISSION_SET_PARAMETER)
    kept = {name: previous.get(name, "") for name in names}
    if any(kept.values()):
        return kept
    return dict(zip(names, (deploying_identity(target), deploying_permission_set(target)), strict=True))


def deploying_identity(target: Target) -> str:
    """The ARN of the role or user behind the caller: an assumed role's session is traced to its role.

    A role's path is not part of its session's ARN, so a role below a path is named without it; name such
    principals in the definition (``repository.push_principals``). The roles of IAM Identity Center always lie
    below a path, so they are named by their permission set. The account's root user and federated users are
    never a default.
    """
    role_name = _assumed_role(target)
    if role_name is not None:
        reserved = role_name.startswith("AWSReservedSSO_")
        return "" if reserved else f"arn:{target.partition}:iam::{target.account_id}:role/{role_name}"
    arn = target.caller_arn or ""
    return arn if ":user/" in arn else ""


def deploying_permission_set(target: Target) -> str:
    """The permission set of IAM Identity Center by which the caller is signed in; empty without one.

    Its name is kept rather than its role's: the role gets another suffix whenever the set is assigned anew.
    """
    match = _PERMISSION_SET_ROLE.fullmatch(_assumed_role(target) or "")
    return match.group(1) if match else ""


def _assumed_role(target: Target) -> str | None:
    _, assumed, session = (target.caller_arn or "").partition(":assumed-role/")
    return session.split("/", 1)[0] if assumed else None
