"""The secrets of a task's container, as ECS delivers them.

ministack leaves out the version that a reference names, and hands a SecureString over encrypted.
"""

import json
from typing import Any

from expressway_sandbox import emulator

_ARN_FIELDS = 7
"""Of a Secrets Manager ARN; ECS lets ``:json-key:version-stage:version-id`` follow, each of which may be empty."""


def container_secrets(definition: dict[str, Any]) -> dict[str, str]:
    """`ecs._resolve_container_secrets`: the values of a container definition's secrets, by variable.

    Raises:
        ecs._SecretResolutionError: one cannot be had; ministack then ends the task as ECS does.
    """
    references: list[dict[str, Any]] = definition.get("secrets") or []
    return {str(one["name"]): _value(str(one["name"]), str(one["valueFrom"])) for one in references}


def _value(name: str, reference: str) -> str:
    if ":secretsmanager:" not in reference:
        return _found(emulator.module("services.ssm").resolve_parameter_value(reference, decrypt=True), name, reference)
    parts = reference.split(":")
    json_key, stage, version = (*parts[_ARN_FIELDS:], "", "", "")[:3]
    arn = ":".join(parts[:_ARN_FIELDS])
    resolve = emulator.module("services.secretsmanager").resolve_secret_string
    value = _found(resolve(arn, stage or "AWSCURRENT", version or None), name, reference)
    return _of_key(value, json_key, name, reference) if json_key else value


def _found(value: str | None, name: str, reference: str) -> str:
    if value is None:
        raise _unresolved(f"unable to retrieve secret {reference} for environment variable {name}")
    return str(value)


def _of_key(value: str, json_key: str, name: str, reference: str) -> str:
    try:
        return str(json.loads(value)[json_key])
    except (ValueError, KeyError, TypeError):
        raise _unresolved(
            f"unable to retrieve json key '{json_key}' from secret {reference} for environment variable {name}"
        ) from None


def _unresolved(text: str) -> Exception:
    error: Exception = emulator.module("services.ecs")._SecretResolutionError(text)
    return error
