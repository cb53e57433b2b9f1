"""What a definition names is looked up before anything is changed, and only where the plan makes something of it."""

import json
from dataclasses import replace
from typing import Any

import pytest

from expressway.aws.values.dependencies import KeyFact, RoleState, SecretFact
from expressway.aws.values.network import SecurityGroup, Subnet
from expressway.aws.values.service import ClusterState
from expressway.aws.values.task_definition import SecretReference
from expressway.errors import DefinitionError, TargetError
from tests.deploy.fakes import World

ACCOUNT = "111122223333"
SUBNETS = ("subnet-0000000a", "subnet-0000000b")
GROUP = "sg-0000000a"
SECRET = f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:api-AbCdEf"
PARAMETER = f"arn:aws:ssm:us-east-1:{ACCOUNT}:parameter/team/api"
KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1234"


def role_arn(name: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:role/{name}"


NAMING: dict[str, Any] = {
    "cluster": "apps",
    "roles": {"execution": role_arn("pulls"), "task": role_arn("works"), "infrastructure": role_arn("builds")},
    "network": {"subnets": list(SUBNETS), "security_groups": [GROUP]},
    "secrets": {"API_KEY": SECRET, "OTHER_KEY": f"{SECRET}:key::", "PARAMETER": PARAMETER},
    "repository": {
        "encryption": "KMS",
        "kms_key_arn": KEY,
        "push_principals": [role_arn("pushes"), f"arn:aws:iam::{ACCOUNT}:user/somebody"],
    },
}
PATHS = [
    "cluster",
    "roles.execution",
    "roles.task",
    "roles.infrastructure",
    "network.subnets[0]",
    "network.subnets[1]",
    "network.security_groups[0]",
    "secrets.API_KEY",
    "secrets.PARAMETER",
    "repository.kms_key_arn",
    "repository.push_principals[0]",
    "repository.push_principals[1]",
]


def role(name: str, principal: str = "ecs-tasks.amazonaws.com") -> RoleState:
    trust = {"Statement": {"Effect": "Allow", "Principal": {"Service": principal}, "Action": "sts:AssumeRole"}}
    return RoleState(name, role_arn(name), trust)


def everything() -> dict[str, Any]:
    return {
        "apps": ClusterState("apps", "arn", "ACTIVE"),
        "pulls": role("pulls"),
        "works": role("works"),
        "builds": role("builds", "ecs.amazonaws.com"),
        "pushes": role("pushes"),
        "somebody": f"arn:aws:iam::{ACCOUNT}:user/somebody",
        SUBNETS[0]: Subnet(SUBNETS[0], "vpc-1", "us-east-1a"),
        SUBNETS[1]: Subnet(SUBNETS[1], "vpc-1", "us-east-1b"),
        GROUP: SecurityGroup(GROUP, "app", "vpc-1"),
        SECRET: SecretFact(SecretReference("Main", "API_KEY", SECRET), "present"),
        PARAMETER: SecretFact(SecretReference("Main", "PARAMETER", PARAMETER), "present"),
        KEY: KeyFact(KEY, "present", state="Enabled"),
    }


def world() -> World:
    app = World()
    app.definition = NAMING
    app.named.there = everything()
    return app


def refused(app: World) -> DefinitionError:
    """The error of a deployment that has changed nothing, nor built anything."""
    calls = list(app.stacks.calls)
    with pytest.raises(DefinitionError) as error:
        app.deploy()
    assert error.value.code == "prerequisites_missing"
    assert (app.stacks.calls, app.images.pushes) == (calls, [])
    assert "build" not in app.operation.history
    return error.value


def test_everything_that_is_missing_is_told_in_one_error_before_anything_is_changed() -> None:
    app = world()
    app.named.there = {}
    error = refused(app)
    assert [problem["path"] for problem in error.details["problems"]] == PATHS
    assert all(set(problem) == {"path", "expected", "got", "message"} for problem in error.details["problems"])
    assert f"names {len(PATHS)} things that AWS account {ACCOUNT}, us-east-1 does not have" in error.message
    assert "(1) cluster: expected a cluster that exists (aws ecs create-cluster --cluster-name apps" in error.message
    assert "makes it), got apps, which does not." in error.message


def test_what_is_there_stands_in_nobodys_way_and_each_thing_is_asked_for_once() -> None:
    app = world()
    assert app.deploy().status == "deployed"
    assert sorted(app.named.asked) == sorted(everything())


def test_an_app_that_stands_as_it_is_asks_for_nothing() -> None:
    app = world()
    app.deploy()
    app.named.asked.clear()
    app.named.there = {}
    assert app.deploy().status == "unchanged"
    assert app.named.asked == []


def test_an_app_that_names_nothing_asks_for_nothing() -> None:
    app = World()
    assert app.deploy().status == "deployed"
    assert app.named.asked == []


def test_new_tasks_need_all_that_the_service_names_and_the_repository_stays_as_it_is() -> None:
    app = world()
    app.deploy()
    app.named.there = {}
    app.images.content = "content-2"
    app.images.pushes.clear()
    error = refused(app)
    assert [problem["path"] for problem in error.details["problems"]] == PATHS[:9]


def test_another_number_of_tasks_asks_for_nothing() -> None:
    app = world()
    app.deploy()
    app.named.asked.clear()
    document = json.loads(app.templates.service.body)
    document["Resources"]["Service"]["Properties"]["ScalingTarget"] = {"MaxTaskCount": 9}
    app.templates = replace(app.templates, service=replace(app.templates.service, body=json.dumps(document)))
    assert app.deploy().status == "deployed"
    assert app.named.asked == []


def test_what_may_not_be_read_is_a_warning_and_no_refusal() -> None:
    app = world()
    app.named.denied = set(everything())
    result = app.deploy()
    assert result.status == "deployed"
    assert "not verified before deploying: cluster apps: AWS did not describe apps: not authorized" in result.warnings
    assert any(f"role {role_arn('pulls')}" in warning for warning in result.warnings)


def test_what_may_not_be_read_hides_nothing_that_is_missing() -> None:
    app = world()
    app.named.denied = {SUBNETS[0], "apps"}
    del app.named.there[SECRET], app.named.there[GROUP]
    paths = [problem["path"] for problem in refused(app).details["problems"]]
    assert paths == ["network.security_groups[0]", "secrets.API_KEY"]


def test_a_session_that_has_ended_is_told_as_that() -> None:
    app = world()

    def expired(name: str) -> None:
        raise TargetError("credentials_expired", "The session has expired.", "Sign in.")

    app.named.cluster = expired  # type: ignore[method-assign]
    with pytest.raises(TargetError) as error:
        app.deploy()
    assert error.value.code == "credentials_expired"
    assert app.stacks.calls == []


@pytest.mark.parametrize("cluster", ["default", f"arn:aws:ecs:us-east-1:{ACCOUNT}:cluster/default"])
def test_the_default_cluster_need_not_exist(cluster: str) -> None:
    app = World()
    app.definition = {"cluster": cluster}
    assert app.deploy().status == "deployed"
    assert app.named.asked == []


def test_a_cluster_of_another_region_is_refused_without_asking() -> None:
    app = World()
    app.definition = {"cluster": f"arn:aws:ecs:eu-west-1:{ACCOUNT}:cluster/apps"}
    (problem,) = refused(app).details["problems"]
    assert problem["expected"] == f"a cluster of AWS account {ACCOUNT}, us-east-1"
    assert app.named.asked == []


def test_a_principal_of_another_account_cannot_be_looked_up() -> None:
    app = World()
    app.definition = {"repository": {"push_principals": ["arn:aws:iam::444455556666:role/builder"]}}
    assert app.deploy().status == "deployed"
    assert app.named.asked == []
