"""The journal tells the truth after any end of a process, and lets one operation at a time work on an app."""

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from expressway.aws.values.target import Target
from expressway.core.directories import state_directory
from expressway.deploy.journal import Journal
from expressway.deploy.operation import OperationKind
from expressway.errors import DefinitionError, ExpresswayError, StackError, StillRunning, TargetError

TARGET = Target("111122223333", "us-east-1")
HOLD = """
import sys, time
from pathlib import Path
from expressway.deploy.journal import Journal
from expressway.aws.values.target import Target

with Journal(Path(sys.argv[1]), Target("111122223333", "us-east-1")).operation("hello", "deploy") as operation:
    operation.record(phase="service", message="bringing it up", approved={"plan": "abc"})
    print("holding", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path, TARGET)


def holder(directory: Path) -> "subprocess.Popen[str]":
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(directory)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "holding\n"
    return process


def kill(process: "subprocess.Popen[str]") -> None:
    process.send_signal(signal.SIGKILL)
    process.wait()
    if process.stdout is not None:
        process.stdout.close()


def record_file(directory: Path) -> Path:
    (path,) = directory.rglob("hello.json")
    return path


def test_an_app_that_never_had_an_operation_has_none(journal: Journal) -> None:
    assert journal.latest("hello") is None


def test_an_operation_is_running_until_it_ends_and_then_says_how(journal: Journal) -> None:
    with journal.operation("hello", "deploy") as operation:
        operation.record(phase="build", message="building")
        running = journal.latest("hello")
        assert running is not None
        assert (running.state, running.phase, running.message) == ("running", "build", "building")
        operation.record(state="succeeded", message="deployed", result={"url": "https://x/"})
    ended = journal.latest("hello")
    assert ended is not None
    assert (ended.state, ended.result) == ("succeeded", {"url": "https://x/"})
    assert ended.operation_id == running.operation_id
    assert ended.updated_at >= ended.started_at


def test_an_operation_that_ends_without_saying_how_has_succeeded(journal: Journal) -> None:
    with journal.operation("hello", "delete"):
        pass
    assert journal.latest("hello").state == "succeeded"  # type: ignore[union-attr]


def test_a_failure_is_recorded_as_the_error_that_faces_show(journal: Journal) -> None:
    with pytest.raises(StackError), journal.operation("hello", "deploy"):
        raise StackError("stack_failed", "It failed.", "Mend it.", {"stack": "s"})
    record = journal.latest("hello")
    assert record is not None
    assert record.state == "failed"
    assert record.error == {
        "code": "stack_failed",
        "message": "It failed.",
        "hint": "Mend it.",
        "details": {"stack": "s"},
    }


@pytest.mark.parametrize(
    "stop", [KeyboardInterrupt(), ExpresswayError("cancelled", "The caller cancelled."), OSError()]
)
def test_what_stops_an_operation_from_outside_interrupts_it(stop: BaseException, journal: Journal) -> None:
    def work() -> None:
        with journal.operation("hello", "deploy") as operation:
            operation.record(phase="push")
            raise stop

    with pytest.raises(type(stop)):
        work()
    record = journal.latest("hello")
    assert record is not None
    assert (record.state, record.phase) == ("interrupted", "push")


def test_a_killed_process_reads_as_interrupted_and_its_work_can_be_taken_up(tmp_path: Path, journal: Journal) -> None:
    process = holder(tmp_path)
    try:
        running = journal.latest("hello")
        assert running is not None
        assert (running.state, running.process_id) == ("running", process.pid)
    finally:
        kill(process)
    killed = journal.latest("hello")
    assert killed is not None
    assert (killed.state, killed.phase) == ("interrupted", "service")
    with journal.operation("hello", "deploy") as operation:
        assert operation.current.continues == killed.operation_id
        assert operation.current.approved == {"plan": "abc"}


def test_a_second_operation_on_the_same_app_is_refused_by_name(tmp_path: Path, journal: Journal) -> None:
    process = holder(tmp_path)
    try:
        with pytest.raises(StillRunning) as refused, journal.operation("hello", "delete"):
            pass
    finally:
        kill(process)
    assert refused.value.code == "operation_running"
    assert str(refused.value.details["operation_id"]).startswith("deploy-hello-")
    record = journal.latest("hello")
    assert record is not None
    assert record.kind == "deploy"


def test_threads_of_one_process_exclude_each_other_too(journal: Journal) -> None:
    held, wanted = journal.operation("hello", "deploy"), journal.operation("hello", "deploy")
    with held, pytest.raises(StillRunning) as refused, wanted:
        pass
    assert refused.value.code == "operation_running"
    assert journal.latest("hello").state == "succeeded"  # type: ignore[union-attr]


@pytest.mark.parametrize(("held", "asked"), [("build", "deploy"), ("deploy", "build"), ("build", "delete")])
def test_a_build_and_a_deployment_exclude_each_other(
    held: OperationKind, asked: OperationKind, journal: Journal
) -> None:
    with (
        journal.operation("hello", held) as first,
        pytest.raises(StillRunning) as caught,
        journal.operation("hello", asked),
    ):
        pass
    assert caught.value.code == "operation_running"
    assert caught.value.details["operation_id"] == first.current.operation_id


def test_a_build_takes_nothing_from_a_deployment_that_was_cut_short(journal: Journal) -> None:
    with suppress(KeyboardInterrupt), journal.operation("hello", "deploy") as deployment:
        deployment.record(approved={"plan": "abc"})
        raise KeyboardInterrupt
    with journal.operation("hello", "build") as build:
        latest = journal.latest("hello")
        assert latest is not None
        assert (latest.kind, latest.state, build.current.continues) == ("build", "running", "")
    with journal.operation("hello", "deploy") as operation:
        assert operation.current.continues == deployment.current.operation_id
        assert operation.current.approved == {"plan": "abc"}
        latest = journal.latest("hello")
        assert latest is not None
        assert latest.kind == "deploy"


def test_other_apps_are_not_held_up(journal: Journal) -> None:
    with journal.operation("hello", "deploy"), journal.operation("other", "deploy"):
        pass


def test_targets_are_kept_apart(tmp_path: Path) -> None:
    targets = [
        TARGET,
        Target("111122223333", "eu-west-1"),
        Target("123456789012", "us-east-1"),
        Target("000000000000", "us-east-1", sandbox_url="http://127.0.0.1:4566"),
        Target("000000000000", "us-east-1"),
    ]
    journals = [Journal(tmp_path, target) for target in targets]
    for number, journal in enumerate(journals):
        with journal.operation("hello", "deploy") as operation:
            operation.record(message=f"of {number}")
    found = [journal.latest("hello") for journal in journals]
    assert [record.message for record in found if record] == [f"of {number}" for number in range(len(targets))]


def test_a_reused_process_id_is_not_taken_for_the_old_process(tmp_path: Path, journal: Journal) -> None:
    with journal.operation("hello", "deploy"):
        path = record_file(tmp_path)
        running = json.loads(path.read_text())
    path.write_text(json.dumps(running | {"process_started": "1"}))
    assert journal.latest("hello").state == "interrupted"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "7", '{"operation_id": "x"}', '{"unknown": 1}', "\x00\x01", '"text"'],
)
def test_a_damaged_record_is_no_record(text: str, tmp_path: Path, journal: Journal) -> None:
    with journal.operation("hello", "deploy"):
        pass
    record_file(tmp_path).write_text(text)
    assert journal.latest("hello") is None
    with journal.operation("hello", "deploy") as operation:
        assert operation.current.continues == ""
    assert journal.latest("hello") is not None


@pytest.mark.parametrize("process_id", [0, -1, "1", None])
def test_a_record_with_an_impossible_process_is_not_running(
    process_id: object, tmp_path: Path, journal: Journal
) -> None:
    with journal.operation("hello", "deploy"):
        path = record_file(tmp_path)
        running = json.loads(path.read_text())
    path.write_text(json.dumps(running | {"process_id": process_id}))
    record = journal.latest("hello")
    assert record is None or record.state == "interrupted"


def test_a_record_is_replaced_as_a_whole_and_leaves_no_drafts(tmp_path: Path, journal: Journal) -> None:
    with journal.operation("hello", "deploy") as operation:
        path = record_file(tmp_path)
        with path.open() as before:  # a reader that opened the file earlier still sees all of the old record
            operation.record(message="x" * 100_000)
            assert json.load(before)["message"] == "started"
        assert json.loads(path.read_text())["message"] == "x" * 100_000
    assert sorted(one.name for one in path.parent.iterdir()) == ["hello.json", "hello.lock"]
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("end", "continues", "approved"),
    [
        (StackError("stack_failed", "no"), False, True),
        (TargetError("credentials_expired", "no"), True, True),
        (KeyboardInterrupt(), True, True),
        (None, False, False),
    ],
)
def test_only_an_unfinished_operation_hands_something_on(
    end: BaseException | None, continues: bool, approved: bool, journal: Journal
) -> None:
    try:
        with journal.operation("hello", "deploy") as operation:
            operation.record(phase="service", approved={"plan": "abc"})
            if end is not None:
                raise end
    except (ExpresswayError, KeyboardInterrupt):
        pass
    with journal.operation("hello", "deploy") as operation:
        assert bool(operation.current.continues) is continues
        assert (operation.current.approved is not None) is approved
    with journal.operation("hello", "deploy") as operation:
        assert (operation.current.continues, operation.current.approved) == ("", None)


def test_a_deletion_does_not_continue_a_deployment(journal: Journal) -> None:
    with pytest.raises(KeyboardInterrupt), journal.operation("hello", "deploy"):
        raise KeyboardInterrupt
    with journal.operation("hello", "delete") as operation:
        assert operation.current.continues == ""


@pytest.mark.parametrize("name", ["../hello", "a/b", "", "Hello", "x" * 65])
def test_a_name_that_leaves_the_directory_is_refused(name: str, journal: Journal) -> None:
    with pytest.raises(DefinitionError) as refused:
        journal.latest(name)
    assert refused.value.code == "invalid_app_name"
    with pytest.raises(DefinitionError), journal.operation(name, "deploy"):
        pass


def test_a_state_directory_that_cannot_be_written_is_told_before_anything_starts(tmp_path: Path) -> None:
    (tmp_path / "operations").write_text("a file where a directory should be")
    with pytest.raises(ExpresswayError) as refused, Journal(tmp_path, TARGET).operation("hello", "deploy"):
        raise AssertionError("nothing may start")
    assert refused.value.code == "state_not_writable"
    assert refused.value.hint


def gone(state: Path) -> None:
    shutil.rmtree(state / "operations")


def full(state: Path) -> None:
    record_file(state).with_suffix(".draft").symlink_to("/dev/full")


def a_file(state: Path) -> None:
    gone(state)
    (state / "operations").write_text("a file where a directory should be")


def a_folder_in_its_place(state: Path) -> None:
    record = record_file(state)
    record.unlink()
    record.mkdir()


def read_only(state: Path) -> None:
    """What a read-only file system answers, also to root: a link into one of the kernel's own."""
    record_file(state).with_suffix(".draft").symlink_to("/proc/version")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs the kernel's always full device")
@pytest.mark.parametrize("trouble", [full, a_file, a_folder_in_its_place, read_only])
@pytest.mark.parametrize("ends", ["well", "with an error"])
def test_work_goes_on_where_its_record_cannot_be_written_and_that_is_told_once(
    trouble: Callable[[Path], None], ends: str, tmp_path: Path, journal: Journal
) -> None:
    told: list[str] = []

    def work() -> None:
        with journal.operation("hello", "deploy", told.append) as operation:
            trouble(tmp_path)
            for phase in ("build", "push", "service"):
                operation.record(phase=phase, message="no room for this")
                assert operation.current.phase == phase
            if ends == "with an error":
                raise StackError("stack_failed", "The real failure.")

    if ends == "well":
        work()
    else:
        with pytest.raises(StackError) as failure:
            work()
        assert failure.value.code == "stack_failed"
    assert len(told) == 1
    assert "the work continues" in told[0]
    assert "The state directory cannot be used" in told[0]


def test_a_state_directory_that_goes_while_work_is_done_is_made_anew_without_a_word(
    tmp_path: Path, journal: Journal
) -> None:
    told: list[str] = []
    with journal.operation("hello", "deploy", told.append) as operation:
        for phase in ("build", "push"):
            gone(tmp_path)
            operation.record(phase=phase)
        gone(tmp_path)
    assert told == []
    record = journal.latest("hello")
    assert record is not None
    assert (record.state, record.phase) == ("succeeded", "push")


OTHER_USERS = """
import json, os, sys
from expressway.deploy.journal import _is_alive
from expressway.deploy.operation import OperationRecord
if os.getuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
for started in json.loads(sys.argv[1]):
    record = OperationRecord("o", "a", "deploy", "running", "check", "", "", "", process_id=1, process_started=started)
    print(_is_alive(record))
"""


@pytest.mark.skipif(not Path("/proc/1/stat").exists(), reason="needs /proc")
def test_a_process_of_another_user_is_told_by_its_start_time() -> None:
    started = Path("/proc/1/stat").read_text().rsplit(")", 1)[1].split()[19]
    program = [sys.executable, "-c", OTHER_USERS, json.dumps([started, "another"])]
    answer = subprocess.run(program, capture_output=True, text=True, check=True)
    assert answer.stdout.split() == ["True", "False"]


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"EXPRESSWAY_HOME": "/x"}, "/x"),
        ({"XDG_STATE_HOME": "/s"}, "/s/expressway"),
        ({}, str(Path.home() / ".local/state/expressway")),
    ],
)
def test_the_state_directory_follows_the_environment(environ: dict[str, str], expected: str) -> None:
    assert state_directory(environ) == Path(expected)
