"""Amazon CloudWatch alarms: what they watch, and how they stand."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from expressway.aws.errors import map_aws_error
from expressway.aws.session import AwsSession
from expressway.aws.values.dependencies import AlarmFact
from expressway.core.pages import pages

_NAMES_A_CALL = 100
"""Limit of DescribeAlarms (API reference, AlarmNames)."""


class Alarms:
    """The alarms of one account and region."""

    def __init__(self, session: AwsSession) -> None:
        self._session = session

    def alarms(self, names: Sequence[str]) -> tuple[AlarmFact, ...]:
        """The alarms of these names, metric and composite ones; those that are gone are left out.

        Raises:
            TargetError: ``access_denied`` without cloudwatch:DescribeAlarms, and the like.
        """
        return tuple(
            alarm
            for start in range(0, len(names), _NAMES_A_CALL)
            for alarm in self._described(names[start : start + _NAMES_A_CALL])
        )

    def _described(self, names: Sequence[str]) -> Iterator[AlarmFact]:
        client = self._session.client("cloudwatch")
        try:
            named = {"AlarmNames": list(names), "AlarmTypes": ["MetricAlarm", "CompositeAlarm"]}
            ask = partial(client.describe_alarms, **named)
            for page in pages(ask, doing="describe the alarms", by="NextToken"):
                for raw in (*page.get("MetricAlarms", []), *page.get("CompositeAlarms", [])):
                    yield _alarm(raw)
        except (ClientError, BotoCoreError) as exc:
            raise map_aws_error(exc, "describe the alarms") from exc


def _alarm(raw: Mapping[str, Any]) -> AlarmFact:
    return AlarmFact(
        name=raw.get("AlarmName", ""),
        state=raw.get("StateValue", ""),
        arn=raw.get("AlarmArn", ""),
        state_reason=raw.get("StateReason", ""),
        metric=raw.get("MetricName", "") or _metrics(raw),
        namespace=raw.get("Namespace", ""),
        comparison=raw.get("ComparisonOperator", ""),
        threshold=raw.get("Threshold"),
        dimensions={one["Name"]: one["Value"] for one in raw.get("Dimensions", [])},
    )


def _metrics(raw: Mapping[str, Any]) -> str:
    """The metrics of an alarm that is made of an expression over several."""
    stats = [one.get("MetricStat", {}).get("Metric", {}).get("MetricName") for one in raw.get("Metrics", [])]
    return ", ".join(dict.fromkeys(name for name in stats if name))
