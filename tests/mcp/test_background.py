"""Work that outlives its request: joined by the same request, refused to another, told to all who watch."""

import threading
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from expressway.core.progress import Progress
from expressway.errors import ExpresswayError, StillRunning
from expressway.mcp.background import BackgroundOperation, BackgroundOperations, in_daemon_thread

LONG = 60.0
"""Seconds after which a hanging test fails."""


class Gate:
    """Work that says when it has begun and ends when it is let go."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.go_on = threading.Event()
        self.runs = 0

    def work(self, operation: BackgroundOperation) -> Mapping[str, Any]:
        self.runs += 1
        operation.started("deploy-shop-1")
        operation.report(Progress("build", "step 1"))
        self.begun.set()
        assert self.go_on.wait(LONG)
        operation.report(Progress("push", "step 2"))
        return {"status": "deployed"}


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.go_on.set()


def test_work_goes_on_after_the_wait_for_it_has_run_out(gate: Gate) -> None:
    operation = BackgroundOperations().start("shop", gate.work, request="a")
    assert not operation.wait(0.01)
    gate.go_on.set()
    assert operation.wait(LONG)
    assert operation.done.result() == {"status": "deployed"}


def test_the_same_request_joins_the_operation_under_way(gate: Gate) -> None:
    operations = BackgroundOperations()
    first = operations.start("shop", gate.work, request="a")
    second = operations.start("shop", gate.work, request="a")
    assert second is first
    gate.go_on.set()
    assert second.done.result(LONG) == {"status": "deployed"}
    assert gate.runs == 1


def test_another_request_for_the_same_app_is_refused_with_the_operation_under_way(gate: Gate) -> None:
    operations = BackgroundOperations()
    operations.start("shop", gate.work, request="a")
    assert gate.begun.wait(LONG)
    with pytest.raises(StillRunning) as caught:
        operations.start("shop", gate.work, request="b")
    assert caught.value.code == "operation_running"
    assert caught.value.details == {"operation_id": "deploy-shop-1"}
    assert "phase build" in caught.value.message


def test_the_same_request_for_files_that_have_changed_is_refused_and_says_so(gate: Gate) -> None:
    operations = BackgroundOperations()
    operations.start("shop", gate.work, request="a", content="ctx-1")
    assert gate.begun.wait(LONG)
    with pytest.raises(StillRunning) as caught:
        operations.start("shop", gate.work, request="a", content="ctx-2")
    assert (caught.value.code, caught.value.details) == ("operation_running", {"operation_id": "deploy-shop-1"})
    assert "folder has changed" in caught.value.message
    assert operations.start("shop", gate.work, request="a", content="ctx-1").key == "shop"
    assert gate.runs == 1


def test_other_apps_run_beside_it(gate: Gate) -> None:
    operations = BackgroundOperations()
    operations.start("shop", gate.work, request="a")
    other = operations.start("blog", lambda _: {"status": "unchanged"}, request="a")
    assert other.done.result(LONG) == {"status": "unchanged"}
    assert [operation.key for operation in operations.running()] == ["shop"]


def test_an_ended_operation_is_not_joined(gate: Gate) -> None:
    operations = BackgroundOperations()
    gate.go_on.set()
    first = operations.start("shop", gate.work, request="a")
    first.done.result(LONG)
    second = operations.start("shop", gate.work, request="a")
    second.done.result(LONG)
    assert gate.runs == 2
    assert operations.running() == ()


def test_who_joins_late_sees_the_latest_progress_first(gate: Gate) -> None:
    operation = BackgroundOperations().start("shop", gate.work, request="a")
    assert gate.begun.wait(LONG)
    seen: list[str] = []
    operation.watch(lambda progress: seen.append(progress.message))
    gate.go_on.set()
    operation.done.result(LONG)
    assert seen == ["step 1", "step 2"]


def test_who_joins_late_is_told_every_warning_so_far() -> None:
    go_on = threading.Event()

    def work(operation: BackgroundOperation) -> Mapping[str, Any]:
        for progress in (Progress("build", "kept .env out", level="warning"), Progress("build", "step 1")):
            operation.report(progress)
        assert go_on.wait(LONG)
        return {}

    operation = BackgroundOperations().start("shop", work, request="a")
    while operation.latest is None or operation.latest.message != "step 1":
        assert not operation.wait(0.01)
    seen: list[str] = []
    operation.watch(lambda progress: seen.append(progress.message))
    go_on.set()
    operation.done.result(LONG)
    assert seen == ["kept .env out", "step 1"]
    assert operation.warnings == ("kept .env out",)


def test_who_stopped_watching_sees_nothing_more(gate: Gate) -> None:
    operation = BackgroundOperations().start("shop", gate.work, request="a")
    assert gate.begun.wait(LONG)
    seen: list[str] = []
    stop = operation.watch(lambda progress: seen.append(progress.message))
    stop()
    stop()
    gate.go_on.set()
    operation.done.result(LONG)
    assert seen == ["step 1"]


def test_the_operation_id_is_known_while_the_work_goes_on(gate: Gate) -> None:
    operation = BackgroundOperations().start("shop", gate.work, request="a")
    operation.identified.result(LONG)
    assert operation.operation_id == "deploy-shop-1"
    assert not operation.done.done()


def test_work_that_fails_before_it_has_an_id_holds_nobody_up() -> None:
    def fail(_: BackgroundOperation) -> Mapping[str, Any]:
        raise ExpresswayError("engine_missing", "no engine")

    operation = BackgroundOperations().start("shop", fail, request="a")
    operation.identified.result(LONG)
    with pytest.raises(ExpresswayError, match="no engine"):
        operation.done.result(LONG)


def test_a_crash_that_nobody_waits_for_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    def crash(_: BackgroundOperation) -> Mapping[str, Any]:
        raise ZeroDivisionError

    operation = BackgroundOperations().start("shop", crash, request="a")
    with pytest.raises(ZeroDivisionError):
        operation.done.result(LONG)
    assert "shop broke off" in caplog.text


def test_threads_of_work_do_not_keep_the_process_alive() -> None:
    assert in_daemon_thread(lambda: threading.current_thread().daemon, name="t").result(LONG) is True


def test_leaving_a_future_alone_does_not_cancel_its_work(gate: Gate) -> None:
    operation = BackgroundOperations().start("shop", gate.work, request="a")
    assert not operation.done.cancel()
    assert not operation.identified.cancel()
    gate.go_on.set()
    assert operation.done.result(LONG) == {"status": "deployed"}
