"""Drift: what drift detection reads of resources, and change sets with ``DeploymentMode=REVERT_DRIFT``.

ministack compares a role without its policies and a repository by its existence alone. A reader answers the
resource's properties as a template would write them, or None when the resource is gone; CloudFormation then
compares what the template set explicitly.

A drift-aware change set, which ministack takes for a plain one, creates what was deleted outside of CloudFormation and
resets what was changed. Source: CloudFormation user guide, "Using drift-aware change sets". Drift is found when the
change set is made; ministack then compares the template with the actual resources.
"""

import copy
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from expressway_sandbox import emulator
from expressway_sandbox.cloudformation import express_type
from expressway_sandbox.emulator import Answer
from expressway_sandbox.services.model import STORE

Handler = Callable[[dict[str, Any]], Answer]
_KEY = "_expressway_drift"
_COMPARED = frozenset({"AWS::IAM::Role"})
"""Types whose readers answer properties as templates write them; others are created again, but not reset."""
Properties = dict[str, Any]
Reader = Callable[[str, Properties], Properties | None]


def readers(original: dict[str, tuple[Reader, frozenset[str]]]) -> dict[str, tuple[Reader, frozenset[str]]]:
    """The readers to put into ministack's table, with the properties that each covers."""
    read_role, role_properties = original["AWS::IAM::Role"]
    repository_properties = frozenset(
        {
            *("RepositoryName", "ImageTagMutability", "ImageTagMutabilityExclusionFilters", "Tags"),
            *("ImageScanningConfiguration", "EncryptionConfiguration", "LifecyclePolicy", "RepositoryPolicyText"),
        }
    )
    service_properties = frozenset({"ServiceName", "Cluster", "InfrastructureRoleArn", "Tags"})
    return {
        "AWS::IAM::Role": (partial(_role, read_role), role_properties | {"ManagedPolicyArns", "Policies"}),
        "AWS::IAM::Policy": (_inline_policy, frozenset({"PolicyDocument"})),
        "AWS::IAM::ManagedPolicy": (_managed_policy, frozenset({"PolicyDocument"})),
        "AWS::ECR::Repository": (_repository, repository_properties),
        express_type.TYPE: (_service, service_properties),
    }


def _role(read: Reader, physical_id: str, properties: Properties) -> Properties | None:
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


def _policies_of_other_resources(role_name: str) -> set[str]:
    """The inline policies that AWS::IAM::Policy resources of any stack put on the role."""
    stacks: list[Any] = list(emulator.module("services.cloudformation")._stacks.values())
    records = [record for stack in stacks for record in (stack.get("_resources") or {}).values()]
    return {
        str((record.get("Properties") or {}).get("PolicyName") or record.get("PhysicalResourceId"))
        for record in records
        if record.get("ResourceType") == "AWS::IAM::Policy"
        and role_name in ((record.get("Properties") or {}).get("Roles") or [])
    }


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
        # Spaces and order in a JSON text are no drift.
        is_same = isinstance(expected, str) and _document(lifecycle) == _document(expected)
        found["LifecyclePolicy"] = {"LifecyclePolicyText": expected if is_same else lifecycle}
    policy = ecr._repo_policies.get(physical_id)
    if policy is not None:
        expected = properties.get("RepositoryPolicyText")
        found["RepositoryPolicyText"] = policy if isinstance(expected, str) else _document(policy)
    return found


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


@dataclass(frozen=True, slots=True)
class Drift:
    """Logical ids of the deleted resources, and the actual properties of the changed ones."""

    deleted: frozenset[str] = frozenset()
    changed: Mapping[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])

    def applied_to(self, resources: Mapping[str, Any]) -> dict[str, Any]:
        """Resources of a template, or records of them, in their actual state."""
        actual = {name: copy.deepcopy(held) for name, held in resources.items() if name not in self.deleted}
        for name, properties in self.changed.items():
            if name in actual:
                actual[name]["Properties"] = {**(actual[name].get("Properties") or {}), **copy.deepcopy(properties)}
        return actual


def create_change_set(original: Handler, parameters: dict[str, Any]) -> Answer:
    """CreateChangeSet that compares with the actual resources where REVERT_DRIFT asks for it."""
    cloudformation = emulator.module("services.cloudformation")
    stack: Any = cloudformation._stacks.get(parameters.get("StackName", [""])[0])
    if parameters.get("DeploymentMode", [""])[0] != "REVERT_DRIFT" or stack is None:
        return original(parameters)
    drift = _drift_of(stack)
    before = {id(change_set) for change_set in cloudformation._change_sets.values()}
    recorded = {key: stack.get(key) for key in ("_template", "_resources")}
    _set(stack, drift)
    try:
        answer = original(parameters)
    finally:
        stack.update(recorded)
    for change_set in cloudformation._change_sets.values():
        if id(change_set) not in before:
            change_set[_KEY] = drift
    return answer


def execute_change_set(original: Handler, parameters: dict[str, Any]) -> Answer:
    """ExecuteChangeSet that starts from the actual resources, so that what drifted is created or reset."""
    cloudformation = emulator.module("services.cloudformation")
    name = parameters.get("ChangeSetName", [""])[0]
    found: Any = cloudformation._change_sets.get(name) or {}
    drift: Drift | None = found.get(_KEY)
    stack: Any = cloudformation._stacks.get(found.get("StackName"))
    if drift is not None and stack is not None and found.get("ExecutionStatus") == "AVAILABLE":
        _set(stack, drift)
    return original(parameters)


def _set(stack: dict[str, Any], drift: Drift) -> None:
    template: dict[str, Any] = stack.get("_template") or {}
    stack["_template"] = {**template, "Resources": drift.applied_to(template.get("Resources") or {})}
    stack["_resources"] = drift.applied_to(stack.get("_resources") or {})


def _drift_of(stack: Mapping[str, Any]) -> Drift:
    readers: Any = emulator.module("services.cloudformation.drift")._DRIFT_READERS
    deleted: set[str] = set()
    changed: dict[str, dict[str, Any]] = {}
    for logical_id, record in (stack.get("_resources") or {}).items():
        reader, covered = readers.get(record.get("ResourceType"), (None, frozenset()))
        if reader is None:
            continue
        properties: dict[str, Any] = record.get("Properties") or {}
        actual = reader(record.get("PhysicalResourceId", ""), properties)
        if actual is None:
            deleted.add(logical_id)
            continue
        names = [name for name in covered if name in properties and name in actual]
        differing = {name: actual[name] for name in names if actual[name] != properties[name]}
        if differing and record.get("ResourceType") in _COMPARED:
            changed[logical_id] = differing
    return Drift(frozenset(deleted), changed)
