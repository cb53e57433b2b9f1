"""What every test may ask for: a container engine, its base images, the embedded AWS, a fresh place for state."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from expressway.sandbox.lifecycle import SandboxInfo

MAY_INSTALL = os.environ.get("EXPRESSWAY_INSTALL") == "1"
"""Set by ``make test``: Debian packages for a private container engine may be installed where none answers."""

# The same examples everywhere and at every load: a test that fails, fails again.
settings.register_profile("house", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")


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

    engine = provide_engine(install=MAY_INSTALL)
    yield engine.docker_host
    engine.close()


@pytest.fixture(scope="session")
def base_images(engine_host: str) -> str:
    """The engine's address, once it holds the images that the examples are built from."""
    from expressway.sandbox.base_images import seed_base_images

    seed_base_images(engine_host, install=MAY_INSTALL)
    return engine_host


@pytest.fixture(scope="session")
def embedded_aws(engine_host: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator["SandboxInfo"]:
    """One embedded AWS for all tests that do not need one of their own; they use different app names."""
    from expressway.sandbox.lifecycle import start, stop

    state_dir = tmp_path_factory.mktemp("sandbox")
    info = start(state_dir=state_dir, docker_host=engine_host)
    yield info
    stop(state_dir)
