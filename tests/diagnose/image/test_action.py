"""Images that cannot be pulled, by service, task, stack and family; what ECS said counts beside what was looked up."""

from dataclasses import replace
from typing import Any

import pytest

from expressway.aws.values.service import ContainerState, DeploymentState, RevisionState, ServiceState, TaskState
from expressway.aws.values.task_definition import ContainerDefinition, SecretReference
from expressway.diagnose.image.action import detect_image_pull_failures
from expressway.diagnose.request import TroubleshootRequest
from expressway.errors import ExpresswayError, TargetError
from tests.diagnose.dependencies.fakes import Account
from tests.diagnose.dependencies.samples import (
    ACCOUNT,
    DEFINITION_ARN,
    EXECUTION_ROLE_ARN,
    IMAGE,
    REGION,
    REQUIREMENTS,
    SECRET_ARN,
)

SERVICE_ARN = f"arn:aws:ecs:{REGION}:{ACCOUNT}:service/default/web"
OLD_DEFINITION = f"{DEFINITION_ARN[:-1]}2"
OF_SERVICE = TroubleshootRequest(cluster="default", service="web")
PEERS_KEYS = {"status", "image_issues", "assessment", "recommendations"}
NOT_FOUND = (
    "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref {}: {}: not found"
)


def service(**changes: Any) -> ServiceState:
    fields = {"desired_count": 1, "running_count": 1, "task_definition_arn": DEFINITION_ARN}
    return ServiceState("web", SERVICE_ARN, "default", "ACTIVE", **fields | changes)


def stopped(reason: str, definition: str = DEFINITION_ARN, task_id: str = "t1") -> TaskState:
    return TaskState(
        f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/default/{task_id}",
        "STOPPED",
        task_definition_arn=definition,
        group="service:web",
        stop_code="TaskFailedToStart",
        stopped_reason=reason,
        containers=(ContainerState("Main"),),
    )


def account(**changes: Any) -> Account:
    return Account(**{"clusters": {"default": (service(),)}, **changes})


def detect(asked: TroubleshootRequest, world: Account) -> Any:
    answer = detect_image_pull_failures(asked, world.pull_ports())
    assert set(answer) >= PEERS_KEYS | {"findings"}
    return answer


def codes(answer: Any) -> list[str]:
    return [one["code"] for one in answer["findings"]]


def with_image(image: str, credentials: str = "", **changes: Any) -> Account:
    secrets = (SecretReference("Main", "", credentials),) if credentials else ()
    needed = replace(
        REQUIREMENTS, containers=(ContainerDefinition("Main", image=image, credentials=credentials),), secrets=secrets
    )
    return account(definitions={DEFINITION_ARN: needed}, **changes)


def test_images_that_are_there_are_no_issue() -> None:
    answer = detect(OF_SERVICE, account())

    assert answer["image_issues"] == answer["recommendations"] == []
    assert [(one["code"], one["severity"]) for one in answer["findings"]] == [("nothing_wrong", "info")]
    assert answer["findings"][0]["resource"] == SERVICE_ARN
    assert "Nothing is wrong" in answer["assessment"]


@pytest.mark.parametrize("image", ["nginx", "public.ecr.aws/docker/library/nginx:1", "ghcr.io/team/web:v1"])
def test_a_public_image_is_no_issue(image: str) -> None:
    answer = detect(OF_SERVICE, with_image(image))

    assert answer["image_issues"] == []
    assert codes(answer) == ["nothing_wrong"]
    assert "outside ECR" in answer["assessment"]


@pytest.mark.parametrize(
    ("found", "code"),
    [({}, "repository_not_found"), ({"team/web": {"v2": ()}}, "image_tag_not_found")],
)
def test_a_missing_image_is_an_issue_with_the_keys_that_agents_know(found: Any, code: str) -> None:
    answer = detect(OF_SERVICE, account(found_images=found))

    (issue,) = answer["image_issues"]
    assert codes(answer) == [code]
    assert {key: issue[key] for key in ("image", "exists", "repository_type", "container_name", "task_definition")} == {
        "image": IMAGE,
        "exists": "false",
        "repository_type": "ecr",
        "container_name": "Main",
        "task_definition": DEFINITION_ARN,
    }
    assert issue["error"] == answer["findings"][0]["cause"]
    assert answer["recommendations"]


def test_what_ecs_says_of_an_image_that_cannot_be_looked_up_is_told_about_that_image() -> None:
    image = "public.ecr.aws/docker/library/nginx:none"
    text = NOT_FOUND.format(image, image)
    answer = detect(OF_SERVICE, with_image(image, known_tasks=(stopped(text),)))

    assert codes(answer) == ["image_not_found"]
    assert answer["image_issues"][0]["exists"] == "unknown"
    assert answer["findings"][0]["resource"] == image


def test_what_ecs_says_and_what_was_looked_up_is_one_finding() -> None:
    world = account(
        found_images={"team/web": {}},
        known_tasks=tuple(stopped(NOT_FOUND.format(IMAGE, IMAGE), task_id=f"t{number}") for number in range(5)),
    )
    answer = detect(OF_SERVICE, world)

    assert codes(answer) == ["image_tag_not_found"]
    assert answer["findings"][0]["severity"] == "critical"
    assert any("CannotPullContainerError" in text for text in answer["findings"][0]["evidence"])


def test_the_definition_that_a_rollback_left_behind_is_looked_at_too() -> None:
    failed = replace(REQUIREMENTS, arn=OLD_DEFINITION, containers=(ContainerDefinition("Main", image=f"{IMAGE}x"),))
    world = account(
        definitions={DEFINITION_ARN: REQUIREMENTS, OLD_DEFINITION: failed},
        briefs=(DeploymentState("d", "ROLLBACK_SUCCESSFUL", target_revision_arn="r"),),
        known_revisions=(RevisionState("r", OLD_DEFINITION),),
    )
    answer = detect(OF_SERVICE, world)

    assert [one["task_definition"] for one in answer["image_issues"]] == [OLD_DEFINITION]
    assert answer["findings"][0]["severity"] == "critical"


def test_a_service_whose_tasks_run_is_only_warned_of_an_image_that_has_gone() -> None:
    running = TaskState(f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/default/r", "RUNNING", task_definition_arn=DEFINITION_ARN)
    answer = detect(OF_SERVICE, account(found_images={"team/web": {}}, known_tasks=(running,)))

    assert [(one["code"], one["severity"]) for one in answer["findings"]] == [("image_tag_not_found", "warning")]


def test_registry_credentials_that_do_not_exist_are_an_issue_of_their_image() -> None:
    answer = detect(OF_SERVICE, with_image("registry.example.com/web:v1", SECRET_ARN, secret_facts={}))

    assert codes(answer) == ["registry_credentials_missing"]
    assert answer["image_issues"][0]["image"] == "registry.example.com/web:v1"


def test_other_secrets_are_no_matter_of_pulling() -> None:
    answer = detect(OF_SERVICE, account(secret_facts={}))

    assert codes(answer) == ["nothing_wrong"]


def test_a_task_is_looked_at_by_its_id() -> None:
    world = account(found_images={}, known_tasks=(stopped("", task_id="abc"),))
    answer = detect(TroubleshootRequest(cluster="default", task_id="abc"), world)

    assert codes(answer) == ["repository_not_found"]


@pytest.mark.parametrize("found_in", ["definition", "service", "nested"])
def test_a_stack_is_looked_at_by_its_definitions_its_services_and_its_nested_stacks(found_in: str) -> None:
    nested = "arn:aws:cloudformation:eu-west-1:123456789012:stack/nested/1"
    stacks = {
        "definition": {"web": (DEFINITION_ARN,)},
        "service": {"web": (SERVICE_ARN,)},
        "nested": {"web": (nested,), nested: (DEFINITION_ARN,)},
    }[found_in]
    answer = detect(TroubleshootRequest(stack_name="web"), account(found_images={}, stacks=stacks))

    assert codes(answer) == ["repository_not_found"]


def test_that_nothing_is_wrong_names_what_was_asked_about_where_it_is_several_things() -> None:
    world = account(definitions={"shop-web": REQUIREMENTS, "shop-api": REQUIREMENTS})
    (finding,) = detect(TroubleshootRequest(family_prefix="shop"), world)["findings"]

    assert (finding["code"], finding["resource"]) == ("nothing_wrong", "shop")


def test_families_are_looked_at_by_their_newest_revision() -> None:
    world = account(definitions={"default-web": REQUIREMENTS, "other": REQUIREMENTS}, found_images={})
    answer = detect(TroubleshootRequest(family_prefix="default"), world)

    assert codes(answer) == ["repository_not_found"]
    assert [about for name, about in world.asked if name == "requirements"] == ["default-web"]


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (TroubleshootRequest(cluster="default", service="wbe"), "service_not_found"),
        (TroubleshootRequest(cluster="defualt", service="web"), "cluster_not_found"),
        (TroubleshootRequest(cluster="default", task_id="none"), "task_definition_not_found"),
        (TroubleshootRequest(stack_name="wbe"), "stack_not_found"),
        (TroubleshootRequest(family_prefix="none"), "task_definition_not_found"),
    ],
)
def test_what_does_not_exist_is_told_with_what_does(asked: TroubleshootRequest, code: str) -> None:
    answer = detect(asked, account(stacks={"web": ()}))

    assert codes(answer) == [code]
    assert answer["findings"][0]["resource"]
    assert answer["image_issues"] == []


@pytest.mark.parametrize(
    ("asked", "read"),
    [
        (OF_SERVICE, "services"),
        (TroubleshootRequest(cluster="default", task_id="t"), "tasks"),
        (TroubleshootRequest(stack_name="web"), "resource_ids"),
        (TroubleshootRequest(family_prefix="web"), "families"),
        (OF_SERVICE, "requirements"),
        (OF_SERVICE, "find_image"),
    ],
)
def test_what_may_not_be_read_is_a_gap_and_nothing_is_concluded(asked: TroubleshootRequest, read: str) -> None:
    answer = detect(asked, account(denied={read}))

    assert answer["findings"] == []
    assert any(f"AWS did not allow {read}." in gap for gap in answer["gaps"])
    assert "gaps" in answer["assessment"]


def test_that_a_cluster_is_missing_does_not_follow_from_not_being_allowed_to_look() -> None:
    answer = detect(TroubleshootRequest(cluster="default", service="wbe"), account(denied={"cluster"}))

    assert codes(answer) == ["task_definition_not_found"]


def test_an_execution_role_that_may_not_pull_is_an_issue_of_its_image() -> None:
    world = account()
    world.known_roles[EXECUTION_ROLE_ARN] = replace(world.known_roles[EXECUTION_ROLE_ARN], policies=())
    answer = detect(OF_SERVICE, world)

    assert codes(answer) == ["image_pull_denied"]
    assert answer["image_issues"][0]["exists"] == "true"


def test_nothing_asked_about_is_an_error_and_so_is_an_account_that_cannot_be_reached() -> None:
    with pytest.raises(ExpresswayError) as nothing:
        detect(TroubleshootRequest(cluster="default"), account())
    assert nothing.value.code == "invalid_arguments"

    with pytest.raises(TargetError) as unreachable:
        detect(OF_SERVICE, account(denied={"services"}, fails_with="connection_failed"))
    assert unreachable.value.code == "connection_failed"
