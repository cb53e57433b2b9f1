"""What a service depends on is read at once; what may not be read is a gap, and concludes nothing."""

from dataclasses import replace

import pytest

from expressway.aws.values.dependencies import AlarmFact, QuotaFact, RolePolicy, ScalingFact, ScalingPolicy, SecretFact
from expressway.aws.values.task_definition import ContainerDefinition, SecretReference
from expressway.diagnose.dependencies.collect import gather_dependencies
from expressway.diagnose.dependencies.rules import dependency_findings
from tests.diagnose.dependencies.fakes import Account
from tests.diagnose.dependencies.samples import (
    ACCOUNT,
    DEFINITION_ARN,
    EXECUTION_ROLE_ARN,
    FAILING,
    KEY_ARN,
    REQUIREMENTS,
    SECRET,
    SECRET_ARN,
    SUBJECT,
)

UNREAD = RolePolicy("unread", f"arn:aws:iam::{ACCOUNT}:policy/unread")
EVERY_READ = (
    "requirements",
    "find_image",
    "platforms",
    "policy",
    "fact",
    "key",
    "role",
    "group",
    "scaling",
)


def with_role_policies(account: Account, *policies: RolePolicy) -> None:
    role = account.known_roles[EXECUTION_ROLE_ARN]
    account.known_roles[EXECUTION_ROLE_ARN] = replace(role, policies=policies)


def test_a_healthy_service_is_read_without_gaps_and_without_findings() -> None:
    account = Account()
    facts = gather_dependencies(SUBJECT, ports=account.ports())

    assert facts.gaps == ()
    assert [one.presence for one in (*facts.images, *facts.secrets, *facts.log_groups)] == ["present"] * 4
    assert facts.images[0].platforms == ("linux/amd64",)
    assert facts.key(KEY_ARN) is not None
    assert dependency_findings(facts) == ()


def test_a_healthy_service_is_spared_the_reads_that_only_failures_are_worth() -> None:
    account = Account()
    gather_dependencies(SUBJECT, ports=account.ports())

    asked = {name for name, _ in account.asked}
    assert asked.isdisjoint({"quotas", "simulate", "tags", "alarms"})
    assert [about for name, about in account.asked if name == "key"] == [KEY_ARN], "AWS's own keys are not looked up"


@pytest.mark.parametrize("read", EVERY_READ)
@pytest.mark.parametrize("code", ["access_denied", "throttled", "aws_error"])
def test_a_read_that_is_refused_becomes_a_named_gap_and_no_finding(read: str, code: str) -> None:
    account = Account(denied={read}, fails_with=code)
    facts = gather_dependencies(replace(FAILING, is_stuck=True), ports=account.ports())

    assert facts.gaps
    assert all(f"AWS did not allow {read}." in gap for gap in facts.gaps)
    assert dependency_findings(facts) == ()


def test_policies_that_may_not_be_read_are_named_gaps() -> None:
    made = Account()
    made.secret_facts = {
        arn: replace(fact, policy_read=False, policy_gap="AWS did not allow secretsmanager:GetResourcePolicy.")
        for arn, fact in made.secret_facts.items()
    }
    made.key_facts = {
        key_id: replace(fact, policy_read=False, policy_gap="AWS did not allow kms:GetKeyPolicy.")
        for key_id, fact in made.key_facts.items()
    }
    gaps = gather_dependencies(SUBJECT, ports=made.ports()).gaps
    assert any("GetResourcePolicy" in gap and gap.startswith("policy of the secret") for gap in gaps)
    assert any("GetKeyPolicy" in gap and gap.startswith("policy of the key") for gap in gaps)


def test_everything_refused_is_no_failure() -> None:
    account = Account(denied={*EVERY_READ, "alarms", "quotas"})
    subject = replace(FAILING, is_stuck=True, names_a_quota=True, triggered_alarms=("errors",))
    facts = gather_dependencies(subject, ports=account.ports())

    assert len(facts.gaps) >= 5
    assert dependency_findings(facts) == ()


def test_an_unknown_task_definition_leaves_the_rest_readable() -> None:
    facts = gather_dependencies(replace(SUBJECT, task_definition_arn="other"), ports=Account().ports())

    assert facts.requirements is None
    assert facts.scaling is not None
    assert dependency_findings(facts) == ()


def test_a_missing_tag_brings_the_tags_that_are_there() -> None:
    account = Account(found_images={"team/web": {"v2": ("linux/amd64",)}})
    facts = gather_dependencies(FAILING, ports=account.ports())

    assert (facts.images[0].presence, facts.images[0].tags) == ("tag_missing", ("v2",))


def test_an_image_is_looked_up_in_the_account_and_region_of_its_own_uri() -> None:
    image = f"210987654321.dkr.ecr.us-west-2.amazonaws.com/a/b/c@sha256:{'1' * 64}"
    account = Account(
        definitions={DEFINITION_ARN: replace(REQUIREMENTS, containers=(ContainerDefinition("Main", image=image),))},
        found_images={"a/b/c": {f"sha256:{'1' * 64}": ("linux/amd64",)}},
    )
    facts = gather_dependencies(FAILING, ports=account.ports())

    assert ("find_image", ("a/b/c", None, f"sha256:{'1' * 64}", "210987654321", "us-west-2")) in account.asked
    assert facts.images[0].repository_arn == "arn:aws:ecr:us-west-2:210987654321:repository/a/b/c"


def test_an_image_outside_ecr_is_not_looked_up() -> None:
    definition = replace(
        REQUIREMENTS, containers=(ContainerDefinition("Main", image="public.ecr.aws/docker/library/nginx:1"),)
    )
    account = Account(definitions={DEFINITION_ARN: definition})
    facts = gather_dependencies(FAILING, ports=account.ports())

    assert facts.images[0].presence == "elsewhere"
    assert "find_image" not in {name for name, _ in account.asked}


def test_a_secret_that_fills_several_variables_is_looked_up_once() -> None:
    several = tuple(SecretReference("Main", name, f"{SECRET_ARN}:{name}::") for name in ("USER", "PASSWORD"))
    account = Account(definitions={DEFINITION_ARN: replace(REQUIREMENTS, secrets=several)})
    gather_dependencies(SUBJECT, ports=account.ports())

    assert [name for name, _ in account.asked].count("fact") == 1


def test_a_role_of_the_same_name_below_another_path_is_not_the_one_that_is_named() -> None:
    named = EXECUTION_ROLE_ARN.replace("role/", "role/team/")
    account = Account(definitions={DEFINITION_ARN: replace(REQUIREMENTS, execution_role_arn=named)})
    facts = gather_dependencies(FAILING, ports=account.ports())

    assert facts.execution_role is not None
    assert (facts.execution_role.arn, facts.execution_role.presence) == (named, "missing")


def test_a_role_of_another_account_is_not_looked_for_here() -> None:
    foreign = "arn:aws:iam::210987654321:role/web-execution"
    account = Account(definitions={DEFINITION_ARN: replace(REQUIREMENTS, execution_role_arn=foreign)})
    facts = gather_dependencies(FAILING, ports=account.ports())

    assert facts.execution_role is not None
    assert facts.execution_role.presence == "elsewhere"
    assert dependency_findings(facts) == ()


def test_iam_is_asked_to_decide_where_a_policy_may_not_be_read() -> None:
    account = Account(decisions={("secretsmanager:GetSecretValue", SECRET_ARN): "denied"})
    with_role_policies(account, UNREAD)
    findings = dependency_findings(gather_dependencies(FAILING, ports=account.ports()))

    assert [one.code for one in findings] == ["secret_denied"]


def test_nothing_is_concluded_where_iam_may_not_be_asked_either() -> None:
    account = Account(denied={"simulate"})
    with_role_policies(account, UNREAD)
    facts = gather_dependencies(FAILING, ports=account.ports())

    assert dependency_findings(facts) == ()
    assert facts.gaps == ("simulation of the execution role: AWS did not allow simulate.",)


def test_the_alarms_that_drive_scaling_are_read_only_at_the_maximum() -> None:
    policy = ScalingPolicy("cpu", "CPU", 60.0, ("high",))
    high = AlarmFact("high", "ALARM", comparison="GreaterThanThreshold")
    at_maximum = Account(scales=ScalingFact(1, 2, policies=(policy,)), known_alarms=(high,))
    below = Account(scales=ScalingFact(1, 3, policies=(policy,)), known_alarms=(high,))

    found = dependency_findings(gather_dependencies(SUBJECT, ports=at_maximum.ports()))
    assert [one.code for one in found] == ["scaling_at_maximum"]
    assert dependency_findings(gather_dependencies(SUBJECT, ports=below.ports())) == ()
    assert "alarms" not in {name for name, _ in below.asked}


def test_quotas_are_read_where_ecs_speaks_of_them() -> None:
    account = Account(limits=(QuotaFact("L-1", "vCPUs", 6.0, 6.0),))
    found = dependency_findings(gather_dependencies(replace(FAILING, names_a_quota=True), ports=account.ports()))

    assert [one.code for one in found] == ["quota_exceeded"]


def test_the_same_secret_missing_in_two_places_is_told_once() -> None:
    account = Account(secret_facts={SECRET.value_from: SecretFact(SECRET, "missing")})
    definition = replace(REQUIREMENTS, secrets=(SECRET, replace(SECRET, variable="AGAIN")))
    account.definitions[DEFINITION_ARN] = definition
    found = dependency_findings(gather_dependencies(FAILING, ports=account.ports()))

    assert [one.code for one in found] == ["secret_not_found"]
