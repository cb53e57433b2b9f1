"""Every answer of the operations that the sandbox adds fits botocore's model of AWS, member by member."""

from collections.abc import Callable, Iterator
from typing import Any

import botocore.session
import pytest

from tests.expressway_sandbox.conftest import Cloud, wait_for_deployment, wait_until_inactive

pytestmark = [pytest.mark.sandbox, pytest.mark.engine]

TARGETS = {
    "ecs": "AmazonEC2ContainerServiceV20141113",
    "application-autoscaling": "AnyScaleFrontendService",
}
TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "long": (int,),
    "boolean": (bool,),
    "double": (int, float),
    "timestamp": (int, float),
    "structure": (dict,),
    "list": (list,),
    "map": (dict,),
}


def misfits(shape: Any, value: Any, path: str) -> Iterator[str]:
    """What does not fit: unknown and missing members, wrong types, values outside an enumeration."""
    if not isinstance(value, TYPES[shape.type_name]):
        yield f"{path}: expected {shape.type_name}, got {value!r}"
    elif shape.type_name == "structure":
        yield from (f"{path}.{name}: not in the model" for name in value.keys() - shape.members.keys())
        yield from (f"{path}.{name}: required" for name in set(shape.required_members) - value.keys())
        for name in value.keys() & shape.members.keys():
            yield from misfits(shape.members[name], value[name], f"{path}.{name}")
    elif shape.type_name == "list":
        for index, member in enumerate(value):
            yield from misfits(shape.member, member, f"{path}[{index}]")
    elif shape.type_name == "string" and getattr(shape, "enum", None) and value not in shape.enum:
        yield f"{path}: {value!r} is not one of {shape.enum}"


class Checked:
    """Calls operations over the wire and fails on any answer that does not fit."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._session = botocore.session.get_session()
        self.problems: list[str] = []

    def __call__(self, operation: str, request: dict[str, Any], service: str = "ecs") -> dict[str, Any]:
        answer = self._cloud.call(f"{TARGETS[service]}.{operation}", request)
        shape = self._session.get_service_model(service).operation_model(operation).output_shape
        self.problems += misfits(shape, answer, operation)
        return answer


def test_answers_fit_the_model_of_aws(cloud: Cloud, service_request: Callable[..., dict[str, Any]]) -> None:
    checked = Checked(cloud)
    request = service_request("shapes", tags=[{"key": "a", "value": "b"}])
    arn = checked("CreateExpressGatewayService", request)["service"]["serviceArn"]
    in_progress(checked, arn)
    wait_for_deployment(cloud, arn)
    everything(checked, arn)
    bad = {"image": cloud.uri("crash"), "containerPort": 8080, "environment": [{"name": "A", "value": "b"}]}
    checked("UpdateExpressGatewayService", {"serviceArn": arn, "primaryContainer": bad})
    in_progress(checked, arn)
    wait_for_deployment(cloud, arn)
    everything(checked, arn)
    checked("DeleteExpressGatewayService", {"serviceArn": arn})
    in_progress(checked, arn)
    wait_until_inactive(cloud, arn)
    everything(checked, arn)
    assert checked.problems == []


def in_progress(checked: Checked, arn: str) -> None:
    checked("DescribeExpressGatewayService", {"serviceArn": arn})
    revisions(checked, arn)


def revisions(checked: Checked, arn: str) -> None:
    brief = checked("ListServiceDeployments", {"service": arn})["serviceDeployments"]
    names = [deployment["serviceDeploymentArn"] for deployment in brief]
    checked("DescribeServiceDeployments", {"serviceDeploymentArns": [*names, "arn:absent"]})
    targets = [deployment["targetServiceRevisionArn"] for deployment in brief]
    checked("DescribeServiceRevisions", {"serviceRevisionArns": [*targets, "arn:absent"]})


def everything(checked: Checked, arn: str) -> None:
    revisions(checked, arn)
    checked("DescribeExpressGatewayService", {"serviceArn": arn, "include": ["TAGS"]})
    checked("DescribeServices", {"services": ["shapes"], "include": ["TAGS"]})
    checked("ListServices", {"resourceManagementType": "ECS"})
    checked("DescribeClusters", {"clusters": ["default"]})
    for status in ("RUNNING", "STOPPED"):
        arns = checked("ListTasks", {"serviceName": "shapes", "desiredStatus": status})["taskArns"]
        checked("DescribeTasks", {"tasks": arns})
    namespace = {"ServiceNamespace": "ecs"}
    checked("DescribeScalableTargets", namespace, "application-autoscaling")
    checked("DescribeScalingPolicies", namespace, "application-autoscaling")
    checked("DescribeScalingActivities", namespace, "application-autoscaling")
