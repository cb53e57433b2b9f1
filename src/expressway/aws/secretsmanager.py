"""AWS Secrets Manager: what a secret is called and how it is kept; its value is never asked for."""

import re
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from expressway.aws.errors import aws_error_code, map_aws_error
from expressway.aws.iam import decode_document
from expressway.aws.session import AwsSession
from expressway.aws.values.dependencies import SecretFact
from expressway.aws.values.task_definition import SecretReference
from expressway.errors import TargetError

_SUFFIX = re.compile(r"-[A-Za-z0-9]{6}$")
"""What AWS adds to a secret's name in its ARN."""


class Secrets:
    """The secrets of any account and region that lets us look."""

    def __init__(self, session: AwsSession) -> None:
        self._session = session

    def fact(self, reference: SecretReference) -> SecretFact:
        """The metadata of a secret (DescribeSecret), with its own policy where that may be read.

        Raises:
            TargetError: ``access_denied`` without secretsmanager:DescribeSecret, and the like.
        """
        client = self._session.client("secretsmanager", region=reference.region or None)
        answer = self._described(client, reference)
        if answer is None:
            return SecretFact(reference, "missing")
        policy, policy_gap = self._policy(client, reference, str(answer.get("ARN", "")))
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
        """The ARN of a secret with the suffix that AWS gave it; None when there is no such secret.

        Raises:
            TargetError: ``access_denied`` without secretsmanager:DescribeSecret, and the like.
        """
        client = self._session.client("secretsmanager", region=reference.region or None)
        answer = self._described(client, reference)
        arn = str(answer.get("ARN", "")) if answer is not None else ""
        is_it = arn == reference.secret_id or _SUFFIX.fullmatch(arn.removeprefix(reference.secret_id))
        return arn if is_it else None

    def _described(self, client: Any, reference: SecretReference) -> Mapping[str, Any] | None:
        """What DescribeSecret says of a secret, or None when there is none.

        An ARN without its suffix finds the secret as well, unless the name itself ends like one with it: such a
        secret is found by its name, in its own account. Source: API reference, DescribeSecret, SecretId.
        """
        found = self._described_as(client, reference.secret_id, reference)
        name = reference.secret_id.rpartition(":secret:")[2]
        is_own = reference.account_id == self._session.target.account_id
        if found is not None or not is_own or not _SUFFIX.search(name):
            return found
        by_name = self._described_as(client, name, reference)
        is_it = by_name is not None and str(by_name.get("ARN", "")).startswith(f"{reference.secret_id}-")
        return by_name if is_it else None

    def _described_as(self, client: Any, secret_id: str, reference: SecretReference) -> Mapping[str, Any] | None:
        try:
            return client.describe_secret(SecretId=secret_id)
        except ClientError as exc:
            if aws_error_code(exc) == "ResourceNotFoundException":
                return None
            raise map_aws_error(exc, f"describe the secret {reference.shown}") from exc
        except BotoCoreError as exc:
            raise map_aws_error(exc, f"describe the secret {reference.shown}") from exc

    def _policy(self, client: Any, reference: SecretReference, arn: str) -> tuple[Mapping[str, Any] | None, str]:
        """The secret's own policy, and why it could not be read: nothing is concluded where it could not."""
        try:
            answer = client.get_resource_policy(SecretId=arn or reference.secret_id)
        except (ClientError, BotoCoreError) as exc:
            error: TargetError = map_aws_error(exc, f"read the policy of the secret {reference.shown}")
            if error.code in {"access_denied", "aws_error"}:
                return None, error.message
            raise error from exc
        return decode_document(answer.get("ResourcePolicy")), ""
