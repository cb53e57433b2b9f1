"""Calls that work: what the toolkit is asked, and what comes back, in both protocol eras."""

import inspect
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mcp.types import ResourceLink

from expressway.core.progress import Progress
from expressway.deploy.deploy import DeployResult
from expressway.synth.lint.linter import LintFinding
from expressway.toolkit import AppSource, Toolkit
from tests.mcp.connections import ERAS, OPEN, Era, ProgressWatch, connected, error_shape, good_shape
from tests.mcp.fakes import URL, FakeToolkit, step, write_app


@pytest.mark.parametrize("era", ERAS)
async def test_synth_answers_with_a_summary_and_links_instead_of_whole_templates(era: Era, tmp_path: Path) -> None:
    finding = LintFinding("shop-express-service", "cfn-lint", "warning", "W1", "Resources/A", "look")
    async with connected(FakeToolkit(findings=(finding,)), era) as client:
        result = await client.call_tool("synth_app", {"app_path": str(write_app(tmp_path))})
    shape = good_shape(result)
    assert shape["app_name"] == "shop"
    assert [stack["stack_name"] for stack in shape["stacks"]] == ["shop-ecr-infrastructure", "shop-express-service"]
    assert [stack["resources"] for stack in shape["stacks"]] == [1, 2]
    assert shape["findings"][0]["rule"] == "W1"
    assert "templates" not in shape
    links = [block.uri for block in result.content if isinstance(block, ResourceLink)]
    assert links == [stack["uri"] for stack in shape["stacks"]]
    assert links[0] == "expressway://shop/templates/shop-ecr-infrastructure"


async def test_synth_gives_whole_templates_when_asked(tmp_path: Path) -> None:
    async with connected(FakeToolkit(), "auto") as client:
        result = await client.call_tool("synth_app", {"app_path": str(write_app(tmp_path)), "include_templates": True})
    assert good_shape(result)["templates"]["shop-express-service"] == {"Resources": {"A": {}, "B": {}}}


@pytest.mark.parametrize("era", ERAS)
async def test_synth_tells_what_a_value_may_have_been_meant_otherwise_only_when_there_is_any(
    era: Era, tmp_path: Path
) -> None:
    for warnings in ((), ("environment.A: told",)):
        async with connected(FakeToolkit(warnings=warnings), era) as client:
            shape = good_shape(await client.call_tool("synth_app", {"app_path": str(write_app(tmp_path))}))
        assert shape.get("warnings", []) == list(warnings)
        assert ("warnings" in shape) == bool(warnings)


async def test_many_findings_are_cut_and_counted(tmp_path: Path) -> None:
    findings = tuple(LintFinding("s", "cfn-lint", "info", f"I{number}", "", "m") for number in range(35))
    async with connected(FakeToolkit(findings=findings), "auto") as client:
        shape = good_shape(await client.call_tool("synth_app", {"app_path": str(write_app(tmp_path))}))
    assert len(shape["findings"]) == 30
    assert shape["findings_omitted"] == 5


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    "definition",
    [
        {"name": "inline", "image": "public.ecr.aws/docker/library/httpd:2.4"},
        "name: inline\nimage: public.ecr.aws/docker/library/httpd:2.4\n",
        '{"name": "inline", "image": "public.ecr.aws/docker/library/httpd:2.4"}',
    ],
)
async def test_a_definition_may_be_given_inline_as_object_yaml_or_json(
    era: Era, definition: object, tmp_path: Path
) -> None:
    toolkit = FakeToolkit()
    async with connected(toolkit, era) as client:
        shape = good_shape(
            await client.call_tool("diff_app", {"app_path": str(tmp_path), "definition": definition, "adopt": True})
        )
    assert shape["app_name"] == "inline"
    source, adopt, allow_replacement, rebuild = toolkit.calls[0][1]
    assert source.base_dir == tmp_path.resolve()
    assert (adopt, allow_replacement, rebuild) == (True, False, False)


async def test_a_plan_can_be_reviewed_as_it_would_be_deployed(tmp_path: Path) -> None:
    arguments = {"app_path": str(write_app(tmp_path)), "adopt": True, "allow_replacement": True, "rebuild": True}
    toolkit = FakeToolkit()
    async with connected(toolkit, "auto") as client:
        shape = good_shape(await client.call_tool("diff_app", arguments))
    assert shape["allows"] == ["adopt", "allow_replacement"]
    assert toolkit.calls[0][1][1:] == (True, True, True)


@pytest.mark.parametrize("wait_seconds", [0, 20])
async def test_deploying_names_its_target_while_it_runs_and_when_it_is_done(wait_seconds: int, tmp_path: Path) -> None:
    toolkit = FakeToolkit()
    if not wait_seconds:
        toolkit.go_on.clear()
    arguments = {"app_path": str(write_app(tmp_path)), "wait_seconds": wait_seconds}
    async with connected(toolkit, "auto", OPEN) as client:
        shape = good_shape(await client.call_tool("deploy_app", arguments))
        toolkit.go_on.set()
    assert shape["status"] == ("deployed" if wait_seconds else "running")
    assert shape["target"] == "AWS account 000000000000, us-east-1"


async def test_an_inline_definition_needs_a_folder_that_exists(tmp_path: Path) -> None:
    arguments = {"app_path": str(tmp_path / "absent"), "definition": "name: a\nimage: httpd:2\n"}
    async with connected(FakeToolkit(), "auto") as client:
        assert error_shape(await client.call_tool("diff_app", arguments))["code"] == "folder_missing"


@pytest.mark.parametrize("era", ERAS)
async def test_diff_answers_with_the_digest_that_deploy_takes(era: Era, tmp_path: Path) -> None:
    async with connected(FakeToolkit(), era) as client:
        shape = good_shape(await client.call_tool("diff_app", {"app_path": str(write_app(tmp_path))}))
    assert len(shape["plan_digest"]) == 16
    assert shape["nothing_to_do"] is True
    assert "image" not in shape, "null is left out, because the schema says object"


@pytest.mark.parametrize("era", ERAS)
async def test_deploy_hands_over_what_the_caller_allows(era: Era, tmp_path: Path) -> None:
    toolkit = FakeToolkit()
    options = {"approved_plan": "d1g35t", "adopt": True, "allow_replacement": True, "continue_rollback": True}
    options["rebuild"] = True
    async with connected(toolkit, era) as client:
        shape = good_shape(await client.call_tool("deploy_app", {"app_path": str(write_app(tmp_path)), **options}))
    assert toolkit.calls == [("deploy", ("d1g35t", True, True, True, True))]
    assert (shape["status"], shape["url"], shape["operation_id"]) == ("deployed", URL, "deploy-shop-1")


async def test_deploy_allows_nothing_that_was_not_asked(tmp_path: Path) -> None:
    toolkit = FakeToolkit()
    async with connected(toolkit, "auto") as client:
        await client.call_tool("deploy_app", {"app_path": str(write_app(tmp_path))})
    assert toolkit.calls == [("deploy", (None, False, False, False, False))]


@pytest.mark.parametrize("era", ERAS)
async def test_status_is_the_toolkits_own_shape(era: Era) -> None:
    shape = {
        "app_name": "shop",
        "status": "ready",
        "message": "It serves.",
        "url": URL,
        "tasks": {"desired": 1, "running": 1},
    }
    async with connected(FakeToolkit(status_shape=shape), era) as client:
        assert good_shape(await client.call_tool("get_deployment_status", {"app_name": "shop"})) == shape


@pytest.mark.parametrize("era", ERAS)
async def test_delete_takes_its_arguments_in_any_order_and_answers_with_the_known_keys(era: Era) -> None:
    toolkit = FakeToolkit()
    async with connected(toolkit, era) as client:
        shape = good_shape(await client.call_tool("delete_app", {"service_arn": "arn:x", "app_name": "shop"}))
    assert toolkit.calls == [("delete", ("shop", "arn:x"))]
    assert {"service_deletion", "ecr_deletion", "summary", "errors"} <= shape.keys()


@pytest.mark.parametrize("era", ERAS)
async def test_build_answers_with_exactly_the_known_keys(era: Era) -> None:
    toolkit = FakeToolkit()
    async with connected(toolkit, era) as client:
        shape = good_shape(
            await client.call_tool("build_and_push_image_to_ecr", {"app_name": "shop", "app_path": "/srv/shop"})
        )
    assert toolkit.calls == [("build", ("shop", "/srv/shop", None))]
    assert shape.keys() == {
        "repository_uri",
        "image_tag",
        "full_image_uri",
        "ecr_push_pull_role_arn",
        "stack_name",
    }


@pytest.mark.parametrize("era", ERAS)
async def test_prerequisites_come_with_the_known_default_roles(era: Era) -> None:
    toolkit = FakeToolkit()
    async with connected(toolkit, era) as client:
        shape = good_shape(
            await client.call_tool("validate_ecs_express_mode_prerequisites", {"image_uri": "httpd:2.4"})
        )
    assert toolkit.calls == [
        ("prerequisites", ("httpd:2.4", "ecsTaskExecutionRole", "ecsInfrastructureRoleForExpressServices"))
    ]
    assert (shape["valid"], shape["errors"], shape["warnings"]) == (True, [], [])
    assert shape["details"].keys() == {"execution_role", "infrastructure_role", "image"}


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("status", ["success", "timeout", "failed"])
async def test_waiting_ends_in_one_of_three_words_and_is_no_error_of_the_call(era: Era, status: str) -> None:
    toolkit = FakeToolkit(readiness={"status": status, "message": "m", "elapsed_seconds": 0.1})
    async with connected(toolkit, era) as client:
        shape = good_shape(
            await client.call_tool("wait_for_service_ready", {"cluster": "default", "service_name": "shop"})
        )
    assert toolkit.calls == [("wait", ("default", "shop", 300))]
    assert shape == {"status": status, "message": "m", "elapsed_seconds": 0.1}


@pytest.mark.parametrize("era", ERAS)
async def test_progress_reaches_the_client_with_growing_numbers_and_the_last_word_is_not_lost(
    era: Era, tmp_path: Path
) -> None:
    toolkit = FakeToolkit(steps=[step("synth", f"step {number}") for number in range(200)])
    watch = ProgressWatch()
    async with connected(toolkit, era) as client:
        await client.call_tool("synth_app", {"app_path": str(write_app(tmp_path))}, progress_callback=watch)
        await watch.until("step 199")
    seen = watch.seen
    assert seen[-1][1] == "synth: step 199"
    assert [number for number, _ in seen] == sorted({number for number, _ in seen})
    assert len(seen) < 20, "progress is limited, not a flood"


@pytest.mark.parametrize("era", ERAS)
async def test_no_warning_is_lost_in_a_flood_of_progress(era: Era, tmp_path: Path) -> None:
    steps = [step("build", f"step {number}") for number in range(100)]
    steps[50] = Progress("build", "kept .env out", level="warning")
    steps[60] = Progress("build", "and .aws", level="error")
    watch = ProgressWatch()
    async with connected(FakeToolkit(steps=steps), era) as client:
        await client.call_tool("synth_app", {"app_path": str(write_app(tmp_path))}, progress_callback=watch)
        await watch.until("step 99")
    told = [message for _, message in watch.seen]
    assert told.index("build: warning: kept .env out") < told.index("build: error: and .aws")


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("wait_seconds", [0, 45])
async def test_a_deployments_warnings_are_in_its_answer_also_while_it_runs(
    era: Era, wait_seconds: int, tmp_path: Path
) -> None:
    class WarningToolkit(FakeToolkit):
        def deploy(self, source: AppSource, **options: Any) -> DeployResult:
            return replace(super().deploy(source, **options), warnings=("kept .env out",))

    toolkit = WarningToolkit(steps=[Progress("build", "kept .env out", level="warning"), step("build", "step 1")])
    if wait_seconds == 0:
        toolkit.go_on.clear()
    try:
        async with connected(toolkit, era) as client:
            arguments = {"app_path": str(write_app(tmp_path)), "wait_seconds": wait_seconds}
            shape = good_shape(await client.call_tool("deploy_app", arguments))
    finally:
        toolkit.go_on.set()
    assert shape["status"] == ("deployed" if wait_seconds else "running")
    assert shape["warnings"] == ["kept .env out"]


async def test_the_toolkit_works_in_threads_of_its_own_never_on_the_event_loop(tmp_path: Path) -> None:
    toolkit = FakeToolkit()
    async with connected(toolkit, "auto") as client:
        await client.call_tool("synth_app", {"app_path": str(write_app(tmp_path))})
        await client.call_tool("deploy_app", {"app_path": str(tmp_path)})
        await client.call_tool("get_deployment_status", {"app_name": "shop"})
    assert len(toolkit.threads) == 3
    assert all(name.startswith("expressway") for name in toolkit.threads)


METHODS = [name for name, value in vars(FakeToolkit).items() if inspect.isfunction(value) and name[0] != "_"]


@pytest.mark.parametrize("method", METHODS)
def test_the_fake_takes_what_the_toolkit_takes(method: str) -> None:
    real = inspect.signature(getattr(Toolkit, method)).parameters
    fake = inspect.signature(getattr(FakeToolkit, method)).parameters

    assert fake.keys() <= real.keys()
    assert {name: one.kind for name, one in fake.items()} == {name: real[name].kind for name in fake}
    assert {name for name, one in real.items() if one.default is one.empty} <= fake.keys()
