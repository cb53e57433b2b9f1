"""The README's sample and a larger app pass type checkers as a user runs them, and synthesize."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from expressway_constructs.node import bundled_node

pytestmark = pytest.mark.process

ROOT = Path(__file__).resolve().parents[2]
LARGER = ROOT / "tests" / "expressway_constructs" / "typed" / "larger_app.py"


def readme_sample() -> str:
    """The only block of Python in the README that makes an app."""
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    (sample,) = [block for block in blocks if "ExpressGatewayService(" in block]
    return sample


@pytest.fixture(scope="module")
def apps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("typed")
    (folder / "readme_sample.py").write_text(readme_sample(), encoding="utf-8")
    (folder / "larger_app.py").write_text(LARGER.read_text(encoding="utf-8"), encoding="utf-8")
    return folder


def run(command: Sequence[str], folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=folder, env={**os.environ, **variables}, capture_output=True, text=True, timeout=280, check=False
    )


def test_pyright_accepts_the_apps_strictly(apps: Path) -> None:
    settings: dict[str, Any] = {"typeCheckingMode": "strict", "pythonVersion": "3.11"}
    (apps / "pyrightconfig.json").write_text(json.dumps(settings), encoding="utf-8")
    command = [sys.executable, "-m", "pyright", "--pythonpath", sys.executable, "--outputjson", "-p", str(apps)]
    done = run(command, apps)
    answer = json.loads(done.stdout)
    assert [problem["message"] for problem in answer["generalDiagnostics"]] == []
    assert answer["summary"]["filesAnalyzed"] == 2


@pytest.mark.timeout(300)
def test_mypy_accepts_the_apps(apps: Path) -> None:
    """Its cache is kept in the checkout: the CDK's stubs take it a minute, and seconds when it knows them."""
    command = [sys.executable, "-m", "mypy", "--cache-dir", str(ROOT / ".mypy_cache"), "readme_sample.py"]
    done = run([*command, "larger_app.py"], apps)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["readme_sample", "larger_app"])
def test_the_apps_synthesize(apps: Path, name: str) -> None:
    variables = {"JSII_NODE": str(bundled_node() or "node"), "CDK_VALIDATION": "false", "JSII_DEPRECATED": "quiet"}
    done = run([sys.executable, f"{name}.py"], apps, CDK_OUTDIR=str(apps / f"{name}.out"), **variables)
    assert done.returncode == 0, done.stderr
    assert (apps / f"{name}.out" / "Shop.template.json").is_file()


@pytest.mark.skipif(bundled_node() is None, reason="no bundled Node for this platform")
def test_the_readmes_sample_needs_no_node_on_the_path(apps: Path) -> None:
    done = run([sys.executable, "readme_sample.py"], apps, PATH=str(apps), JSII_NODE="", CDK_VALIDATION="false")
    assert done.returncode == 0, done.stderr
