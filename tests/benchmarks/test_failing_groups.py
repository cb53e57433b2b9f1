"""A group that fails takes away nothing of what others measured, and leaves nothing running."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from benchmarks.__main__ import main
from benchmarks.commands import MeasurementFailed
from benchmarks.measure import Comparison, Row, Series
from benchmarks.workbench import Workbench

from expressway_sandbox.record import process_start

ROOT = Path(__file__).parents[2]
Part = Row | Comparison


def row(work: str) -> Row:
    return Row(work, Series("expressway", (0.25,)))


def good(_: Workbench) -> Iterator[Part]:
    yield row("the good one")


def half(_: Workbench) -> Iterator[Part]:
    yield row("before the failure")
    raise KeyError("busybox")


def refused(_: Workbench) -> Iterator[Part]:
    raise MeasurementFailed("cdk ended with status 1")


class Bench:
    """In place of a workbench: says whether it was taken down."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.is_up = False

    @contextmanager
    def __call__(self) -> Generator[Workbench]:
        if self.error is not None:
            raise self.error
        self.is_up = True
        try:
            yield cast(Any, self)
        finally:
            self.is_up = False


GROUPS: dict[str, Callable[[Workbench], Iterator[Part]]] = {"half": half, "refused": refused, "good": good}


def test_the_other_groups_are_measured_printed_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bench = Bench()
    assert main([], groups=GROUPS, bench=bench, results=tmp_path) == 1
    assert not bench.is_up
    told = capsys.readouterr()
    assert "before the failure" in told.out
    assert "the good one" in told.out
    assert "not measured: half: KeyError('busybox')" in told.out
    assert "not measured: refused: cdk ended with status 1" in told.out
    assert "in half" in told.err  # the traceback of what nobody foresaw
    document = json.loads((tmp_path / "latest.json").read_text())
    assert [one["work"] for one in document["rows"]] == ["before the failure", "the good one"]
    assert [one.partition(":")[0] for one in document["failures"]] == ["half", "refused"]


def test_a_groups_rows_are_printed_and_written_before_the_next_is_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: list[str] = []

    def looks(_: Workbench) -> Iterator[Part]:
        seen.append(capsys.readouterr().out)
        seen.append((tmp_path / "latest.md").read_text())
        yield row("the last")

    assert main([], groups={"good": good, "looks": looks}, bench=Bench(), results=tmp_path) == 0
    assert ["the good one" in text for text in seen] == [True, True]


def test_a_set_up_that_fails_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([], groups=GROUPS, bench=Bench(OSError("no space left")), results=tmp_path) == 1
    assert "not measured: set-up and cleaning up: OSError('no space left')" in capsys.readouterr().out


def test_an_interrupted_run_keeps_what_it_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(_: Workbench) -> Iterator[Part]:
        yield row("before Ctrl-C")
        raise KeyboardInterrupt

    bench = Bench()
    with pytest.raises(KeyboardInterrupt):
        main([], groups={"interrupted": interrupted, "good": good}, bench=bench, results=tmp_path)
    assert not bench.is_up
    assert "before Ctrl-C" in capsys.readouterr().out
    assert "before Ctrl-C" in (tmp_path / "latest.md").read_text()


_SCRIPT = """
import sys, time
from pathlib import Path
from benchmarks.__main__ import main
from expressway.cli.signals import end_on_signals

def broken(bench):
    import docker
    client = docker.DockerClient(base_url=bench.docker_host)
    client.images.get("public.ecr.aws/docker/library/busybox:stable")
    print("busybox is there", flush=True)
    raise RuntimeError("injected")
    yield

def waits(bench):
    print("waiting", bench.sandbox.pid, bench.folder, flush=True)
    time.sleep(600)
    yield

end_on_signals()
sys.exit(main([], groups={"broken": broken, "waits": waits}, results=Path(sys.argv[1])))
"""


@pytest.mark.engine
@pytest.mark.sandbox
def test_a_real_workbench_is_taken_down_after_a_failure_and_a_signal(base_images: str, tmp_path: Path) -> None:
    environment = {**os.environ, "DOCKER_HOST": base_images, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-c", _SCRIPT, str(tmp_path / "results")],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdout is not None
        told = iter(running.stdout.readline, "")
        before = list(_until(told, "waiting"))
        assert before[0] == "busybox is there\n"
        _, pid, folder = before[-1].split()
        assert process_start(int(pid)) is not None
        running.send_signal(signal.SIGTERM)
        _, errors = running.communicate(timeout=120)
    assert running.returncode == 128 + signal.SIGTERM, errors
    assert process_start(int(pid)) is None
    assert not Path(folder).exists()
    failures = json.loads((tmp_path / "results" / "latest.json").read_text())["failures"]
    assert [one.partition(":")[0] for one in failures] == ["broken", "waits"]


def _until(lines: Iterator[str], word: str) -> Iterator[str]:
    for line in lines:
        yield line
        if line.startswith(word):
            return
