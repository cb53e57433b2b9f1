"""An IAM role and what it may do, as plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class RolePolicy:
    """One policy of a role. `arn` is empty for an inline one; `document` is None when it could not be read."""

    name: str
    arn: str = ""
    document: Mapping[str, Any] | None = None

    @property
    def is_aws_managed(self) -> bool:
        return ":iam::aws:policy/" in self.arn


@dataclass(frozen=True, slots=True)
class RoleState:
    """A role with its trust document and all its policies."""

    name: str
    arn: str
    trust: Mapping[str, Any] = field(default_factory=dict[str, Any])
    policies: tuple[RolePolicy, ...] = ()
    permissions_boundary_arn: str = ""


def role_name_of(name_or_arn: str) -> str:
    """The role's name, from a name or an ARN with any path (``arn:aws:iam::…:role/team/web`` → ``web``)."""
    return name_or_arn.rsplit("/", 1)[-1] if name_or_arn.startswith("arn:") else name_or_arn
