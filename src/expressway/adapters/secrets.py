"""AWS Secrets Manager: what a secret is called and how it is kept; its value is never asked for."""

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from expressway.adapters.aws_errors import aws_error_code, map_aws_error
from expressway.adapters.iam import decode_document
from expressway.adapters.session import AwsSession
from expressway.errors import TargetError
from expressway.model.service_dependencies import SecretFact
from expressway.model.task_requirements import SecretReference


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
        secret_id = reference.secret_id
        try:
            answer: Mapping[str, Any] = client.describe_secret(SecretId=secret_id)
        except ClientError as exc:
            if aws_error_code(exc) == "ResourceNotFoundException":
                return SecretFact(reference, "missing")
            raise map_aws_error(exc, f"describe the secret {reference.shown}") from exc
        except BotoCoreError as exc:
            raise map_aws_error(exc, f"describe the secret {reference.shown}") from exc
        policy, policy_gap = self._policy(client, reference)
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

    def _policy(self, client: Any, reference: SecretReference) -> tuple[Mapping[str, Any] | None, str]:
        """The secret's own policy, and why it could not be read: nothing is concluded where it could not."""
        try:
            answer = client.get_resource_policy(SecretId=reference.secret_id)
        except (ClientError, BotoCoreError) as exc:
            error: TargetError = map_aws_error(exc, f"read the policy of the secret {reference.shown}")
            if error.code in {"access_denied", "aws_error"}:
                return None, error.message
            raise error from exc
        return decode_document(answer.get("ResourcePolicy")), ""
