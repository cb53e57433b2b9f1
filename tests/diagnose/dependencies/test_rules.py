"""Each cause around a service told apart, and none told of a healthy one."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from expressway.aws.values.dependencies import (
    AlarmFact,
    DependencyFacts,
    ImageFact,
    KeyFact,
    LogGroupFact,
    QuotaFact,
    RoleFact,
    RoleState,
    ScalingActivity,
    ScalingFact,
    ScalingPolicy,
    SecretFact,
)
from expressway.aws.values.service import LogConfiguration
from expressway.aws.values.task_definition import ContainerImage, SecretReference
from expressway.diagnose.dependencies.rules import dependency_findings
from expressway.diagnose.finding import Finding
from tests.diagnose.dependencies.samples import (
    ACCOUNT,
    DEFINITION_ARN,
    EXECUTION_ROLE_ARN,
    FAILING,
    HEALTHY,
    IMAGE,
    INFRASTRUCTURE_ROLE_ARN,
    KEY_ARN,
    MANAGED_EXECUTION,
    MANAGED_INFRASTRUCTURE,
    PARAMETER,
    PARAMETER_ARN,
    READS_ITS_SECRETS,
    REGION,
    REPOSITORY_ARN,
    REQUIREMENTS,
    SECRET,
    SECRET_ARN,
    allow,
    deny,
    document,
    execution_role,
    inline,
    trust,
)

LOGS = inline(allow("logs:*"))
ELSEWHERE = "210987654321"
FOREIGN_IMAGE = f"{ELSEWHERE}.dkr.ecr.us-east-1.amazonaws.com/shared/base@sha256:{'1' * 64}"


def codes(facts: DependencyFacts) -> list[str]:
    return [finding.code for finding in dependency_findings(facts)]


def only(facts: DependencyFacts) -> Finding:
    (finding,) = dependency_findings(facts)
    return finding


def with_image(**changes: Any) -> DependencyFacts:
    return replace(HEALTHY, subject=FAILING, images=(replace(HEALTHY.images[0], **changes),))


def with_secret(**changes: Any) -> DependencyFacts:
    return replace(HEALTHY, subject=FAILING, secrets=(replace(HEALTHY.secrets[0], **changes),))


def with_role(role: RoleFact) -> DependencyFacts:
    return replace(HEALTHY, subject=FAILING, execution_role=role)


def with_log_group(presence: Any, *, creates_group: bool = False) -> DependencyFacts:
    reference = LogConfiguration("Main", "/expressway/web", region=REGION, creates_group=creates_group)
    return replace(HEALTHY, subject=FAILING, log_groups=(LogGroupFact(reference, presence),))


def test_a_healthy_service_has_no_findings() -> None:
    assert dependency_findings(HEALTHY) == ()


def test_a_failing_service_whose_dependencies_are_well_has_no_findings_about_them() -> None:
    assert dependency_findings(replace(HEALTHY, subject=FAILING)) == ()


def test_nothing_is_concluded_from_what_was_not_read() -> None:
    unread = replace(
        HEALTHY,
        subject=replace(FAILING, is_stuck=True, names_a_quota=True, triggered_alarms=("gone",)),
        images=(ImageFact(REQUIREMENTS.images[0], DEFINITION_ARN, "unread", repository_arn=REPOSITORY_ARN),),
        secrets=(SecretFact(SECRET, "unread"), SecretFact(PARAMETER, "elsewhere")),
        keys=(),
        execution_role=RoleFact(EXECUTION_ROLE_ARN, "unread"),
        infrastructure_role=RoleFact(INFRASTRUCTURE_ROLE_ARN, "unread"),
        log_groups=(LogGroupFact(REQUIREMENTS.log_configurations[0], "unread"),),
        scaling=None,
        gaps=("everything: denied",),
    )

    assert dependency_findings(unread) == ()
    assert dependency_findings(replace(unread, requirements=None, images=(), secrets=(), log_groups=())) == ()


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        pytest.param(with_image(presence="repository_missing"), "repository_not_found", id="repository"),
        pytest.param(with_image(presence="tag_missing", tags=("v2", "v0")), "image_tag_not_found", id="tag"),
        pytest.param(with_image(presence="digest_missing"), "image_digest_not_found", id="digest"),
        pytest.param(with_image(presence="invalid"), "invalid_image_reference", id="reference"),
        pytest.param(with_image(platforms=("linux/arm64",)), "wrong_architecture", id="platform"),
        pytest.param(with_image(platforms=("windows/amd64",)), "wrong_architecture", id="system"),
        pytest.param(
            with_role(execution_role(READS_ITS_SECRETS, inline(allow("logs:*")))), "image_pull_denied", id="pull"
        ),
        pytest.param(with_secret(presence="missing", arn="", kms_key_id=""), "secret_not_found", id="secret"),
        pytest.param(with_secret(deleted_at=datetime(2026, 11, 1, tzinfo=UTC)), "secret_deleted", id="deleted"),
        pytest.param(
            with_role(execution_role(MANAGED_EXECUTION, inline(allow(["ssm:GetParameters", "kms:Decrypt"])))),
            "secret_denied",
            id="secret denied",
        ),
        pytest.param(
            with_role(
                execution_role(MANAGED_EXECUTION, inline(allow(["ssm:GetParameters", "secretsmanager:GetSecretValue"])))
            ),
            "kms_denied",
            id="key denied",
        ),
        pytest.param(with_log_group("missing"), "log_group_missing", id="log group"),
        pytest.param(with_log_group("missing", creates_group=True), "log_group_missing", id="log group not creatable"),
        pytest.param(with_role(RoleFact(EXECUTION_ROLE_ARN, "missing")), "role_not_found", id="role"),
        pytest.param(
            with_role(execution_role(MANAGED_EXECUTION, READS_ITS_SECRETS, trusted="ecs.amazonaws.com")),
            "role_not_assumable",
            id="trust",
        ),
    ],
)
def test_each_cause_is_told_by_itself(facts: DependencyFacts, code: str) -> None:
    if code == "log_group_missing" and facts.log_groups[0].reference.creates_group:
        readable = inline(allow(["logs:CreateLogStream", "logs:PutLogEvents", "ecr:*"]))
        facts = replace(facts, execution_role=execution_role(readable, READS_ITS_SECRETS))
    finding = only(facts)

    assert finding.code == code
    assert finding.severity == "critical"
    assert finding.cause.endswith(".")
    assert finding.evidence
    assert finding.remedy
    assert finding.resource


def test_what_only_the_next_task_meets_is_a_warning() -> None:
    serving = replace(HEALTHY, images=(replace(HEALTHY.images[0], presence="tag_missing"),))

    assert only(serving).severity == "warning"


# -- images -----------------------------------------------------------------------------------------------------
def test_a_missing_tag_names_those_that_are_there_and_the_nearest() -> None:
    finding = only(with_image(presence="tag_missing", tags=("v12", "v1.0", "latest")))

    assert "no image tagged v1" in finding.cause
    assert "v12, v1.0, latest" in finding.evidence[0]
    assert "Did you mean" in finding.remedy


def test_an_image_of_several_platforms_runs_on_each_of_them_whatever_its_variant() -> None:
    assert codes(with_image(platforms=("linux/arm64/v8", "linux/amd64"))) == []
    assert codes(with_image(platforms=("linux/arm64/v8",), wanted_platform="linux/arm64")) == []


@pytest.mark.parametrize(
    "name", ["public.ecr.aws/docker/library/nginx:1.29", "nginx", "ghcr.io/team/web:v1", "registry.example.com/web"]
)
def test_an_image_outside_ecr_is_no_failure_by_itself(name: str) -> None:
    facts = replace(
        HEALTHY, subject=FAILING, images=(ImageFact(ContainerImage("Main", name), DEFINITION_ARN, "elsewhere"),)
    )

    assert codes(facts) == []


@pytest.mark.parametrize(
    ("credentials", "code"), [("", "registry_credentials_missing"), ("arn:secret", "registry_credentials_refused")]
)
def test_a_registry_that_refuses_an_image_is_about_credentials(credentials: str, code: str) -> None:
    text = (
        "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref "
        "registry.example.com/team/web:v1: pulling from host registry.example.com failed with status code "
        "[manifests v1]: 401 Unauthorized: unauthorized"
    )
    image = ImageFact(
        ContainerImage("Main", "registry.example.com/team/web:v1", credentials), DEFINITION_ARN, "elsewhere"
    )
    facts = replace(HEALTHY, subject=replace(FAILING, task_statements=("other", text)), images=(image,))

    assert only(facts).code == code


def test_an_image_of_another_account_needs_that_accounts_leave() -> None:
    foreign = replace(
        HEALTHY.images[0],
        reference=ContainerImage("Main", FOREIGN_IMAGE),
        repository_arn=f"arn:aws:ecr:us-east-1:{ELSEWHERE}:repository/shared/base",
        account_id=ELSEWHERE,
        region="us-east-1",
    )
    pull = ["ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage"]
    lets = document(allow(pull, Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"}))
    refused = replace(HEALTHY, subject=FAILING, images=(foreign,))

    assert only(refused).code == "image_pull_denied"
    assert ELSEWHERE in only(refused).remedy
    assert codes(replace(refused, images=(replace(foreign, repository_policy=lets),))) == []
    assert codes(replace(refused, images=(replace(foreign, policy_read=False),))) == []


# -- secrets ----------------------------------------------------------------------------------------------------
def test_missing_registry_credentials_are_told_as_such() -> None:
    reference = SecretReference("Main", "", SECRET_ARN)
    facts = replace(HEALTHY, subject=FAILING, secrets=(SecretFact(reference, "missing"),), keys=())

    assert only(facts).code == "registry_credentials_missing"


def test_a_version_stage_that_a_secret_lacks_is_named_with_those_it_has() -> None:
    finding = only(with_secret(reference=SecretReference("Main", "DATABASE", f"{SECRET_ARN}::AWSPREVIUS:")))

    assert finding.code == "secret_version_missing"
    assert "AWSPREVIOUS" in finding.remedy


@pytest.mark.parametrize(
    ("key", "code"),
    [
        (KeyFact(KEY_ARN, "missing"), "kms_key_unusable"),
        (KeyFact(KEY_ARN, "present", KEY_ARN, "Disabled", is_customer_managed=True), "kms_key_unusable"),
        (KeyFact(KEY_ARN, "present", KEY_ARN, "PendingDeletion", is_customer_managed=True), "kms_key_unusable"),
        (
            KeyFact(
                KEY_ARN,
                "present",
                KEY_ARN,
                "Enabled",
                is_customer_managed=True,
                policy=document(allow("kms:*", Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:role/admin"})),
                policy_read=True,
            ),
            "kms_denied",
        ),
    ],
)
def test_a_key_that_does_not_decrypt_is_told_from_a_secret_that_may_not_be_read(key: KeyFact, code: str) -> None:
    assert only(replace(HEALTHY, subject=FAILING, keys=(key,))).code == code


def test_a_decrypt_that_hangs_on_the_service_it_comes_through_is_no_finding() -> None:
    """As Expressway's own execution roles have it: by kms:ViaService and the encryption context."""
    conditional = inline(
        allow("secretsmanager:GetSecretValue", SECRET_ARN),
        allow("ssm:GetParameters", PARAMETER_ARN),
        allow("kms:Decrypt", "*", Condition={"StringEquals": {"kms:EncryptionContext:SecretARN": SECRET_ARN}}),
    )

    assert codes(with_role(execution_role(MANAGED_EXECUTION, conditional))) == []


def test_an_explicit_deny_of_a_secret_is_told() -> None:
    denied = inline(deny("secretsmanager:GetSecretValue", SECRET_ARN))

    assert codes(with_role(execution_role(MANAGED_EXECUTION, READS_ITS_SECRETS, denied))) == ["secret_denied"]


# -- roles and log groups -----------------------------------------------------------------------------------------
def test_a_task_without_an_execution_role_neither_pulls_nor_reads_secrets_nor_logs() -> None:
    facts = replace(
        HEALTHY,
        subject=FAILING,
        requirements=replace(REQUIREMENTS, execution_role_arn=""),
        execution_role=None,
    )
    finding = only(facts)

    assert finding.code == "execution_role_unset"
    assert "pull its image" in finding.cause
    assert "read its secrets" in finding.cause


def test_logging_that_is_denied_is_told() -> None:
    role = execution_role(READS_ITS_SECRETS, inline(allow("ecr:*"), allow("logs:CreateLogStream")))
    finding = only(with_role(role))

    assert finding.code == "log_denied"
    assert "logs:PutLogEvents" in finding.cause
    assert "logs:CreateLogStream" not in finding.cause


def test_a_log_group_that_the_role_makes_itself_may_be_missing() -> None:
    makes = inline(allow("logs:*"))

    facts = with_log_group("missing", creates_group=True)
    assert codes(replace(facts, execution_role=execution_role(MANAGED_EXECUTION, READS_ITS_SECRETS, makes))) == []


def _infrastructure(*policies: Any, stuck: bool) -> DependencyFacts:
    role = RoleState("web-infrastructure", INFRASTRUCTURE_ROLE_ARN, trust("ecs.amazonaws.com"), policies)
    return replace(
        HEALTHY,
        subject=replace(FAILING, is_stuck=stuck),
        infrastructure_role=RoleFact(INFRASTRUCTURE_ROLE_ARN, "present", role),
    )


def test_the_reads_that_the_managed_policy_lacks_count_while_the_infrastructure_is_stuck() -> None:
    finding = only(_infrastructure(MANAGED_INFRASTRUCTURE, stuck=True))

    assert finding.code == "infrastructure_role_lacks_permission"
    assert "ec2:DescribeAccountAttributes" in finding.cause
    assert finding.severity == "critical"
    assert codes(_infrastructure(MANAGED_INFRASTRUCTURE, stuck=False)) == []


def test_an_infrastructure_role_without_policies_is_told_also_before_anything_is_stuck() -> None:
    finding = only(_infrastructure(stuck=False))

    assert finding.severity == "warning"
    assert "elasticloadbalancing:CreateLoadBalancer" in finding.cause


# -- scaling, alarms, quotas --------------------------------------------------------------------------------------
POLICY = ScalingPolicy("cpu", "ECSServiceAverageCPUUtilization", 60.0, ("cpu-high", "cpu-low"))
HIGH = AlarmFact("cpu-high", "ALARM", state_reason="3 datapoints were greater", comparison="GreaterThanThreshold")
LOW = AlarmFact("cpu-low", "ALARM", comparison="LessThanThreshold")
REFUSED = ScalingActivity("Successful", "", "alarm cpu-high", "", ("AlreadyAtMaxCapacity",))


def _scaled(maximum: int, *, alarms: tuple[AlarmFact, ...] = (), **changes: Any) -> DependencyFacts:
    return replace(HEALTHY, scaling=ScalingFact(1, maximum, policies=(POLICY,), **changes), alarms=alarms)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (_scaled(2, alarms=(HIGH,)), ["scaling_at_maximum"]),
        (_scaled(2, activities=(REFUSED,)), ["scaling_at_maximum"]),
        (_scaled(2), []),
        (_scaled(2, alarms=(LOW,)), []),
        (_scaled(2, alarms=(replace(HIGH, state="OK"),)), []),
        (_scaled(3, alarms=(HIGH,)), []),
        (_scaled(3, alarms=(HIGH,), scaling_out_suspended=True), ["scaling_suspended"]),
        (_scaled(3, activities=(ScalingActivity("Failed", status_message="not allowed"),)), ["scaling_failed"]),
        (_scaled(3, activities=(ScalingActivity("Successful"), ScalingActivity("Failed"))), []),
    ],
)
def test_what_keeps_a_service_from_growing(facts: DependencyFacts, expected: list[str]) -> None:
    assert codes(facts) == expected
    assert all(one.severity == "warning" for one in dependency_findings(facts))


@pytest.mark.parametrize(
    ("metric", "code", "word"),
    [
        ("HTTPCode_Target_5XX_Count, RequestCount", "error_rate_alarm", "5xx"),
        ("HTTPCode_Target_4XX_Count, HTTPCode_Target_5XX_Count", "error_rate_alarm", "4xx and 5xx"),
        ("CPUUtilization", "deployment_alarm", "CPUUtilization"),
    ],
)
def test_the_alarm_behind_a_rollback_is_told_with_what_it_watches(metric: str, code: str, word: str) -> None:
    alarm = AlarmFact("rollback", "ALARM", "arn:alarm", "crossed", metric, threshold=1.0)
    facts = replace(HEALTHY, subject=replace(FAILING, triggered_alarms=("rollback",)), alarms=(alarm, HIGH))
    finding = only(facts)

    assert (finding.code, finding.resource) == (code, "arn:alarm")
    assert word in finding.cause


@pytest.mark.parametrize(
    ("used", "expected"), [(100.0, ["quota_exceeded"]), (99.5, ["quota_exceeded"]), (99.0, []), (None, [])]
)
def test_a_quota_is_used_up_when_one_more_task_does_not_fit(used: float | None, expected: list[str]) -> None:
    quota = QuotaFact("L-3032A538", "Fargate On-Demand vCPU resource count", 100.0, used)

    assert codes(replace(HEALTHY, subject=FAILING, quotas=(quota,))) == expected


SPOILS: tuple[Callable[[DependencyFacts], DependencyFacts], ...] = (
    lambda facts: replace(facts, execution_role=None),
    lambda facts: replace(facts, infrastructure_role=None),
    lambda facts: replace(facts, keys=()),
    lambda facts: replace(facts, scaling=None),
    lambda facts: replace(facts, images=()),
    lambda facts: replace(facts, log_groups=()),
)


@pytest.mark.parametrize("spoil", SPOILS)
def test_a_part_that_a_service_does_not_have_is_no_finding(
    spoil: Callable[[DependencyFacts], DependencyFacts],
) -> None:
    assert dependency_findings(spoil(HEALTHY)) == ()
    assert IMAGE not in str(dependency_findings(spoil(HEALTHY)))
