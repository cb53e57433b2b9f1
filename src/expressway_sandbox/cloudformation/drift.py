"""What drift detection reads of roles, policies, repositories and Express Mode services.

ministack compares a role without its policies and a repository by its existence alone. A reader answers the
resource's properties as a template would write them, or None when the resource is gone; CloudFormation then
compares what the template set explicitly.
"""

import json
from collections.abc import Callable
from typing import Any

from expressway_sandbox import emulator
from expressway_sandbox.cloudformation import express_type as cloudformation_express
from expressway_sandbox.express.store import STORE

Properties = dict[str, Any]
Reader = Callable[[str, Properties], Properties | None]


def readers(original: dict[str, tuple[Reader, frozenset[str]]]) -> dict[str, tuple[Reader, frozenset[str]]]:
    """The readers to put into ministack's table, with the properties that each covers."""
    read_role, role_properties = original["AWS::IAM::Role"]
    repository_properties = frozenset(
        {
            "RepositoryName",
            "ImageTagMutability",
            "ImageTagMutabilityExclusionFilters",
            "ImageScanningConfiguration",
            "EncryptionConfiguration",
            "LifecyclePolicy",
            "RepositoryPolicyText",
            "Tags",
        }
    )
    service_properties = frozenset({"ServiceName", "Cluster", "InfrastructureRoleArn", "Tags"})
    return {
        "AWS::IAM::Role": (_role(read_role), role_properties | {"ManagedPolicyArns", "Policies"}),
        "AWS::IAM::Policy": (_inline_policy, frozenset({"PolicyDocument"})),
        "AWS::IAM::ManagedPolicy": (_managed_policy, frozenset({"PolicyDocument"})),
        "AWS::ECR::Repository": (_repository, repository_properties),
        cloudformation_express.TYPE: (_service, service_properties),
    }


def _role(read: Reader) -> Reader:
    def read_role(physical_id: str, properties: Properties) -> Properties | None:
        found = read(physical_id, properties)
        if found is None:
            return None
        role: Any = emulator.module("services.iam")._roles[physical_id]
        inline = {str(name): _document(text) for name, text in (role.get("InlinePolicies") or {}).items()}
        elsewhere = _policies_of_other_resources(physical_id)
        own = {str(p.get("PolicyName")) for p in properties.get("Policies") or []}
        found["ManagedPolicyArns"] = list(role.get("AttachedPolicies") or [])
        found["Policies"] = [
            {"PolicyName": name, "PolicyDocument": document}
            for name, document in inline.items()
            if name in own or name not in elsewhere
        ]
        return found

    return read_role


def _policies_of_other_resources(role_name: str) -> set[str]:
    """The inline policies that AWS::IAM::Policy resources of any stack put on the role."""
    stacks: Any = emulator.module("services.cloudformation")._stacks
    names: set[str] = set()
    for stack in list(stacks.values()):
        for record in (stack.get("_resources") or {}).values():
            properties: Properties = record.get("Properties") or {}
            if record.get("ResourceType") == "AWS::IAM::Policy" and role_name in (properties.get("Roles") or []):
                names.add(str(properties.get("PolicyName") or record.get("PhysicalResourceId")))
    return names


def _inline_policy(physical_id: str, properties: Properties) -> Properties | None:
    name = str(properties.get("PolicyName") or physical_id)
    roles: Any = emulator.module("services.iam")._roles
    for role_name in properties.get("Roles") or []:
        document = ((roles.get(role_name) or {}).get("InlinePolicies") or {}).get(name)
        if document is None:
            return None
        return {"PolicyDocument": _document(document)}
    return {}


def _managed_policy(physical_id: str, _properties: Properties) -> Properties | None:
    policy: Any = emulator.module("services.iam")._policies.get(physical_id)
    if policy is None:
        return None
    version: Any = (policy.get("Versions") or {}).get(policy.get("DefaultVersionId")) or {}
    return {"PolicyDocument": _document(version.get("Document"))}


def _repository(physical_id: str, properties: Properties) -> Properties | None:
    ecr = emulator.module("services.ecr")
    repository: Any = ecr._repositories.get(physical_id)
    if repository is None:
        return None
    scanning = repository.get("imageScanningConfiguration") or {}
    encryption = repository.get("encryptionConfiguration") or {}
    found: Properties = {
        "RepositoryName": physical_id,
        "ImageTagMutability": repository.get("imageTagMutability", "MUTABLE"),
        "ImageTagMutabilityExclusionFilters": [
            {
                "ImageTagMutabilityExclusionFilterType": f["filterType"],
                "ImageTagMutabilityExclusionFilterValue": f["filter"],
            }
            for f in repository.get("imageTagMutabilityExclusionFilters") or []
        ],
        "ImageScanningConfiguration": {"ScanOnPush": bool(scanning.get("scanOnPush"))},
        "EncryptionConfiguration": {"EncryptionType": encryption.get("encryptionType", "AES256")},
        "Tags": {tag["Key"]: tag.get("Value", "") for tag in repository.get("tags") or []},
    }
    if encryption.get("kmsKey"):
        found["EncryptionConfiguration"]["KmsKey"] = encryption["kmsKey"]
    lifecycle = ecr._lifecycle_policies.get(physical_id)
    if lifecycle is not None:
        expected = (properties.get("LifecyclePolicy") or {}).get("LifecyclePolicyText")
        found["LifecyclePolicy"] = {"LifecyclePolicyText": _same_text(lifecycle, expected)}
    policy = ecr._repo_policies.get(physical_id)
    if policy is not None:
        expected = properties.get("RepositoryPolicyText")
        found["RepositoryPolicyText"] = policy if isinstance(expected, str) else _document(policy)
    return found


def _same_text(actual: str, expected: Any) -> str:
    """The expected text where both say the same: spaces and order in a JSON text are no drift."""
    return expected if isinstance(expected, str) and _document(actual) == _document(expected) else actual


def _service(physical_id: str, properties: Properties) -> Properties | None:
    """Most members of the type are write-only, so drift detection cannot see them."""
    service = STORE.by_arn(physical_id)
    if service is None or service.status == "INACTIVE":
        return None
    cluster = str(properties.get("Cluster", ""))
    return {
        "ServiceName": service.name,
        "Cluster": service.cluster_arn if cluster.startswith("arn:") else service.cluster,
        "InfrastructureRoleArn": service.infrastructure_role_arn,
        "Tags": {tag["key"]: tag["value"] for tag in service.tags},
    }


def _document(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value
