"""A crash for want of a file that was kept out of an image is told as that by any later process."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from expressway.aws.values.service import RevisionState
from expressway.aws.values.task_definition import ContainerDefinition, TaskDefinition
from expressway.deploy.status.status import app_status
from expressway.deploy.status.wait import ServicePorts, wait_for_service
from expressway.diagnose.actions import troubleshoot
from expressway.diagnose.explain import explain_failure
from expressway.image.context.excluded import ExcludedFiles
from expressway.image.context.excluded_record import ExcludedFilesJournal
from expressway.toolkit.target import TargetChoice
from expressway.toolkit.wiring import LocalWiring, Wiring
from tests.aws.ecs.fakes import START, World, crashed_task, deployed_world, deployment
from tests.deploy.status.test_status import deployed, operation
from tests.diagnose.exits.test_expired import BREAKER, EXITED, forgotten
from tests.diagnose.fakes import ClusterWorld, crashing

IMAGE = f"111122223333.dkr.ecr.us-east-1.amazonaws.com/web-repo@sha256:{'a' * 64}"
OTHER_IMAGE = IMAGE.replace("a" * 64, "b" * 64)
EXCLUDED = ExcludedFiles(("certs/ca.pem", "credentials/"), "docker/Dockerfile.dockerignore")
TRACEBACK = (
    "Traceback (most recent call last):",
    '  File "/app/main.py", line 1, in <module>',
    "ModuleNotFoundError: No module named 'credentials'",
)
REMEDY = "add !credentials to docker/Dockerfile.dockerignore"


@pytest.fixture
def journal(tmp_path: Path) -> ExcludedFilesJournal:
    """The journal of a later process than the one that built the image."""
    ExcludedFilesJournal(tmp_path).record(IMAGE, EXCLUDED, pytest.fail)
    return ExcludedFilesJournal(tmp_path)


def broken_world(image: str = IMAGE, *, log: tuple[str, ...] = TRACEBACK) -> World:
    world = deployed_world("ROLLBACK_FAILED")
    world.task, world.log = (crashed_task(),), {"t1": log}
    known = world.task_definition("td:1")
    assert known is not None
    containers = (replace(known.containers[0], image=image), ContainerDefinition("proxy", image=IMAGE))
    world.definitions = {"td:1": replace(known, containers=containers)}
    return world


def ports_of(world: World, journal: ExcludedFilesJournal) -> ServicePorts:
    return ServicePorts(ecs=world, logs=world, probe=world, targets=world, excluded_from=journal.of_image)


def test_a_wait_tells_what_is_missing_and_how_to_include_it(journal: ExcludedFilesJournal) -> None:
    world = broken_world()
    told = wait_for_service("default", "web", ports=ports_of(world, journal), clock=world.clock)
    assert told.status == "failed"
    assert told.cause is not None
    assert told.cause.code == "excluded_file_missing"
    assert "credentials/" in told.message
    assert REMEDY in told.cause.remedy
    assert "ca.pem" not in told.message


def test_the_status_tells_it_as_the_last_error(journal: ExcludedFilesJournal) -> None:
    known = deployed()
    known.operation = operation("succeeded")
    world = broken_world()
    told = app_status("web", stacks=known, ports=ports_of(world, journal), last_operation=known.latest)
    assert told.last_error is not None
    assert told.last_error["code"] == "excluded_file_missing"
    assert REMEDY in told.last_error["hint"]


@pytest.mark.parametrize(
    "world",
    [
        broken_world(OTHER_IMAGE),
        broken_world(IMAGE.partition("@")[0] + ":latest"),
        broken_world(log=("ModuleNotFoundError: No module named 'flask'",)),
        broken_world(log=()),
    ],
    ids=["another image", "an image by tag", "another module", "no log"],
)
def test_of_another_image_or_another_file_nothing_is_said(world: World, journal: ExcludedFilesJournal) -> None:
    cause = explain_failure(
        cluster="default", service_name="web", ecs=world, logs=world, excluded_from=journal.of_image
    )
    assert cause is not None
    assert cause.code == "container_exited"
    assert "credentials/" not in f"{cause.sentence} {cause.remedy}"


def test_on_a_machine_that_did_not_build_the_image_nothing_is_said(tmp_path: Path) -> None:
    world = broken_world()
    told = wait_for_service(
        "default", "web", ports=ports_of(world, ExcludedFilesJournal(tmp_path / "other")), clock=world.clock
    )
    assert told.cause is not None
    assert told.cause.code == "container_exited"


# -- troubleshooting ------------------------------------------------------------------------------------------
def broken_cluster(journal: ExcludedFilesJournal, image: str = IMAGE) -> ClusterWorld:
    made = crashing("web", tasks=1)
    assert made.definition is not None
    made.definition = with_image(made.definition, image)
    world = ClusterWorld({"web": made}, excluded_from=journal.of_image)
    for task in made.tasks:
        world.write(task, *TRACEBACK)
    return world


def with_image(definition: TaskDefinition, image: str) -> TaskDefinition:
    return replace(definition, containers=tuple(replace(one, image=image) for one in definition.containers))


def findings(world: ClusterWorld, action: str, **parameters: Any) -> dict[str, Any]:
    answer = troubleshoot(action, {"ecs_cluster_name": "default", **parameters}, world.ports()).whole
    return {one["code"]: one for one in answer["findings"]}


ASK: dict[str, Callable[[ClusterWorld], dict[str, Any]]] = {
    "of a service": lambda world: findings(world, "get_ecs_troubleshooting_guidance", ecs_service_name="web"),
    "of a cluster": lambda world: findings(world, "get_ecs_troubleshooting_guidance"),
    "of failures": lambda world: findings(world, "fetch_task_failures", time_window=7200),
    "of logs": lambda world: findings(world, "fetch_task_logs", time_window=7200),
    "of a task": lambda world: findings(world, "fetch_task_logs", ecs_task_id="web-1", time_window=7200),
}


@pytest.mark.parametrize("ask", ASK.values(), ids=ASK)
def test_troubleshooting_tells_it(journal: ExcludedFilesJournal, ask: Callable[..., dict[str, Any]]) -> None:
    told = ask(broken_cluster(journal))
    assert "container_exited" not in told
    assert "credentials/" in told["excluded_file_missing"]["cause"]
    assert REMEDY in told["excluded_file_missing"]["remedy"]
    assert "excluded_file_missing" not in ask(broken_cluster(journal, OTHER_IMAGE))


def test_tasks_of_no_service_and_of_a_replaced_version_are_told_by_the_image_that_they_ran(
    journal: ExcludedFilesJournal,
) -> None:
    world = broken_cluster(journal, OTHER_IMAGE)
    made = world.services["web"]
    assert made.definition is not None
    old = replace(with_image(made.definition, IMAGE), arn=made.definition.arn.replace(":1", ":0"))
    made.other_definitions = (old,)
    task = replace(made.tasks[0], arn=f"{made.tasks[0].arn}9", task_definition_arn=old.arn, started_by="ecs-svc/0")
    made.tasks = (*made.tasks, task)
    world.write(task, *TRACEBACK)
    assert "excluded_file_missing" in findings(world, "fetch_task_failures", time_window=7200)


def test_the_tasks_of_a_service_that_its_rollback_deleted_still_tell_it(journal: ExcludedFilesJournal) -> None:
    world = broken_cluster(journal)
    made = world.services["web"]
    made.state = replace(made.state, status="INACTIVE", desired_count=0)
    told = ASK["of failures"](world)
    assert set(told) == {"service_inactive", "excluded_file_missing"}
    assert "the service web is INACTIVE" in told["excluded_file_missing"]["cause"]


@pytest.mark.parametrize("reason", [EXITED, BREAKER])
def test_the_log_that_is_left_of_forgotten_tasks_tells_it_too(journal: ExcludedFilesJournal, reason: str) -> None:
    world = forgotten(reason, *TRACEBACK)
    made = world.services["web"]
    assert made.definition is not None
    made.definition, world.excluded_from = with_image(made.definition, IMAGE), journal.of_image
    assert "credentials/" in ASK["of a service"](world)["excluded_file_missing"]["cause"]


def test_the_image_of_another_container_explains_nothing(journal: ExcludedFilesJournal) -> None:
    """Main runs an image of which nothing is known; only its proxy's is one of ours."""
    world = broken_world(OTHER_IMAGE)
    assert len(world.definitions["td:1"].containers) == 2
    world.revision = (RevisionState("rev:1", "td:1"), *world.revision)
    world.deployment = (replace(deployment("ROLLBACK_FAILED"), created_at=START),)
    told = wait_for_service("default", "web", ports=ports_of(world, journal), clock=world.clock)
    assert told.cause is not None
    assert told.cause.code == "container_exited"


# -- the wiring -----------------------------------------------------------------------------------------------
def test_what_deploying_and_building_record_is_what_later_commands_read(tmp_path: Path) -> None:
    environ = {"EXPRESSWAY_HOME": str(tmp_path), "EXPRESSWAY_SANDBOX": "http://127.0.0.1:9"}

    def process() -> Wiring:
        return Wiring(TargetChoice(), LocalWiring(environ))

    process().deploy_ports.record_excluded(IMAGE, EXCLUDED, pytest.fail)
    process().build_ports.record_excluded(OTHER_IMAGE, EXCLUDED, pytest.fail)
    for image in (IMAGE, OTHER_IMAGE):
        assert process().service_ports.excluded_from(image) == EXCLUDED
        assert process().troubleshoot_ports.excluded_from(image) == EXCLUDED
