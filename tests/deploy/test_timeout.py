"""A bounded wait leaves AWS at work and never cuts off what only this process can go on with."""

import pytest

from expressway.core.progress import NeverCancelled, Phase, Progress, ignore_progress
from expressway.deploy.operation import OperationRecord
from expressway.deploy.timeout import WaitBudget
from expressway.errors import ExpresswayError, StillRunning
from tests.cloudformation.fakes import ManualClock
from tests.deploy.delete.test_delete import SERVICE_STACK, app, delete
from tests.deploy.fakes import World

RECORD = OperationRecord("deploy-hello-1", "hello", "deploy", "running", "check", "", "", "")


class Bounded(WaitBudget):
    """A wait of 10 s, told things as they happen."""

    def __init__(self, seconds: float | None = 10) -> None:
        self.time = ManualClock()
        super().__init__(RECORD, seconds, clock=self.time, cancellation=NeverCancelled())

    def happens(self, phase: Phase, resource: str | None = None) -> None:
        self.watching(ignore_progress)(Progress(phase, "it goes on", resource=resource))


def test_it_ends_once_aws_has_been_at_work_for_that_long_and_says_how_to_go_on() -> None:
    wait = Bounded()
    wait.happens("service", "AWS::IAM::Role")
    wait.raise_if_cancelled()
    wait.time.sleep(9.9)
    wait.raise_if_cancelled()
    wait.time.sleep(0.1)
    with pytest.raises(StillRunning) as error:
        wait.raise_if_cancelled()
    assert error.value.code == "still_running"
    assert error.value.details == {"operation_id": "deploy-hello-1", "phase": "service"}
    assert "deploy-hello-1" in error.value.message
    assert "expressway status hello" in error.value.hint


def test_work_of_this_machine_is_finished_first() -> None:
    wait = Bounded()
    wait.happens("repository", "AWS::ECR::Repository")
    wait.time.sleep(60)
    wait.happens("push")
    wait.raise_if_cancelled()
    wait.raise_if_cancelled()
    wait.happens("service")
    with pytest.raises(StillRunning):
        wait.raise_if_cancelled()


@pytest.mark.parametrize("phase", ["check", "synth", "build", "push", "repository", "service"])
def test_the_time_begins_when_aws_is_at_work(phase: Phase) -> None:
    wait = Bounded()
    wait.happens(phase)
    wait.time.sleep(60)
    wait.raise_if_cancelled()
    wait.raise_if_cancelled()


def test_without_a_limit_it_never_ends() -> None:
    wait = Bounded(None)
    wait.happens("delete")
    wait.time.sleep(1e6)
    wait.raise_if_cancelled()


def test_a_cancellation_by_the_caller_still_counts() -> None:
    class Cancelled:
        def raise_if_cancelled(self) -> None:
            raise ExpresswayError("cancelled", "The client cancelled the request.")

    wait = WaitBudget(RECORD, None, clock=ManualClock(), cancellation=Cancelled())
    with pytest.raises(ExpresswayError) as error:
        wait.raise_if_cancelled()
    assert error.value.code == "cancelled"


def test_a_deletion_that_outlasts_the_wait_is_no_failure_and_goes_on_when_repeated() -> None:
    made = app()
    made.world.draining_seconds = 45
    wait = WaitBudget(RECORD, 5, clock=made.world.clock, cancellation=NeverCancelled())
    with pytest.raises(StillRunning):
        delete(made, progress=wait.watching(ignore_progress), cancellation=wait)
    assert made.deleted == [SERVICE_STACK]
    assert made.repositories == {"web-repo"}
    assert delete(made).succeeded
    assert made.is_empty()


def test_a_wait_of_nothing_begins_what_is_next_each_time_until_all_is_done() -> None:
    made = app()
    made.world.draining_seconds = 45
    for _ in range(10):
        wait = WaitBudget(RECORD, 0, clock=made.world.clock, cancellation=NeverCancelled())
        before = made.world.clock.monotonic()
        try:
            result = delete(made, progress=wait.watching(ignore_progress), cancellation=wait)
        except StillRunning:
            assert made.world.clock.monotonic() - before < 1
            made.world.clock.sleep(15)
        else:
            break
    else:
        pytest.fail("it never ends")
    assert result.succeeded
    assert made.is_empty()
    assert made.deleted == [SERVICE_STACK, "web-ecr-infrastructure"]


def test_a_wait_of_nothing_still_sees_that_a_deployment_is_done() -> None:
    world = World()
    for _ in range(10):
        wait = WaitBudget(RECORD, 0, clock=world.clock, cancellation=NeverCancelled())
        try:
            result = world.deploy(cancellation=wait, progress=wait.watching, continues="deploy-hello-0")
        except StillRunning:
            world.clock.sleep(5)
        else:
            break
    else:
        pytest.fail("it never ends")
    assert result.url
