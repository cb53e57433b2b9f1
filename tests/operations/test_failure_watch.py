"""The cause is read while the tasks and their logs are still there, without asking all too often."""

from expressway.model.cause import Cause
from expressway.model.service import ManagedResource, RevisionState
from expressway.model.stack import StackEvent
from expressway.operations.failure_watch import FailureWatch
from tests.operations.in_memory_ecs import START, World, crashed_task, deployed_world


def watch(world: World, told: list[Cause] | None = None) -> FailureWatch:
    tell = told.append if told is not None else None
    return FailureWatch("default", "web", world, world, world.clock, targets=world, tell=tell)


def run(watched: FailureWatch, world: World, seconds: float) -> None:
    end = world.clock.now + seconds
    while world.clock.now < end:
        watched.look(())
        world.clock.sleep(0.2)


def crash(world: World) -> None:
    world.task = (crashed_task(),)


def test_a_cause_seen_on_the_way_outlives_the_rollback_that_hides_it() -> None:
    world = deployed_world("IN_PROGRESS")
    world.log = {"t1": ("RuntimeError: nothing works",)}
    world.at(3, crash)
    told: list[Cause] = []
    watched = watch(world, told)

    run(watched, world, 6)
    world.state, world.express, world.deployment, world.task, world.log = None, None, (), (), {}

    cause = watched.explain(())
    assert cause is not None
    assert "RuntimeError: nothing works" in cause.sentence
    assert len(told) == 1


def test_a_log_line_that_comes_late_is_waited_for() -> None:
    world = deployed_world("IN_PROGRESS")
    world.at(1, crash)
    world.at(3, lambda w: w.log.update({"t1": ("ValueError: late",)}))
    watched = watch(world)

    run(watched, world, 6)

    assert watched.cause is not None
    assert "ValueError: late" in watched.cause.sentence


def test_a_log_that_stays_empty_is_not_asked_for_for_ever() -> None:
    world = deployed_world("IN_PROGRESS")
    world.at(1, crash)

    run(watch(world), world, 60)

    assert world.calls.count("tail") <= 4


def test_tasks_that_had_failed_before_the_deployment_are_not_its_failures() -> None:
    world = deployed_world("SUCCESSFUL")
    world.task = (crashed_task(), *world.task)
    told: list[Cause] = []

    run(watch(world, told), world, 10)

    assert told == []


def test_infrastructure_that_is_stuck_is_told_long_before_cloudformation_gives_up() -> None:
    world = deployed_world("PENDING")
    stuck = ManagedResource("loadBalancer", "arn:lb", "PROVISIONING", "not authorized to perform: ec2:DescribeVpcs")
    world.revision = (RevisionState("rev/1", "td:1", managed_resources=(stuck,)),)
    world.task = ()
    told: list[Cause] = []

    run(watch(world, told), world, 20)

    assert [cause.code for cause in told] == ["permission_denied"]


def test_ecs_is_asked_at_most_once_a_second() -> None:
    world = deployed_world("IN_PROGRESS")

    run(watch(world), world, 10)

    assert world.calls.count("tasks") <= 11


def test_what_may_not_be_read_never_disturbs_the_deployment() -> None:
    world = deployed_world("IN_PROGRESS")
    world.denied = {"tasks"}
    watched = watch(world)

    run(watched, world, 5)

    assert watched.cause is None


def test_a_task_that_failed_before_the_first_look_counts_when_the_operation_is_older() -> None:
    world = deployed_world("IN_PROGRESS")
    world.task = (crashed_task(),)
    world.log = {"t1": ("RuntimeError: at once",)}
    begun = StackEvent(START, "web", "", "AWS::CloudFormation::Stack", "CREATE_IN_PROGRESS", "")
    watched = watch(world)

    watched.look((begun,))

    assert watched.cause is not None
    assert "RuntimeError: at once" in watched.cause.sentence
