"""How a service scales: Application Auto Scaling, the CloudWatch alarms that drive it, and the quotas of Fargate."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from expressway.aws.errors import Raw, ask, ask_items, aws_errors, map_aws_error
from expressway.aws.session import AwsSession
from expressway.aws.values.dependencies import AlarmFact, QuotaFact, ScalingActivity, ScalingFact, ScalingPolicy
from expressway.core.pages import pages
from expressway.core.progress import ReadPool
from expressway.errors import TargetError

_DIMENSION = "ecs:service:DesiredCount"
_ACTIVITIES_READ = 10
_POLICIES_READ = 50


class Scaling:
    """The scalable targets of one account and region."""

    def __init__(self, session: AwsSession) -> None:
        self._session = session

    def of_service(self, cluster: str, service_name: str) -> ScalingFact | None:
        """The scalable target of a service with its policies and newest activities; None when it does not scale."""
        resource = f"service/{cluster}/{service_name}"
        with ReadPool(3, thread_name_prefix="scaling") as pool:
            targets = pool.submit(
                self._items, "describe_scalable_targets", "ScalableTargets", 1, ResourceIds=[resource]
            )
            policies = pool.submit(
                self._items, "describe_scaling_policies", "ScalingPolicies", _POLICIES_READ, ResourceId=resource
            )
            activity = {"ResourceId": resource, "IncludeNotScaledActivities": True}
            activities = pool.submit(
                self._items, "describe_scaling_activities", "ScalingActivities", _ACTIVITIES_READ, **activity
            )
            target = next(iter(targets.result()), None)
            if target is None:
                return None
            return _fact(target, policies.result(), activities.result())

    def _items(self, operation: str, key: str, limit: int, **arguments: Any) -> list[Raw]:
        call = getattr(self._session.client("application-autoscaling"), operation)
        doing = "describe how the service scales"
        return list(
            islice(
                ask_items(call, key, doing, ServiceNamespace="ecs", ScalableDimension=_DIMENSION, **arguments), limit
            )
        )


def _fact(target: Raw, policies: list[Raw], activities: list[Raw]) -> ScalingFact:
    return ScalingFact(
        minimum=target["MinCapacity"],
        maximum=target["MaxCapacity"],
        scaling_out_suspended=bool((target.get("SuspendedState") or {}).get("DynamicScalingOutSuspended")),
        policies=tuple(map(_policy, policies)),
        activities=tuple(map(_activity, activities)),
    )


def _policy(raw: Raw) -> ScalingPolicy:
    tracking: Raw = raw.get("TargetTrackingScalingPolicyConfiguration") or {}
    predefined: Raw = tracking.get("PredefinedMetricSpecification") or {}
    customized: Raw = tracking.get("CustomizedMetricSpecification") or {}
    return ScalingPolicy(
        name=raw.get("PolicyName", ""),
        metric=predefined.get("PredefinedMetricType") or customized.get("MetricName") or "",
        target_value=tracking.get("TargetValue"),
        alarm_names=tuple(alarm["AlarmName"] for alarm in raw.get("Alarms", []) if alarm.get("AlarmName")),
    )


def _activity(raw: Raw) -> ScalingActivity:
    return ScalingActivity(
        status=raw.get("StatusCode", ""),
        description=raw.get("Description", ""),
        cause=raw.get("Cause", ""),
        status_message=raw.get("StatusMessage", ""),
        not_scaled_reasons=tuple(reason.get("Code", "") for reason in raw.get("NotScaledReasons", [])),
        started_at=raw.get("StartTime"),
    )


_NAMES_A_CALL = 100
"""Limit of DescribeAlarms (API reference, AlarmNames)."""


class Alarms:
    """The alarms of one account and region."""

    def __init__(self, session: AwsSession) -> None:
        self._session = session

    def alarms(self, names: Sequence[str]) -> tuple[AlarmFact, ...]:
        """The alarms of these names, metric and composite ones; those that are gone are left out."""
        return tuple(
            alarm
            for start in range(0, len(names), _NAMES_A_CALL)
            for alarm in self._described(names[start : start + _NAMES_A_CALL])
        )

    def _described(self, names: Sequence[str]) -> Iterator[AlarmFact]:
        client = self._session.client("cloudwatch")
        named = {"AlarmNames": list(names), "AlarmTypes": ["MetricAlarm", "CompositeAlarm"]}
        doing = "describe the alarms"
        with aws_errors(doing):
            for page in pages(partial(client.describe_alarms, **named), doing=doing, by="NextToken"):
                yield from map(_alarm, (*page.get("MetricAlarms", []), *page.get("CompositeAlarms", [])))


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
        dimensions={dimension["Name"]: dimension["Value"] for dimension in raw.get("Dimensions", [])},
    )


def _metrics(raw: Mapping[str, Any]) -> str:
    """The metrics of an alarm that is made of an expression over several."""
    stats = [query.get("MetricStat", {}).get("Metric", {}).get("MetricName") for query in raw.get("Metrics", [])]
    return ", ".join(dict.fromkeys(name for name in stats if name))


_FARGATE_CODES = ("L-3032A538", "L-36FBB829")
"""vCPU resource counts of Fargate On-Demand and Spot (AWS General Reference, "AWS Fargate endpoints and quotas")."""
_PERIOD = timedelta(minutes=15)


class Quotas:
    """The quotas of one account and region."""

    def __init__(self, session: AwsSession) -> None:
        self._session = session

    def fargate(self) -> tuple[QuotaFact, ...]:
        """The quotas of Fargate's vCPUs, On-Demand and Spot."""
        return tuple(self._quota(code) for code in _FARGATE_CODES)

    def _quota(self, code: str) -> QuotaFact:
        raw = self._ask("get_service_quota", code) or self._ask("get_aws_default_service_quota", code)
        if raw is None:
            raise TargetError("quota_unknown", f"Service Quotas knows no quota {code} of Fargate here.")
        return QuotaFact(code, raw.get("QuotaName", ""), float(raw["Value"]), self._used(raw.get("UsageMetric") or {}))

    def _ask(self, operation: str, code: str) -> Mapping[str, Any] | None:
        """The quota, or None where the account has no value of its own."""
        call = getattr(self._session.client("service-quotas"), operation)
        none = {"NoSuchResourceException"}
        answer = ask(call, "read the quotas of Fargate", missing=none, ServiceCode="fargate", QuotaCode=code)
        return answer["Quota"] if answer else None

    def _used(self, metric: Mapping[str, Any]) -> float | None:
        """What is in use, as CloudWatch counts it under AWS/Usage; None when nothing tells."""
        if not metric.get("MetricName"):
            return None
        end = datetime.now(UTC)
        statistic = metric.get("MetricStatisticRecommendation") or "Maximum"
        try:
            points = self._session.client("cloudwatch").get_metric_statistics(
                Namespace=metric["MetricNamespace"],
                MetricName=metric["MetricName"],
                Dimensions=[{"Name": name, "Value": value} for name, value in metric["MetricDimensions"].items()],
                StartTime=end - _PERIOD,
                EndTime=end,
                Period=int(_PERIOD.total_seconds()),
                Statistics=[statistic],
            )["Datapoints"]
        except ClientError:
            return None  # the quota itself is worth telling
        except BotoCoreError as exc:
            raise map_aws_error(exc, "read how much of Fargate's quota is used") from exc
        return max((float(point[statistic]) for point in points if statistic in point), default=None)
