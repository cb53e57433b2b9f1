"""What every test may ask for: a container engine, its base images, the embedded AWS, a fresh place for state."""

import gc
import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from tests.shared import provide_images, shared_engine, shared_sandbox, stop_left_sandboxes, stop_unused_engine

if TYPE_CHECKING:
    from expressway_sandbox.lifecycle import SandboxInfo

# The same examples everywhere and at every load: a test that fails, fails again.
settings.register_profile("house", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")
_NUMBERS = itertools.count()


@pytest.fixture(autouse=True)
def isolated_environment(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """No test reads the developer's AWS configuration or writes outside its own directory.

    Of a test that does not ask for its directory only the name is made: most of 10,000 write nothing.
    """
    if "tmp_path" in request.fixturenames:
        folder: Path = request.getfixturevalue("tmp_path")
    else:
        folder = tmp_path_factory.getbasetemp() / f"unasked-{next(_NUMBERS)}"
    for name in list(os.environ):
        if name.startswith(("AWS_", "EXPRESSWAY_", "ALLOW_")) and name != "AWS_CA_BUNDLE":
            monkeypatch.delenv(name)
    monkeypatch.setenv("EXPRESSWAY_HOME", str(folder / "expressway-home"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(folder / "aws-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(folder / "aws-credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture(scope="session")
def engine_host() -> Iterator[str]:
    """The address of a container engine, in the form of DOCKER_HOST; a private one is started where there is none."""
    with shared_engine() as docker_host:
        yield docker_host


@pytest.fixture(scope="session")
def base_images(engine_host: str) -> str:
    """The engine's address, once it holds the images that the examples are built from."""
    provide_images(engine_host)
    return engine_host


@pytest.fixture(scope="session")
def busybox_image(engine_host: str) -> str:
    """The smallest of the base images, which the engine holds."""
    from expressway_sandbox.base_images.seed import BUSYBOX_IMAGE

    provide_images(engine_host, [BUSYBOX_IMAGE])
    return BUSYBOX_IMAGE


@pytest.fixture(scope="session")
def embedded_aws(engine_host: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator["SandboxInfo"]:
    """One embedded AWS for all tests of a process that do not need one of their own; they use different app names."""
    with shared_sandbox(tmp_path_factory.mktemp("sandbox"), engine_host) as info:
        yield info


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what uses an engine; several workers begin with the files that take longest, so that all end together."""
    for item in items:
        if "engine_host" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.engine)
    if hasattr(config, "workerinput"):
        turns: dict[Path, int] = {}
        for item in items:
            turns[item.path] = min(turns.get(item.path, len(_LONGEST_FIRST)), _turn(item))
        items.sort(key=lambda item: turns[item.path])


def pytest_collection_finish() -> None:
    """Let the garbage collector pass over the collected tests, which stay until the end."""
    gc.freeze()


_LONGEST_FIRST = ("timeout", "engine", "sandbox", "process")
"""Marks: files with a time limit of their own need it."""


def _turn(item: pytest.Item) -> int:
    marked = (turn for turn, name in enumerate(_LONGEST_FIRST) if item.get_closest_marker(name))
    return next(marked, len(_LONGEST_FIRST))


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop what workers left that were killed."""
    if not hasattr(config, "workerinput") and config.pluginmanager.has_plugin("dsession"):
        stop_left_sandboxes()
        stop_unused_engine()
