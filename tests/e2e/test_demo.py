"""The demo holds, step by step, for the example without dependencies."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HELLO = Path(__file__).parents[2] / "examples" / "hello"


@pytest.mark.timeout(600)
def test_every_step_of_the_demo_holds(base_images: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "expressway", "demo", str(HELLO), "--json"],
        capture_output=True,
        text=True,
        env={**os.environ, "DOCKER_HOST": base_images},
        timeout=540,
    )
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["held"] is True
    assert [step["held"] for step in document["steps"]] == [True] * 8
    assert document["steps"][-1]["name"] == "Delete the app; nothing is left"
    assert all(f"{number}/8 {step['name']}" in done.stderr for number, step in enumerate(document["steps"], start=1))
    assert "unchanged after " in done.stderr
    assert "Every step held" in done.stderr
