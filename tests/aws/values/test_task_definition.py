"""References to secrets read as ECS reads them, and the platform that tasks run on."""

import pytest

from expressway.aws.values.task_definition import SecretReference, TaskDefinition

SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:web/database-AbCdEf"
PARAMETER = "arn:aws-cn:ssm:cn-north-1:123456789012:parameter"


@pytest.mark.parametrize(
    ("value_from", "secret_id", "json_key", "stage"),
    [
        (SECRET, SECRET, "", ""),
        (f"{SECRET}:password::", SECRET, "password", ""),
        (f"{SECRET}::AWSPREVIOUS:", SECRET, "", "AWSPREVIOUS"),
        (f"{SECRET}:user:AWSCURRENT:0123", SECRET, "user", "AWSCURRENT"),
    ],
)
def test_a_secrets_arn_is_taken_apart(value_from: str, secret_id: str, json_key: str, stage: str) -> None:
    reference = SecretReference("Main", "DATABASE", value_from)

    assert (reference.secret_id, reference.json_key, reference.version_stage) == (secret_id, json_key, stage)
    assert (reference.region, reference.account_id) == ("eu-west-1", "123456789012")
    assert not reference.is_parameter
    assert reference.read_action == "secretsmanager:GetSecretValue"


@pytest.mark.parametrize(
    ("value_from", "name", "region"),
    [
        (f"{PARAMETER}/web/token", "/web/token", "cn-north-1"),
        (f"{PARAMETER}/token", "token", "cn-north-1"),
        ("token", "token", ""),
        ("/web/token", "/web/token", ""),
    ],
)
def test_a_parameter_is_named_by_arn_or_by_name(value_from: str, name: str, region: str) -> None:
    reference = SecretReference("Main", "TOKEN", value_from)

    assert (reference.secret_id, reference.region) == (name, region)
    assert reference.is_parameter
    assert reference.read_action == "ssm:GetParameters"


def test_registry_credentials_are_a_secret_also_by_name() -> None:
    assert not SecretReference("Main", "", "registry-login").is_parameter


@pytest.mark.parametrize(
    ("architecture", "system", "platform"),
    [
        ("X86_64", "LINUX", "linux/amd64"),
        ("ARM64", "LINUX", "linux/arm64"),
        ("X86_64", "WINDOWS_SERVER_2022_CORE", "windows/amd64"),
    ],
)
def test_the_platform_is_that_of_the_runtime_platform(architecture: str, system: str, platform: str) -> None:
    assert TaskDefinition("arn", cpu_architecture=architecture, operating_system=system).platform == platform
