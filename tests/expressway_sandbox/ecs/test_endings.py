"""How real containers end: by their own memory limit, by the task's, by SIGTERM, and by SIGKILL after it."""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import docker
import pytest

from expressway_sandbox.ecs.endings import KILLED_FOR_MEMORY
from tests.expressway_sandbox.conftest import LONG, Cloud, wait_for_deployment, wait_until, wait_until_inactive

pytestmark = [pytest.mark.sandbox, pytest.mark.engine]

ESSENTIAL_EXITED = "Essential container in task exited"
EAT_768_MIB = "exec dd if=/dev/zero of=/dev/null bs=768M count=1"
IGNORE_SIGTERM = "trap '' TERM; echo up; while true; do sleep 1; done"
END_ON_SIGTERM = "trap 'exit 7' TERM; echo up; while true; do sleep 0.1; done"
END_WHEN_TOLD = "trap 'exit 3' USR1; echo up; while true; do sleep 0.1; done"

Container = Mapping[str, Any]
Run = Callable[..., str]


@pytest.fixture
def run(cloud: Cloud, images: Mapping[str, str], request: pytest.FixtureRequest) -> Run:
    """Start a task of the given containers (`command` is a line of shell); the answer is its ARN."""
    ecs = cloud.client("ecs")
    family = request.node.name.partition("[")[0].replace("_", "-")[:200]

    def run_task(containers: Sequence[Container], *, memory: str = "512") -> str:
        definitions = [
            {**one, "image": cloud.uri("silent"), "command": ["/bin/sh", "-c", one["command"]]} for one in containers
        ]
        registered = ecs.register_task_definition(
            family=family,
            networkMode="awsvpc",
            requiresCompatibilities=["FARGATE"],
            cpu="256",
            memory=memory,
            containerDefinitions=definitions,
        )
        definition = registered["taskDefinition"]["taskDefinitionArn"]
        return str(ecs.run_task(taskDefinition=definition, launchType="FARGATE")["tasks"][0]["taskArn"])

    return run_task


def container_of(engine: docker.DockerClient, task: str, name: str = "main") -> Any:
    """A container of a task that has said that it is up: what it does on a signal is settled then."""
    labels = [f"com.amazonaws.ecs.task-arn={task}", f"com.amazonaws.ecs.container-name={name}"]
    found: list[Any] = []

    def is_up() -> bool:
        found[:] = engine.containers.list(filters={"label": labels}, sparse=True)
        return bool(found) and b"up" in found[0].logs()

    wait_until(is_up, f"{name} of {task} is up")
    return found[0]


def wait_for(cloud: Cloud, task: str, status: str) -> dict[str, Any]:
    deadline = time.monotonic() + LONG
    while time.monotonic() < deadline:
        [found] = cloud.client("ecs").describe_tasks(tasks=[task])["tasks"]
        if found["lastStatus"] == status:
            return dict(found)
        time.sleep(0.1)
    raise TimeoutError(f"{task} did not become {status}")


def endings(task: Mapping[str, Any]) -> dict[str, tuple[int | None, str]]:
    return {one["name"]: (one.get("exitCode"), one.get("reason", "")) for one in task["containers"]}


@pytest.fixture
def limiting(engine: docker.DockerClient) -> None:
    if not engine.info().get("MemoryLimit"):
        pytest.skip("this engine's control groups do not limit memory; the recorded scenario stays the proof")


@pytest.mark.usefixtures("limiting")
@pytest.mark.parametrize("limit", [{"memory": 32}, {}], ids=["its own limit", "the size of the task"])
def test_a_container_that_exceeds_its_memory_is_killed_and_says_so(
    cloud: Cloud, run: Run, limit: Mapping[str, int]
) -> None:
    stopped = wait_for(cloud, run([{"name": "main", "command": EAT_768_MIB, **limit}]), "STOPPED")
    assert endings(stopped) == {"main": (137, KILLED_FOR_MEMORY)}
    assert (stopped["stopCode"], stopped["stoppedReason"]) == ("EssentialContainerExited", ESSENTIAL_EXITED)


@pytest.mark.usefixtures("limiting")
def test_the_engine_holds_each_container_to_its_own_limit(cloud: Cloud, run: Run, engine: docker.DockerClient) -> None:
    containers = [
        {"name": "small", "command": END_ON_SIGTERM, "memory": 64, "memoryReservation": 48},
        {"name": "rest", "command": END_ON_SIGTERM},
    ]
    task = run(containers)
    wait_for(cloud, task, "RUNNING")
    label = f"com.amazonaws.ecs.task-arn={task}"
    held = {
        one.labels["com.amazonaws.ecs.container-name"]: (
            one.attrs["HostConfig"]["Memory"] >> 20,
            one.attrs["HostConfig"]["MemorySwap"] >> 20,
            one.attrs["HostConfig"]["MemoryReservation"] >> 20,
        )
        for one in engine.containers.list(filters={"label": label})
    }
    cloud.client("ecs").stop_task(task=task)
    assert held == {"small": (64, 64, 48), "rest": (512, 512, 0)}


def test_a_container_that_ignores_sigterm_is_killed_and_nothing_is_said_of_memory(cloud: Cloud, run: Run) -> None:
    task = run([{"name": "main", "command": IGNORE_SIGTERM, "stopTimeout": 2}])
    wait_for(cloud, task, "RUNNING")
    stopped = cloud.client("ecs").stop_task(task=task, reason="no longer wanted")["task"]
    assert endings(stopped) == {"main": (137, "")}
    assert (stopped["stopCode"], stopped["stoppedReason"]) == ("UserInitiated", "no longer wanted")


def test_a_container_that_ends_on_sigterm_keeps_its_own_exit_code(
    cloud: Cloud, run: Run, engine: docker.DockerClient
) -> None:
    task = run([{"name": "main", "command": END_ON_SIGTERM, "stopTimeout": 20}])
    wait_for(cloud, task, "RUNNING")
    container_of(engine, task)
    assert endings(cloud.client("ecs").stop_task(task=task)["task"]) == {"main": (7, "")}


def test_a_task_that_is_being_stopped_says_so(cloud: Cloud, run: Run, engine: docker.DockerClient) -> None:
    task = run([{"name": "main", "command": IGNORE_SIGTERM, "stopTimeout": 30}])
    wait_for(cloud, task, "RUNNING")
    container = container_of(engine, task)
    with ThreadPoolExecutor(2) as pool:
        twice = [pool.submit(cloud.client("ecs").stop_task, task=task, reason="both") for _ in range(2)]
        stopping = wait_for(cloud, task, "STOPPING")
        container.kill()  # it has been seen, and need not last any longer
        answers = [one.result()["task"] for one in twice]
    assert stopping["desiredStatus"] == "STOPPED"
    assert [endings(one) for one in answers] == [{"main": (137, "")}] * 2
    assert {one["stopCode"] for one in answers} == {"UserInitiated"}


def test_of_two_containers_each_keeps_the_exit_code_of_its_own_end(
    cloud: Cloud, run: Run, engine: docker.DockerClient
) -> None:
    containers = [
        {"name": "main", "command": END_WHEN_TOLD, "essential": True},
        {"name": "beside", "command": END_ON_SIGTERM, "essential": False, "stopTimeout": 20},
    ]
    task = run(containers)
    container_of(engine, task, "beside")
    container_of(engine, task, "main").kill("USR1")
    stopped = wait_for(cloud, task, "STOPPED")
    assert endings(stopped) == {"main": (3, ""), "beside": (7, "")}
    assert stopped["stopCode"] == "EssentialContainerExited"


def test_an_express_services_definition_says_how_soon_the_sandbox_kills(
    cloud: Cloud, service_request: Callable[..., dict[str, Any]]
) -> None:
    ecs = cloud.client("ecs")
    arn = ecs.create_express_gateway_service(**service_request("endings"))["service"]["serviceArn"]
    wait_for_deployment(cloud, arn)
    [service] = ecs.describe_services(services=["endings"])["services"]
    definition = ecs.describe_task_definition(taskDefinition=service["taskDefinition"])["taskDefinition"]
    ecs.delete_express_gateway_service(serviceArn=arn)
    wait_until_inactive(cloud, arn)
    assert definition["containerDefinitions"][0]["stopTimeout"] == 1
