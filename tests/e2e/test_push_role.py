"""Pushing as the app's push/pull role, on the embedded AWS: it is assumed when the definition asks, and only then."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from expressway.image.engine.client import DockerEngine
from expressway.image.engine.discovery import EngineAddress
from expressway.toolkit import Toolkit
from expressway_sandbox.base_images.seed import BUSYBOX_IMAGE
from expressway_sandbox.lifecycle import SandboxInfo
from tests.e2e.loaded_tools import LoadedTools

pytestmark = [pytest.mark.sandbox, pytest.mark.engine]
APP = "push-role"
ROLE = f"arn:aws:iam::000000000000:role/{APP}-ecr-push-pull-role"


@pytest.fixture
def toolkit(base_images: str, embedded_aws: SandboxInfo, tools: LoadedTools, tmp_path: Path) -> Iterator[Toolkit]:
    toolkit = tools.toolkit(embedded_aws.endpoint_url, base_images, tmp_path / "home")
    yield toolkit
    toolkit.delete(APP)


def test_an_image_is_pushed_as_the_role_when_the_definition_asks_for_it(
    toolkit: Toolkit, base_images: str, tmp_path: Path
) -> None:
    app = tmp_path / "app"
    app.mkdir()
    (app / "Dockerfile").write_text(f"FROM {BUSYBOX_IMAGE}\nCOPY page /\n")
    (app / "page").write_text("one")
    assumed: list[Any] = []
    # The one place where the calls of a toolkit can be heard.
    sts = toolkit._wiring.session.client("sts")
    sts.meta.events.register(
        "provide-client-params.sts.AssumeRole",
        lambda params, **_: assumed.append((params["RoleArn"], params["RoleSessionName"])),
    )

    (app / "expressway.yaml").write_text(f"name: {APP}\nbuild: .\n")
    plain = toolkit.build(APP, str(app))
    assert assumed == []

    (app / "page").write_text("two")
    (app / "expressway.yaml").write_text(f"name: {APP}\nbuild: .\nrepository: {{push_through_role: true}}\n")
    through = toolkit.build(APP, str(app), "v1")
    assert through["image_tag"] == "v1"
    assert through["repository_uri"] == plain["repository_uri"]
    assert through["ecr_push_pull_role_arn"] == ROLE
    assert set(assumed) == {(ROLE, f"expressway-{APP}-root")}
    assert len(assumed) == 2, "once to push, once to set the tag"

    engine = DockerEngine(EngineAddress(base_images, "test"))
    assert len(engine.app_image_names(APP, repository_name=f"{APP}-repo")) >= 4
    deleted = toolkit.delete(APP)
    assert engine.app_image_names(APP, repository_name=f"{APP}-repo") == ()
    assert deleted.kept == ()
