"""What CloudFormation tells about stacks: changes with values, drift, operation events, taken names."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.expressway_sandbox.conftest import Cloud, wait_for_stack
from tests.expressway_sandbox.stack_templates import role, service_resources, template

pytestmark = [pytest.mark.sandbox, pytest.mark.engine]

IAM = ["CAPABILITY_NAMED_IAM"]
PUSH = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ecr:PutImage", "Resource": "*"}]}
PULL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ecr:BatchGetImage", "Resource": "*"}]}
SELECTION = {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 7}
EXPIRE = {"rules": [{"rulePriority": 1, "selection": SELECTION, "action": {"type": "expire"}}]}


def repository_resources(name: str, mutability: str = "IMMUTABLE") -> dict[str, Any]:
    return {
        "Repository": {
            "Type": "AWS::ECR::Repository",
            "Properties": {
                "RepositoryName": name,
                "ImageTagMutability": mutability,
                "ImageScanningConfiguration": {"ScanOnPush": True},
                "LifecyclePolicy": {"LifecyclePolicyText": json.dumps(EXPIRE)},
                "EmptyOnDelete": True,
            },
        },
        "PushPull": role("codebuild.amazonaws.com", RoleName=f"{name}-push-pull", Description="pushes"),
        "Policy": {
            "Type": "AWS::IAM::Policy",
            "Properties": {"PolicyName": "pull", "PolicyDocument": PULL, "Roles": [{"Ref": "PushPull"}]},
        },
    }


@pytest.fixture
def stack(cloud: Cloud) -> Iterator[Callable[[str, dict[str, Any]], None]]:
    cloudformation = cloud.client("cloudformation")
    made: list[str] = []

    def create(name: str, resources: dict[str, Any]) -> None:
        cloudformation.create_stack(StackName=name, TemplateBody=template(resources), Capabilities=IAM)
        made.append(name)
        assert wait_for_stack(cloud, name) == "CREATE_COMPLETE"

    yield create
    for name in made:
        cloudformation.delete_stack(StackName=name)


def change_set(cloud: Cloud, name: str, resources: dict[str, Any], kind: str = "UPDATE", **options: Any) -> Any:
    cloudformation = cloud.client("cloudformation")
    made = cloudformation.create_change_set(
        StackName=name,
        ChangeSetName="look",
        ChangeSetType=kind,
        TemplateBody=template(resources),
        Capabilities=IAM,
        **options,
    )
    described = cloudformation.describe_change_set(ChangeSetName=made["Id"], IncludePropertyValues=True)
    cloudformation.delete_change_set(ChangeSetName=made["Id"], StackName=name)
    return {change["ResourceChange"]["LogicalResourceId"]: change["ResourceChange"] for change in described["Changes"]}


def test_a_new_stack_shows_what_it_will_make(cloud: Cloud) -> None:
    resources = service_resources("preview", "example.com/web:1")
    changes = change_set(cloud, "preview", resources, "CREATE")
    cloud.client("cloudformation").delete_stack(StackName="preview")
    assert {change["Action"] for change in changes.values()} == {"Add"}
    service = json.loads(changes["Service"]["AfterContext"])["Properties"]
    assert service["PrimaryContainer"]["Image"] == "example.com/web:1"
    assert service["InfrastructureRoleArn"] == "{{changeSet:KNOWN_AFTER_APPLY}}"
    assert "BeforeContext" not in changes["Service"]


def test_a_changed_value_is_shown_before_and_after(cloud: Cloud, stack: Callable[..., None]) -> None:
    stack("values", repository_resources("values"))
    changed = repository_resources("values", "MUTABLE")
    changed["PushPull"]["Properties"]["Description"] = "pushes and pulls"
    changes = change_set(cloud, "values", changed)
    assert set(changes) == {"Repository", "PushPull"}
    repository = changes["Repository"]
    assert repository["Replacement"] == "False"
    assert [detail["Target"] for detail in repository["Details"]] == [
        {
            "Attribute": "Properties",
            "Name": "ImageTagMutability",
            "RequiresRecreation": "Never",
            "Path": "/Properties/ImageTagMutability",
            "BeforeValue": "IMMUTABLE",
            "AfterValue": "MUTABLE",
            "AttributeChangeType": "Modify",
        }
    ]
    assert json.loads(repository["BeforeContext"])["Properties"]["ImageTagMutability"] == "IMMUTABLE"
    assert json.loads(repository["AfterContext"])["Properties"]["ImageTagMutability"] == "MUTABLE"


def test_a_service_change_names_the_path_and_a_create_only_one_the_replacement(
    cloud: Cloud, images: dict[str, str], stack: Callable[..., None]
) -> None:
    stack("shown", service_resources("shown", cloud.uri("v1")))
    image = change_set(cloud, "shown", service_resources("shown", cloud.uri("v2")))["Service"]
    assert image["Replacement"] == "False"
    assert [d["Target"]["Path"] for d in image["Details"]] == ["/Properties/PrimaryContainer/Image"]
    assert image["Details"][0]["Target"]["AfterValue"] == cloud.uri("v2")
    resources = service_resources("shown", cloud.uri("v1"), ServiceName="shown-anew")
    renamed = change_set(cloud, "shown", resources)["Service"]
    assert (renamed["Replacement"], renamed["PolicyAction"]) == ("True", "ReplaceAndDelete")
    assert renamed["Details"][0]["Target"]["RequiresRecreation"] == "Always"
    resources = service_resources("shown", cloud.uri("v1"))
    tagged = change_set(cloud, "shown", resources, Tags=[{"Key": "team", "Value": "web"}])["Service"]
    assert (tagged["Replacement"], tagged["Scope"]) == ("True", ["Tags"])
    resources = service_resources("shown", cloud.uri("v1"))
    del resources["Service"]
    assert change_set(cloud, "shown", resources)["Service"]["PolicyAction"] == "Delete"


def drifts(cloud: Cloud, name: str) -> dict[str, Any]:
    cloudformation = cloud.client("cloudformation")
    detection = cloudformation.detect_stack_drift(StackName=name)["StackDriftDetectionId"]
    status = cloudformation.describe_stack_drift_detection_status(StackDriftDetectionId=detection)
    assert status["DetectionStatus"] == "DETECTION_COMPLETE"
    found = cloudformation.describe_stack_resource_drifts(StackName=name)["StackResourceDrifts"]
    return {drift["LogicalResourceId"]: drift for drift in found}


def test_drift_of_roles_and_repositories_is_seen_property_by_property(cloud: Cloud, stack: Callable[..., None]) -> None:
    stack("drifting", repository_resources("drifting"))
    found = drifts(cloud, "drifting")
    assert {drift["StackResourceDriftStatus"] for drift in found.values()} == {"IN_SYNC"}
    ecr, iam = cloud.client("ecr"), cloud.client("iam")
    ecr.put_image_tag_mutability(repositoryName="drifting", imageTagMutability="MUTABLE")
    ecr.put_lifecycle_policy(repositoryName="drifting", lifecyclePolicyText=json.dumps(EXPIRE | {"comment": "changed"}))
    iam.update_role(RoleName="drifting-push-pull", Description="something else")
    iam.put_role_policy(RoleName="drifting-push-pull", PolicyName="pull", PolicyDocument=json.dumps(PUSH))
    found = drifts(cloud, "drifting")
    assert {d["StackResourceDriftStatus"] for d in found.values()} == {"MODIFIED"}
    paths = {d["PropertyPath"] for d in found["Repository"]["PropertyDifferences"]}
    assert "/ImageTagMutability" in paths
    assert any(path.startswith("/LifecyclePolicy") for path in paths)
    difference = found["PushPull"]["PropertyDifferences"][0]
    assert (difference["PropertyPath"], difference["ExpectedValue"], difference["ActualValue"]) == (
        "/Description",
        "pushes",
        "something else",
    )
    one = cloud.client("cloudformation").detect_stack_resource_drift(
        StackName="drifting", LogicalResourceId="Repository"
    )
    assert one["StackResourceDrift"]["StackResourceDriftStatus"] == "MODIFIED"


def test_a_policy_attached_from_outside_is_drift(cloud: Cloud, stack: Callable[..., None]) -> None:
    managed = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
    stack("attached", {"Role": role("ecs-tasks.amazonaws.com", RoleName="attached", ManagedPolicyArns=[managed])})
    extra = "arn:aws:iam::aws:policy/AdministratorAccess"
    cloud.client("iam").attach_role_policy(RoleName="attached", PolicyArn=extra)
    difference = drifts(cloud, "attached")["Role"]["PropertyDifferences"][0]
    assert (difference["DifferenceType"], difference["ActualValue"]) == ("ADD", extra)


def test_events_of_an_operation_name_what_failed(cloud: Cloud, images: dict[str, str]) -> None:
    cloudformation = cloud.client("cloudformation")
    body = template(service_resources("told", cloud.uri("absent")))
    cloudformation.create_stack(StackName="told", TemplateBody=body, Capabilities=IAM)
    assert wait_for_stack(cloud, "told") == "ROLLBACK_COMPLETE"
    everything = cloudformation.describe_events(StackName="told")["OperationEvents"]
    assert {event["OperationType"] for event in everything} == {"CREATE_STACK"}
    assert len({event["OperationId"] for event in everything}) == 1
    failed = cloudformation.describe_events(StackName="told", Filters={"FailedEvents": True})["OperationEvents"]
    errors = [event for event in failed if event["EventType"] == "PROVISIONING_ERROR"]
    assert [event["LogicalResourceId"] for event in errors] == ["Service"]
    assert "CannotPullContainerError" in errors[0]["ResourceStatusReason"]
    cloudformation.delete_stack(StackName="told")


@pytest.mark.parametrize("kind", ["Repository", "PushPull"])
def test_a_taken_name_is_refused_and_nothing_is_overwritten(
    cloud: Cloud, stack: Callable[..., None], kind: str
) -> None:
    name = f"taken-{kind.lower()}"
    resources = repository_resources(name)
    stack(name, {kind: resources[kind]})
    cloudformation = cloud.client("cloudformation")
    body = template({kind: resources[kind]})
    cloudformation.create_stack(StackName=f"{name}-again", TemplateBody=body, Capabilities=IAM)
    assert wait_for_stack(cloud, f"{name}-again") == "ROLLBACK_COMPLETE"
    events = cloudformation.describe_stack_events(StackName=f"{name}-again")["StackEvents"]
    assert any("already exists" in event.get("ResourceStatusReason", "") for event in events)
    cloudformation.delete_stack(StackName=f"{name}-again")
    assert drifts(cloud, name)[kind]["StackResourceDriftStatus"] == "IN_SYNC"


def test_a_kept_repository_outlives_its_stack(cloud: Cloud) -> None:
    cloudformation = cloud.client("cloudformation")
    repository = repository_resources("outliving")["Repository"] | {"DeletionPolicy": "Retain"}
    cloudformation.create_stack(StackName="outliving", TemplateBody=template({"Repository": repository}))
    wait_for_stack(cloud, "outliving")
    cloudformation.delete_stack(StackName="outliving")
    found = cloud.client("ecr").describe_repositories(repositoryNames=["outliving"])["repositories"]
    assert found[0]["repositoryName"] == "outliving"
