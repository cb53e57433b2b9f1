"""The kinds of resources that our stacks have: what plans, deletions and checks of names need to know of each.

Source of ``create_only``: ``createOnlyProperties`` of the CloudFormation registry schemas; a test holds it against
those that cfn-lint carries.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from expressway.cloudformation.stack import EXPRESS_TYPE


@dataclass(frozen=True, slots=True)
class ResourceKind:
    """One resource type.

    Attributes:
        noun: what it is called in sentences.
        named_by: the properties that make its name unique in an account and region, the name itself first.
        create_only: properties whose change replaces the resource.
        holds_data: taking over one that exists makes sense: it holds images or logs.
        replaced: what a replaced one does, as half a sentence; empty where nothing is lost.
        lost_with_app: what is lost when the app is deleted and deployed again.
    """

    noun: str
    named_by: tuple[str, ...] = ()
    create_only: frozenset[str] = frozenset()
    holds_data: bool = False
    replaced: str = ""
    lost_with_app: str = ""

    def name_of(self, properties: Mapping[str, Any]) -> str | None:
        """The physical name that a template's properties fix; None where CloudFormation makes one up."""
        name = properties.get(self.named_by[0]) if self.named_by else None
        return name if isinstance(name, str) else None


RESOURCE_KINDS: Mapping[str, ResourceKind] = {
    EXPRESS_TYPE: ResourceKind(
        "service",
        ("ServiceName", "Cluster"),
        frozenset({"ServiceName", "Cluster", "InfrastructureRoleArn", "Tags"}),
        replaced="gets another URL",
        lost_with_app="its URL changes",
    ),
    "AWS::ECR::Repository": ResourceKind(
        "repository",
        ("RepositoryName",),
        frozenset({"RepositoryName", "EncryptionConfiguration"}),
        holds_data=True,
        replaced="starts without images",
        lost_with_app="its images go",
    ),
    "AWS::Logs::LogGroup": ResourceKind(
        "log group",
        ("LogGroupName",),
        frozenset({"LogGroupName"}),
        holds_data=True,
        replaced="starts without logs",
        lost_with_app="its logs go",
    ),
    "AWS::IAM::Role": ResourceKind("role", ("RoleName",), frozenset({"RoleName", "Path"})),
    "AWS::IAM::ManagedPolicy": ResourceKind(
        "policy", ("ManagedPolicyName",), frozenset({"ManagedPolicyName", "Path", "Description"})
    ),
    "AWS::IAM::Policy": ResourceKind("policy"),
}
_UNKNOWN = ResourceKind("resource")


def kind_of(resource_type: object) -> ResourceKind:
    """What is known of a resource type; nothing of one that our stacks do not have."""
    return RESOURCE_KINDS.get(str(resource_type), _UNKNOWN)
