"""Images, registries, secrets and log groups: what keeps a task from starting at all.

Texts: ECS developer guide, "CannotPullContainer task errors", "ResourceInitializationError", "Stopped tasks errors".
"""

import json

from tests.e2e.scenarios.recorded.collection import recorded
from tests.e2e.scenarios.recorded.healthy import Situation
from tests.e2e.scenarios.recorded.names import allow
from tests.e2e.scenarios.recorded.world import ACCOUNT, REGION, arn

_REGISTRY = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
_FAILING = "tasks_missing deployment_in_progress deployment_stuck deployment_failed crash_loop"
_ROLE = "arn:aws:sts::{account}:assumed-role/{role}/{task}"


def _assumed(situation: Situation) -> str:
    task = situation.id("assumed", length=32)
    return _ROLE.format(account=ACCOUNT, role=situation.execution_role, task=task)


@recorded(
    "the image's repository does not exist",
    finds="repository_not_found",
    also=f"image_not_found {_FAILING}",
    words=r"repository [\w'/ -]*(?:not found|does not exist)",
)
def repository_missing(situation: Situation) -> None:
    situation.use_image(f"{_REGISTRY}/nowhere-repo:v1")
    situation.tasks_fail(
        stopped_reason="CannotPullContainerError: The task cannot pull the image from the registry "
        f"{_REGISTRY}/nowhere-repo:v1. RepositoryNotFoundException: The repository with name 'nowhere-repo' does not "
        f"exist in the registry with id '{ACCOUNT}'",
    )


@recorded(
    "the image's tag does not exist",
    finds="image_tag_not_found",
    also=f"image_not_found {_FAILING}",
    words=r"tag v2 not found|v2[^.]{0,60}(?:: not found|does not exist)",
    symptoms="tasks do not start",
)
def tag_missing(situation: Situation) -> None:
    image = situation.image.replace(":v1", ":v2")
    situation.use_image(image)
    situation.tasks_fail(
        stopped_reason="CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve "
        f"ref {image}: {image}: not found",
    )


@recorded("an image of a nested repository, by digest: nothing is wrong", finds="", words=r"no issues|healthy|steady")
def digest_and_nested_repository(situation: Situation) -> None:
    image, repository = situation.world.one("ecr.images"), situation.world.one("ecr.repositories")
    for record in (image, repository):
        record["repositoryName"] = "team/shop/web"
    repository["repositoryUri"] = f"{_REGISTRY}/team/shop/web"
    situation.use_image(f"{_REGISTRY}/team/shop/web@{image['imageDigest']}")


@recorded("a public image: nothing is wrong", finds="", words=r"no issues|healthy|steady")
def public_image(situation: Situation) -> None:
    situation.use_image("public.ecr.aws/docker/library/nginx:1.29")


@recorded(
    "built for ARM, run on x86",
    finds="wrong_architecture",
    also=f"container_exited {_FAILING}",
    words=r"architecture|exec format error|matching platform",
)
def wrong_architecture(situation: Situation) -> None:
    situation.tasks_fail(
        stopped_reason="CannotPullContainerError: pull image manifest has been retried 7 time(s): image Manifest does "
        "not contain descriptor matching platform 'linux/amd64'",
    )


@recorded(
    "the execution role may not pull",
    finds="image_pull_denied",
    also=f"permission_denied {_FAILING}",
    words=r"not authorized to perform: ecr|not allowed to pull",
)
def pull_denied(situation: Situation) -> None:
    situation.world.all("iam.policies")[0]["Version"]["Document"] = allow(["logs:CreateLogStream", "logs:PutLogEvents"])
    situation.tasks_fail(
        stopped_reason="ResourceInitializationError: unable to pull secrets or registry auth: execution resource "
        "retrieval failed: unable to retrieve ecr registry auth: service call has been retried 1 time(s): "
        f"AccessDeniedException: User: {_assumed(situation)} is not authorized to perform: "
        "ecr:GetAuthorizationToken on resource: * because no identity-based policy allows the "
        "ecr:GetAuthorizationToken action",
    )


@recorded(
    "a private registry without credentials",
    finds="registry_credentials_missing registry_credentials_refused",
    also=f"image_pull_denied {_FAILING}",
    words=r"credentials|pull access denied|authorization failed",
)
def registry_credentials_missing(situation: Situation) -> None:
    situation.use_image("registry.example.com/team/web:v1")
    situation.tasks_fail(
        stopped_reason="CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve "
        "ref registry.example.com/team/web:v1: pull access denied, repository does not exist or may require "
        "authorization: server message: insufficient_scope: authorization failed",
    )


def _secret(situation: Situation, *, kms_key: str = "") -> str:
    secret_arn = arn("secretsmanager", f"secret:{situation.name}/db-AbCdEf")
    record = {"ARN": secret_arn, "Name": f"{situation.name}/db"} | ({"KmsKeyId": kms_key} if kms_key else {})
    situation.world.add("secretsmanager.secrets", record)
    return secret_arn


def _grant(situation: Situation, *actions: str) -> None:
    situation.role(situation.execution_role)["Inline"]["extra"] = allow(list(actions))


@recorded(
    "the secret does not exist",
    finds="secret_not_found",
    also=_FAILING,
    words=r"can't find the specified secret|secret [^.]{0,80}does not exist",
)
def secret_missing(situation: Situation) -> None:
    reference = arn("secretsmanager", f"secret:{situation.name}/db-AbCdEf")
    situation.use_secret(reference)
    _grant(situation, "secretsmanager:GetSecretValue")
    situation.tasks_fail(
        stopped_reason="ResourceInitializationError: unable to pull secrets or registry auth: execution resource "
        "retrieval failed: unable to retrieve secret from asm: service call has been retried 1 time(s): failed to "
        f"fetch secret {reference} from secrets manager: ResourceNotFoundException: Secrets Manager can't find the "
        "specified secret.",
    )


@recorded(
    "no permission for the secret",
    finds="secret_denied",
    also=f"permission_denied {_FAILING}",
    words=r"not authorized to perform: secretsmanager",
)
def secret_denied(situation: Situation) -> None:
    reference = _secret(situation)
    situation.use_secret(reference)
    situation.tasks_fail(
        stopped_reason="ResourceInitializationError: unable to pull secrets or registry auth: execution resource "
        "retrieval failed: unable to retrieve secret from asm: service call has been retried 1 time(s): failed to "
        f"fetch secret {reference} from secrets manager: AccessDeniedException: User: {_assumed(situation)} is not "
        f"authorized to perform: secretsmanager:GetSecretValue on resource: {reference} because no identity-based "
        "policy allows the secretsmanager:GetSecretValue action",
    )


@recorded(
    "KMS denies the secret's key",
    finds="kms_denied",
    also=f"secret_denied permission_denied {_FAILING}",
    words=r"kms[^.]{0,40}(?:not allowed|denied)|access to kms",
)
def kms_denied(situation: Situation) -> None:
    key_id = "1234abcd-12ab-34cd-56ef-1234567890ab"
    key_arn = arn("kms", f"key/{key_id}")
    situation.world.add(
        "kms.keys", {"KeyId": key_id, "Arn": key_arn, "KeyState": "Enabled", "Enabled": True, "KeyManager": "CUSTOMER"}
    )
    reference = _secret(situation, kms_key=key_arn)
    situation.use_secret(reference)
    _grant(situation, "secretsmanager:GetSecretValue")
    situation.tasks_fail(
        stopped_reason="ResourceInitializationError: unable to pull secrets or registry auth: execution resource "
        "retrieval failed: unable to retrieve secret from asm: service call has been retried 1 time(s): failed to "
        f"fetch secret {reference} from secrets manager: AccessDeniedException: Access to KMS is not allowed",
    )


@recorded("the secret can be read: nothing is wrong", finds="", words=r"no issues|healthy|steady")
def secret_in_order(situation: Situation) -> None:
    situation.use_secret(_secret(situation))
    _grant(situation, "secretsmanager:GetSecretValue")


@recorded("the log group does not exist", finds="log_group_missing", also=_FAILING, words=r"log group does not exist")
def log_group_missing(situation: Situation) -> None:
    situation.world.remove("logs.groups")
    situation.tasks_fail(
        stopped_reason="ResourceInitializationError: failed to validate logger args: create stream has been retried 1 "
        "times: failed to create Cloudwatch log stream: ResourceNotFoundException: The specified log group does not "
        "exist. : exit status 1",
    )


@recorded(
    "ECS may not assume the execution role",
    finds="role_not_assumable",
    also=_FAILING,
    words=r"unable to assume the role|trust",
)
def execution_role_not_assumable(situation: Situation) -> None:
    trust = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    situation.role(situation.execution_role)["Role"]["AssumeRolePolicyDocument"] = document
    situation.stop_serving()
    role = arn("iam", f"role/{situation.execution_role}")
    situation.say(
        f"(service web) failed to launch a task with (error ECS was unable to assume the role '{role}' that was "
        "provided for this task. Please verify that the role being passed has the proper trust relationship and "
        "permissions and that your IAM user has permissions to pass this role.)."
    )
