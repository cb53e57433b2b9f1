"""What every test may ask for: a container engine and a fresh place for state."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def isolated_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test reads the developer's AWS configuration or writes outside its own directory."""
    for name in list(os.environ):
        if name.startswith(("AWS_", "EXPRESSWAY_", "ALLOW_")) and name != "AWS_CA_BUNDLE":
            monkeypatch.delenv(name)
    monkeypatch.setenv("EXPRESSWAY_HOME", str(tmp_path / "expressway-home"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "aws-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "aws-credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture(scope="session")
def engine_host() -> Iterator[str]:
    """The address of a container engine, in the form of DOCKER_HOST; a private one is started where there is none."""
    from expressway.sandbox.private_engine import provide_engine

    engine = provide_engine()
    yield engine.docker_host
    engine.close()
