"""Application Auto Scaling for ECS services: the records of scalable targets and policies, without a metric loop.

Operations: API reference of Application Auto Scaling, 2016-02-06. Policies are kept and shown but never fire:
nothing in the sandbox measures CPU, so a service stays at its minimum task count.
"""

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from expressway_sandbox import emulator
from expressway_sandbox.emulator import Answer, AwsFault

_ROLE = "aws-service-role/ecs.application-autoscaling.amazonaws.com/AWSServiceRoleForApplicationAutoScaling_ECSService"
_Key = tuple[str, str, str, str, str]


class ScalingService:
    """Scalable targets and scaling policies by account, region, namespace, resource and dimension."""

    def __init__(self) -> None:
        self._targets: dict[_Key, dict[str, Any]] = {}
        self._policies: dict[tuple[_Key, str], dict[str, Any]] = {}

    async def handle(
        self, _method: str, _path: str, headers: dict[str, str], body: bytes, _query: dict[str, list[str]]
    ) -> Answer:
        """The handler in the form of ministack's services."""
        operation = headers.get("x-amz-target", "").rsplit(".", 1)[-1]
        operations: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "RegisterScalableTarget": self._register_target,
            "DescribeScalableTargets": self._describe_targets,
            "DeregisterScalableTarget": self._deregister_target,
            "PutScalingPolicy": self._put_policy,
            "DescribeScalingPolicies": self._describe_policies,
            "DeleteScalingPolicy": self._delete_policy,
            "DescribeScalingActivities": lambda _: {"ScalingActivities": []},
        }
        if operation not in operations:
            message = f"Operation {operation} of application-autoscaling is not part of the sandbox."
            return emulator.fault_json(AwsFault("UnknownOperationException", message))
        return emulator.answering(operations[operation])(json.loads(body or b"{}"))

    def reset(self) -> None:
        self._targets.clear()
        self._policies.clear()

    def _register_target(self, request: dict[str, Any]) -> dict[str, Any]:
        key = _key(request)
        held = self._targets.get(key, {})
        minimum = int(request.get("MinCapacity", held.get("MinCapacity", 0)))
        maximum = int(request.get("MaxCapacity", held.get("MaxCapacity", 0)))
        if minimum > maximum:
            raise AwsFault("ValidationException", "Maximum capacity cannot be less than minimum capacity")
        arn = f"arn:aws:application-autoscaling:{key[1]}:{key[0]}:scalable-target/{uuid4().hex[:26]}"
        role = f"arn:aws:iam::{key[0]}:role/{_ROLE}"
        self._targets[key] = {
            **_shown_key(key),
            "MinCapacity": minimum,
            "MaxCapacity": maximum,
            "RoleARN": request.get("RoleARN", held.get("RoleARN", role)),
            "CreationTime": held.get("CreationTime", emulator.now()),
            "SuspendedState": {
                "DynamicScalingInSuspended": False,
                "DynamicScalingOutSuspended": False,
                "ScheduledScalingSuspended": False,
                **(request.get("SuspendedState") or {}),
            },
            "ScalableTargetARN": held.get("ScalableTargetARN", arn),
        }
        return {"ScalableTargetARN": self._targets[key]["ScalableTargetARN"]}

    def _describe_targets(self, request: dict[str, Any]) -> dict[str, Any]:
        wanted = {str(name) for name in request.get("ResourceIds") or ()}
        found = [
            target
            for key, target in self._targets.items()
            if _matches(key, request) and (not wanted or key[3] in wanted)
        ]
        return {"ScalableTargets": found}

    def _deregister_target(self, request: dict[str, Any]) -> dict[str, Any]:
        key = _key(request)
        if self._targets.pop(key, None) is None:
            raise AwsFault("ObjectNotFoundException", _missing("scalable target", key))
        for policy in [p for p in self._policies if p[0] == key]:
            del self._policies[policy]
        return {}

    def _put_policy(self, request: dict[str, Any]) -> dict[str, Any]:
        key = _key(request)
        if key not in self._targets:
            raise AwsFault("ObjectNotFoundException", _missing("scalable target", key))
        name = str(request["PolicyName"])
        held = self._policies.get((key, name), {})
        arn = f"arn:aws:autoscaling:{key[1]}:{key[0]}:scalingPolicy:{uuid4()}:resource/ecs/{key[3]}:policyName/{name}"
        policy: dict[str, Any] = {
            "PolicyARN": held.get("PolicyARN", arn),
            "PolicyName": name,
            **_shown_key(key),
            "PolicyType": request.get("PolicyType", "TargetTrackingScaling"),
            "Alarms": [],
            "CreationTime": held.get("CreationTime", emulator.now()),
        }
        for member in ("TargetTrackingScalingPolicyConfiguration", "StepScalingPolicyConfiguration"):
            if member in request:
                policy[member] = request[member]
        self._policies[key, name] = policy
        return {"PolicyARN": policy["PolicyARN"], "Alarms": []}

    def _describe_policies(self, request: dict[str, Any]) -> dict[str, Any]:
        names = {str(name) for name in request.get("PolicyNames") or ()}
        resource = request.get("ResourceId")
        found = [
            policy
            for (key, name), policy in self._policies.items()
            if _matches(key, request) and (not names or name in names) and resource in (None, key[3])
        ]
        return {"ScalingPolicies": found}

    def _delete_policy(self, request: dict[str, Any]) -> dict[str, Any]:
        key = _key(request)
        if self._policies.pop((key, str(request.get("PolicyName"))), None) is None:
            raise AwsFault("ObjectNotFoundException", _missing("scaling policy", key))
        return {}


def _key(request: dict[str, Any]) -> _Key:
    for member in ("ServiceNamespace", "ResourceId", "ScalableDimension"):
        if not request.get(member):
            raise AwsFault("ValidationException", f"{member} is required.")
    namespace, resource = str(request["ServiceNamespace"]), str(request["ResourceId"])
    return emulator.account_id(), emulator.region(), namespace, resource, str(request["ScalableDimension"])


def _shown_key(key: _Key) -> dict[str, str]:
    return {"ServiceNamespace": key[2], "ResourceId": key[3], "ScalableDimension": key[4]}


def _matches(key: _Key, request: dict[str, Any]) -> bool:
    dimension = request.get("ScalableDimension")
    here = key[:3] == (emulator.account_id(), emulator.region(), request.get("ServiceNamespace"))
    return here and dimension in (None, key[4])


def _missing(what: str, key: _Key) -> str:
    return f"No {what} found for service namespace: {key[2]}, resource ID: {key[3]}, scalable dimension: {key[4]}"


SCALING = ScalingService()
