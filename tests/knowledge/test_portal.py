"""Asynchronous work behind a blocking call: its answer, its error, or the end of the deadline, and nothing later."""

import asyncio
import threading
import time
from collections.abc import Iterator

import pytest

from expressway.core.progress import NeverCancelled
from expressway.knowledge.portal import DeadlinePassedError, LoopThread
from tests.knowledge.hostile import wait_until

NAME = "loop under test"
NEVER = NeverCancelled()
LONG = 60.0
"""Seconds after which a hanging test fails."""


@pytest.fixture
def loop() -> Iterator[LoopThread]:
    thread = LoopThread(NAME)
    yield thread
    thread.close()
    wait_until(lambda: not running())


def running() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == NAME]


def test_no_thread_runs_before_the_first_work_and_one_after_it(loop: LoopThread) -> None:
    async def work(answer: "asyncio.Future[str]") -> None:
        answer.set_result(threading.current_thread().name)

    assert running() == []
    for _ in range(2):
        assert loop.run(work, deadline_seconds=LONG, cancellation=NEVER) == NAME
    assert len(running()) == 1
    assert running()[0].daemon


def test_what_follows_the_answer_goes_on_without_the_caller(loop: LoopThread) -> None:
    told, go_on, done = threading.Event(), threading.Event(), threading.Event()

    async def work(answer: "asyncio.Future[int]") -> None:
        answer.set_result(1)
        told.set()
        while not go_on.is_set():
            await asyncio.sleep(0.01)
        done.set()

    assert loop.run(work, deadline_seconds=LONG, cancellation=NEVER) == 1
    assert told.wait(LONG)
    go_on.set()
    assert done.wait(LONG)


def test_an_error_of_the_work_is_the_callers(loop: LoopThread) -> None:
    async def work(answer: "asyncio.Future[int]") -> None:
        raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        loop.run(work, deadline_seconds=LONG, cancellation=NEVER)


def test_work_that_ends_without_an_answer_is_an_error(loop: LoopThread) -> None:
    async def work(answer: "asyncio.Future[int]") -> None:
        return None

    with pytest.raises(RuntimeError):
        loop.run(work, deadline_seconds=LONG, cancellation=NEVER)


class OnceBegun:
    """A caller who looks at the time only when the work has begun, however long its thread took to start."""

    def __init__(self) -> None:
        self.begun = threading.Event()

    def raise_if_cancelled(self) -> None:
        assert self.begun.wait(LONG)


def test_at_the_deadline_the_work_is_cancelled(loop: LoopThread) -> None:
    caller, cancelled = OnceBegun(), threading.Event()

    async def work(answer: "asyncio.Future[int]") -> None:
        caller.begun.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    with pytest.raises(DeadlinePassedError):
        loop.run(work, deadline_seconds=0.05, cancellation=caller)
    assert cancelled.wait(LONG)


def test_work_that_blocks_its_loop_does_not_hold_the_caller(loop: LoopThread) -> None:
    release = threading.Event()

    async def work(answer: "asyncio.Future[int]") -> None:
        release.wait(60)

    with pytest.raises(DeadlinePassedError):
        loop.run(work, deadline_seconds=0.05, cancellation=NEVER)
    assert not release.is_set()
    release.set()


def test_work_that_clings_to_life_is_left_behind_when_the_loop_is_closed() -> None:
    thread = LoopThread(NAME)

    async def work(answer: "asyncio.Future[int]") -> None:
        answer.set_result(1)
        while True:
            try:
                await asyncio.sleep(0.01)
            except asyncio.CancelledError:
                time.sleep(0)

    assert thread.run(work, deadline_seconds=LONG, cancellation=NEVER) == 1
    thread.close()
    wait_until(lambda: not running())


def test_the_last_work_is_done_before_the_loop_ends() -> None:
    thread, done = LoopThread(NAME), threading.Event()

    async def work(answer: "asyncio.Future[int]") -> None:
        answer.set_result(1)

    async def last() -> None:
        done.set()

    thread.run(work, deadline_seconds=LONG, cancellation=NEVER)
    thread.close(last)
    assert done.wait(LONG)
    wait_until(lambda: not running())
