"""CloudWatch Logs behind a narrow port: the end of a task's log, and log groups that come and go."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from expressway.adapters.aws_errors import aws_error_code, map_aws_error
from expressway.adapters.session import AwsSession

_MISSING = "ResourceNotFoundException"


@dataclass(frozen=True, slots=True)
class LogGroup:
    """A log group; `retention_days` is None for one that never expires."""

    name: str
    retention_days: int | None = None


class Logs:
    """The log groups of one account and region."""

    def __init__(self, session: AwsSession) -> None:
        self._client = session.client("logs")

    def tail(self, log_group: str, stream: str, *, limit: int = 60) -> tuple[str, ...]:
        """The last `limit` lines of one stream, oldest first; empty when group or stream do not exist.

        Raises:
            TargetError: ``access_denied`` without logs:GetLogEvents, and the like.
        """
        answer = self._ask(
            f"read the log {log_group}",
            "get_log_events",
            logGroupName=log_group,
            logStreamName=stream,
            limit=limit,
            startFromHead=False,
        )
        return tuple(str(event["message"]).rstrip() for event in (answer or {}).get("events", []))

    def group(self, log_group: str) -> LogGroup | None:
        """The log group of exactly this name, or None."""
        token: dict[str, str] = {}
        while True:
            page = self._ask("list the log groups", "describe_log_groups", logGroupNamePrefix=log_group, **token)
            for one in (page or {}).get("logGroups", []):
                if one["logGroupName"] == log_group:
                    return LogGroup(log_group, one.get("retentionInDays"))
            if not page or not page.get("nextToken"):
                return None
            token = {"nextToken": page["nextToken"]}

    def delete_group(self, log_group: str) -> bool:
        """Delete a log group; False when there was none."""
        return self._ask(f"delete the log group {log_group}", "delete_log_group", logGroupName=log_group) is not None

    def _ask(self, doing: str, operation: str, **arguments: Any) -> Mapping[str, Any] | None:
        call: Callable[..., Mapping[str, Any]] = getattr(self._client, operation)
        try:
            return call(**arguments)
        except ClientError as exc:
            if aws_error_code(exc) == _MISSING:
                return None
            raise map_aws_error(exc, doing) from exc
        except BotoCoreError as exc:
            raise map_aws_error(exc, doing) from exc
