"""The load balancer's view of a service's targets."""

from collections.abc import Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from expressway.aws.errors import aws_error_code, map_aws_error
from expressway.aws.session import AwsSession
from expressway.aws.values.service import TargetHealth


class LoadBalancerTargets:
    """Target health of one account and region."""

    def __init__(self, session: AwsSession) -> None:
        self._session = session

    @property
    def _client(self) -> Any:
        """Made by the first read, beside reads of others: not every question needs it."""
        return self._session.client("elbv2")

    def health(self, target_group_arns: Sequence[str]) -> tuple[TargetHealth, ...]:
        """The health of every target of the groups; a group that is gone has none.

        Raises:
            TargetError: ``access_denied`` without elasticloadbalancing:DescribeTargetHealth, and the like.
        """
        found: list[TargetHealth] = []
        for arn in target_group_arns:
            found.extend(_target(one, arn) for one in self._describe(arn))
        return tuple(found)

    def _describe(self, arn: str) -> Sequence[Any]:
        try:
            return self._client.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
        except ClientError as exc:
            if aws_error_code(exc) in {"TargetGroupNotFound", "TargetGroupNotFoundException"}:
                return ()
            raise map_aws_error(exc, f"describe the health of {arn}") from exc
        except BotoCoreError as exc:
            raise map_aws_error(exc, f"describe the health of {arn}") from exc


def _target(raw: Any, arn: str) -> TargetHealth:
    target = raw.get("Target", {})
    health = raw.get("TargetHealth", {})
    return TargetHealth(
        target_id=target.get("Id", ""),
        port=target.get("Port", 0),
        state=health.get("State", ""),
        reason=health.get("Reason", ""),
        description=health.get("Description", ""),
        target_group_arn=arn,
    )
