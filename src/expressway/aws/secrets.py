"""Secrets, parameters and the keys behind them: whether each is there and how it is kept. No value is ever read."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from expressway.aws.errors import Raw, ask, ask_items, aws_errors
from expressway.aws.iam import decode_document
from expressway.aws.session import AwsSession
from expressway.aws.values.dependencies import KeyFact, SecretFact
from expressway.aws.values.task_definition import SecretReference
from expressway.errors import TargetError

_SUFFIX = re.compile(r"-[A-Za-z0-9]{6}$")
"""What AWS adds to a secret's name in its ARN."""
_SECURE = "SecureString"


class Secrets:
    """The secrets and keys of any account and region that lets us look, and the parameters of one account."""

    def __init__(self, session: AwsSession) -> None:
        self._session = session

    def fact(self, reference: SecretReference) -> SecretFact:
        """The metadata of a secret, with its own policy where that may be read, or of a parameter."""
        return self._parameter(reference) if reference.is_parameter else self._secret(reference)

    def _secret(self, reference: SecretReference) -> SecretFact:
        client = self._session.client("secretsmanager", region=reference.region or None)
        answer = self._described_secret(client, reference)
        if answer is None:
            return SecretFact(reference, "missing")
        policy, policy_gap = _own_policy(
            client.get_resource_policy,
            f"read the policy of the secret {reference.shown}",
            "ResourcePolicy",
            SecretId=str(answer.get("ARN", "")) or reference.secret_id,
        )
        versions: Mapping[str, list[str]] = answer.get("VersionIdsToStages") or {}
        return SecretFact(
            reference,
            "present",
            arn=answer.get("ARN", ""),
            kms_key_id=answer.get("KmsKeyId", ""),
            deleted_at=answer.get("DeletedDate"),
            stages=tuple(sorted({stage for stages in versions.values() for stage in stages})),
            resource_policy=policy,
            policy_read=not policy_gap,
            policy_gap=policy_gap,
        )

    def complete_arn(self, reference: SecretReference) -> str | None:
        """The ARN of a secret with the suffix that AWS gave it; None when there is no such secret."""
        client = self._session.client("secretsmanager", region=reference.region or None)
        answer = self._described_secret(client, reference)
        arn = str(answer.get("ARN", "")) if answer is not None else ""
        is_it = arn == reference.secret_id or _SUFFIX.fullmatch(arn.removeprefix(reference.secret_id))
        return arn if is_it else None

    def _described_secret(self, client: Any, reference: SecretReference) -> Mapping[str, Any] | None:
        """What DescribeSecret says of a secret, or None when there is none.

        An ARN without its suffix finds the secret as well, unless the name itself ends like one with it: such a
        secret is found by its name, in its own account. Source: API reference, DescribeSecret, SecretId.
        """
        found = self._described_secret_as(client, reference.secret_id, reference)
        name = reference.secret_id.rpartition(":secret:")[2]
        is_own = reference.account_id == self._session.target.account_id
        if found is not None or not is_own or not _SUFFIX.search(name):
            return found
        by_name = self._described_secret_as(client, name, reference)
        is_it = by_name is not None and str(by_name.get("ARN", "")).startswith(f"{reference.secret_id}-")
        return by_name if is_it else None

    def _described_secret_as(self, client: Any, secret_id: str, reference: SecretReference) -> Mapping[str, Any] | None:
        doing = f"describe the secret {reference.shown}"
        return ask(client.describe_secret, doing, missing={"ResourceNotFoundException"}, SecretId=secret_id)

    def _parameter(self, reference: SecretReference) -> SecretFact:
        """A parameter (DescribeParameters); another account's cannot be looked up by name."""
        if reference.account_id and reference.account_id != self._session.target.account_id:
            return SecretFact(reference, "elsewhere")
        name = reference.secret_id
        found = self._described_parameter(reference, names=_names(reference))
        if found is None:
            return SecretFact(reference, "missing")
        is_encrypted = found.get("Type") == _SECURE
        return SecretFact(
            reference,
            "present",
            arn=found.get("ARN", "") or self._parameter_arn(name, reference.region),
            kms_key_id=found.get("KeyId", "") if is_encrypted else "",
            is_encrypted=is_encrypted,
        )

    def _described_parameter(self, reference: SecretReference, *, names: tuple[str, ...]) -> Mapping[str, Any] | None:
        """The parameter of one of these names: an ARN does not tell whether a name of one level begins with a slash."""
        region = reference.region or None
        doing = f"describe the parameter {reference.shown}"
        call = self._session.client("ssm", region=region).describe_parameters
        named = [{"Key": "Name", "Option": "Equals", "Values": list(names)}]
        impossible = {"InvalidFilterValue"}  # no parameter can have such a name
        every = ask_items(call, "Parameters", doing, missing=impossible, ParameterFilters=named)
        found = {parameter["Name"]: parameter for parameter in every}
        return next((found[name] for name in names if name in found), None)

    def _parameter_arn(self, name: str, region: str) -> str:
        target = self._session.target
        path = name.removeprefix("/")
        return f"arn:{target.partition}:ssm:{region or target.region}:{target.account_id}:parameter/{path}"

    def key(self, key_id: str, *, region: str) -> KeyFact:
        """A key by id, alias (``alias/…``) or ARN (DescribeKey)."""
        client = self._session.client("kms", region=region or None)
        answer = ask(client.describe_key, f"describe the key {key_id}", missing={"NotFoundException"}, KeyId=key_id)
        if answer is None:
            return KeyFact(key_id, "missing")
        raw = answer["KeyMetadata"]
        is_customer_managed = raw.get("KeyManager") == "CUSTOMER"
        policy, policy_gap = None, ""
        if is_customer_managed:
            doing = f"read the policy of the key {raw['KeyId']}"
            policy, policy_gap = _own_policy(
                client.get_key_policy, doing, "Policy", KeyId=raw["KeyId"], PolicyName="default"
            )
        return KeyFact(
            key_id,
            "present",
            arn=raw.get("Arn", ""),
            state=raw.get("KeyState", ""),
            is_customer_managed=is_customer_managed,
            policy=policy,
            policy_read=is_customer_managed and not policy_gap,
            policy_gap=policy_gap,
        )


def _own_policy(call: Callable[..., Raw], doing: str, member: str, **named: str) -> tuple[Raw | None, str]:
    """A resource's own policy, and why it could not be read: nothing is concluded where it could not."""
    try:
        with aws_errors(doing):
            answer = call(**named)
    except TargetError as error:
        if error.code in {"access_denied", "aws_error"}:
            return None, error.message
        raise
    return decode_document(answer.get(member)), ""


def _names(reference: SecretReference) -> tuple[str, ...]:
    """What a parameter may be called; only an ARN leaves it open."""
    name = reference.secret_id
    is_open = reference.value_from.startswith("arn:") and not name.startswith("/")
    return (name, f"/{name}") if is_open else (name,)
