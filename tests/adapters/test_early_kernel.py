"""A kernel that is started early is used by the first who synthesizes, and never left behind."""

from collections.abc import Generator
from pathlib import Path

import pytest

from expressway.adapters.early_kernel import start_early, take_early
from expressway.adapters.kernel_process import KernelProcess
from expressway.adapters.synthesizer import Synthesizer
from expressway.adapters.template_cache import TemplateCache
from expressway.model.definition import AppDefinition


@pytest.fixture
def definition_file(tmp_path: Path) -> Path:
    file = tmp_path / "expressway.yaml"
    file.write_text("name: hello\nimage: busybox\n")
    return file


@pytest.fixture(autouse=True)
def nothing_waits() -> Generator[None]:
    yield
    left = take_early()
    if left is not None:
        left.close()
    assert left is None


def test_the_first_synthesizer_that_needs_a_kernel_uses_the_one_that_loads_already(
    definition_file: Path, tmp_path: Path
) -> None:
    start_early(definition_file, tmp_path / "cache")
    start_early(definition_file, tmp_path / "cache")
    waiting = take_early()
    assert waiting is not None
    assert take_early() is None, "one kernel is enough"
    waiting.close()
    start_early(definition_file, tmp_path / "cache")
    with Synthesizer() as synthesizer:
        synthesizer.warm()
        assert take_early() is None
        assert synthesizer.kernel_pid is not None
        synthesizer.synthesize(AppDefinition.model_validate({"name": "hello", "image": "busybox"}))


def test_a_kernel_that_nobody_needed_ends_with_the_synthesizer(definition_file: Path, tmp_path: Path) -> None:
    start_early(definition_file, tmp_path / "cache")
    with Synthesizer():
        pass
    assert take_early() is None


def test_no_kernel_is_started_for_what_is_missing_or_was_synthesized_since(
    definition_file: Path, tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    start_early(tmp_path / "missing.yaml", cache)
    assert take_early() is None
    definition = AppDefinition.model_validate({"name": "hello", "image": "busybox"})
    with Synthesizer() as synthesizer:
        TemplateCache(cache).put(definition, synthesizer.synthesize(definition))
    start_early(definition_file, cache)
    assert take_early() is None


def test_a_kernel_that_still_loads_is_ended_without_waiting_for_it() -> None:
    kernel = KernelProcess.start()
    kernel.close()
    assert not kernel.alive
