"""What can be made anew is kept where it can be written, whatever the home is like."""

import os
import tempfile
from pathlib import Path

import pytest

from expressway.core.directories import cache_directory
from expressway.synth.kernel.jsii import prepare_environment
from expressway.synth.workers import worker_environment

UNWRITABLE = Path("/proc/nobody/writes/here")


def test_the_usual_folder_is_taken_where_it_can_be_written(tmp_path: Path) -> None:
    assert cache_directory({"EXPRESSWAY_HOME": str(tmp_path / "state")}, tmp_path / "usual") == tmp_path / "usual"


def test_else_the_state_directory_s_and_else_a_temporary_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cache_directory({"EXPRESSWAY_HOME": str(tmp_path)}, UNWRITABLE) == tmp_path / "cache"
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    lost = {"EXPRESSWAY_HOME": str(UNWRITABLE)}
    kept = cache_directory(lost, UNWRITABLE)
    assert kept == tmp_path / "temporary" / f"expressway-cache-{os.getuid()}"
    assert cache_directory(lost, UNWRITABLE) == kept, "the next process finds what this one kept"


def test_a_temporary_cache_that_is_a_link_is_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    shared = tmp_path / "temporary" / f"expressway-cache-{os.getuid()}"
    (tmp_path / "elsewhere").mkdir()
    shared.symlink_to(tmp_path / "elsewhere")
    assert cache_directory({"EXPRESSWAY_HOME": str(UNWRITABLE)}, UNWRITABLE) != shared


def test_the_cdk_and_compiled_modules_are_kept_beside_the_state_where_the_home_is_read_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith(("CDK_", "JSII_")) or name == "NODE_OPTIONS"]:
        monkeypatch.setenv(name, os.environ[name])
    for name in ("JSII_NODE", "JSII_RUNTIME", "JSII_DEPRECATED", "JSII_RUNTIME_PACKAGE_CACHE_ROOT", "NODE_OPTIONS"):
        monkeypatch.setenv(name, "")
    monkeypatch.delenv("JSII_RUNTIME_PACKAGE_CACHE_ROOT")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(UNWRITABLE))
    monkeypatch.setenv("EXPRESSWAY_HOME", str(tmp_path))
    (tmp_path / "runtime").mkdir()
    prepare_environment(tmp_path / "runtime")
    assert os.environ["JSII_RUNTIME_PACKAGE_CACHE_ROOT"] == str(tmp_path / "cache" / "jsii")
    assert worker_environment()["PYTHONPYCACHEPREFIX"] == str(tmp_path / "cache" / "bytecode")
    monkeypatch.delenv("JSII_RUNTIME_PACKAGE_CACHE_ROOT")
