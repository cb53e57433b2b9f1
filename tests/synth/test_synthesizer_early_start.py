"""A kernel that is started early is used by the first who synthesizes, and never left behind."""

from collections.abc import Callable, Generator
from pathlib import Path

import psutil
import pytest

from expressway.app.definition import AppDefinition
from expressway.synth.cache import TemplateCache
from expressway.synth.kernel.process import KernelProcess
from expressway.synth.synthesizer import Synthesizer, start_early, take_early

pytestmark = pytest.mark.process

APP = AppDefinition.model_validate({"name": "hello", "image": "busybox"})
Start = Callable[[], None]


@pytest.fixture
def definition_file(tmp_path: Path) -> Path:
    file = tmp_path / "expressway.yaml"
    file.write_text("name: hello\nimage: busybox\n")
    return file


@pytest.fixture
def start(definition_file: Path, tmp_path: Path) -> Generator[Start]:
    """Start a kernel early for the definition, next to an empty cache; none may wait at the end."""
    yield lambda: start_early(definition_file, tmp_path / "cache")
    left = take_early()
    if left is not None:
        left.close()
    assert left is None


def kernels() -> set[int]:
    """The processes of kernels that this process started."""
    return {each.pid for each in psutil.Process().children() if "expressway.synth.kernel.worker" in words_of(each)}


def words_of(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def test_the_first_synthesizer_that_needs_a_kernel_uses_the_one_that_loads_already(start: Start) -> None:
    before = kernels()
    start()
    start()
    loading = kernels() - before
    assert len(loading) == 1, "one is enough"
    with Synthesizer() as synthesizer:
        synthesizer.synthesize(APP)
        assert {synthesizer.kernel_pid} == loading
        assert kernels() - before == loading


def test_a_kernel_that_nobody_needed_ends_with_the_synthesizer(start: Start) -> None:
    before = kernels()
    start()
    assert kernels() - before
    with Synthesizer():
        pass
    assert kernels() <= before


def test_no_kernel_is_started_for_what_is_missing_or_was_synthesized_since(start: Start, tmp_path: Path) -> None:
    before, cache = kernels(), tmp_path / "cache"
    start_early(tmp_path / "missing.yaml", cache)
    assert kernels() <= before
    with Synthesizer() as synthesizer:
        TemplateCache(cache).put(APP, synthesizer.synthesize(APP))
    start()
    assert kernels() <= before


def test_a_kernel_that_still_loads_is_killed_instead_of_waited_for() -> None:
    before = kernels()
    kernel = KernelProcess.start()
    process = psutil.Process((kernels() - before).pop())
    process.suspend()  # this one would never end by itself
    kernel.close()
    assert not process.is_running()
