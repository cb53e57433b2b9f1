"""How containers ended, told apart: exit codes, memory, limits, kills at a stop, crash loops."""

from dataclasses import replace

import pytest

from expressway.aws.values.service import ContainerState
from expressway.diagnose.finding import Finding
from expressway.diagnose.service.rules import service_findings
from tests.diagnose.service.situations import NOW, codes, exited, failed_deployment, first, situation, task

CRASH = ("starting", "Traceback (most recent call last):", "ValueError: the setting DATABASE_URL is missing")


@pytest.mark.parametrize(
    ("exit_code", "code", "words"),
    [
        (0, "container_finished", "ended by itself"),
        (1, "container_exited", "code 1"),
        (3, "container_exited", "code 3"),
        (126, "command_not_executable", "cannot be executed"),
        (127, "command_not_found", "not found"),
        (134, "container_crashed", "SIGABRT"),
        (137, "container_killed", "SIGKILL"),
        (139, "container_crashed", "SIGSEGV"),
        (143, "container_terminated", "SIGTERM"),
        (255, "container_exited", "255"),
    ],
)
def test_exit_codes_are_told_apart(exit_code: int, code: str, words: str) -> None:
    finding = first(situation(exited(exit_code=exit_code), deployment=failed_deployment(), logs={1: ("starting",)}))
    assert finding.code == code
    assert words in finding.cause
    assert finding.severity == "critical"


def test_the_exception_is_the_first_evidence_and_is_not_quoted_in_the_cause() -> None:
    finding = first(situation(exited(), deployment=failed_deployment(), logs={1: CRASH}))
    assert finding.evidence[0] == "ValueError: the setting DATABASE_URL is missing"
    assert "DATABASE_URL" not in finding.cause
    assert finding.confidence == "high"
    assert "exit code" not in str(finding.evidence), "the sentence says it"


def test_an_end_is_as_sure_as_its_log_and_its_neighbours_leave_it() -> None:
    def confidence(lines: tuple[str, ...], *others: ContainerState) -> str:
        ended = (ContainerState("Main", "STOPPED", exit_code=1), *others)
        facts = situation(exited(containers=ended), deployment=failed_deployment(), logs={1: lines} if lines else {})
        return first(facts).confidence

    def cause(*others: ContainerState) -> str:
        ended = (ContainerState("Main", "STOPPED", exit_code=1), *others)
        return first(situation(exited(containers=ended), deployment=failed_deployment(), logs={1: CRASH})).cause

    other = ContainerState("Proxy", "STOPPED", exit_code=2)
    assert cause().endswith("exited with code 1.")
    assert cause(other).endswith(" (in the same task ended Proxy with code 2).")
    assert confidence(CRASH) == "high"
    assert confidence(()) == "medium"
    assert confidence(CRASH, other) == "medium"
    assert confidence((), other) == "medium"


def test_an_empty_log_is_told_apart_from_one_that_could_not_be_read() -> None:
    empty = situation(exited(), deployment=failed_deployment())
    unread = replace(empty, gaps=("logs: not authorized",))
    assert "its log is empty" in first(empty).cause
    assert "could not be read" in first(unread).cause


def test_an_exec_format_error_is_more_likely_the_architecture_than_a_script() -> None:
    log = {1: ("exec /usr/local/bin/app: exec format error",)}
    finding = first(situation(exited(), deployment=failed_deployment(), logs=log))
    assert (finding.code, finding.confidence) == ("wrong_architecture", "medium")
    assert "#!" in finding.cause


def test_a_script_that_has_the_wrong_format_more_likely_names_no_interpreter() -> None:
    log = {1: ("exec /e.sh: exec format error",)}
    finding = first(situation(exited(), deployment=failed_deployment(), logs=log))
    assert (finding.code, finding.confidence) == ("script_without_interpreter", "medium")
    assert "another processor architecture" in finding.cause


@pytest.mark.parametrize(
    ("code", "line"),
    [
        (1, "exec /e.sh: no such file or directory"),
        (255, "exec /e.sh: no such file or directory"),
        (1, "standard_init_linux.go:228: exec user process caused: no such file or directory"),
        (1, 'exec user process caused "no such file or directory"'),
        (126, "/bin/bash: line 1: /app/run: /bin/zsh^M: bad interpreter: No such file or directory"),
        (127, "bash: line 1: /app/run: cannot execute: required file not found"),
    ],
)
def test_a_program_that_is_there_and_cannot_be_run_lacks_its_interpreter(code: int, line: str) -> None:
    facts = situation(exited(exit_code=code), deployment=failed_deployment(), logs={1: (line,)})
    finding = first(facts)
    assert (finding.code, finding.confidence) == ("interpreter_missing", "high")
    assert finding.evidence == (line,)


@pytest.mark.parametrize(
    "line",
    [
        "panic: open /etc/app.toml: no such file or directory",
        "Error: exec /opt/tool: no such file or directory",
        "fork/exec /opt/tool: no such file or directory",
    ],
)
def test_a_file_that_the_application_misses_is_no_missing_interpreter(line: str) -> None:
    assert first(situation(exited(), deployment=failed_deployment(), logs={1: (line,)})).code == "container_exited"


@pytest.mark.parametrize(
    ("line", "confidence"),
    [
        ("standard_init_linux.go:228: exec user process caused: exec format error", "medium"),
        ('exec user process caused "exec format error"', "medium"),
        ("/entrypoint.sh: line 3: /app/server: cannot execute binary file: Exec format error", "high"),
        ("/bin/sh: 1: /app/server: Exec format error", "medium"),
    ],
)
def test_a_shell_or_runtime_that_ends_with_it_could_not_start_the_program(line: str, confidence: str) -> None:
    facts = situation(exited(exit_code=126), deployment=failed_deployment(), logs={1: ("starting", line)})
    finding = first(facts)
    assert (finding.code, finding.confidence) == ("wrong_architecture", confidence)


@pytest.mark.parametrize(
    "lines",
    [
        ("plugin: exec format error in optional codec, skipped", "KeyError: 'X'"),
        ("exec /opt/codec: exec format error", "KeyError: 'X'"),
        ("plugin codec: exec format error",),
    ],
)
def test_a_plugin_of_another_format_is_not_the_images_architecture(lines: tuple[str, ...]) -> None:
    finding = first(situation(exited(), deployment=failed_deployment(), logs={1: lines}))
    assert finding.code == "container_exited"


class TestTheRuntimesOwnLimit:
    @pytest.mark.parametrize(
        ("exit_code", "line", "words"),
        [
            (134, "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory", "Node.js"),
            (3, "java.lang.OutOfMemoryError: Metaspace", "Metaspace"),
            (3, "Terminating due to java.lang.OutOfMemoryError: Java heap space", "Java reached its own heap limit"),
            (1, 'Exception in thread "main" java.lang.OutOfMemoryError: Java heap space', "own heap limit"),
            (255, "PHP Fatal error:  Allowed memory size of 134217728 bytes exhausted (tried to", "memory_limit"),
            (1, "MemoryError", "not given"),
            (2, "fatal error: runtime: out of memory", "not given"),
        ],
    )
    def test_is_told_as_what_it_is(self, exit_code: int, line: str, words: str) -> None:
        log = {1: ("starting", line)}
        finding = first(situation(exited(exit_code=exit_code), deployment=failed_deployment(), logs=log))
        assert finding.code == "out_of_memory"
        assert words in finding.cause
        assert f"exit code {exit_code}" in finding.cause
        assert "ECS did not kill it" in finding.cause
        assert "the task's memory" not in finding.cause

    @pytest.mark.parametrize(
        "lines",
        [
            ("INFO retry policy: MemoryError, TimeoutError are retried", "ValueError: PORT must be a number"),
            ("ValueError: PORT must be a number", "INFO retry policy: MemoryError, TimeoutError are retried"),
            ("MemoryError", "ValueError: PORT must be a number"),
            ("retried after OutOfMemoryError: Metaspace", "KeyError: 'X'"),
        ],
    )
    @pytest.mark.parametrize("exit_code", [1, 137])
    def test_is_not_concluded_from_a_line_that_is_not_the_end(self, lines: tuple[str, ...], exit_code: int) -> None:
        finding = first(situation(exited(exit_code=exit_code), deployment=failed_deployment(), logs={1: lines}))
        assert finding.code == ("container_exited" if exit_code == 1 else "container_killed")

    def test_is_no_reason_of_a_container_that_ended_well(self) -> None:
        log = {1: ("MemoryError",)}
        assert first(situation(exited(exit_code=0), deployment=failed_deployment(), logs=log)).code == (
            "container_finished"
        )


class TestExitCode137:
    def test_with_ecs_saying_so_it_is_the_tasks_memory(self) -> None:
        killed = exited(exit_code=137, reason="OutOfMemoryError: Container killed due to memory usage")
        finding = first(situation(killed, deployment=failed_deployment()))
        assert finding.code == "out_of_memory"
        assert "512 MiB" in finding.cause
        assert finding.confidence == "high"

    def test_with_a_limit_of_the_container_below_the_tasks_it_is_that_limit(self) -> None:
        killed = exited(exit_code=137, reason="OutOfMemoryError: Container killed due to memory usage")
        finding = first(situation(killed, deployment=failed_deployment(), container={"memory_mib": 128}))
        assert finding.code == "container_memory_limit"
        assert "128 MiB of the task's 512 MiB" in finding.cause

    def test_a_limit_of_the_container_that_is_the_tasks_size_or_more_is_not_what_it_met(self) -> None:
        killed = exited(exit_code=137, reason="OutOfMemoryError: Container killed due to memory usage")
        for own in (512, 1024, 0):
            facts = situation(killed, deployment=failed_deployment(), container={"memory_mib": own})
            assert first(facts).code == "out_of_memory"

    def test_a_limit_of_the_container_is_told_also_where_the_tasks_size_is_not_known(self) -> None:
        killed = exited(exit_code=137, reason="OutOfMemoryError: Container killed due to memory usage")
        facts = situation(killed, deployment=failed_deployment(), container={"memory_mib": 128})
        definition = facts.deployment.definition
        assert definition is not None
        facts = replace(facts, deployment=replace(facts.deployment, definition=replace(definition, memory_mib=0)))
        assert first(facts).code == "container_memory_limit"
        assert first(facts).cause.endswith("at its own memory limit: 128 MiB.")

    def test_with_the_log_saying_so_it_is_memory_with_less_confidence(self) -> None:
        log = {1: ("FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory",)}
        finding = first(situation(exited(exit_code=137), deployment=failed_deployment(), logs=log))
        assert (finding.code, finding.confidence) == ("out_of_memory", "medium")

    def test_with_nobody_saying_why_it_is_a_kill_of_unknown_reason(self) -> None:
        finding = first(situation(exited(exit_code=137), deployment=failed_deployment(), logs={1: ("working",)}))
        assert (finding.code, finding.confidence) == ("container_killed", "medium")

    def test_of_a_task_that_ecs_stopped_it_is_a_container_that_ignored_sigterm(self) -> None:
        stopped = exited(
            2, exit_code=137, stop_code="ServiceSchedulerInitiated", stopped_reason="Scaling activity initiated"
        )
        facts = situation(task(1), stopped, container={"stop_timeout_seconds": 45})
        (finding,) = [one for one in [first(facts)] if one.code == "killed_at_stop"]
        assert finding.severity == "warning"
        assert "45 s" in finding.cause
        assert codes(facts) == ["killed_at_stop"]

    def test_after_a_failed_health_check_the_health_check_is_the_cause(self) -> None:
        stopped = exited(
            exit_code=137,
            stop_code="ServiceSchedulerInitiated",
            stopped_reason="Task failed ELB health checks in (target-group x)",
        )
        assert first(situation(stopped, deployment=failed_deployment(), targets=())).code == "health_check_failed"

    @pytest.mark.parametrize(("own", "said"), [(128, "It has 128 MiB."), (0, "It has 512 MiB.")])
    def test_a_kill_of_unknown_reason_tells_the_limit_that_the_container_has(self, own: int, said: str) -> None:
        facts = situation(exited(exit_code=137), deployment=failed_deployment(), container={"memory_mib": own})
        assert first(facts).cause.endswith(said)

    def test_a_kill_of_unknown_reason_tells_no_limit_that_is_not_known(self) -> None:
        facts = situation(exited(exit_code=137), deployment=failed_deployment(), definition=None)
        assert "MiB" not in first(facts).cause


class TestCrashLoop:
    def test_several_crashes_in_a_row_are_a_loop_beside_the_exception_which_is_told_once(self) -> None:
        facts = situation(exited(1), exited(2), exited(3), deployment=failed_deployment(), logs={3: CRASH})
        end, loop, *_ = service_findings(facts)
        assert (end.code, loop.code) == ("container_exited", "crash_loop")
        assert end.evidence == (CRASH[-1], "starting")
        assert loop.evidence == ()
        assert "3 tasks" in loop.cause
        assert "within 10 s" in loop.cause

    def test_what_the_newest_says_otherwise_is_the_loops_own_evidence(self) -> None:
        logs = {1: CRASH, 3: ("starting", "OSError: the disk is full")}
        loop = service_findings(situation(exited(1), exited(2), exited(3), deployment=failed_deployment(), logs=logs))[
            1
        ]
        assert loop.evidence == ("OSError: the disk is full",)

    @pytest.mark.parametrize(
        ("status", "restored", "ends", "severity"),
        [
            ("IN_PROGRESS", False, "ECS keeps starting new ones", "critical"),
            ("ROLLBACK_IN_PROGRESS", False, "the deployment is being rolled back", "critical"),
            ("ROLLBACK_SUCCESSFUL", True, "until the deployment was rolled back", "warning"),
            ("ROLLBACK_FAILED", False, "until the deployment failed", "critical"),
            ("STOPPED", False, "until the deployment was stopped", "critical"),
        ],
    )
    def test_ecs_is_said_to_go_on_only_while_it_does(
        self, status: str, restored: bool, ends: str, severity: str
    ) -> None:
        deployment = failed_deployment(status=status, finished_at=NOW)
        facts = replace(situation(exited(1), exited(2), exited(3), deployment=deployment), restored=restored)
        loop = next(one for one in service_findings(facts) if one.code == "crash_loop")
        assert loop.cause.endswith(f"{ends}.")
        assert ("keeps starting" in loop.cause) == (status == "IN_PROGRESS")
        assert loop.severity == severity

    def test_a_loop_is_as_sure_as_something_is_told_of_it(self) -> None:
        def loop(logs: dict[int, tuple[str, ...]]) -> Finding:
            facts = situation(exited(1), exited(2), exited(3), deployment=failed_deployment(), logs=logs)
            return next(one for one in service_findings(facts) if one.code == "crash_loop")

        assert loop({}).confidence == "medium"
        assert loop({1: CRASH}).confidence == "high"  # told by one of them, not by the newest
        assert loop({3: CRASH}).confidence == "high"
        assert loop({3: ("exec /app/start: exec format error",)}).confidence == "medium"

    def test_one_crash_is_none(self) -> None:
        assert "crash_loop" not in codes(situation(exited(1), deployment=failed_deployment()))

    def test_as_many_crashes_as_tasks_are_wanted_are_none(self) -> None:
        facts = situation(exited(1), exited(2), deployment=failed_deployment(), service={"desired_count": 2})
        assert "crash_loop" not in codes(facts)

    def test_crashes_before_one_that_stays_up_are_none(self) -> None:
        assert "crash_loop" not in codes(situation(exited(1), exited(2), task(3)))

    def test_tasks_that_never_started_are_none(self) -> None:
        pull = ContainerState("Main", "STOPPED", reason="CannotPullContainerError: manifest unknown")
        tasks = [exited(n, stop_code="TaskFailedToStart", containers=(pull,)) for n in (1, 2, 3)]
        assert codes(situation(*tasks, deployment=failed_deployment()))[0] == "image_not_found"
        assert "crash_loop" not in codes(situation(*tasks, deployment=failed_deployment()))


def test_a_crash_within_the_hour_is_a_warning_while_the_service_serves() -> None:
    facts = situation(exited(1), task(2), logs={1: CRASH})
    assert [(one.code, one.severity) for one in service_findings(facts)] == [("container_exited", "warning")]


def test_of_a_crash_loop_that_was_scaled_to_zero_no_new_tasks_are_told() -> None:
    facts = situation(*(exited(number) for number in range(1, 5)), service={"desired_count": 0})
    (loop,) = [one for one in service_findings(facts) if one.code == "crash_loop"]
    assert loop.cause.endswith("with exit code 1.")


@pytest.mark.parametrize(
    ("desired", "running", "severity"), [(1, 1, "info"), (3, 1, "warning"), (1, 0, "critical"), (2, 0, "critical")]
)
def test_spot_capacity_that_was_taken_back_is_no_fault_of_the_application(
    desired: int, running: int, severity: str
) -> None:
    reason = "Your Spot Task was interrupted."
    taken = exited(2, exit_code=137, stop_code="SpotInterruption", stopped_reason=reason)
    facts = situation(taken, *([task(3)] * running), service={"desired_count": desired, "running_count": running})
    (finding,) = service_findings(facts)
    assert (finding.code, finding.severity, finding.evidence) == ("spot_interrupted", severity, (reason,))


def test_spot_capacity_that_was_taken_back_from_all_tasks_is_critical_whatever_the_service_counts() -> None:
    taken = exited(2, exit_code=143, stop_code="SpotInterruption")
    (finding,) = service_findings(situation(taken, service={"running_count": 1}, targets=()))
    assert (finding.code, finding.severity) == ("spot_interrupted", "critical")
