"""AWS's words about secrets: one that may not be read is told from a key that does not decrypt."""

import pytest

from expressway.diagnose.messages import Statement, finding_of_message

_FETCH = "ResourceInitializationError: unable to pull secrets or registry auth: failed to fetch secret"
_ROLE = "User: arn:aws:sts::123456789012:assumed-role/execution/1 is not authorized to perform"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (f"{_FETCH}: AccessDeniedException: Access to KMS is not allowed", "kms_denied"),
        (f"{_FETCH}: {_ROLE}: kms:Decrypt on resource: arn:aws:kms:eu-west-1:123456789012:key/1", "kms_denied"),
        (f"{_FETCH}: {_ROLE}: secretsmanager:GetSecretValue on resource: arn:x", "secret_denied"),
        (f"{_FETCH}: {_ROLE}: ssm:GetParameters on resource: arn:x", "secret_denied"),
    ],
)
def test_a_key_that_does_not_decrypt_is_told_from_a_secret_that_may_not_be_read(text: str, code: str) -> None:
    cause = finding_of_message(Statement(text))

    assert cause is not None
    assert cause.code == code
    assert ": is" not in cause.sentence


_RUNC = (
    "CannotStartContainerError: Error response from daemon: failed to create task for container: failed to create shim "
    "task: OCI runtime create failed: runc create failed: unable to start container process: "
)
_BUCKET = "prod-us-east-1-starport-layer-bucket"


@pytest.mark.parametrize(
    ("text", "code", "in_sentence"),
    [
        ('exec: "/serve": stat /serve: no such file or directory: unknown', "command_not_found", "/serve"),
        ('exec: "serve": executable file not found in $PATH: unknown', "command_not_found", "serve"),
        ('exec: "/start.sh": permission denied: unknown', "command_not_executable", "not executable"),
        ("exec /start.sh: no such file or directory: unknown", "interpreter_missing", "Windows line ends"),
        ('chdir to cwd ("/app") set in config.json failed: permission denied', "working_directory_unusable", "/app"),
        ("unable to find user app: no matching entries in passwd file", "user_not_found", "the user ⟦app⟧"),
        ("unable to find group web: no matching entries in group file", "user_not_found", "the group ⟦web⟧"),
        ("exec /app/server: exec format error", "wrong_architecture", "processor architecture"),
        ("exec /app/start.sh: exec format error", "script_without_interpreter", "processor architecture"),
        ("exec /docker-entrypoint: exec format error", "script_without_interpreter", "#!"),
    ],
)
def test_a_container_that_cannot_be_started_is_told_by_what_it_lacks(text: str, code: str, in_sentence: str) -> None:
    cause = finding_of_message(Statement(_RUNC + text))

    assert cause is not None
    assert cause.code == code
    assert in_sentence in cause.sentence


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("CannotCreateContainerError: API error (400): No command specified", "command_missing"),
        (
            "ContainerRuntimeTimeoutError: Could not transition to running; timed out after waiting 1m",
            "container_start_timeout",
        ),
        (
            "DockerTimeoutError: Could not transition to created; timed out after waiting 4m0s",
            "container_start_timeout",
        ),
        (
            "ResourceInitializationError: failed to invoke EFS utils commands to set up EFS volumes: stderr: Failed to "
            'resolve "fs-1.efs.us-east-1.amazonaws.com"',
            "volume_mount_failed",
        ),
        (
            "Unexpected EC2 error while attempting to Create Network Interface with public IP assignment enabled in "
            "subnet 'subnet-1': InvalidSecurityGroupID.NotFound",
            "security_group_missing",
        ),
        (
            "Unexpected EC2 error while attempting to Create Network Interface in subnet 'subnet-1': "
            "InsufficientFreeAddressesInSubnet",
            "subnet_full",
        ),
        (
            "Unexpected EC2 error while attempting to Create Network Interface in subnet 'subnet-1': UnknownError",
            "network_interface_failed",
        ),
    ],
)
def test_what_a_task_lacks_beside_its_image_is_told(text: str, code: str) -> None:
    cause = finding_of_message(Statement(text))

    assert cause is not None
    assert cause.code == code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Cluster not found.", "cluster_missing"),
        (
            "Error retrieving subnet information for [subnet-0000000a, subnet-0000000b]: The subnet ID "
            "'subnet-0000000b' does not exist (ErrorCode: InvalidSubnetID.NotFound)",
            "subnet_missing",
        ),
        (
            "Error retrieving security group information for [sg-0000000a]: The security group 'sg-0000000a' does not "
            "exist (ErrorCode: InvalidGroup.NotFound)",
            "security_group_missing",
        ),
    ],
)
def test_what_a_service_names_and_nobody_could_look_up_before_is_told_by_its_kind(text: str, code: str) -> None:
    told = f'Resource handler returned message: "{text}" (RequestToken: x, HandlerErrorCode: GeneralServiceException)'
    cause = finding_of_message(Statement(told))

    assert cause is not None
    assert cause.code == code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (
            "ResourceNotFoundException: The task can't retrieve the secret with ARN 'arn:aws:secretsmanager:us-east-1:"
            "123456789012:secret:x-AbCdEf' from AWS Secrets Manager. Check whether the secret exists in the specified "
            "Region",
            "secret_not_found",
        ),
        (
            "InvalidRequestException: You can't perform this operation on the secret because it was marked for "
            "deletion.",
            "secret_deleted",
        ),
        (
            "unable to retrieve secrets from ssm: AccessDeniedException: The ciphertext refers to a customer master "
            "key that does not exist, does not exist in this region, or you are not allowed to access.",
            "kms_denied",
        ),
        ("unable to retrieve secret from asm: in words of tomorrow", "secret_unavailable"),
    ],
)
def test_a_secret_that_cannot_be_had_is_told_by_the_reason(text: str, code: str) -> None:
    cause = finding_of_message(Statement(f"{_FETCH}: {text}"))

    assert cause is not None
    assert cause.code == code
    assert (cause.confidence == "high") is (code != "secret_unavailable")


@pytest.mark.parametrize(
    "text",
    [
        "CannotPullContainerError: failed to copy: httpReadSeeker: failed open: unexpected status code "
        f"https://{_BUCKET}.s3.amazonaws.com/x: 403 Forbidden",
        "CannotPullContainerError: failed to copy: httpReadSeeker: failed open: unexpected status code "
        f"https://{_BUCKET}.s3.us-east-1.amazonaws.com/x?X-Amz-Date=1: 403 Forbidden",
    ],
)
def test_a_bucket_of_layers_is_not_taken_for_an_image(text: str) -> None:
    cause = finding_of_message(Statement(text))

    assert cause is not None
    assert cause.code == "image_pull_denied"
    assert f"ECR's bucket {_BUCKET} in S3" in cause.sentence
    assert "S3 endpoint" in cause.remedy


def test_an_address_is_not_taken_for_an_image() -> None:
    cause = finding_of_message(
        Statement(
            "CannotPullContainerError: unexpected status from HEAD request to "
            "https://registry.example/v2/x/manifests/y: 403 Forbidden"
        )
    )

    assert cause is not None
    assert cause.sentence == "The registry denies access to the image."


@pytest.mark.parametrize(
    "text",
    ["fork/exec /opt/tool: no such file or directory", "CannotStartContainerError: open /sys/x: permission denied"],
)
def test_what_another_program_says_is_nothing_about_the_containers_own(text: str) -> None:
    cause = finding_of_message(Statement(text))

    assert cause is None
