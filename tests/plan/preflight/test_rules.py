"""What is there, but cannot be used by an Express service, is told with its path and why."""

from datetime import UTC, datetime

import pytest

from expressway.aws.values.dependencies import KeyFact, RoleState, SecretFact
from expressway.aws.values.network import SecurityGroup, Subnet
from expressway.aws.values.service import ClusterState
from expressway.aws.values.target import Target
from expressway.aws.values.task_definition import SecretReference
from expressway.plan.preflight.rules import (
    RoleOf,
    cluster_problems,
    group_problems,
    key_problems,
    principal_problems,
    role_problems,
    secret_problems,
    subnet_problems,
)

TARGET = Target("111122223333", "us-east-1")
ARN = "arn:aws:iam::111122223333:role/team/runner"
SECRET = "arn:aws:secretsmanager:us-east-1:111122223333:secret:api-AbCdEf"


def trusted_by(service: str) -> RoleState:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return RoleState("runner", ARN, {"Statement": [statement]})


def test_a_cluster_must_be_active() -> None:
    assert cluster_problems("apps", ClusterState("apps", "arn", "ACTIVE"), TARGET) == ()
    (problem,) = cluster_problems("apps", ClusterState("apps", "arn", "INACTIVE"), TARGET)
    assert problem.message == "cluster: expected a cluster that is ACTIVE, got apps, which is INACTIVE."


@pytest.mark.parametrize(
    ("purpose", "principal"),
    [
        ("execution", "ecs-tasks.amazonaws.com"),
        ("task", "ecs-tasks.amazonaws.com"),
        ("infrastructure", "ecs.amazonaws.com"),
    ],
)
def test_a_role_must_trust_who_assumes_it(purpose: RoleOf, principal: str) -> None:
    assert role_problems(purpose, ARN, trusted_by(principal), TARGET) == ()
    (problem,) = role_problems(purpose, ARN, trusted_by("lambda.amazonaws.com"), TARGET)
    assert (problem.path, problem.expected) == (f"roles.{purpose}", f"a role that trusts {principal}")


def test_a_role_whose_trust_cannot_be_read_is_not_judged() -> None:
    assert role_problems("task", ARN, RoleState("runner", ARN, {}), TARGET) == ()


def test_a_role_of_another_path_is_another_role() -> None:
    named = "arn:aws:iam::111122223333:role/runner"
    (problem,) = role_problems("execution", named, trusted_by("ecs-tasks.amazonaws.com"), TARGET)
    assert problem.got == f"{named}, which does not (there is {ARN})"


def test_a_role_of_another_account_can_never_be_passed() -> None:
    (problem,) = role_problems("task", "arn:aws:iam::444455556666:role/runner", None, TARGET)
    assert problem.expected == "a role of the service's own account 111122223333"


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        ([("vpc-1", "us-east-1a"), ("vpc-1", "us-east-1b")], []),
        ([("vpc-1", "us-east-1a"), ("vpc-1", "us-east-1a")], ["subnets in at least two availability zones"]),
        ([("vpc-1", "us-east-1a"), ("vpc-2", "us-east-1b")], ["subnets of one VPC"]),
    ],
)
def test_subnets_must_be_in_one_vpc_and_two_zones(places: list[tuple[str, str]], expected: list[str]) -> None:
    subnets = [Subnet(f"subnet-{at}", *place) for at, place in enumerate(places)]
    problems = subnet_problems([one.subnet_id for one in subnets], subnets)
    assert [one.expected for one in problems] == expected


def test_subnets_are_judged_together_only_when_all_are_there() -> None:
    (problem,) = subnet_problems(["subnet-0", "subnet-1"], [Subnet("subnet-0", "vpc-1", "us-east-1a")])
    assert problem.path == "network.subnets[1]"


@pytest.mark.parametrize(("vpcs", "fits"), [({"vpc-1"}, True), ({"vpc-2"}, False), (set(), True)])
def test_a_security_group_must_be_of_the_subnets_vpc(vpcs: set[str], fits: bool) -> None:
    problems = group_problems(["sg-1"], [SecurityGroup("sg-1", "app", "vpc-1")], vpcs=vpcs)
    assert (problems == ()) == fits


def test_a_secret_that_is_marked_for_deletion_cannot_be_read() -> None:
    reference = SecretReference("Main", "API_KEY", SECRET)
    assert secret_problems(SecretFact(reference, "present")) == ()
    (problem,) = secret_problems(SecretFact(reference, "present", deleted_at=datetime(2026, 11, 1, tzinfo=UTC)))
    assert problem.message == (
        f"secrets.API_KEY: expected a secret that can be read, got {SECRET}, which is marked for deletion."
    )


@pytest.mark.parametrize(
    ("key", "own_role", "refused"),
    [
        ("arn:aws:kms:eu-west-1:999988887777:key/1", True, True),
        ("arn:aws:kms:eu-west-1:999988887777:alias/x", True, True),
        ("arn:aws:kms:eu-west-1:999988887777:key/1", False, False),
        ("arn:aws:kms:eu-west-1:111122223333:key/1", True, False),
        ("alias/x", True, False),
        ("", True, False),
    ],
)
def test_the_role_that_is_made_uses_keys_of_the_secrets_own_account(key: str, own_role: bool, refused: bool) -> None:
    arn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:api-AbCdEf"
    fact = SecretFact(SecretReference("Main", "A", arn), "present", arn=arn, kms_key_id=key)

    assert [problem.path for problem in secret_problems(fact, own_role=own_role)] == ["secrets.A"] * refused


def test_a_secret_needs_the_version_that_is_named() -> None:
    reference = SecretReference("Main", "API_KEY", f"{SECRET}::AWSNEXT:")
    (problem,) = secret_problems(SecretFact(reference, "present", stages=("AWSCURRENT",)))
    assert problem.got == "AWSNEXT, and the secret has AWSCURRENT"
    assert secret_problems(SecretFact(reference, "present", stages=("AWSCURRENT", "AWSNEXT"))) == ()


@pytest.mark.parametrize("presence", ["elsewhere", "unread"])
def test_a_parameter_that_cannot_be_looked_up_is_not_judged(presence: str) -> None:
    parameter = "arn:aws:ssm:us-east-1:444455556666:parameter/api"
    reference = SecretReference("Main", "API_KEY", parameter)
    assert secret_problems(SecretFact(reference, presence)) == ()  # type: ignore[arg-type]


def test_a_key_must_be_enabled() -> None:
    assert key_problems(KeyFact("key", "present", state="Enabled")) == ()
    (problem,) = key_problems(KeyFact("key", "present", state="PendingDeletion"))
    assert problem.got == "key, which is PendingDeletion"


def test_a_principal_of_another_path_is_named() -> None:
    named = "arn:aws:iam::111122223333:role/runner"
    assert principal_problems(0, ARN, ARN) == ()
    (problem,) = principal_problems(2, named, ARN)
    assert (problem.path, f"there is {ARN}" in problem.got) == ("repository.push_principals[2]", True)
