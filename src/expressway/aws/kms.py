"""AWS KMS: whether the key behind a secret is there and enabled."""

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from expressway.aws.errors import aws_error_code, map_aws_error
from expressway.aws.iam import decode_document
from expressway.aws.session import AwsSession
from expressway.aws.values.dependencies import KeyFact


class Keys:
    """The keys of any account and region that lets us look."""

    def __init__(self, session: AwsSession) -> None:
        self._session = session

    def key(self, key_id: str, *, region: str) -> KeyFact:
        """A key by id, alias (``alias/…``) or ARN (DescribeKey).

        Raises:
            TargetError: ``access_denied`` without kms:DescribeKey, and the like.
        """
        client = self._session.client("kms", region=region or None)
        try:
            answer = client.describe_key(KeyId=key_id)
        except ClientError as exc:
            if aws_error_code(exc) == "NotFoundException":
                return KeyFact(key_id, "missing")
            raise map_aws_error(exc, f"describe the key {key_id}") from exc
        except BotoCoreError as exc:
            raise map_aws_error(exc, f"describe the key {key_id}") from exc
        raw = answer["KeyMetadata"]
        is_customer_managed = raw.get("KeyManager") == "CUSTOMER"
        policy, policy_gap = _policy(client, raw["KeyId"]) if is_customer_managed else (None, "")
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


def _policy(client: Any, key_id: str) -> tuple[Mapping[str, Any] | None, str]:
    """The key's own policy, and why it could not be read: nothing is concluded where it could not."""
    try:
        answer = client.get_key_policy(KeyId=key_id, PolicyName="default")
    except (ClientError, BotoCoreError) as exc:
        error = map_aws_error(exc, f"read the policy of the key {key_id}")
        if error.code in {"access_denied", "aws_error"}:
            return None, error.message
        raise error from exc
    return decode_document(answer.get("Policy")), ""
