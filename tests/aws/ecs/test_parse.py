"""What ECS runs, compared without the names that ECS gives it."""

from typing import Any

import pytest

from expressway.aws.ecs.parse import definition_content, revision_settings

CONTAINER: dict[str, Any] = {
    "name": "Main",
    "image": "registry.example/web:1",
    "command": ["serve", "--port", "8080"],
    "environment": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
}
DEFINITION: dict[str, Any] = {
    "taskDefinitionArn": "arn:1",
    "revision": 1,
    "registeredAt": 1,
    "status": "ACTIVE",
    "cpu": "256",
    "containerDefinitions": [CONTAINER],
}


def with_container(**changes: Any) -> dict[str, Any]:
    return {**DEFINITION, "containerDefinitions": [{**CONTAINER, **changes}]}


def test_two_registrations_of_the_same_are_alike() -> None:
    again = {**DEFINITION, "taskDefinitionArn": "arn:2", "revision": 2, "registeredAt": 9, "status": "INACTIVE"}
    assert definition_content(again) == definition_content(DEFINITION)


def test_the_order_of_variables_and_empty_members_say_nothing() -> None:
    shuffled = with_container(environment=CONTAINER["environment"][::-1], mountPoints=[], secrets=[])
    assert definition_content(shuffled) == definition_content(DEFINITION)


@pytest.mark.parametrize(
    "changes",
    [
        {"command": ["serve", "8080", "--port"]},
        {"environment": [{"name": "A", "value": "2"}]},
        {"image": "registry.example/web:2"},
    ],
)
def test_another_command_variable_or_image_is_another_content(changes: dict[str, Any]) -> None:
    assert definition_content(with_container(**changes)) != definition_content(DEFINITION)


def revision(path: str, *, group: str = "tg/1", subnets: tuple[str, ...] = ("a", "b")) -> dict[str, Any]:
    groups = [{"arn": group, "healthCheckPath": path, "healthCheckPort": 8080, "port": 8080, "status": "ACTIVE"}]
    return {
        "serviceRevisionArn": f"rev/{path}",
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": list(subnets)}},
        "ecsManagedResources": {"ingressPaths": [{"targetGroups": groups}]},
    }


def test_revisions_differ_by_health_check_and_network_and_not_by_the_target_group_they_took() -> None:
    first = revision_settings(revision("/"))
    assert revision_settings(revision("/", group="tg/2", subnets=("b", "a"))) == first
    assert revision_settings(revision("/ready")) != first
    assert revision_settings(revision("/", subnets=("c",))) != first
