"""The CloudFormation type: created, updated, replaced, rolled back and deleted with its stack."""

from collections.abc import Callable, Iterator
from typing import Any

import docker
import pytest
from botocore.exceptions import ClientError

from tests.expressway_sandbox.conftest import Cloud, wait_for_stack, wait_until
from tests.expressway_sandbox.stack_templates import service_resources, template

pytestmark = [pytest.mark.sandbox, pytest.mark.engine]

IAM = ["CAPABILITY_NAMED_IAM"]
Deploy = Callable[..., str]


@pytest.fixture
def deploy(cloud: Cloud, images: dict[str, str]) -> Iterator[Deploy]:
    """Create or update a stack and wait; the answer is its status. The stacks go after the test."""
    cloudformation = cloud.client("cloudformation")
    stacks: set[str] = set()

    def run(name: str, body: str, **options: Any) -> str:
        call = cloudformation.update_stack if name in stacks else cloudformation.create_stack
        call(StackName=name, TemplateBody=body, Capabilities=IAM, **options)
        stacks.add(name)
        return wait_for_stack(cloud, name)

    yield run
    for name in stacks:
        cloudformation.delete_stack(StackName=name)
    for name in stacks:
        wait_until(lambda name=name: is_gone(cloud, name), name)


def is_gone(cloud: Cloud, name: str) -> bool:
    try:
        status = cloud.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]
    except ClientError:
        return True
    return status == "DELETE_COMPLETE"


OUTPUTS = {
    "Endpoint": {"Fn::GetAtt": ["Service", "Endpoint"]},
    "Arn": {"Ref": "Service"},
    "Balancer": {"Fn::GetAtt": ["Service", "ECSManagedResourceArns.IngressPath.LoadBalancerArn"]},
    "Target": {"Fn::GetAtt": ["Service", "ECSManagedResourceArns.AutoScaling.ScalableTarget"]},
}


def outputs(cloud: Cloud, name: str) -> dict[str, str]:
    stack = cloud.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def events(cloud: Cloud, name: str) -> list[dict[str, Any]]:
    found = cloud.client("cloudformation").describe_stack_events(StackName=name)["StackEvents"]
    return list(reversed(found))


def test_a_stack_serves_and_its_attributes_are_read(cloud: Cloud, deploy: Deploy) -> None:
    resources = service_resources("stacked", cloud.uri("v1"))
    assert deploy("stacked", template(resources, OUTPUTS)) == "CREATE_COMPLETE"
    found = outputs(cloud, "stacked")
    assert cloud.get(found["Endpoint"]) == (200, "version 1")
    assert found["Arn"] == "arn:aws:ecs:us-east-1:000000000000:service/default/stacked"
    assert ":loadbalancer/app/ecs-express-gateway-alb-" in found["Balancer"]
    assert ":scalable-target/" in found["Target"]
    started = [e for e in events(cloud, "stacked") if e.get("ResourceStatusReason") == "Resource creation Initiated"]
    assert [e["PhysicalResourceId"] for e in started] == [found["Arn"]]


@pytest.mark.parametrize("options", [{}, {"Cluster": "default"}])
def test_an_update_keeps_the_endpoint(cloud: Cloud, deploy: Deploy, options: dict[str, str]) -> None:
    name = f"kept-{len(options)}"
    resources = service_resources(name, cloud.uri("v1"), **options)
    deploy(name, template(resources, OUTPUTS))
    before = outputs(cloud, name)
    resources = service_resources(name, cloud.uri("v2"), **options)
    assert deploy(name, template(resources, OUTPUTS)) == "UPDATE_COMPLETE"
    assert outputs(cloud, name) == before
    assert cloud.get(before["Endpoint"]) == (200, "version 2")


def test_a_failed_update_rolls_the_stack_back_with_the_cause(cloud: Cloud, deploy: Deploy) -> None:
    deploy("undone", template(service_resources("undone", cloud.uri("v1")), OUTPUTS))
    broken = template(service_resources("undone", cloud.uri("crash")), OUTPUTS)
    assert deploy("undone", broken) == "UPDATE_ROLLBACK_COMPLETE"
    failed = next(e for e in events(cloud, "undone") if e["ResourceStatus"] == "UPDATE_FAILED")
    assert failed["LogicalResourceId"] == "Service"
    assert "Essential container in task exited (exit code: 3)" in failed["ResourceStatusReason"]
    assert cloud.get(outputs(cloud, "undone")["Endpoint"]) == (200, "version 1")


def test_a_failed_creation_leaves_nothing_but_the_stack(
    cloud: Cloud, deploy: Deploy, engine: docker.DockerClient
) -> None:
    body = template(service_resources("stillborn", cloud.uri("absent")))
    assert deploy("stillborn", body) == "ROLLBACK_COMPLETE"
    found = [e for e in events(cloud, "stillborn") if e["LogicalResourceId"] == "Service"]
    assert [e["ResourceStatus"] for e in found] == [
        "CREATE_IN_PROGRESS",
        "CREATE_IN_PROGRESS",
        "CREATE_FAILED",
        "DELETE_IN_PROGRESS",
        "DELETE_COMPLETE",
    ]
    assert "CannotPullContainerError" in found[2]["ResourceStatusReason"]
    arn = found[2]["PhysicalResourceId"]
    service = cloud.client("ecs").describe_express_gateway_service(serviceArn=arn)["service"]
    assert service["status"]["statusCode"] == "INACTIVE"
    labels = {"label": "com.amazonaws.ecs.task-definition-family=default-stillborn"}
    assert engine.containers.list(all=True, filters=labels, sparse=True) == []
    names = [role["RoleName"] for role in cloud.client("iam").list_roles()["Roles"]]
    assert [name for name in names if name.startswith("stillborn")] == []


def test_a_failed_creation_that_is_kept_is_deleted_with_the_stack(cloud: Cloud, deploy: Deploy) -> None:
    body = template(service_resources("retained", cloud.uri("absent")))
    assert deploy("retained", body, OnFailure="DO_NOTHING") == "CREATE_FAILED"
    arn = "arn:aws:ecs:us-east-1:000000000000:service/default/retained"
    ecs = cloud.client("ecs")
    assert ecs.describe_express_gateway_service(serviceArn=arn)["service"]["status"]["statusCode"] == "ACTIVE"
    cloud.client("cloudformation").delete_stack(StackName="retained")
    wait_until(lambda: is_gone(cloud, "retained"), "the stack is gone")
    assert ecs.describe_express_gateway_service(serviceArn=arn)["service"]["status"]["statusCode"] == "INACTIVE"


def test_a_create_only_change_replaces_the_service(cloud: Cloud, deploy: Deploy) -> None:
    deploy("renamed", template(service_resources("renamed-a", cloud.uri("v1")), OUTPUTS))
    before = outputs(cloud, "renamed")
    resources = service_resources("renamed-b", cloud.uri("v1"))
    resources["Logs"]["Properties"]["LogGroupName"] = "/app/renamed-a"
    assert deploy("renamed", template(resources, OUTPUTS)) == "UPDATE_COMPLETE"
    after = outputs(cloud, "renamed")
    assert after["Arn"].endswith("/renamed-b")
    assert after["Endpoint"] != before["Endpoint"]
    assert cloud.get(after["Endpoint"])[0] == 200
    assert cloud.get(before["Endpoint"])[0] == 404


def test_deleting_a_stack_does_not_hold_up_other_requests(cloud: Cloud, deploy: Deploy) -> None:
    deploy("slow", template(service_resources("slow", cloud.uri("v1"))))
    cloud.client("cloudformation").delete_stack(StackName="slow")
    answered_meanwhile = 0
    while not is_gone(cloud, "slow"):
        answered_meanwhile += 1
    assert answered_meanwhile > 1


def test_iam_resources_need_their_capability(cloud: Cloud) -> None:
    cloudformation = cloud.client("cloudformation")
    body = template(service_resources("incapable", cloud.uri("v1")))
    with pytest.raises(ClientError, match="InsufficientCapabilitiesException"):
        cloudformation.create_stack(StackName="incapable", TemplateBody=body)
    with pytest.raises(ClientError, match="InsufficientCapabilitiesException"):
        cloudformation.create_change_set(
            StackName="incapable", ChangeSetName="one", ChangeSetType="CREATE", TemplateBody=body
        )


def test_a_protected_stack_is_not_deleted(cloud: Cloud, deploy: Deploy) -> None:
    logs = {"Logs": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "/app/protected"}}}
    deploy("protected", template(logs), EnableTerminationProtection=True)
    cloudformation = cloud.client("cloudformation")
    with pytest.raises(ClientError, match="TerminationProtection is enabled"):
        cloudformation.delete_stack(StackName="protected")
    cloudformation.update_termination_protection(StackName="protected", EnableTerminationProtection=False)
