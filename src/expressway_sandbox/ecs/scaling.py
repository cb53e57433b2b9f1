"""Application Auto Scaling for ECS services: the records of scalable targets and policies, without a metric loop.

Operations: API reference of Application Auto Scaling, 2016-02-06. Policies are kept and shown but never fire:
nothing in the sandbox measures CPU, so a service stays at its minimum task count.
"""

import json
from collections.abc import Callable
from typing import Any, NamedTuple
from uuid import uuid4

from expressway_sandbox import emulator
from expressway_sandbox.emulator import Answer, AwsFault

_ROLE = "aws-service-role/ecs.application-autoscaling.amazonaws.com/AWSServiceRoleForApplicationAutoScaling_ECSService"


class _Key(NamedTuple):
    """What a scalable target is known by."""

    account: str
    region: str
    namespace: str
    resource: str
    dimension: str

    @classmethod
    def read(cls, request: dict[str, Any]) -> "_Key":
        names = ("ServiceNamespace", "ResourceId", "ScalableDimension")
        for name in names:
            if not request.get(name):
                raise AwsFault("ValidationException", f"{name} is required.")
        return cls(emulator.account_id(), emulator.region(), *(str(request[name]) for name in names))

    @property
    def members(self) -> dict[str, str]:
        dimension = {"ScalableDimension": self.dimension}
        return {"ServiceNamespace": self.namespace, "ResourceId": self.resource, **dimension}

    def matches(self, request: dict[str, Any]) -> bool:
        own = (emulator.account_id(), emulator.region(), request.get("ServiceNamespace"))
        return self[:3] == own and request.get("ScalableDimension") in (None, self.dimension)

    def missing(self, what: str) -> AwsFault:
        message = (
            f"No {what} found for service namespace: {self.namespace}, resource ID: {self.resource}, "
            f"scalable dimension: {self.dimension}"
        )
        return AwsFault("ObjectNotFoundException", message)


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
        key = _Key.read(request)
        held = self._targets.get(key, {})
        minimum = int(request.get("MinCapacity", held.get("MinCapacity", 0)))
        maximum = int(request.get("MaxCapacity", held.get("MaxCapacity", 0)))
        if minimum > maximum:
            raise AwsFault("ValidationException", "Maximum capacity cannot be less than minimum capacity")
        arn = f"arn:aws:application-autoscaling:{key.region}:{key.account}:scalable-target/{uuid4().hex[:26]}"
        role = f"arn:aws:iam::{key.account}:role/{_ROLE}"
        self._targets[key] = {
            **key.members,
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
        targets = [(key, target) for key, target in self._targets.items() if key.matches(request)]
        return {"ScalableTargets": [target for key, target in targets if not wanted or key.resource in wanted]}

    def _deregister_target(self, request: dict[str, Any]) -> dict[str, Any]:
        key = _Key.read(request)
        if self._targets.pop(key, None) is None:
            raise key.missing("scalable target")
        for policy in [policy for policy in self._policies if policy[0] == key]:
            del self._policies[policy]
        return {}

    def _put_policy(self, request: dict[str, Any]) -> dict[str, Any]:
        key, name = _Key.read(request), str(request["PolicyName"])
        if key not in self._targets:
            raise key.missing("scalable target")
        held = self._policies.get((key, name), {})
        path = f"scalingPolicy:{uuid4()}:resource/ecs/{key.resource}:policyName/{name}"
        given = ("TargetTrackingScalingPolicyConfiguration", "StepScalingPolicyConfiguration")
        policy = self._policies[key, name] = {
            "PolicyARN": held.get("PolicyARN", f"arn:aws:autoscaling:{key.region}:{key.account}:{path}"),
            "PolicyName": name,
            **key.members,
            "PolicyType": request.get("PolicyType", "TargetTrackingScaling"),
            "Alarms": [],
            "CreationTime": held.get("CreationTime", emulator.now()),
            **{member: request[member] for member in given if member in request},
        }
        return {"PolicyARN": policy["PolicyARN"], "Alarms": []}

    def _describe_policies(self, request: dict[str, Any]) -> dict[str, Any]:
        names = {str(name) for name in request.get("PolicyNames") or ()}
        resource = request.get("ResourceId")
        policies = [
            policy
            for (key, name), policy in self._policies.items()
            if key.matches(request) and (not names or name in names) and resource in (None, key.resource)
        ]
        return {"ScalingPolicies": policies}

    def _delete_policy(self, request: dict[str, Any]) -> dict[str, Any]:
        key = _Key.read(request)
        if self._policies.pop((key, str(request.get("PolicyName"))), None) is None:
            raise key.missing("scaling policy")
        return {}


SCALING = ScalingService()
