"""What reading secrets takes that are named by their ARNs alone, even if an ARN is known only at deploy time."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_iam as iam

from expressway_constructs.errors import ConstructError
from expressway_constructs.setting_types import is_token

_COLON = re.compile(r":(?![^\[\]]*\]\})")
"""A colon that is not inside ``${Token[…]}``, the CDK's name for what is known only at deploy time."""

_TOKEN = re.compile(r"\$\{Token\[[^\]]+\]\}")

_SECRET_PARTS = 7
"""Colon-separated parts of a secret's own ARN; what follows names a JSON key, a stage and a version."""

_LEAST_PARTS = 6
"""Colon-separated parts of any ARN."""

_SUFFIX = re.compile(r"-[A-Za-z0-9]{6}$")
"""What Secrets Manager adds to a secret's name in its ARN. A name may end so as well (``api-secret``).
Source: "Secrets Manager best practices", names; API reference, DescribeSecret, SecretId."""

_ANY_SUFFIX = "-??????"
"""The suffix of a secret whose ARN is not known whole. Source: Secrets Manager, "Permissions policy examples"."""

_ACTIONS = {"secretsmanager": "secretsmanager:GetSecretValue", "ssm": "ssm:GetParameters"}
_CONTEXTS = {
    "secretsmanager": "kms:EncryptionContext:SecretARN",
    "ssm": "kms:EncryptionContext:PARAMETER_ARN",
}

_INLINE_CHARACTERS = 10_000
_MANAGED_CHARACTERS = 6_000
"""What policies hold: 10,240 characters for all inline policies of a role, 6,144 for a managed one, less a margin.
Source: "IAM and AWS STS quotas"."""

_STATEMENTS_CHARACTERS = 450
"""The two statements of one place without the ARNs of its secrets, generously."""
_DEPLOY_TIME_CHARACTERS = 150
"""An ARN that is known only at deploy time, generously."""


class CompleteArn(str):
    """The ARN of a secret that is known to have its suffix, so that nothing else need be allowed."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class _Place:
    """Where secrets are: what their statements have in common."""

    service: str
    partition: str
    region: str
    account: str


_Named = tuple[_Place, tuple[str, ...]]
"""A place, and the possible ARNs of one secret there: two where it is unknown which is its own."""


def secret_policies(secret_arns: Iterable[str]) -> list[list[iam.PolicyStatement]]:
    """The statements that allow to read exactly the secrets and parameters named, by the policy that holds them.

    One policy fits in a role; each of several is a managed policy's size.

    Raises:
        ConstructError: ``invalid_secret`` for what is no ARN of Secrets Manager or SSM.
    """
    named = [each for value_from in sorted(set(secret_arns)) for each in _parse(value_from)]
    policies = [_by_place(named)]
    if _characters(policies[0]) > _INLINE_CHARACTERS:
        policies = list(_managed(named))
    return [
        [statement for place, arns in policy.items() for statement in _read(place, list(arns))]
        for policy in policies
        if policy
    ]


def _by_place(named: Iterable[_Named]) -> dict[_Place, dict[str, None]]:
    """The ARNs of secrets, grouped by account, Region and service."""
    places: dict[_Place, dict[str, None]] = {}
    for place, arns in named:
        places.setdefault(place, {}).update(dict.fromkeys(arns))
    return places


def _managed(named: Iterable[_Named]) -> Iterator[dict[_Place, dict[str, None]]]:
    chosen: list[_Named] = []
    for each in named:
        if chosen and _characters(_by_place([*chosen, each])) > _MANAGED_CHARACTERS:
            yield _by_place(chosen)
            chosen = []
        chosen.append(each)
    yield _by_place(chosen)


def _characters(places: Mapping[_Place, Iterable[str]]) -> int:
    """About what a policy takes, with each ARN as a resource and as an encryption context."""
    arns = sum(_DEPLOY_TIME_CHARACTERS if is_token(arn) else len(arn) + 3 for each in places.values() for arn in each)
    return _STATEMENTS_CHARACTERS * len(places) + 2 * arns


def _read(place: _Place, arns: list[str]) -> list[iam.PolicyStatement]:
    """Read these secrets or parameters, and decrypt with whatever key encrypts them alone.

    A key's ARN is not known from the secret's, so the encryption context narrows the permission instead. The
    domain in ``kms:ViaService`` is left open: it differs by partition, and AWS alone sets it.
    Source: "How Secrets Manager uses AWS KMS", "How Parameter Store uses AWS KMS", "AWS KMS condition keys".
    """
    context = {_CONTEXTS[place.service]: arns[0] if len(arns) == 1 else arns}
    via = {"kms:ViaService": f"{place.service}.{place.region}.*"}
    is_pattern = any("?" in arn for arn in arns)
    conditions = {"StringLike": via | context} if is_pattern else {"StringLike": via, "StringEquals": context}
    keys = f"arn:{place.partition}:kms:{place.region}:{place.account}:key/*"
    return [
        iam.PolicyStatement(actions=[_ACTIONS[place.service]], resources=arns),
        iam.PolicyStatement(actions=["kms:Decrypt"], resources=[keys], conditions=conditions),
    ]


def _parse(value_from: str) -> list[_Named]:
    parts = _COLON.split(value_from)
    if parts[0] == "arn" and len(parts) >= _LEAST_PARTS:
        return [_written(value_from, parts)]
    if _TOKEN.fullmatch(parts[0]):
        return _known_at_deploy_time(parts[0], has_json_key=len(parts) > 1)
    raise _no_arn(value_from)


def _written(value_from: str, parts: list[str]) -> _Named:
    """An ARN that says of itself what it is; its region and account may be known only at deploy time."""
    _, partition, service, region, account = parts[:5]
    if service not in _ACTIONS:
        raise _no_arn(value_from)
    place = _Place(service, partition, region, account)
    if service != "secretsmanager":
        return place, (value_from,)
    arn = ":".join(parts[:_SECRET_PARTS])
    if isinstance(value_from, CompleteArn):
        return place, (arn,)
    if is_token(arn.rpartition(":")[2]) or _SUFFIX.search(arn):
        return place, _complete_or_not(arn)
    return place, (arn + _ANY_SUFFIX,)


def _complete_or_not(arn: str) -> tuple[str, ...]:
    """The ARNs of a secret where it is unknown whether `arn` has its suffix: without and with one more."""
    return (arn, arn + _ANY_SUFFIX)


def _known_at_deploy_time(arn: str, *, has_json_key: bool) -> list[_Named]:
    """A whole ARN as a token: its service is that of the resource it refers to; else both services are allowed.

    That is no more than is needed: a permission of the other service on this one ARN allows nothing.
    """
    of_type = _type_behind(arn)
    services = ("secretsmanager",) if has_json_key else _services_of(of_type)
    split = cdk.Fn.split(":", arn)
    partition, region, account = (cdk.Fn.select(index, split) for index in (1, 3, 4))
    return [
        (_Place(service, partition, region, account), (arn,) if service == "ssm" or of_type else _complete_or_not(arn))
        for service in services
    ]


def _type_behind(token: str) -> str:
    """The type of the resource that a token refers to; empty for a parameter and whatever else gives any text."""
    reference = cdk.Tokenization.reverse_string(token).first_token
    target = reference.target if isinstance(reference, cdk.Reference) else None
    return target.cfn_resource_type if isinstance(target, cdk.CfnResource) else ""


def _services_of(of_type: str) -> tuple[str, ...]:
    if of_type.startswith("AWS::SSM::"):
        raise _no_arn(f"a reference to an {of_type}, which gives its name")
    return ("secretsmanager",) if of_type.startswith("AWS::SecretsManager::") else tuple(_ACTIONS)


def _no_arn(got: str) -> ConstructError:
    return ConstructError(
        "invalid_secret",
        f"secrets: expected the ARN of a Secrets Manager secret or an SSM parameter, got {got}.",
        "Pass the ISecret or IStringParameter itself, or its ARN as the CDK gives it (secret_arn, parameter_arn).",
    )
