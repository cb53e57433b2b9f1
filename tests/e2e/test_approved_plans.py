"""An approved plan on the embedded AWS, while a colleague deploys the same app from another machine."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from expressway.aws.session import open_session
from expressway.core.progress import Progress
from expressway.errors import ExpresswayError, RefusedError
from expressway.toolkit import AppSource, Toolkit
from tests.e2e.loaded_tools import LoadedTools
from tests.e2e.test_what_deployments_find import source

if TYPE_CHECKING:
    from expressway_sandbox.lifecycle import SandboxInfo

pytestmark = [pytest.mark.sandbox, pytest.mark.engine]

NAME = "shared-app"
STACK = f"{NAME}-express-service"


@pytest.fixture
def toolkits(
    embedded_aws: "SandboxInfo", engine_host: str, tools: LoadedTools, tmp_path: Path
) -> tuple[Toolkit, Toolkit]:
    """Two people's, each with a state directory of their own."""
    url = embedded_aws.endpoint_url
    return tools.toolkit(url, engine_host, tmp_path / "mine"), tools.toolkit(url, engine_host, tmp_path / "theirs")


@pytest.fixture
def cloudformation(embedded_aws: "SandboxInfo") -> Any:
    return open_session(sandbox_url=embedded_aws.endpoint_url).client("cloudformation")


def version(folder: Path, engine_host: str, content: str, **more: Any) -> AppSource:
    git = folder / ".git"
    git.mkdir(parents=True, exist_ok=True)
    (git / "config").write_text(f'[remote "origin"]\nurl = https://git.example/team/{NAME}\n')  # a checkout like others
    app = source(folder, NAME, engine_host, **more)
    with (folder / "app" / "Dockerfile").open("a") as dockerfile:
        dockerfile.write(f"LABEL version={content}\n")
    return app


def deployed_properties(cloudformation: Any) -> dict[str, Any]:
    body = cloudformation.get_template(StackName=STACK)["TemplateBody"]
    document = body if isinstance(body, dict) else json.loads(body)
    return document["Resources"]["Service"]["Properties"]


def test_what_a_colleague_deploys_during_the_build_is_not_undone_by_a_plan_that_did_not_show_it(
    toolkits: tuple[Toolkit, Toolkit], cloudformation: Any, tmp_path: Path, engine_host: str
) -> None:
    mine, theirs = toolkits
    first = version(tmp_path / "first", engine_host, "one", environment={"GREETING": "one"})
    mine.deploy(first)

    app = version(tmp_path / "next", engine_host, "three", environment={"GREETING": "three"})
    bigger = version(
        tmp_path / "bigger", engine_host, "one", environment={"GREETING": "one"}, cpu=1024, memory_mib=2048
    )
    plan = mine.diff(app)
    shown = {item.path for stack in plan.stacks for one in stack.resources for item in one.properties}
    assert shown == {"PrimaryContainer.Environment.GREETING.Value", "PrimaryContainer.Image"}
    assert all(item.before != item.after for stack in plan.stacks for one in stack.resources for item in one.properties)
    meanwhile: list[str] = []

    def during_the_build(progress: Progress) -> None:
        if progress.phase == "build" and not meanwhile:
            meanwhile.append("begun")
            meanwhile.append(theirs.deploy(bigger).status)

    with pytest.raises(RefusedError) as refused:
        mine.deploy(app, approved_plan=plan.digest, progress=during_the_build)
    assert meanwhile == ["begun", "deployed"]
    assert refused.value.code == "plan_changed"
    assert refused.value.details["changed"] == ["Service.Cpu", "Service.Memory"]
    standing = deployed_properties(cloudformation)
    assert (standing["Cpu"], standing["Memory"]) == ("1024", "2048")
    left = cloudformation.list_change_sets(StackName=STACK)["Summaries"]
    assert [one for one in left if one["ExecutionStatus"] == "AVAILABLE"] == []

    again = mine.diff(app)
    paths = {item.path for stack in again.stacks for one in stack.resources for item in one.properties}
    assert {"Cpu", "Memory"} <= paths
    assert mine.deploy(app, approved_plan=again.digest).status == "deployed"
    assert mine.delete(NAME).errors == ()
    assert mine.leftovers(NAME) == ()


def test_a_plan_made_during_an_update_that_is_rolled_back_is_not_carried_out_afterwards(
    toolkits: tuple[Toolkit, Toolkit], cloudformation: Any, tmp_path: Path, engine_host: str
) -> None:
    mine, theirs = toolkits
    app = version(tmp_path / "first", engine_host, "one", environment={"GREETING": "a"})
    mine.deploy(app)
    broken = AppSource(
        app.definition.model_copy(
            update={"environment": {"GREETING": "b"}, "command": ("sh", "-c", "sleep 10; exit 1")}
        ),
        app.base_dir,
    )
    wanted = AppSource(app.definition.model_copy(update={"environment": {"GREETING": "c"}}), app.base_dir)
    mine.synth(wanted)

    with ThreadPoolExecutor(1) as colleague:
        failing = colleague.submit(theirs.deploy, broken)
        while cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]["StackStatus"] != "UPDATE_IN_PROGRESS":
            assert not failing.done()
            time.sleep(0.05)
        plan = mine.diff(wanted)
        greeting = [
            (item.before, item.after)
            for stack in plan.stacks
            for one in stack.resources
            for item in one.properties
            if "GREETING" in item.path
        ]
        assert greeting == [("b", "c")]
        with pytest.raises(RefusedError) as refused:
            mine.deploy(wanted, approved_plan=plan.digest)
        assert isinstance(failing.exception(), ExpresswayError)
    assert refused.value.code == "plan_changed"
    assert "Service.PrimaryContainer.Environment.GREETING.Value" in refused.value.details["changed"]
    environment = deployed_properties(cloudformation)["PrimaryContainer"]["Environment"]
    assert environment == [{"Name": "GREETING", "Value": "a"}]
    assert mine.delete(NAME).errors == ()
