"""A service with secrets, a key and a log group: no finding while all is well, the right one after."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import WaiterError

from expressway.aws.session import AwsSession, open_session
from expressway.toolkit import Toolkit, inline_source
from tests.e2e.loaded_tools import LoadedTools

if TYPE_CHECKING:
    from expressway_sandbox.lifecycle import SandboxInfo

pytestmark = [pytest.mark.sandbox, pytest.mark.engine]

NAME = "needy-app"
SECRET_NAME = f"{NAME}/database"
LOG_GROUP = f"/expressway/{NAME}"
EXECUTION_ROLE = f"{NAME}-express-execution"
PARAMETER = f"/{NAME}/token"
SERVE = ["sh", "-c", "mkdir /www; echo served > /www/index.html; exec httpd -f -p 8080 -h /www"]


@pytest.fixture(scope="module")
def aws(embedded_aws: "SandboxInfo") -> AwsSession:
    return open_session(sandbox_url=embedded_aws.endpoint_url)


@pytest.fixture(scope="module")
def toolkit(
    embedded_aws: "SandboxInfo",
    engine_host: str,
    busybox_image: str,
    aws: AwsSession,
    tools: LoadedTools,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Toolkit]:
    """A toolkit, with the app deployed that the tests are about."""
    folder, state = tmp_path_factory.mktemp("needy"), tmp_path_factory.mktemp("state")
    (folder / "Dockerfile").write_text(f"FROM {busybox_image}\nLABEL app={NAME}\n")
    key = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    secret = aws.client("secretsmanager").create_secret(Name=SECRET_NAME, SecretString="value", KmsKeyId=key)["ARN"]
    aws.client("ssm").put_parameter(Name=PARAMETER, Value="value", Type="SecureString")
    token = f"arn:aws:ssm:{aws.target.region}:{aws.target.account_id}:parameter{PARAMETER}"
    definition = {"name": NAME, "build": ".", "command": SERVE, "secrets": {"DATABASE": secret, "TOKEN": token}}
    made = tools.toolkit(embedded_aws.endpoint_url, engine_host, state)
    assert made.deploy(inline_source(definition, folder)).status == "deployed"
    yield made
    made.delete(NAME)


def guidance(toolkit: Toolkit) -> Any:
    asked = {"ecs_cluster_name": "default", "ecs_service_name": NAME, "detail": "full"}
    return toolkit.troubleshoot("get_ecs_troubleshooting_guidance", asked).whole


def codes(answer: Any, severity: str = "") -> list[str]:
    return [one["code"] for one in answer["findings"] if severity in {"", one["severity"]}]


def test_a_service_that_is_well_has_nothing_wrong_around_it(toolkit: Toolkit) -> None:
    answer = guidance(toolkit)

    assert codes(answer) == ["nothing_wrong"]
    assert "gaps" not in answer


@pytest.mark.parametrize(
    "asked",
    [
        {"ecs_cluster_name": "default", "ecs_service_name": NAME},
        {"cfn_stack_name": f"{NAME}-express-service"},
        {"family_prefix": f"default-{NAME}"},
    ],
)
def test_its_image_can_be_pulled_whichever_way_it_is_asked_about(toolkit: Toolkit, asked: dict[str, str]) -> None:
    answer = toolkit.troubleshoot("detect_image_pull_failures", asked).whole

    assert codes(answer) == ["nothing_wrong"]
    assert answer["image_issues"] == []
    assert "Nothing is wrong" in answer["assessment"]
    assert "gaps" not in answer


def test_its_stack_is_well(toolkit: Toolkit) -> None:
    answer = toolkit.troubleshoot("fetch_cloudformation_status", {"cfn_stack_name": f"{NAME}-express-service"}).whole

    assert (answer["stack_exists"], answer["stack_status"]) == (True, "CREATE_COMPLETE")
    assert answer["findings"] == []
    assert "gaps" not in answer


# -- what is spoiled, and how it is mended --------------------------------------------------------------------------
@contextmanager
def _policy(aws: AwsSession, change: Callable[[list[Any]], list[Any]]) -> Iterator[None]:
    iam = aws.client("iam")
    named = {"RoleName": EXECUTION_ROLE, "PolicyName": "ReadSecrets"}
    before = iam.get_role_policy(**named)["PolicyDocument"]
    after = {**before, "Statement": change(before["Statement"])}
    iam.put_role_policy(**named, PolicyDocument=json.dumps(after))
    yield
    iam.put_role_policy(**named, PolicyDocument=json.dumps(before))


@contextmanager
def _secrets_not_readable(aws: AwsSession) -> Iterator[None]:
    with _policy(aws, lambda found: [one for one in found if one["Action"] != "secretsmanager:GetSecretValue"]):
        yield


@contextmanager
def _secret_denied_outright(aws: AwsSession) -> Iterator[None]:
    deny = {"Effect": "Deny", "Action": "secretsmanager:*", "Resource": "*"}
    with _policy(aws, lambda found: [*found, deny]):
        yield


@contextmanager
def _decryption_not_allowed(aws: AwsSession) -> Iterator[None]:
    with _policy(aws, lambda found: [one for one in found if one["Action"] != "kms:Decrypt"]):
        yield


@contextmanager
def _secret_deleted(aws: AwsSession) -> Iterator[None]:
    aws.client("secretsmanager").delete_secret(SecretId=SECRET_NAME, RecoveryWindowInDays=7)
    yield
    aws.client("secretsmanager").restore_secret(SecretId=SECRET_NAME)


@contextmanager
def _parameter_missing(aws: AwsSession) -> Iterator[None]:
    aws.client("ssm").delete_parameter(Name=PARAMETER)
    yield
    aws.client("ssm").put_parameter(Name=PARAMETER, Value="value", Type="SecureString")


@contextmanager
def _key_disabled(aws: AwsSession) -> Iterator[None]:
    key = aws.client("secretsmanager").describe_secret(SecretId=SECRET_NAME)["KmsKeyId"]
    aws.client("kms").disable_key(KeyId=key)
    yield
    aws.client("kms").enable_key(KeyId=key)


@contextmanager
def _log_group_missing(aws: AwsSession) -> Iterator[None]:
    aws.client("logs").delete_log_group(logGroupName=LOG_GROUP)
    yield
    aws.client("logs").create_log_group(logGroupName=LOG_GROUP)


@contextmanager
def _trust_broken(aws: AwsSession) -> Iterator[None]:
    iam = aws.client("iam")
    before = iam.get_role(RoleName=EXECUTION_ROLE)["Role"]["AssumeRolePolicyDocument"]
    wrong = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    iam.update_assume_role_policy(RoleName=EXECUTION_ROLE, PolicyDocument=json.dumps({**before, "Statement": [wrong]}))
    yield
    iam.update_assume_role_policy(RoleName=EXECUTION_ROLE, PolicyDocument=json.dumps(before))


@contextmanager
def _image_gone(aws: AwsSession) -> Iterator[None]:
    ecr = aws.client("ecr")
    repository = {"repositoryName": f"{NAME}-repo"}
    images = ecr.describe_images(**repository)["imageDetails"]
    ids = [{"imageDigest": one["imageDigest"]} for one in images]
    held = ecr.batch_get_image(**repository, imageIds=ids)["images"]
    ecr.batch_delete_image(**repository, imageIds=ids)
    yield
    for one in held:
        ecr.put_image(**repository, imageManifest=one["imageManifest"], imageTag=one["imageId"].get("imageTag", "v1"))


@pytest.mark.parametrize(
    ("spoiled", "code"),
    [
        (_secrets_not_readable, "secret_denied"),
        (_secret_denied_outright, "secret_denied"),
        (_decryption_not_allowed, "kms_denied"),
        (_secret_deleted, "secret_deleted"),
        (_parameter_missing, "secret_not_found"),
        (_key_disabled, "kms_key_unusable"),
        (_log_group_missing, "log_group_missing"),
        (_trust_broken, "role_not_assumable"),
        (_image_gone, "image_digest_not_found"),
    ],
)
def test_what_the_next_task_would_meet_is_a_warning_while_the_service_runs(
    toolkit: Toolkit, aws: AwsSession, spoiled: Any, code: str
) -> None:
    with spoiled(aws):
        answer = guidance(toolkit)

    assert codes(answer, "warning") == [code]
    assert codes(answer, "critical") == []


def test_a_stack_that_failed_tells_its_first_cause(toolkit: Toolkit, aws: AwsSession) -> None:
    client, name = aws.client("cloudformation"), "needy-fails"
    role = {"RoleName": EXECUTION_ROLE, "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": []}}
    group = {"LogGroupName": "/needy-fails"}
    template = {
        "Resources": {
            "Logs": {"Type": "AWS::Logs::LogGroup", "Properties": group},
            "Role": {"Type": "AWS::IAM::Role", "Properties": role, "DependsOn": "Logs"},
        }
    }
    client.create_stack(StackName=name, TemplateBody=json.dumps(template), Capabilities=["CAPABILITY_NAMED_IAM"])
    with pytest.raises(WaiterError, match="ROLLBACK"):
        client.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    answer = toolkit.troubleshoot("fetch_cloudformation_status", {"cfn_stack_name": name}).whole
    client.delete_stack(StackName=name)

    assert codes(answer) == ["resource_exists", "stack_must_be_deleted"]
    assert answer["findings"][0]["cause"].startswith("Role (AWS::IAM::Role)")
    assert [one["logical_id"] for one in answer["failure_reasons"]] == ["Role"]
