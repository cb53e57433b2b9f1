"""The toolkit's own promises: whose definition is used, and that one app has one operation at a time."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from expressway.deploy.journal import Journal
from expressway.deploy.operation import OperationKind
from expressway.errors import DefinitionError, StillRunning
from expressway.toolkit import Toolkit, app_source

NOWHERE = "http://127.0.0.1:1"
"""A sandbox that nobody runs: what reaches it fails."""


@pytest.fixture
def toolkit(tmp_path: Path) -> Iterator[Toolkit]:
    with Toolkit(sandbox_url=NOWHERE, environ={"EXPRESSWAY_HOME": str(tmp_path / "home")}) as toolkit:
        yield toolkit


@pytest.fixture
def app(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "Dockerfile").write_text("FROM scratch\n")
    (folder / "expressway.yaml").write_text("name: shop\nbuild: {context: ., args: {WORD: given}}\n")
    return folder


def test_a_build_refuses_a_folder_whose_definition_is_another_apps(toolkit: Toolkit, app: Path) -> None:
    with pytest.raises(DefinitionError) as caught:
        toolkit.build("other", str(app))
    assert caught.value.code == "app_name_mismatch"
    assert "'other'" in caught.value.message
    assert "'shop'" in caught.value.message
    assert "'shop'" in caught.value.hint


def test_a_build_refuses_a_folder_whose_definition_is_wrong(toolkit: Toolkit, app: Path) -> None:
    (app / "expressway.yaml").write_text("name: shop\nbiuld: .\n")
    with pytest.raises(DefinitionError) as caught:
        toolkit.build("shop", str(app))
    assert caught.value.code == "invalid_definition"


@pytest.mark.parametrize("held", ["deploy", "delete", "build"])
def test_a_build_waits_its_turn(held: OperationKind, toolkit: Toolkit, app: Path, tmp_path: Path) -> None:
    journal = Journal(tmp_path / "home", toolkit.target)
    started: list[str] = []
    with journal.operation("shop", held) as operation, pytest.raises(StillRunning) as caught:
        toolkit.build("shop", str(app), on_started=started.append)
    assert (caught.value.code, caught.value.exit_code) == ("operation_running", 6)
    assert caught.value.details["operation_id"] == operation.current.operation_id
    assert started == []


def test_a_deployment_waits_for_a_build(toolkit: Toolkit, app: Path, tmp_path: Path) -> None:
    journal = Journal(tmp_path / "home", toolkit.target)
    with journal.operation("shop", "build"), pytest.raises(StillRunning) as caught:
        toolkit.deploy(app_source(app))
    assert caught.value.code == "operation_running"
