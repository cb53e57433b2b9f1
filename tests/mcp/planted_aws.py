"""An AWS in which everything that somebody wrote is a secret: answers made from the service models, with the story of
a service whose deployment fails. Every secret is another one, and all are remembered."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from types import SimpleNamespace
from typing import Any

import boto3
import botocore.session
from botocore.model import OperationModel, Shape

from expressway.aws.session import SANDBOX_ACCOUNT_ID, AwsSession
from expressway.aws.transport import share_models
from expressway.aws.values.target import Target
from expressway.privacy.sensitive_members import MEMBERS, PUBLIC_KINDS, SUSPECT_ENDINGS
from tests.secret_samples import KINDS, SecretSource

ACCOUNT, REGION = SANDBOX_ACCOUNT_ID, "us-east-1"
NOWHERE = "http://127.0.0.1:9"
"""Nothing listens on the discard port: what does not go through the planted answers fails at once."""
_ECS = f"arn:aws:ecs:{REGION}:{ACCOUNT}"
SERVICE_ARN = f"{_ECS}:service/default/shop"
TASK_ARNS = [f"{_ECS}:task/default/{number:032x}" for number in range(1, 7)]
IMAGE = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/shop-repo:v1"
NOW = datetime.now(UTC)
_NAMES: Mapping[str, str] = {
    "cluster": "default",
    "clusterName": "default",
    "clusterArn": f"{_ECS}:cluster/default",
    "serviceName": "shop",
    "serviceArn": SERVICE_ARN,
    "service": "shop",
    "taskDefinition": f"{_ECS}:task-definition/shop:1",
    "taskDefinitionArn": f"{_ECS}:task-definition/shop:1",
    "family": "shop",
    "image": IMAGE,
    "repositoryName": "shop-repo",
    "roleArn": f"arn:aws:iam::{ACCOUNT}:role/r",
    "targetServiceRevisionArn": f"{_ECS}:service-revision/default/shop/2",
    "serviceRevisionArn": f"{_ECS}:service-revision/default/shop/2",
    "serviceDeploymentArn": f"{_ECS}:service-deployment/default/shop/1",
    "logGroup": "/expressway/shop",
    "logGroupName": "/expressway/shop",
    "name": "Main",
    "containerName": "Main",
    "Arn": f"arn:aws:iam::{ACCOUNT}:role/r",
    "AssumeRolePolicyDocument": "{}",
    "PolicyDocument": "{}",
    "lifecyclePolicyText": "{}",
    "policyText": "{}",
    "cpu": "256",
    "memory": "512",
    "Document": "{}",
    "imageManifest": "{}",
    "imageDigest": "sha256:" + "0123456789abcdef" * 4,
}
_CURSORS = frozenset({"nextToken", "NextToken", "Marker", "NextMarker", "nextForwardToken", "nextBackwardToken"})
_ABSENT = _CURSORS | {"failures", "deletedAt", "DeletionTime"}
_WORDS_OF_AWS = frozenset({("Failure", "reason"), ("CvssScoreAdjustment", "reason")})
_WRITTEN = ("reason", "message", "description", "tokenvalue", "statusmessage")
_SECRETS_A_LIST = 12
PART = 8
"""Characters of a secret by which it counts as told."""


class PlantedAws:
    """Answers every call. `secrets` are those planted so far, by the source they were planted in; `parts` the eight
    characters with which what is made up of each begins and ends.

    Args:
        opaque: whether secrets that nothing tells for one but their place are planted beside those of known kinds.
        refusing: operations (``iam:GetRole``) that AWS refuses, in words that hold a secret of a known kind.
    """

    def __init__(self, seed: int, *, opaque: bool, refusing: frozenset[str] = frozenset()) -> None:
        self._source = SecretSource(seed)
        self._kinds = list(KINDS)
        self._opaque = opaque
        self._refusing = refusing
        self.secrets: dict[str, list[str]] = defaultdict(list)
        self.parts: dict[str, tuple[str, str]] = {}
        self.calls: list[str] = []
        self.stack_status = "UPDATE_ROLLBACK_COMPLETE"
        self.deletions = 0

    # -- planting -------------------------------------------------------------------------------------------
    def plant(self, source: str) -> str:
        """A text with one or two new secrets; many are so long that an answer cuts them, at ever other places."""
        text = self.known(source)
        if self._opaque:
            hidden = self._source.opaque()
            self._remember(source, hidden, hidden.removeprefix("opaque"))
            text = f"{hidden} {text}"
        count = len(self.secrets[source])
        return text if count % 3 else f"{'word ' * (count * 7 % 125)}{text}{' word' * 40}"

    def known(self, source: str) -> str:
        """A text with one new secret of a known kind."""
        kind = self._kinds[len(self.secrets[source]) % len(self._kinds)]
        text, secret = self._source.of_kind(kind)
        self._remember(source, secret, secret[_fixed_characters(kind) :])
        return text

    def _remember(self, source: str, secret: str, made_up: str) -> None:
        self.secrets[source].append(secret)
        self.parts[made_up[:PART]] = (source, secret)
        self.parts[made_up[-PART:]] = (source, secret)

    # -- answering ------------------------------------------------------------------------------------------
    def session(self) -> AwsSession:
        """A session whose clients are answered here."""
        target = Target(ACCOUNT, REGION, sandbox_url=NOWHERE, caller_arn=f"arn:aws:iam::{ACCOUNT}:root")
        return AwsSession(target, self._boto3_session(), botocore.session.Session)

    def _boto3_session(self) -> boto3.Session:
        core = botocore.session.Session()
        share_models(core)
        core.register("before-call", self._answer)
        return boto3.Session(
            aws_access_key_id="0" * 12, aws_secret_access_key="x", region_name=REGION, botocore_session=core
        )

    def _answer(self, model: OperationModel, params: Mapping[str, Any], **_: Any) -> tuple[Any, dict[str, Any]]:
        service = str(model.service_model.service_name)
        operation = f"{service}:{model.name}"
        self.calls.append(operation)
        if operation in self._refusing:
            message = f"User x is not authorized to perform {operation}: {self.known('AWS error messages')}"
            error = {"Code": "AccessDeniedException", "Message": message}
            return SimpleNamespace(status_code=400), {"Error": error, "ResponseMetadata": {}}
        told: dict[str, Any] = _fill(self, service, model.output_shape) if model.output_shape else {}
        story = STORY.get(operation)
        told = {**told, **(story(self, told) if story else {})}
        return SimpleNamespace(status_code=200), {**told, "ResponseMetadata": {"HTTPStatusCode": 200}}


@cache
def _fixed_characters(kind: str) -> int:
    """How many characters all secrets of a kind begin with: who issues them has chosen those."""
    places = zip(*(SecretSource(seed).of_kind(kind)[1] for seed in range(9)), strict=False)
    return next(at for at, characters in enumerate(places) if len(set(characters)) > 1)


def _fill(aws: PlantedAws, service: str, shape: Shape, place: str = "", above: tuple[str, ...] = ()) -> Any:
    if shape.name in above:
        return None
    inside = (*above, shape.name)
    if shape.type_name == "structure":
        return dict(_members(aws, service, shape, place, inside))
    if shape.type_name == "list":
        return [one for one in [_fill(aws, service, shape.member, place, inside)] if one is not None]
    if shape.type_name == "map":
        name = aws.plant(f"names of {place}") if place and service in MEMBERS else "key-1"
        return {name: _fill(aws, service, shape.value, place, inside)}
    return _leaf(aws, shape, place, above)


def _members(
    aws: PlantedAws, service: str, shape: Shape, place: str, inside: tuple[str, ...]
) -> Iterator[tuple[str, Any]]:
    for member, target in shape.members.items():
        if member in _ABSENT:
            continue
        kind = MEMBERS.get(service, {}).get((shape.name, member))
        if kind in PUBLIC_KINDS:
            continue
        written = "" if (shape.name, member) in _WORDS_OF_AWS else _written(service, member)
        source = f"{service} {kind.value}" if kind else written or place
        naming = place and not kind and member in {"name", "key", "Key", "type"}
        value = _fill(aws, service, target, f"names of {place}" if naming else source, (*inside, f"member:{member}"))
        if value is not None:
            yield member, value


def _written(service: str, member: str) -> str:
    """The source that a member is by its name."""
    lowered = member.lower()
    endings = (*_WRITTEN, *(ending for ending, _ in SUSPECT_ENDINGS))
    return f"{service} {lowered}" if lowered.endswith(endings) and lowered != "clienttoken" else ""


def _leaf(aws: PlantedAws, shape: Shape, place: str, above: tuple[str, ...]) -> Any:
    if shape.type_name == "string":
        enum = getattr(shape, "enum", None)
        if enum:
            return "ACTIVE" if "ACTIVE" in enum else enum[0]
        member = next((name[7:] for name in reversed(above) if name.startswith("member:")), shape.name)
        return aws.plant(place) if place else _NAMES.get(member, _identifier(member))
    if shape.type_name == "timestamp":
        return NOW - timedelta(minutes=5)
    simple: dict[str, Any] = {"boolean": False, "blob": b"", "double": 1.0, "float": 1.0}
    return simple.get(shape.type_name, 1)


def _identifier(member: str) -> str:
    lowered = member.lower()
    return f"{_ECS}:{lowered}/1" if lowered.endswith(("arn", "arns")) else f"{lowered}-1"


# -- the story: a deployment of the service shop that fails ---------------------------------------------------
Chapter = Callable[[PlantedAws, dict[str, Any]], dict[str, Any]]


def _services(aws: PlantedAws, told: dict[str, Any]) -> dict[str, Any]:
    events = [
        {"id": f"e{number}", "createdAt": NOW - timedelta(seconds=number), "message": aws.plant("service events")}
        for number in range(_SECRETS_A_LIST)
    ]
    deployment = {**told["services"][0]["deployments"][0], "id": "ecs-svc/1", "status": "PRIMARY"}
    failed = {"rolloutState": "FAILED", "rolloutStateReason": aws.plant("rollout reasons"), "failedTasks": 5}
    service = {
        **told["services"][0],
        "status": "ACTIVE",
        "desiredCount": 2,
        "runningCount": 0,
        "pendingCount": 0,
        "events": events,
        "deployments": [{**deployment, **failed}],
        "resourceManagementType": "ECS",
    }
    return {"services": [service]}


def _tasks(aws: PlantedAws, told: dict[str, Any]) -> dict[str, Any]:
    first = told["tasks"][0]
    return {
        "tasks": [
            {
                **first,
                "taskArn": arn,
                "group": "service:shop",
                "startedBy": "ecs-svc/1",
                "lastStatus": "STOPPED",
                "desiredStatus": "STOPPED",
                "stopCode": "EssentialContainerExited",
                "stoppedAt": NOW - timedelta(seconds=number),
                "stoppedReason": aws.plant("stopped reasons"),
                "containers": [
                    {
                        **first["containers"][0],
                        "name": "Main",
                        "exitCode": (1, 137, 0, 127, 139, 143)[number],
                        "lastStatus": "STOPPED",
                        "reason": aws.plant("container reasons"),
                    }
                ],
            }
            for number, arn in enumerate(TASK_ARNS)
        ]
    }


def _task_definition(aws: PlantedAws, told: dict[str, Any]) -> dict[str, Any]:
    definition = told["taskDefinition"]
    container = definition["containerDefinitions"][0]
    options = {
        "awslogs-group": "/expressway/shop",
        "awslogs-stream-prefix": "main",
        "awslogs-region": REGION,
        "splunk-token": aws.plant("log driver options"),
    }
    full = {
        **container,
        "name": "Main",
        "image": IMAGE,
        "environment": [
            {"name": f"VALUE_{number}", "value": aws.plant("environment values")} for number in range(_SECRETS_A_LIST)
        ],
        "secrets": [
            {"name": f"KEY_{number}", "valueFrom": aws.plant("secret references")} for number in range(_SECRETS_A_LIST)
        ],
        "dockerLabels": {f"label{number}": aws.plant("docker labels") for number in range(_SECRETS_A_LIST)},
        "command": [aws.plant("commands") for _ in range(_SECRETS_A_LIST)],
        "entryPoint": [aws.plant("entry points")],
        "logConfiguration": {"logDriver": "awslogs", "options": options},
    }
    tags = [{"key": f"k{number}", "value": aws.plant("tags")} for number in range(_SECRETS_A_LIST)]
    shaped = {**definition, "containerDefinitions": [full], "status": "ACTIVE", "networkMode": "awsvpc"}
    return {"taskDefinition": shaped, "tags": tags}


def _logs(aws: PlantedAws, told: dict[str, Any]) -> dict[str, Any]:
    moment = int((NOW - timedelta(minutes=2)).timestamp() * 1000)
    return {
        "events": [
            {
                "timestamp": moment + number,
                "logStreamName": f"main/Main/{TASK_ARNS[0].rpartition('/')[2]}",
                "message": f"ValueError: {aws.plant('log lines')}",
            }
            for number in range(4 * _SECRETS_A_LIST)
        ]
    }


def _stack(aws: PlantedAws, told: dict[str, Any]) -> dict[str, Any]:
    stack = {
        "StackName": "shop-express-service",
        "StackId": f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/shop-express-service/1",
        "StackStatus": aws.stack_status,
        "StackStatusReason": aws.plant("stack status reasons"),
        "CreationTime": NOW - timedelta(hours=1),
        "LastUpdatedTime": NOW - timedelta(minutes=3),
        "Parameters": [],
        "Outputs": [],
        "Tags": [{"Key": "a", "Value": aws.plant("stack tags")}],
        "EnableTerminationProtection": False,
    }
    return {"Stacks": [stack]}


def _stack_events(aws: PlantedAws, told: dict[str, Any]) -> dict[str, Any]:
    """The newest first: the end of the operation, then what failed."""
    stack = _stack(aws, {})["Stacks"][0]
    verb = "DELETE" if "DELETE" in aws.stack_status else "UPDATE"
    ids = {"StackId": stack["StackId"], "StackName": stack["StackName"]}
    end = {
        "LogicalResourceId": stack["StackName"],
        "PhysicalResourceId": stack["StackId"],
        "ResourceType": "AWS::CloudFormation::Stack",
        "ResourceStatus": aws.stack_status,
    }
    failed = {
        "LogicalResourceId": "Service",
        "PhysicalResourceId": SERVICE_ARN,
        "ResourceType": "AWS::ECS::ExpressGatewayService",
        "ResourceStatus": f"{verb}_FAILED",
    }
    return {
        "StackEvents": [
            {
                **ids,
                **(failed if number else end),
                "EventId": f"{verb}-{aws.deletions}-{number}",
                "Timestamp": NOW - timedelta(seconds=number),
                "ResourceStatusReason": aws.plant("stack event reasons"),
            }
            for number in range(_SECRETS_A_LIST)
        ]
    }


def _delete_stack(aws: PlantedAws, told: dict[str, Any]) -> dict[str, Any]:
    aws.stack_status = "DELETE_FAILED"
    aws.deletions += 1
    return {}


def _template(aws: PlantedAws, told: dict[str, Any]) -> dict[str, Any]:
    container = {
        "Image": IMAGE,
        "Environment": [{"Name": "VALUE", "Value": aws.plant("deployed environment values")}],
        "Command": [aws.plant("deployed commands")],
        "Secrets": [{"Name": "KEY", "ValueFrom": aws.plant("deployed secret references")}],
    }
    service = {"Type": "AWS::ECS::ExpressGatewayService", "Properties": {"PrimaryContainer": container}}
    return {
        "TemplateBody": {
            "Metadata": {"Expressway": {"App": "shop", "Schema": 1}},
            "Resources": {"Service": service},
        }
    }


def _manifest(aws: PlantedAws, told: dict[str, Any]) -> dict[str, Any]:
    media = "application/vnd.oci.image.manifest.v1+json"
    annotations = {"a": aws.plant("image manifests")}
    manifest = {"schemaVersion": 2, "mediaType": media, "config": {}, "layers": [], "annotations": annotations}
    return {"images": [{**told["images"][0], "imageManifest": json.dumps(manifest), "imageManifestMediaType": media}]}


def _validations(aws: PlantedAws, told: dict[str, Any]) -> dict[str, Any]:
    """What CloudFormation refuses before it begins is like an error message: only known kinds can be told in it."""
    event = {**told["OperationEvents"][0], "ValidationStatusReason": aws.known("validation reasons")}
    return {"OperationEvents": [event]}


def _change_set(aws: PlantedAws, told: dict[str, Any]) -> dict[str, Any]:
    return {"Status": "FAILED", "StatusReason": aws.known("change set reasons"), "Changes": []}


STORY: Mapping[str, Chapter] = {
    "ecs:DescribeServices": _services,
    "ecs:DescribeTasks": _tasks,
    "ecs:ListTasks": lambda aws, told: {"taskArns": TASK_ARNS},
    "ecs:DescribeTaskDefinition": _task_definition,
    "ecs:DescribeServiceDeployments": lambda aws, told: {
        "serviceDeployments": [{**told["serviceDeployments"][0], "status": "ROLLBACK_SUCCESSFUL"}]
    },
    "ecs:ListServiceDeployments": lambda aws, told: {
        "serviceDeployments": [{**told["serviceDeployments"][0], "status": "ROLLBACK_SUCCESSFUL"}]
    },
    "logs:GetLogEvents": _logs,
    "logs:FilterLogEvents": _logs,
    "cloudformation:DescribeStacks": _stack,
    "cloudformation:DescribeStackEvents": _stack_events,
    "cloudformation:DeleteStack": _delete_stack,
    "cloudformation:GetTemplate": _template,
    "cloudformation:DescribeChangeSet": _change_set,
    "cloudformation:DescribeEvents": _validations,
    "ecr:BatchGetImage": _manifest,
    "elbv2:DescribeTargetHealth": lambda aws, told: {
        "TargetHealthDescriptions": [
            {
                "Target": {"Id": "10.0.0.1", "Port": 8080},
                "TargetHealth": {"State": "unhealthy", "Reason": "Target.Timeout"},
            }
        ]
    },
    "cloudformation:ListStacks": lambda aws, told: {"StackSummaries": []},
    "cloudformation:ListChangeSets": lambda aws, told: {"Summaries": []},
    "sts:GetCallerIdentity": lambda aws, told: {"Account": ACCOUNT, "Arn": f"arn:aws:iam::{ACCOUNT}:root"},
}
