"""Errors: one shape for refusals, wrong arguments, faults of the work and faults of our own."""

from pathlib import Path
from typing import Any

import pytest

from expressway.errors import ServiceError, StackError
from expressway.privacy.render import UNTRUSTED_NOTE
from expressway.privacy.untrusted import quoted
from tests.mcp.connections import CLOSED, ERAS, OPEN, WIDE_OPEN, Era, ProgressWatch, connected, error_shape, good_shape
from tests.mcp.fakes import FakeToolkit, step, write_app

CALLS: dict[str, dict[str, Any]] = {
    "deploy_app": {"app_path": "/srv/shop"},
    "delete_app": {"app_name": "shop"},
    "build_and_push_image_to_ecr": {"app_name": "shop", "app_path": "/srv/shop"},
}
LINE = "KeyError: 'token-4711'"
SENTENCE = f"The container Main exited with code 1: {quoted(LINE)} (shop-express-service ended in ROLLBACK_COMPLETE.)"
FAILED = StackError(
    "deployment_failed", SENTENCE, "Correct it.", {"cause": "container_exited", "evidence": [LINE, "exit code 1"]}
)


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("tool", CALLS)
async def test_a_write_without_permission_is_refused_and_reaches_nothing(era: Era, tool: str) -> None:
    toolkit = FakeToolkit()
    async with connected(toolkit, era, CLOSED) as client:
        shape = error_shape(await client.call_tool(tool, CALLS[tool]))
    assert shape["code"] == "write_not_allowed"
    assert "ALLOW_WRITE=true" in shape["hint"]
    assert toolkit.calls == []


@pytest.mark.parametrize("era", ERAS)
async def test_reading_needs_no_permission(era: Era, tmp_path: Path) -> None:
    app = str(write_app(tmp_path))
    async with connected(FakeToolkit(), era, CLOSED) as client:
        for tool, arguments in {
            "synth_app": {"app_path": app},
            "diff_app": {"app_path": app},
            "get_deployment_status": {"app_name": "shop"},
            "wait_for_service_ready": {"cluster": "c", "service_name": "s"},
            "validate_ecs_express_mode_prerequisites": {"image_uri": "i"},
        }.items():
            good_shape(await client.call_tool(tool, arguments))


@pytest.mark.parametrize("era", ERAS)
async def test_waiting_for_what_is_not_there_is_an_error_with_the_word_that_agents_look_for(era: Era) -> None:
    toolkit = FakeToolkit(fails=ServiceError("cluster_not_found", "There is no cluster c.", "Did you mean default?"))
    async with connected(toolkit, era) as client:
        shape = error_shape(await client.call_tool("wait_for_service_ready", {"cluster": "c", "service_name": "s"}))
    assert (shape["status"], shape["code"]) == ("failed", "cluster_not_found")
    assert (shape["message"], shape["hint"]) == ("There is no cluster c.", "Did you mean default?")


@pytest.mark.parametrize("era", ERAS)
async def test_all_wrong_arguments_are_told_at_once(era: Era) -> None:
    arguments = {"app_nam": "shop", "app_path": 7, "wait_seconds": 600, "adopt": "perhaps"}
    toolkit = FakeToolkit()
    async with connected(toolkit, era) as client:
        shape = error_shape(await client.call_tool("deploy_app", arguments))
    assert shape["code"] == "invalid_arguments"
    problems = {problem["path"]: problem for problem in shape["details"]["problems"]}
    assert problems.keys() == {"app_nam", "app_path", "wait_seconds", "adopt"}
    assert "less than or equal to 50" in problems["wait_seconds"]["expected"]
    assert problems["wait_seconds"]["got"] == "600"
    assert toolkit.calls == []


@pytest.mark.parametrize("era", ERAS)
async def test_a_missing_argument_is_named(era: Era) -> None:
    async with connected(FakeToolkit(), era) as client:
        shape = error_shape(await client.call_tool("wait_for_service_ready", {"cluster": "default"}))
    assert shape["details"]["problems"] == [
        {"path": "service_name", "expected": "a value (it is required)", "got": "nothing"}
    ]


async def test_a_misspelt_argument_is_an_error_with_the_nearest_name() -> None:
    arguments = {"app_path": "/srv/shop", "allow_replacment": True}
    async with connected(FakeToolkit(), "auto") as client:
        shape = error_shape(await client.call_tool("deploy_app", arguments))
    assert "allow_replacement" in shape["details"]["problems"][0]["expected"]


async def test_a_huge_value_is_not_repeated_in_full() -> None:
    async with connected(FakeToolkit(), "auto") as client:
        shape = error_shape(await client.call_tool("delete_app", {"app_name": "a" * 10_000}))
    assert len(shape["details"]["problems"][0]["got"]) < 120


@pytest.mark.parametrize("name", ["", "Shop", "a" * 21, "shop/../x", "shop;rm"])
async def test_an_app_name_that_cannot_be_one_is_refused_before_anything_is_asked(name: str) -> None:
    toolkit = FakeToolkit()
    async with connected(toolkit, "auto") as client:
        assert error_shape(await client.call_tool("delete_app", {"app_name": name}))["code"] == "invalid_arguments"
    assert toolkit.calls == []


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("deploy_ap", "Use deploy_app."),
        ("create_ecs_infrastructure", "Use deploy_app."),
        ("delete_ecs_infrastructure", "Use delete_app."),
    ],
)
async def test_an_unknown_tool_is_an_error_result_with_what_was_meant(era: Era, name: str, hint: str) -> None:
    async with connected(FakeToolkit(), era) as client:
        shape = error_shape(await client.call_tool(name, {}))
    assert (shape["code"], shape["hint"]) == ("unknown_tool", hint)


async def test_a_tool_that_resembles_nothing_lists_what_there_is() -> None:
    async with connected(FakeToolkit(), "auto") as client:
        hint = error_shape(await client.call_tool("zzz", {}))["hint"]
    assert "diff_app" in hint


@pytest.mark.parametrize("era", ERAS)
async def test_a_wrong_definition_lists_every_problem_before_aws_is_asked(era: Era, tmp_path: Path) -> None:
    toolkit = FakeToolkit()
    write_app(tmp_path, "Bad_Name", extra="container_port: 99999\ncpuu: 256\n")
    async with connected(toolkit, era) as client:
        shape = error_shape(await client.call_tool("deploy_app", {"app_path": str(tmp_path)}))
    assert shape["code"] == "invalid_definition"
    assert len(shape["details"]["problems"]) >= 3
    assert toolkit.calls == []


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("tool", ["deploy_app", "diff_app", "synth_app"])
async def test_an_error_of_the_work_keeps_its_code_message_hint_and_details(
    era: Era, tool: str, tmp_path: Path
) -> None:
    toolkit = FakeToolkit(fails=FAILED)
    async with connected(toolkit, era, WIDE_OPEN) as client:
        shape = error_shape(await client.call_tool(tool, {"app_path": str(write_app(tmp_path))}))
    details = {"cause": "container_exited", "evidence": [quoted(LINE), quoted("exit code 1")]}
    assert shape == {**FAILED.to_dict(), "details": details, "untrusted": UNTRUSTED_NOTE}


@pytest.mark.parametrize("era", ERAS)
async def test_what_containers_wrote_is_withheld_unless_allowed(era: Era, tmp_path: Path) -> None:
    toolkit = FakeToolkit(fails=FAILED, steps=[step("service", SENTENCE)])
    watch = ProgressWatch()
    async with connected(toolkit, era, OPEN) as client:
        result = await client.call_tool("deploy_app", {"app_path": str(write_app(tmp_path))}, progress_callback=watch)
        await watch.until("exited with code 1")
    shape = error_shape(result)
    assert "token-4711" not in str(shape)
    assert "token-4711" not in str(watch.seen)
    assert "The container Main exited with code 1" in shape["message"]
    assert "ALLOW_SENSITIVE_DATA=true" in shape["withheld"]
    assert "evidence" not in shape["details"]


async def test_status_withholds_the_quoted_line_of_the_last_error_too() -> None:
    error = {"code": "deployment_failed", "message": SENTENCE}
    shape = {"app_name": "shop", "status": "failed", "message": "It failed.", "last_error": error}
    async with connected(FakeToolkit(status_shape=shape), "auto", OPEN) as client:
        shown = good_shape(await client.call_tool("get_deployment_status", {"app_name": "shop"}))
    assert "token-4711" not in str(shown)
    assert "withheld" in shown


@pytest.mark.parametrize("era", ERAS)
async def test_a_fault_of_our_own_is_an_internal_error_without_a_trace(
    era: Era, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    toolkit = FakeToolkit(fails=ZeroDivisionError("secret of the inside"))
    async with connected(toolkit, era) as client:
        shape = error_shape(await client.call_tool("deploy_app", {"app_path": str(write_app(tmp_path))}))
    assert shape["code"] == "internal_error"
    assert "secret of the inside" not in str(shape)
    assert "Traceback" not in str(shape)
    assert "secret of the inside" in caplog.text, "the server's own log has it"


@pytest.mark.parametrize("era", ERAS)
async def test_a_deletion_that_stopped_is_an_error_that_keeps_the_known_keys(era: Era) -> None:
    fault = {"code": "service_still_draining", "message": "It drains.", "hint": "Repeat."}
    async with connected(FakeToolkit(delete_errors=[fault]), era) as client:
        shape = error_shape(await client.call_tool("delete_app", {"app_name": "shop"}))
    assert shape["code"] == "service_still_draining"
    assert shape["errors"] == [fault]
    assert {"service_deletion", "ecr_deletion", "summary"} <= shape.keys()


@pytest.mark.parametrize("era", ERAS)
async def test_the_server_serves_on_after_every_kind_of_error(era: Era, tmp_path: Path) -> None:
    toolkit = FakeToolkit(fails=RuntimeError("boom"))
    app = {"app_path": str(write_app(tmp_path))}
    async with connected(toolkit, era) as client:
        error_shape(await client.call_tool("synth_app", app))
        error_shape(await client.call_tool("nothing", {}))
        error_shape(await client.call_tool("synth_app", {}))
        toolkit.fails = None
        good_shape(await client.call_tool("synth_app", app))


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    "wrong",
    [
        {"command": "planted"},
        {"secrets": {"K": "planted"}},
        {"environment": {"K": ["planted"]}},
        {"environment": {"A=planted": "x"}},
        {"environment": {"K": 4711004711}},
    ],
)
async def test_a_wrong_definition_shows_no_value_that_may_be_a_secret(
    era: Era, wrong: dict[str, Any], tmp_path: Path
) -> None:
    app = str(write_app(tmp_path))
    arguments = {"app_path": app, "definition": {"name": "shop", "image": "nginx", **wrong}}
    async with connected(FakeToolkit(), era, CLOSED) as client:
        shape = error_shape(await client.call_tool("synth_app", arguments))
    assert shape["code"] == "invalid_definition"
    assert next(iter(wrong)) in shape["message"]
    assert "planted" not in str(shape)
    assert "4711004711" not in str(shape)


@pytest.mark.parametrize("era", ERAS)
async def test_parameters_that_are_no_object_are_told_by_their_length(era: Era) -> None:
    arguments = {"api_operation": "RunTask", "api_params": '{"overrides": {"planted": '}
    async with connected(FakeToolkit(), era, CLOSED) as client:
        shape = error_shape(await client.call_tool("ecs_resource_management", arguments))
    assert shape["code"] == "invalid_arguments"
    assert "planted" not in str(shape)
    assert shape["details"]["problems"][0]["got"] == f"text of {len(arguments['api_params'])} characters"
