"""Application Auto Scaling: how far a service may scale, what drives it, and what it last did."""

from collections.abc import Mapping
from functools import partial
from itertools import islice
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from expressway.aws.errors import map_aws_error
from expressway.aws.session import AwsSession
from expressway.aws.values.dependencies import ScalingActivity, ScalingFact, ScalingPolicy
from expressway.core.cancellation import ReadPool
from expressway.core.pages import pages

Raw = Mapping[str, Any]
_DIMENSION = "ecs:service:DesiredCount"
_ACTIVITIES_READ = 10
_POLICIES_READ = 50


class Scaling:
    """The scalable targets of one account and region."""

    def __init__(self, session: AwsSession) -> None:
        self._session = session

    def of_service(self, cluster: str, service_name: str) -> ScalingFact | None:
        """The scalable target of a service with its policies and newest activities; None when it does not scale.

        Raises:
            TargetError: ``access_denied`` without application-autoscaling:Describe*, and the like.
        """
        resource = f"service/{cluster}/{service_name}"
        with ReadPool(3, thread_name_prefix="scaling") as pool:
            targets = pool.submit(
                self._pages, "describe_scalable_targets", "ScalableTargets", 1, ResourceIds=[resource]
            )
            policies = pool.submit(
                self._pages, "describe_scaling_policies", "ScalingPolicies", _POLICIES_READ, ResourceId=resource
            )
            activities = pool.submit(
                self._pages,
                "describe_scaling_activities",
                "ScalingActivities",
                _ACTIVITIES_READ,
                ResourceId=resource,
                IncludeNotScaledActivities=True,
            )
            target = next(iter(targets.result()), None)
            if target is None:
                return None
            return _fact(target, policies.result(), activities.result())

    def _pages(self, operation: str, key: str, limit: int, **arguments: Any) -> list[Raw]:
        client = self._session.client("application-autoscaling")
        doing = "describe how the service scales"
        ask = partial(getattr(client, operation), ServiceNamespace="ecs", ScalableDimension=_DIMENSION, **arguments)
        try:
            found = pages(ask, doing=doing, by="NextToken")
            return list(islice((one for page in found for one in page[key]), limit))
        except (ClientError, BotoCoreError) as exc:
            raise map_aws_error(exc, doing) from exc


def _fact(target: Raw, policies: list[Raw], activities: list[Raw]) -> ScalingFact:
    return ScalingFact(
        minimum=target["MinCapacity"],
        maximum=target["MaxCapacity"],
        scaling_out_suspended=bool((target.get("SuspendedState") or {}).get("DynamicScalingOutSuspended")),
        policies=tuple(_policy(one) for one in policies),
        activities=tuple(_activity(one) for one in activities),
    )


def _policy(raw: Raw) -> ScalingPolicy:
    tracking: Raw = raw.get("TargetTrackingScalingPolicyConfiguration") or {}
    predefined: Raw = tracking.get("PredefinedMetricSpecification") or {}
    customized: Raw = tracking.get("CustomizedMetricSpecification") or {}
    return ScalingPolicy(
        name=raw.get("PolicyName", ""),
        metric=predefined.get("PredefinedMetricType") or customized.get("MetricName") or "",
        target_value=tracking.get("TargetValue"),
        alarm_names=tuple(one["AlarmName"] for one in raw.get("Alarms", []) if one.get("AlarmName")),
    )


def _activity(raw: Raw) -> ScalingActivity:
    return ScalingActivity(
        status=raw.get("StatusCode", ""),
        description=raw.get("Description", ""),
        cause=raw.get("Cause", ""),
        status_message=raw.get("StatusMessage", ""),
        not_scaled_reasons=tuple(one.get("Code", "") for one in raw.get("NotScaledReasons", [])),
        started_at=raw.get("StartTime"),
    )
