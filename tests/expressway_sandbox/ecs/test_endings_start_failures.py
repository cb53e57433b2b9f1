"""A container that the engine does not make or start is told by ECS's error, never as a failed pull."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest
from docker.errors import APIError, DockerException

from expressway.diagnose.messages import Statement, finding_of_message
from expressway_sandbox.ecs.endings import ContainerRefusedError, engine_errors_as_ecs, reason_of_ecs
from tests.expressway_sandbox.conftest import Cloud, wait_until

SAID = 'failed to create task for container: exec: "web-server": executable file not found in $PATH: unknown'
_CONTAINERS = "http+docker://localhost/v1.41/containers"


def refusal(url: str, explanation: str | None) -> APIError:
    return APIError("404 Client Error", response=SimpleNamespace(url=url), explanation=explanation)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("url", "error"),
    [
        (f"{_CONTAINERS}/2385c9/start", "CannotStartContainerError"),
        (f"{_CONTAINERS}/create?name=web", "CannotCreateContainerError"),
    ],
)
def test_the_step_that_the_engine_refuses_names_the_error(url: str, error: str) -> None:
    with pytest.raises(ContainerRefusedError) as caught, engine_errors_as_ecs():
        raise refusal(url, SAID)

    assert str(caught.value) == f"{error}: Error response from daemon: {SAID}"


@pytest.mark.parametrize(
    "other",
    [refusal(f"{_CONTAINERS}/2385c9/stop", SAID), refusal(f"{_CONTAINERS}/1/start", None), DockerException("x")],
)
def test_what_is_no_refusal_of_a_container_stays_what_it_is(other: DockerException) -> None:
    with pytest.raises(DockerException) as caught, engine_errors_as_ecs():
        raise other

    assert caught.value is other


def test_the_words_before_an_error_of_ecs_are_left_out() -> None:
    own = "ResourceInitializationError: unable to pull image or start container: "

    assert reason_of_ecs(f"{own}CannotStartContainerError: x") == "CannotStartContainerError: x"
    assert reason_of_ecs(f"{own}the engine is gone") == f"{own}the engine is gone"
    assert reason_of_ecs("Essential container in task exited") == "Essential container in task exited"


@pytest.mark.sandbox
@pytest.mark.engine
def test_a_command_that_is_not_in_the_image_is_told_as_such(cloud: Cloud, images: Mapping[str, str]) -> None:
    assert images
    ecs = cloud.client("ecs")
    container = {"name": "main", "image": cloud.uri("silent"), "command": ["image-server", "-p", "8080"]}
    definition = ecs.register_task_definition(
        family="image-pull",
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE"],
        cpu="256",
        memory="512",
        containerDefinitions=[{**container, "entryPoint": []}],
    )["taskDefinition"]["taskDefinitionArn"]
    task = ecs.run_task(taskDefinition=definition, launchType="FARGATE")["tasks"][0]["taskArn"]
    found: dict[str, Any] = {}

    def has_stopped() -> bool:
        found.update(ecs.describe_tasks(tasks=[task])["tasks"][0])
        return found["lastStatus"] == "STOPPED"

    wait_until(has_stopped, "the task stopped")
    cause = finding_of_message(Statement(found["stoppedReason"]))
    assert found["stopCode"] == "TaskFailedToStart"
    assert found["stoppedReason"].startswith("CannotStartContainerError: Error response from daemon: ")
    assert [one["reason"] for one in found["containers"]] == [found["stoppedReason"]]
    assert cause is not None
    assert cause.code == "command_not_found"
    assert "⟦image-server⟧" in cause.sentence
