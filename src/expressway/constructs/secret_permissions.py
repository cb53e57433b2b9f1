"""What reading a secret takes that is named by its ARN alone, even if the ARN is known only at deploy time."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_iam as iam

from expressway.constructs.service_checks import is_token
from expressway.errors import DefinitionError

_COLON = re.compile(r":(?![^\[\]]*\]\})")
"""A colon that is not inside ``${Token[…]}``, the CDK's name for what is known only at deploy time."""

_TOKEN = re.compile(r"\$\{Token\[[^\]]+\]\}")

_SECRET_PARTS = 7
"""Colon-separated parts of a secret's own ARN; what follows names a JSON key, a stage and a version."""

_LEAST_PARTS = 6
"""Colon-separated parts of any ARN."""

_SUFFIX = re.compile(r"-[A-Za-z0-9]{6}$")
"""What Secrets Manager adds to a secret's name in its ARN. Source: "Secrets Manager best practices", names."""

_ACTIONS = {"secretsmanager": "secretsmanager:GetSecretValue", "ssm": "ssm:GetParameters"}
_CONTEXTS = {
    "secretsmanager": "kms:EncryptionContext:SecretARN",
    "ssm": "kms:EncryptionContext:PARAMETER_ARN",
}


@dataclass(frozen=True, slots=True)
class _Secret:
    """A secret's own ARN with its parts; `services` are those that may hold it, best one."""

    arn: str
    services: tuple[str, ...]
    partition: str
    region: str
    account: str


def read_secrets(secret_arns: Iterable[str]) -> list[iam.PolicyStatement]:
    """Statements that allow to read exactly the secrets and parameters named.

    Raises:
        DefinitionError: ``invalid_secret`` for what is no ARN of Secrets Manager or SSM.
    """
    return [
        statement
        for value_from in sorted(set(secret_arns))
        for secret in [_parse(value_from)]
        for service in secret.services
        for statement in _read(secret, service)
    ]


def _read(secret: _Secret, service: str) -> list[iam.PolicyStatement]:
    """Read one secret or parameter, and decrypt with whatever key encrypts that one alone.

    The key's ARN is not known from the secret's, so the encryption context narrows the permission instead. The
    domain in ``kms:ViaService`` is left open: it differs by partition, and AWS alone sets it.
    Source: "How Secrets Manager uses AWS KMS", "How Parameter Store uses AWS KMS", "AWS KMS condition keys".
    """
    via = {"kms:ViaService": f"{service}.{secret.region}.*"}
    context = {_CONTEXTS[service]: secret.arn}
    conditions = (
        {"StringLike": {**via, **context}} if "?" in secret.arn else {"StringLike": via, "StringEquals": context}
    )
    keys = f"arn:{secret.partition}:kms:{secret.region}:{secret.account}:key/*"
    return [
        iam.PolicyStatement(actions=[_ACTIONS[service]], resources=[secret.arn]),
        iam.PolicyStatement(actions=["kms:Decrypt"], resources=[keys], conditions=conditions),
    ]


def _parse(value_from: str) -> _Secret:
    parts = _COLON.split(value_from)
    if parts[0] == "arn" and len(parts) >= _LEAST_PARTS:
        return _written(value_from, parts)
    if _TOKEN.fullmatch(parts[0]):
        return _known_at_deploy_time(parts[0], has_json_key=len(parts) > 1)
    raise _no_arn(value_from)


def _written(value_from: str, parts: list[str]) -> _Secret:
    """An ARN that says of itself what it is; its region and account may be known only at deploy time."""
    _, partition, service, region, account = parts[:5]
    if service not in _ACTIONS:
        raise _no_arn(value_from)
    arn = value_from
    if service == "secretsmanager":
        arn = ":".join(parts[:_SECRET_PARTS])
        arn += "" if is_token(arn.rpartition(":")[2]) or _SUFFIX.search(arn) else "-??????"
    return _Secret(arn, (service,), partition, region, account)


def _known_at_deploy_time(arn: str, *, has_json_key: bool) -> _Secret:
    """A whole ARN as a token: its service is that of the resource it refers to; else both services are allowed.

    That is no more than is needed: a permission of the other service on this one ARN allows nothing.
    """
    services = ("secretsmanager",) if has_json_key else _services_of(arn)
    split = cdk.Fn.split(":", arn)
    partition, region, account = (cdk.Fn.select(index, split) for index in (1, 3, 4))
    return _Secret(arn, services, partition, region, account)


def _services_of(token: str) -> tuple[str, ...]:
    reference = cdk.Tokenization.reverse_string(token).first_token
    target = reference.target if isinstance(reference, cdk.Reference) else None
    of_type = target.cfn_resource_type if isinstance(target, cdk.CfnResource) else ""
    if of_type.startswith("AWS::SSM::"):
        raise _no_arn(f"a reference to an {of_type}, which gives its name")
    return ("secretsmanager",) if of_type.startswith("AWS::SecretsManager::") else tuple(_ACTIONS)


def _no_arn(got: str) -> DefinitionError:
    return DefinitionError(
        "invalid_secret",
        f"secrets: expected the ARN of a Secrets Manager secret or an SSM parameter, got {got}.",
        "Pass the ISecret or IStringParameter itself, or its ARN as the CDK gives it (secret_arn, parameter_arn).",
    )
