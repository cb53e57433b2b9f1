"""A stack cannot take over what exists already: roles, log groups and repositories of a taken name are refused.

ministack overwrites them, log streams and images included. CloudFormation's own words: "Resource of type '…'
with identifier '…' already exists."
"""

from collections.abc import Callable
from typing import Any

from expressway_sandbox import emulator

Properties = dict[str, Any]
Create = Callable[[str, Properties, str], tuple[str, dict[str, Any]]]

_NAMED: dict[str, tuple[str, Callable[[], Any]]] = {
    "AWS::IAM::Role": ("RoleName", lambda: emulator.module("services.iam")._roles),
    "AWS::Logs::LogGroup": ("LogGroupName", lambda: emulator.module("services.cloudwatch_logs")._log_groups),
    "AWS::ECR::Repository": ("RepositoryName", lambda: emulator.module("services.ecr")._repositories),
}


def guard(handlers: dict[str, dict[str, Any]]) -> None:
    """Put the check in front of the creation of each type in ministack's table of resource handlers."""
    for resource_type, (member, held) in _NAMED.items():
        handler = handlers[resource_type]
        handlers[resource_type] = {**handler, "create": _refusing(resource_type, member, held, handler["create"])}


def _refusing(resource_type: str, member: str, held: Callable[[], Any], original: Create) -> Create:
    def create(logical_id: str, properties: Properties, stack_name: str) -> tuple[str, dict[str, Any]]:
        name = properties.get(member)
        if name and name in held():
            raise ValueError(f"Resource of type '{resource_type}' with identifier '{name}' already exists.")
        return original(logical_id, properties, stack_name)

    return create
