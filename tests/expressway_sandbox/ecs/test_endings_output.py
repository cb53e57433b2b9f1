"""A task has stopped when all that its containers wrote can be read, however long that takes to arrive."""

import threading
from collections.abc import Mapping
from typing import Any

import pytest

from expressway_sandbox.ecs.endings import Outputs
from tests.expressway_sandbox.conftest import LONG, Cloud, wait_until

GROUP = "/task-output"


def test_the_output_of_each_container_is_waited_for() -> None:
    outputs = Outputs()
    for container in ("a", "b", "c"):
        outputs.expect(container)
    waited = threading.Event()

    def wait() -> None:
        outputs.wait(["a", "b", "unknown"])
        waited.set()

    threading.Thread(target=wait, daemon=True).start()
    outputs.arrive("a")
    assert not waited.wait(0.05)
    outputs.arrive("b")
    assert waited.wait(LONG)


@pytest.mark.timeout(60)
def test_output_that_never_arrives_is_given_up_and_not_waited_for_again() -> None:
    outputs = Outputs()
    outputs.expect("a")
    outputs.wait(["a"], seconds=0.01)
    outputs.wait(["a"], seconds=3600)  # the test's own limit would end it


@pytest.mark.timeout(60)
def test_output_that_has_arrived_is_not_waited_for() -> None:
    outputs = Outputs()
    outputs.expect("a")
    outputs.arrive("a")
    outputs.arrive("a")
    outputs.wait(["a"], seconds=3600)


@pytest.mark.sandbox
@pytest.mark.engine
def test_what_a_task_wrote_last_is_there_as_soon_as_it_has_stopped(cloud: Cloud, images: Mapping[str, str]) -> None:
    ecs, logs = cloud.client("ecs"), cloud.client("logs")
    logs.create_log_group(logGroupName=GROUP)
    options = {"awslogs-group": GROUP, "awslogs-region": "us-east-1", "awslogs-stream-prefix": "app"}
    container = {
        "name": "main",
        "image": cloud.uri("silent"),
        "command": ["/bin/sh", "-c", "i=0; while [ $i -lt 500 ]; do i=$((i+1)); echo line $i; done; exit 1"],
        "logConfiguration": {"logDriver": "awslogs", "options": options},
    }
    registered = ecs.register_task_definition(
        family="task-output",
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE"],
        cpu="256",
        memory="512",
        containerDefinitions=[container],
    )
    definition = registered["taskDefinition"]["taskDefinitionArn"]
    started = [ecs.run_task(taskDefinition=definition, launchType="FARGATE")["tasks"][0]["taskArn"] for _ in range(4)]
    for task in started:
        found: dict[str, Any] = {}

        def has_stopped(task: str = task, found: dict[str, Any] = found) -> bool:
            found.update(ecs.describe_tasks(tasks=[task])["tasks"][0])
            return found["lastStatus"] == "STOPPED"

        wait_until(has_stopped, f"{task} has stopped")
        stream = f"app/main/{task.rpartition('/')[2]}"
        told = logs.get_log_events(logGroupName=GROUP, logStreamName=stream, startFromHead=False, limit=1)["events"]
        assert [event["message"] for event in told] == ["line 500"]
