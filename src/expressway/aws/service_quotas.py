"""Service Quotas: how many vCPUs of Fargate the account may run, and how many it runs."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from expressway.aws.errors import aws_error_code, map_aws_error
from expressway.aws.session import AwsSession
from expressway.aws.values.dependencies import QuotaFact
from expressway.errors import TargetError

_FARGATE_CODES = ("L-3032A538", "L-36FBB829")
"""vCPU resource counts of Fargate On-Demand and Spot (AWS General Reference, "AWS Fargate endpoints and quotas")."""
_PERIOD = timedelta(minutes=15)


class Quotas:
    """The quotas of one account and region."""

    def __init__(self, session: AwsSession) -> None:
        self._session = session

    def fargate(self) -> tuple[QuotaFact, ...]:
        """The quotas of Fargate's vCPUs, On-Demand and Spot.

        Raises:
            TargetError: ``access_denied`` without servicequotas:GetServiceQuota, and the like.
        """
        return tuple(self._quota(code) for code in _FARGATE_CODES)

    def _quota(self, code: str) -> QuotaFact:
        raw = self._ask("get_service_quota", code) or self._ask("get_aws_default_service_quota", code)
        if raw is None:
            raise TargetError("quota_unknown", f"Service Quotas knows no quota {code} of Fargate here.")
        return QuotaFact(code, raw.get("QuotaName", ""), float(raw["Value"]), self._used(raw.get("UsageMetric") or {}))

    def _ask(self, operation: str, code: str) -> Mapping[str, Any] | None:
        """The quota, or None where the account has no value of its own."""
        call: Callable[..., Mapping[str, Any]] = getattr(self._session.client("service-quotas"), operation)
        try:
            return call(ServiceCode="fargate", QuotaCode=code)["Quota"]
        except ClientError as exc:
            if aws_error_code(exc) == "NoSuchResourceException":
                return None
            raise map_aws_error(exc, "read the quotas of Fargate") from exc
        except BotoCoreError as exc:
            raise map_aws_error(exc, "read the quotas of Fargate") from exc

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
