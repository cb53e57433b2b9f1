"""Programs are found where PATH forgets them; packages are installed only as root, and a failure is told."""

import os
from pathlib import Path

import pytest

from expressway.core.progress import Progress
from expressway.errors import EngineError
from expressway_sandbox.base_images.debian import find_program, install_packages


@pytest.fixture
def apt_get(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A false apt-get that writes down what it is asked, and knows no package named ``missing``."""
    program = tmp_path / "apt-get"
    program.write_text(
        f"""#!/bin/sh
echo "$DEBIAN_FRONTEND $*" >>{tmp_path}/asked
case "$*" in *missing*) echo 'E: Unable to locate package missing' >&2; exit 100;; esac
"""
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return tmp_path / "asked"


def test_a_program_is_found_though_path_is_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert find_program("sh")
    assert find_program("no-such-program-anywhere") is None


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_packages_are_installed_without_questions_and_without_recommendations(apt_get: Path) -> None:
    told: list[Progress] = []
    install_packages(["docker.io", "iptables"], progress=told.append)
    update, install = apt_get.read_text().splitlines()
    assert "noninteractive" in update
    assert update.endswith("update -qq")
    assert install.endswith("install -y -qq --no-install-recommends docker.io iptables")
    assert [progress.message for progress in told] == ["installing docker.io, iptables"]


def test_a_package_that_cannot_be_installed_is_told_with_the_command(apt_get: Path) -> None:
    with pytest.raises(EngineError) as caught:
        install_packages(["missing"])
    assert caught.value.code == "package_install_failed"
    assert "apt-get install -y --no-install-recommends missing" in caught.value.hint
    if os.geteuid() == 0:
        assert "Unable to locate package missing" in caught.value.message
    else:
        assert "needs root" in caught.value.message
        assert not apt_get.exists()
