"""CloudFormation types that CDK apps use and ministack lacks, and corrections of what it does for others.

Template reference of each type: which properties it has, what ``Ref`` and ``Fn::GetAtt`` give, and which changes
replace it. ``Ref`` of AWS::SecretsManager::Secret is the secret's ARN; ministack gives its name.

A stack may create nothing under a name that is taken ("Resource of type '…' with identifier '…' already exists."):
ministack overwrites such roles, log groups and repositories, log streams and images included. AWS::ECR::Repository is
among the types that CloudFormation can import (its user guide, "Resource type support"), and not among ministack's.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from expressway_sandbox import emulator

Properties = dict[str, Any]
Created = tuple[str, dict[str, Any]]

SECRET = "AWS::SecretsManager::Secret"  # noqa: S105 - a type's name
_INGRESS, _EGRESS = "AWS::EC2::SecurityGroupIngress", "AWS::EC2::SecurityGroupEgress"
_CERTIFICATE = "AWS::ElasticLoadBalancingV2::ListenerCertificate"
_RULE_PROPERTIES = (
    *("CidrIp", "CidrIpv6", "FromPort", "GroupId", "GroupName", "IpProtocol", "ToPort"),
    *("SourcePrefixListId", "SourceSecurityGroupId", "SourceSecurityGroupName", "SourceSecurityGroupOwnerId"),
    *("DestinationPrefixListId", "DestinationSecurityGroupId"),
)
_CREATE_ONLY: dict[str, tuple[str, ...]] = {
    _INGRESS: _RULE_PROPERTIES,
    _EGRESS: _RULE_PROPERTIES,
    "AWS::EC2::EIP": ("Domain", "NetworkBorderGroup", "TransferAddress", "Address", "IpamPoolId"),
    "AWS::EC2::NatGateway": ("SubnetId", "ConnectivityType", "AllocationId", "PrivateIpAddress"),
    _CERTIFICATE: ("ListenerArn", "Certificates"),
}


_REPOSITORY, _REPOSITORY_NAME = "AWS::ECR::Repository", "RepositoryName"
_NAMED: dict[str, tuple[str, Callable[[], Any]]] = {
    "AWS::IAM::Role": ("RoleName", lambda: emulator.module("services.iam")._roles),
    "AWS::Logs::LogGroup": ("LogGroupName", lambda: emulator.module("services.cloudwatch_logs")._log_groups),
    _REPOSITORY: (_REPOSITORY_NAME, lambda: emulator.module("services.ecr")._repositories),
}


@dataclass(frozen=True, slots=True)
class _Type:
    """How a type is made and removed, and what ``Fn::GetAtt`` gives of a resource, by its physical id."""

    create: Callable[[str, Properties], str]
    delete: Callable[[str, Properties], None]
    attributes: Callable[[str], dict[str, Any]]


def hook() -> None:
    """Put the types into ministack's tables."""
    provisioners = emulator.module("services.cloudformation.provisioners")
    handlers: dict[str, dict[str, Any]] = provisioners._RESOURCE_HANDLERS
    provisioners._REPLACING_PROPERTIES.setdefault("AWS::Logs::LogGroup", ("LogGroupName",))
    provisioners._REPLACING_PROPERTIES.setdefault("AWS::IAM::Policy", ())
    _hook_existing()
    ec2 = emulator.module("services.ec2")
    types = {
        _INGRESS: _security_group_rule("IpPermissions"),
        _EGRESS: _security_group_rule("IpPermissionsEgress"),
        "AWS::EC2::EIP": _Type(
            lambda _, properties: _ec2("AllocateAddress", {"Domain": str(properties.get("Domain", "vpc"))}, "publicIp"),
            lambda name, _: ec2._addresses.pop(_address(name).get("AllocationId", ""), None),
            _address,
        ),
        "AWS::EC2::NatGateway": _Type(
            _create_nat_gateway, lambda name, _: ec2._nat_gateways.pop(name, None), lambda name: {"NatGatewayId": name}
        ),
        _CERTIFICATE: _Type(_add_certificates, _remove_certificates, lambda _: {}),
    }
    for name, of_type in types.items():
        provisioners._REPLACING_PROPERTIES[name] = _CREATE_ONLY[name]
        handlers[name] = _handlers(of_type, _CREATE_ONLY[name])
    emulator.wrap_entries(handlers[SECRET], create=_create_secret, update=_update_secret, delete=_secret_by_name)
    drift: Any = emulator.module("services.cloudformation.drift")._DRIFT_READERS
    read, covered = drift[SECRET]
    drift[SECRET] = (partial(_secret_by_name, read), covered)


def _handlers(of_type: _Type, create_only: tuple[str, ...]) -> dict[str, Any]:
    def create(logical_id: str, properties: Properties, _stack_name: str = "") -> Created:
        physical_id = of_type.create(logical_id, properties)
        return physical_id, of_type.attributes(physical_id)

    def update(physical_id: str, old: Properties, new: Properties, _stack: str, logical_id: str = "") -> Created:
        if all(old.get(name) == new.get(name) for name in create_only):
            return physical_id, of_type.attributes(physical_id)
        created = create(logical_id or physical_id, new)
        of_type.delete(physical_id, old)
        return created

    return {"create": create, "update": update, "update_with_logical_id": True, "delete": of_type.delete}


def _security_group_rule(direction: str) -> _Type:
    """A rule that is a resource of its own; `direction` is the list of the group that holds it."""

    def create(_logical_id: str, properties: Properties) -> str:
        group = emulator.module("services.ec2")._security_groups.get(properties.get("GroupId", ""))
        if group is None:
            raise ValueError(f"The security group '{properties.get('GroupId')}' does not exist")
        group.setdefault(direction, []).append(_permission(properties))
        return f"sgr-{emulator.module('core.responses').new_uuid().replace('-', '')[:17]}"

    def delete(_physical_id: str, properties: Properties) -> None:
        group = emulator.module("services.ec2")._security_groups.get(properties.get("GroupId", "")) or {}
        permission = _permission(properties)
        if permission in group.get(direction, []):
            group[direction].remove(permission)

    return _Type(create, delete, lambda name: {"Id": name})


def _permission(properties: Properties) -> Properties:
    (permission,) = emulator.module("services.cloudformation.provisioners")._ec2_sg_permissions([properties])
    return permission


def _ec2(operation: str, request: dict[str, str], wanted: str) -> str:
    """One text of an operation's answer; on the event loop, where CloudFormation makes these types."""
    _, _, answer = emulator.module("services.ec2")._ACTION_MAP[operation]({name: [request[name]] for name in request})
    match = re.search(f"<{wanted}>([^<]+)</{wanted}>", answer if isinstance(answer, str) else answer.decode())
    if match is None:
        raise ValueError(f"{operation} failed: {answer!r}")
    return match[1]


def _address(physical_id: str) -> dict[str, Any]:
    addresses: Any = emulator.module("services.ec2")._addresses
    found = [str(name) for name, address in addresses.items() if address.get("PublicIp") == physical_id]
    return {"PublicIp": physical_id, "AllocationId": found[0]} if found else {}


def _create_nat_gateway(_logical_id: str, properties: Properties) -> str:
    names = ("SubnetId", "AllocationId", "ConnectivityType")
    request = {name: str(properties[name]) for name in names if name in properties}
    return _ec2("CreateNatGateway", request, "natGatewayId")


def _add_certificates(logical_id: str, properties: Properties) -> str:
    listener = emulator.module("services.alb")._listeners.get(properties.get("ListenerArn", ""))
    if listener is None:
        raise ValueError(f"One or more listeners not found: {properties.get('ListenerArn')}")
    known = emulator.module("services.acm")._certificates
    unknown = [arn for arn in _certificate_arns(properties) if arn not in known]
    if unknown:
        raise ValueError(f"Certificate ARN '{unknown[0]}' is not valid")
    listener["Certificates"] = [*listener.get("Certificates", []), *_certificate_arns(properties)]
    return f"{properties['ListenerArn']}|{logical_id}"


def _remove_certificates(_physical_id: str, properties: Properties) -> None:
    listener = emulator.module("services.alb")._listeners.get(properties.get("ListenerArn", ""))
    if listener is not None:
        removed = _certificate_arns(properties)
        listener["Certificates"] = [arn for arn in listener.get("Certificates", []) if arn not in removed]


def _certificate_arns(properties: Properties) -> list[str]:
    return [str(each.get("CertificateArn")) for each in properties.get("Certificates") or ()]


# The physical id of a secret is its ARN; ministack's own functions know secrets by name.


def _create_secret(original: Callable[..., Created], *arguments: Any) -> Created:
    _, attributes = original(*arguments)
    return str(attributes["Arn"]), attributes


def _update_secret(original: Callable[..., Created], physical_id: str, *arguments: Any, **options: Any) -> Created:
    _, attributes = _secret_by_name(original, physical_id, *arguments, **options)
    return str(attributes["Arn"]), attributes


def _secret_by_name(original: Callable[..., Any], physical_id: str, *arguments: Any, **options: Any) -> Any:
    """Call `original` with the name of the secret with this ARN; with the text itself where there is none."""
    secrets: Any = emulator.module("services.secretsmanager")._secrets
    name = next((str(name) for name, secret in secrets.items() if secret.get("ARN") == physical_id), physical_id)
    return original(name, *arguments, **options)


def _hook_existing() -> None:
    """Check names before the creation of each type, and put repositories into the tables of what can be imported."""
    handlers: Any = emulator.module("services.cloudformation.provisioners")._RESOURCE_HANDLERS
    for resource_type, (member, existing) in _NAMED.items():
        handlers[resource_type] = dict(handlers[resource_type])
        emulator.wrap_entries(handlers[resource_type], create=_refusing(resource_type, member, existing))
    handlers[_REPOSITORY]["import"] = _import
    changesets = emulator.module("services.cloudformation.changesets")
    changesets._IMPORT_LOOKUPS[_REPOSITORY] = ((_REPOSITORY_NAME,), _problem)


def _refusing(resource_type: str, member: str, existing: Callable[[], Any]) -> Callable[..., Created]:
    def create(original: Callable[..., Created], logical_id: str, properties: Properties, stack_name: str) -> Created:
        name = properties.get(member)
        if name and name in existing():
            raise ValueError(f"Resource of type '{resource_type}' with identifier '{name}' already exists.")
        return original(logical_id, properties, stack_name)

    return create


def _problem(name: str) -> str | None:
    if name in emulator.module("services.ecr")._repositories:
        return None
    text: Any = emulator.module("services.cloudformation.changesets")._IMPORT_NOT_FOUND
    value = json.dumps({f"/properties/{_REPOSITORY_NAME}": name}, separators=(",", ":"))
    return str(text.format(type=_REPOSITORY, value=value))


def _import(identifier: dict[str, str]) -> Created:
    name = identifier[_REPOSITORY_NAME]
    repository: Any = emulator.module("services.ecr")._repositories[name]
    return name, {"Arn": repository["repositoryArn"], "RepositoryUri": repository["repositoryUri"]}
