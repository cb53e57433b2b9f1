"""Services through the API: real containers, gated deployments, rollbacks, and nothing left behind."""

import base64
import hashlib
import json
import threading
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import docker
import pytest
from botocore.exceptions import ClientError

from tests.expressway_sandbox.conftest import (
    Cloud,
    Roles,
    endpoint_of,
    wait_for_deployment,
    wait_until,
    wait_until_inactive,
)
from tests.sandbox_clients import registry_login

pytestmark = [pytest.mark.sandbox, pytest.mark.engine]

Request = Callable[..., dict[str, Any]]


@pytest.fixture
def create(cloud: Cloud) -> Iterator[Callable[[dict[str, Any]], str]]:
    """Create a service and delete it after the test; the answer is its ARN."""
    made: list[str] = []
    ecs = cloud.client("ecs")

    def create_service(request: dict[str, Any]) -> str:
        arn = ecs.create_express_gateway_service(**request)["service"]["serviceArn"]
        made.append(arn)
        return arn

    yield create_service
    for arn in made:
        service = ecs.describe_express_gateway_service(serviceArn=arn)["service"]
        if service["status"]["statusCode"] != "INACTIVE":
            ecs.delete_express_gateway_service(serviceArn=arn)
            wait_until_inactive(cloud, arn)


def test_a_service_serves_every_path_through_its_endpoint(
    cloud: Cloud, service_request: Request, create: Callable[..., str]
) -> None:
    arn = create(service_request("paths"))
    assert wait_for_deployment(cloud, arn)["status"] == "SUCCESSFUL"
    endpoint = endpoint_of(cloud, arn)
    assert endpoint.endswith(".ecs.us-east-1.localhost")
    assert cloud.get(endpoint) == (200, "version 1")
    assert cloud.get(endpoint, "/health") == (200, "ok")
    assert cloud.get(endpoint, "/v2/page") == (200, "below v2")
    assert cloud.get(endpoint, "/missing")[0] == 404


def test_an_update_loses_no_request(cloud: Cloud, service_request: Request, create: Callable[..., str]) -> None:
    arn = create(service_request("update"))
    wait_for_deployment(cloud, arn)
    endpoint = endpoint_of(cloud, arn)
    with under_load(cloud, endpoint) as answers:
        container = {"image": cloud.uri("v2"), "containerPort": 8080}
        cloud.client("ecs").update_express_gateway_service(serviceArn=arn, primaryContainer=container)
        assert wait_for_deployment(cloud, arn)["status"] == "SUCCESSFUL"
    assert {status for status, _ in answers} == {200}
    assert answers[0][1] == "version 1"
    assert cloud.get(endpoint) == (200, "version 2")
    service = cloud.client("ecs").describe_services(services=["update"])["services"][0]
    assert service["runningCount"] == 1
    assert [d["rolloutState"] for d in service["deployments"]] == ["COMPLETED"]


@pytest.mark.parametrize(
    ("tag", "stop_code", "reason", "exit_codes"),
    [
        ("unhealthy", "ServiceSchedulerInitiated", "Task failed ELB health checks in (target-group arn:aws:", None),
        ("silent", "ServiceSchedulerInitiated", "Task failed ELB health checks in (target-group arn:aws:", None),
        ("crash", "EssentialContainerExited", "Essential container in task exited", [3]),
        ("absent", "TaskFailedToStart", "CannotPullContainerError: pull image manifest has been retried", [None]),
    ],
)
def test_a_bad_update_rolls_back_with_its_cause_while_the_old_version_answers(
    cloud: Cloud,
    service_request: Request,
    create: Callable[..., str],
    tag: str,
    stop_code: str,
    reason: str,
    exit_codes: list[int | None] | None,
) -> None:
    name = f"bad-{tag}"
    arn = create(service_request(name))
    good = wait_for_deployment(cloud, arn)
    endpoint = endpoint_of(cloud, arn)
    ecs = cloud.client("ecs")
    with under_load(cloud, endpoint) as answers:
        container = {"image": cloud.uri(tag), "containerPort": 8080}
        ecs.update_express_gateway_service(serviceArn=arn, primaryContainer=container)
        bad = wait_for_deployment(cloud, arn)
    assert set(answers) == {(200, "version 1")}
    assert bad["status"] == "ROLLBACK_SUCCESSFUL"
    assert reason in bad["statusReason"]
    details = ecs.describe_service_deployments(serviceDeploymentArns=[bad["serviceDeploymentArn"]])
    deployment = details["serviceDeployments"][0]
    assert deployment["rollback"]["serviceRevisionArn"] == good["targetServiceRevisionArn"]
    assert deployment["deploymentCircuitBreaker"]["status"] == "TRIGGERED"
    stopped = ecs.list_tasks(serviceName=name, desiredStatus="STOPPED")["taskArns"]
    tasks = ecs.describe_tasks(tasks=stopped)["tasks"]
    assert {task["stopCode"] for task in tasks} == {stop_code}
    assert all(task["stoppedReason"].startswith(reason) for task in tasks)
    if exit_codes is not None:
        assert all([c.get("exitCode") for c in task["containers"]] == exit_codes for task in tasks)
    events = [e["message"] for e in ecs.describe_services(services=[name])["services"][0]["events"]]
    assert any("deployment failed: tasks failed to start." in message for message in events)
    assert any("rolling back to deployment ecs-svc/" in message for message in events)


def test_a_first_deployment_that_fails_has_nothing_to_roll_back_to(
    cloud: Cloud, service_request: Request, create: Callable[..., str]
) -> None:
    arn = create(service_request("first-bad", "crash"))
    deployment = wait_for_deployment(cloud, arn)
    assert deployment["status"] == "ROLLBACK_FAILED"
    assert "No rollback candidate was found" in deployment["statusReason"]
    service = cloud.client("ecs").describe_express_gateway_service(serviceArn=arn)["service"]
    assert service["status"]["statusCode"] == "ACTIVE"
    container = {"image": cloud.uri("v1"), "containerPort": 8080}
    cloud.client("ecs").update_express_gateway_service(serviceArn=arn, primaryContainer=container)
    assert wait_for_deployment(cloud, arn)["status"] == "SUCCESSFUL"
    assert cloud.get(endpoint_of(cloud, arn)) == (200, "version 1")


def test_a_deletion_leaves_nothing(cloud: Cloud, service_request: Request, engine: docker.DockerClient) -> None:
    ecs, elb = cloud.client("ecs"), cloud.client("elbv2")
    groups_before = {g["GroupId"] for g in cloud.client("ec2").describe_security_groups()["SecurityGroups"]}
    arn = ecs.create_express_gateway_service(**service_request("gone", tags=[{"key": "a", "value": "b"}]))["service"][
        "serviceArn"
    ]
    wait_for_deployment(cloud, arn)
    endpoint = endpoint_of(cloud, arn)
    assert ecs.delete_express_gateway_service(serviceArn=arn)["service"]["status"]["statusCode"] == "DRAINING"
    wait_until_inactive(cloud, arn)
    assert cloud.get(endpoint)[0] == 404
    assert elb.describe_load_balancers()["LoadBalancers"] == []
    assert elb.describe_target_groups()["TargetGroups"] == []
    assert cloud.client("acm").list_certificates()["CertificateSummaryList"] == []
    scaling = cloud.client("application-autoscaling")
    assert scaling.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"] == []
    assert scaling.describe_scaling_policies(ServiceNamespace="ecs")["ScalingPolicies"] == []
    assert cloud.client("cloudwatch").describe_alarms()["MetricAlarms"] == []
    groups = {g["GroupId"] for g in cloud.client("ec2").describe_security_groups()["SecurityGroups"]}
    assert groups == groups_before
    assert ecs.list_task_definitions(familyPrefix="default-gone")["taskDefinitionArns"] == []
    of_its_family = {"label": "com.amazonaws.ecs.task-definition-family=default-gone"}
    assert engine.containers.list(all=True, filters=of_its_family, sparse=True) == []
    assert ecs.describe_services(services=["gone"])["services"][0]["status"] == "INACTIVE"
    assert arn not in ecs.list_services(resourceManagementType="ECS")["serviceArns"]
    with pytest.raises(ClientError, match="ServiceNotActiveException"):
        ecs.delete_express_gateway_service(serviceArn=arn)


def test_express_services_are_told_apart_and_protected_from_plain_operations(
    cloud: Cloud, service_request: Request, create: Callable[..., str]
) -> None:
    arn = create(service_request("apart"))
    ecs = cloud.client("ecs")
    assert ecs.list_services(resourceManagementType="ECS")["serviceArns"] == [arn]
    assert ecs.list_services(resourceManagementType="CUSTOMER")["serviceArns"] == []
    with pytest.raises(ClientError, match="InvalidParameterException"):
        ecs.delete_service(service="apart", force=True)
    ecs.tag_resource(resourceArn=arn, tags=[{"key": "team", "value": "web"}])
    assert ecs.list_tags_for_resource(resourceArn=arn)["tags"] == [{"key": "team", "value": "web"}]
    ecs.untag_resource(resourceArn=arn, tagKeys=["team"])
    with pytest.raises(ClientError, match="not idempotent"):
        ecs.create_express_gateway_service(**service_request("apart"))
    with pytest.raises(ClientError, match=r"ClusterContainsServicesException.*while Services are active"):
        ecs.delete_cluster(cluster="default")
    assert ecs.describe_services(services=["apart"])["services"][0]["status"] == "ACTIVE"


def test_services_share_a_load_balancer_and_the_last_takes_it_away(
    cloud: Cloud, service_request: Request, create: Callable[..., str]
) -> None:
    first, second = create(service_request("one")), create(service_request("two", "v2"))
    assert {wait_for_deployment(cloud, arn)["status"] for arn in (first, second)} == {"SUCCESSFUL"}
    assert len(cloud.client("elbv2").describe_load_balancers()["LoadBalancers"]) == 1
    cloud.client("ecs").delete_express_gateway_service(serviceArn=first)
    wait_until_inactive(cloud, first)
    assert cloud.get(endpoint_of(cloud, second)) == (200, "version 2")


def test_the_container_gets_environment_secrets_command_and_its_log_group(
    cloud: Cloud, service_request: Request, create: Callable[..., str]
) -> None:
    cloud.client("logs").create_log_group(logGroupName="/app/settings")
    secret = cloud.client("secretsmanager").create_secret(Name="token", SecretString="s3cret")["ARN"]
    script = "echo -n $GREETING $TOKEN > /www/index.html; echo started; exec httpd -f -p 8080 -h /www"
    container = {
        "image": cloud.uri("v1"),
        "containerPort": 8080,
        "command": ["/bin/sh", "-c", script],
        "environment": [{"name": "GREETING", "value": "hello"}],
        "secrets": [{"name": "TOKEN", "valueFrom": secret}],
        "awsLogsConfiguration": {"logGroup": "/app/settings", "logStreamPrefix": "web"},
    }
    arn = create(service_request("settings", primaryContainer=container))
    assert wait_for_deployment(cloud, arn)["status"] == "SUCCESSFUL"
    assert cloud.get(endpoint_of(cloud, arn)) == (200, "hello s3cret")
    events = cloud.client("logs").filter_log_events(logGroupName="/app/settings")["events"]
    assert "started" in [event["message"] for event in events]
    assert events[0]["logStreamName"].startswith("web/Main/")


def test_secrets_come_decrypted_and_in_the_version_that_is_named(
    cloud: Cloud, service_request: Request, create: Callable[..., str]
) -> None:
    secrets = cloud.client("secretsmanager")
    rotated = secrets.create_secret(Name="rotated", SecretString='{"word": "old"}')
    secrets.put_secret_value(SecretId=rotated["ARN"], SecretString='{"word": "new"}')
    cloud.client("ssm").put_parameter(Name="/plain/word", Value="parameter", Type="SecureString")
    references = {
        "NOW": f"{rotated['ARN']}:word::",
        "BEFORE": f"{rotated['ARN']}:word:AWSPREVIOUS:",
        "FIRST": f"{rotated['ARN']}:word::{rotated['VersionId']}",
        "KEPT": "arn:aws:ssm:us-east-1:000000000000:parameter/plain/word",
    }
    script = "echo -n $NOW $BEFORE $FIRST $KEPT > /www/index.html; exec httpd -f -p 8080 -h /www"
    container = {
        "image": cloud.uri("v1"),
        "containerPort": 8080,
        "command": ["/bin/sh", "-c", script],
        "secrets": [{"name": name, "valueFrom": reference} for name, reference in references.items()],
    }
    arn = create(service_request("versions", primaryContainer=container))
    assert wait_for_deployment(cloud, arn)["status"] == "SUCCESSFUL"
    assert cloud.get(endpoint_of(cloud, arn)) == (200, "new old old parameter")


def test_a_health_check_path_may_have_several_parameters(
    cloud: Cloud, service_request: Request, create: Callable[..., str]
) -> None:
    path = "/health?deep=1&why=a<b"
    arn = create(service_request("several", healthCheckPath=path))
    assert wait_for_deployment(cloud, arn)["status"] == "SUCCESSFUL"
    groups = cloud.client("elbv2").describe_target_groups()["TargetGroups"]
    assert path in [group.get("HealthCheckPath") for group in groups]


def test_a_secret_that_cannot_be_read_fails_the_deployment_with_its_name(
    cloud: Cloud, service_request: Request, create: Callable[..., str]
) -> None:
    secret = "arn:aws:secretsmanager:us-east-1:000000000000:secret:absent-AbCdEf"
    container = {
        "image": cloud.uri("v1"),
        "containerPort": 8080,
        "secrets": [{"name": "TOKEN", "valueFrom": secret}],
    }
    deployment = wait_for_deployment(cloud, create(service_request("no-secret", primaryContainer=container)))
    assert "ResourceInitializationError: unable to pull secrets" in deployment["statusReason"]
    assert secret in deployment["statusReason"]


def test_a_log_group_that_is_named_has_to_exist(cloud: Cloud, service_request: Request) -> None:
    logs = {"logGroup": "/absent", "logStreamPrefix": "web"}
    container = {"image": cloud.uri("v1"), "containerPort": 8080, "awsLogsConfiguration": logs}
    with pytest.raises(ClientError, match="The specified log group does not exist: /absent"):
        cloud.client("ecs").create_express_gateway_service(**service_request("no-logs", primaryContainer=container))


def test_a_service_without_a_log_group_gets_one(
    cloud: Cloud, service_request: Request, create: Callable[..., str]
) -> None:
    arn = create(service_request("own-logs"))
    wait_for_deployment(cloud, arn)
    service = cloud.client("ecs").describe_express_gateway_service(serviceArn=arn)["service"]
    group = service["activeConfigurations"][0]["primaryContainer"]["awsLogsConfiguration"]["logGroup"]
    assert group.startswith("/aws/ecs/default/own-logs-")
    assert cloud.client("logs").describe_log_groups(logGroupNamePrefix=group)["logGroups"]


def test_several_tasks_share_the_requests(cloud: Cloud, service_request: Request, create: Callable[..., str]) -> None:
    scaling = {
        "minTaskCount": 2,
        "maxTaskCount": 4,
        "autoScalingMetric": "REQUEST_COUNT_PER_TARGET",
        "autoScalingTargetValue": 500,
    }
    arn = create(service_request("pair", scalingTarget=scaling))
    assert wait_for_deployment(cloud, arn)["status"] == "SUCCESSFUL"
    revision = cloud.client("ecs").describe_services(services=["pair"])["services"][0]
    assert (revision["desiredCount"], revision["runningCount"]) == (2, 2)
    group = revision["loadBalancers"][0]["targetGroupArn"]
    health = cloud.client("elbv2").describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
    assert [target["TargetHealth"]["State"] for target in health] == ["healthy", "healthy"]


def test_a_task_that_dies_is_replaced(
    cloud: Cloud, service_request: Request, create: Callable[..., str], engine: docker.DockerClient
) -> None:
    arn = create(service_request("revived"))
    wait_for_deployment(cloud, arn)
    ecs = cloud.client("ecs")
    before = ecs.list_tasks(serviceName="revived")["taskArns"]
    engine.containers.list(filters={"label": f"com.amazonaws.ecs.task-arn={before[0]}"})[0].kill()
    endpoint = endpoint_of(cloud, arn)

    def is_replaced() -> bool:
        after = ecs.list_tasks(serviceName="revived")["taskArns"]
        return bool(after) and after != before and cloud.get(endpoint) == (200, "version 1")

    wait_until(is_replaced, "the dead task is replaced")


def test_a_task_definition_of_ones_own_is_used_as_it_is_until_a_container_is_named(
    cloud: Cloud, images: dict[str, str], roles: Roles, create: Callable[..., str]
) -> None:
    definition = cloud.client("ecs").register_task_definition(
        family="mine",
        requiresCompatibilities=["FARGATE"],
        networkMode="awsvpc",
        cpu="256",
        memory="512",
        containerDefinitions=[
            {
                "name": "Main",
                "image": f"000000000000.dkr.ecr.us-east-1.amazonaws.com/team/web@{images['v2']}",
                "portMappings": [{"containerPort": 8080, "name": "web", "protocol": "tcp"}],
            }
        ],
    )["taskDefinition"]["taskDefinitionArn"]
    request = {
        "serviceName": "own-definition",
        "infrastructureRoleArn": roles.infrastructure,
        "taskDefinitionArn": definition,
        "healthCheckPath": "/health",
    }
    arn = create(request)
    assert wait_for_deployment(cloud, arn)["status"] == "SUCCESSFUL"
    assert cloud.get(endpoint_of(cloud, arn)) == (200, "version 2")
    uri = f"000000000000.dkr.ecr.us-east-1.amazonaws.com/team/web@{images['v1']}"
    cloud.client("ecs").update_express_gateway_service(
        serviceArn=arn,
        executionRoleArn=roles.execution,
        primaryContainer={"image": uri, "containerPort": 8080},
    )
    assert wait_for_deployment(cloud, arn)["status"] == "SUCCESSFUL"
    assert cloud.get(endpoint_of(cloud, arn)) == (200, "version 1")
    cloud.client("ecs").delete_express_gateway_service(serviceArn=arn)
    wait_until_inactive(cloud, arn)
    shown = cloud.client("ecs").describe_task_definition(taskDefinition=definition)["taskDefinition"]
    assert shown["status"] == "ACTIVE"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"cpu": "256", "memory": "4096"}, "No Fargate configuration exists"),
        ({"cpu": "300"}, "No Fargate configuration exists"),
        ({"healthCheckPath": "health"}, "must start with a forward slash"),
        ({"scalingTarget": {"minTaskCount": 3, "maxTaskCount": 2}}, "must not be greater than maxTaskCount"),
        ({"serviceName": "no spaces"}, "service name must contain only"),
        ({"infrastructureRoleArn": "arn:aws:iam::000000000000:role/absent"}, "does not exist"),
        ({"executionRoleArn": "arn:aws:iam::000000000000:role/test-infrastructure"}, "trust relationship"),
        ({"networkConfiguration": {"subnets": ["subnet-absent"]}}, "subnet"),
        ({"taskDefinitionArn": "arn:aws:ecs:us-east-1:000000000000:task-definition/x:1"}, "You cannot specify"),
    ],
)
def test_what_aws_refuses_is_refused_before_anything_is_made(
    cloud: Cloud, service_request: Request, change: dict[str, Any], expected: str
) -> None:
    with pytest.raises(ClientError, match="InvalidParameterException") as caught:
        cloud.client("ecs").create_express_gateway_service(**{**service_request("refused"), **change})
    assert expected in str(caught.value)


@pytest.mark.parametrize("port", [0, 99999])
def test_a_port_out_of_range_is_refused(cloud: Cloud, service_request: Request, port: int) -> None:
    container = {"image": cloud.uri("v1"), "containerPort": port}
    with pytest.raises(ClientError, match="containerPort must be between 1 and 65535"):
        cloud.client("ecs").create_express_gateway_service(**service_request("port", primaryContainer=container))


def test_a_revision_names_every_managed_resource(
    cloud: Cloud, service_request: Request, create: Callable[..., str], images: dict[str, str]
) -> None:
    arn = create(service_request("managed"))
    deployment = wait_for_deployment(cloud, arn)
    revision = cloud.client("ecs").describe_service_revisions(
        serviceRevisionArns=[deployment["targetServiceRevisionArn"]]
    )["serviceRevisions"][0]
    assert revision["containerImages"] == [
        {"containerName": "Main", "image": cloud.uri("v1"), "imageDigest": images["v1"]}
    ]
    managed = json.dumps(revision["ecsManagedResources"], default=str)
    assert "PROVISIONING" not in managed
    assert revision["ecsManagedResources"]["ingressPaths"][0]["certificate"]["status"] == "ACTIVE"


def test_a_deployment_can_be_stopped(cloud: Cloud, service_request: Request, create: Callable[..., str]) -> None:
    arn = create(service_request("halted"))
    wait_for_deployment(cloud, arn)
    ecs = cloud.client("ecs")
    ecs.update_express_gateway_service(
        serviceArn=arn, primaryContainer={"image": cloud.uri("silent"), "containerPort": 8080}
    )
    running = ecs.list_service_deployments(service=arn, status=["PENDING", "IN_PROGRESS"])["serviceDeployments"][0]
    ecs.stop_service_deployment(serviceDeploymentArn=running["serviceDeploymentArn"], stopType="ROLLBACK")
    assert wait_for_deployment(cloud, arn)["status"] == "ROLLBACK_SUCCESSFUL"
    assert cloud.get(endpoint_of(cloud, arn)) == (200, "version 1")


def test_an_image_for_another_architecture_is_refused(
    cloud: Cloud, service_request: Request, create: Callable[..., str], engine: docker.DockerClient
) -> None:
    native = engine.info()["Architecture"]
    other, asked = ("arm64", "X86_64") if native == "x86_64" else ("amd64", "ARM64")
    push_for_architecture(cloud, other, "foreign")
    container = {"image": cloud.uri("foreign"), "containerPort": 8080}
    arn = create(service_request("foreign", primaryContainer=container, cpuArchitecture=asked))
    deployment = wait_for_deployment(cloud, arn)
    assert "does not contain descriptor matching platform" in deployment["statusReason"]


def push_for_architecture(cloud: Cloud, architecture: str, tag: str) -> None:
    """Push the image v1 again, with a configuration that names another architecture."""
    ecr = cloud.client("ecr")
    image = ecr.batch_get_image(repositoryName="team/web", imageIds=[{"imageTag": "v1"}])["images"][0]
    manifest = json.loads(image["imageManifest"])
    base = f"{cloud.info.endpoint_url}/v2/team/web/blobs"
    login = registry_login(cloud.info)
    basic = base64.b64encode(f"{login['username']}:{login['password']}".encode()).decode()
    headers = {"Authorization": f"Basic {basic}"}
    with urllib.request.urlopen(
        urllib.request.Request(f"{base}/{manifest['config']['digest']}", headers=headers)
    ) as answer:
        configuration = json.dumps({**json.loads(answer.read()), "architecture": architecture}).encode()
    digest = "sha256:" + hashlib.sha256(configuration).hexdigest()
    post = urllib.request.Request(
        f"{base}/uploads/?digest={digest}", data=configuration, headers=headers, method="POST"
    )
    urllib.request.urlopen(post).close()
    manifest["config"] |= {"digest": digest, "size": len(configuration)}
    media_type = image["imageManifestMediaType"]
    ecr.put_image(
        repositoryName="team/web",
        imageManifest=json.dumps(manifest),
        imageTag=tag,
        imageManifestMediaType=media_type,
    )


def test_plain_services_run_beside_express_ones(cloud: Cloud, images: dict[str, str]) -> None:
    ecs = cloud.client("ecs")
    container = {"name": "web", "image": cloud.uri("v1"), "portMappings": [{"containerPort": 8080}]}
    ecs.register_task_definition(family="plain", networkMode="awsvpc", containerDefinitions=[container])
    arn = ecs.create_service(serviceName="plain", taskDefinition="plain", desiredCount=1)["service"]["serviceArn"]
    assert ecs.list_services(resourceManagementType="CUSTOMER")["serviceArns"] == [arn]
    wait_until(
        lambda: ecs.describe_services(services=["plain"])["services"][0]["runningCount"] == 1, "the service has started"
    )
    ecs.delete_service(service="plain", force=True)


def test_a_cluster_with_plain_services_or_tasks_is_kept_and_an_empty_one_goes(
    cloud: Cloud, images: dict[str, str]
) -> None:
    ecs = cloud.client("ecs")
    ecs.create_cluster(clusterName="kept")
    container = {"name": "web", "image": cloud.uri("v1"), "portMappings": [{"containerPort": 8080}]}
    ecs.register_task_definition(family="kept", networkMode="awsvpc", containerDefinitions=[container])
    ecs.create_service(cluster="kept", serviceName="kept", taskDefinition="kept", desiredCount=0)
    with pytest.raises(ClientError, match="ClusterContainsServicesException"):
        ecs.delete_cluster(cluster="kept")
    ecs.delete_service(cluster="kept", service="kept", force=True)
    task = ecs.run_task(cluster="kept", taskDefinition="kept")["tasks"][0]["taskArn"]
    with pytest.raises(ClientError, match=r"ClusterContainsTasksException.*while Tasks are active"):
        ecs.delete_cluster(cluster="kept")
    ecs.stop_task(cluster="kept", task=task)
    wait_until(
        lambda: ecs.describe_tasks(cluster="kept", tasks=[task])["tasks"][0]["lastStatus"] == "STOPPED",
        "the task has stopped",
    )
    assert ecs.delete_cluster(cluster="kept")["cluster"]["status"] == "INACTIVE"


class under_load:
    """Requests without a pause in the background; the answers are there when it ends."""

    def __init__(self, cloud: Cloud, endpoint: str) -> None:
        self._cloud, self._endpoint = cloud, endpoint
        self._answers: list[tuple[int, str]] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> list[tuple[int, str]]:
        self._thread.start()
        return self._answers

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            self._answers.append(self._cloud.get(self._endpoint))
