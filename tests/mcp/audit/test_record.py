"""What the audit log remembers of a call: who looks later learns what was done, and no secret."""

from typing import Any

import pytest

from expressway.mcp.audit.record import AuditedCall, CallOutcome, Where, intent_record, is_audited, outcome_record

SECRET = "hunter2-and-more"


def record(
    tool: str = "deploy_app", arguments: dict[str, Any] | None = None, *, writes: bool = True, **outcome: Any
) -> dict[str, Any] | None:
    call = AuditedCall(tool, arguments or {}, writes)
    return outcome_record("c1", call, CallOutcome(**({"code": "ok"} | outcome)), where=Where(), who={})


def test_a_change_is_remembered_with_what_it_names() -> None:
    arguments = {"app_path": "/srv/shop", "approved_plan": "abc", "adopt": True, "definition": {"environment": SECRET}}
    told = record(arguments=arguments, target="sandbox", operation_id="deploy-shop-1", code="running")
    assert told is not None
    assert told["effect"] == ["change"]
    assert (told["decision"], told["outcome"], told["target"]) == ("allowed", "running", "sandbox")
    assert told["operation_id"] == "deploy-shop-1"
    assert told["arguments"] == {"adopt": True, "app_path": "/srv/shop", "approved_plan": "abc"}
    assert SECRET not in str(told)


def test_a_call_that_reads_and_shows_nothing_of_others_is_not_remembered() -> None:
    assert record("get_deployment_status", {"app_name": "shop"}, writes=False) is None
    assert record("get_deployment_status", {"app_name": "shop"}, writes=False, marked=True) is None


def test_text_of_others_that_is_shown_is_remembered_as_a_disclosure() -> None:
    parameters = {"ecs_cluster_name": "default", "filter_pattern": SECRET}
    arguments = {"action": "fetch_task_logs", "parameters": parameters}
    told = record("ecs_troubleshooting_tool", arguments, writes=False, marked=True, is_open=True)
    assert told is not None
    assert told["effect"] == ["disclosure"]
    assert told["arguments"] == {"action": "fetch_task_logs", "ecs_cluster_name": "default"}
    assert SECRET not in str(told)


@pytest.mark.parametrize(
    "code",
    [
        *("write_not_allowed", "sensitive_data_not_allowed", "region_not_allowed", "owned_by_stack"),
        *("operation_not_offered", "unknown_operation"),
    ],
)
def test_a_refusal_is_remembered_whatever_was_asked(code: str) -> None:
    told = record("get_deployment_status", writes=False, code=code)
    assert told is not None
    assert (told["decision"], told["outcome"]) == ("refused", code)


@pytest.mark.parametrize(
    ("operation", "changes"),
    [
        ("DescribeServices", False),
        ("listTasks", False),
        ("describe_services", False),
        ("describe-services", False),
        ("ecs.DescribeServices", False),
        (" ECS:listtasks ", False),
        ("DESCRIBESERVICES", False),
        ("ecr:batchgetimage", False),
        ("listclusters", False),
        ("ecs.DescribeTasks", False),
        ("Get-authorizationtoken", True),
        ("executecommand", True),
        ("getauthorizationtoken", True),
        ("updateservice", True),
        ("update_service", True),
        ("UpdateService", True),
        ("ExecuteCommand", True),
        ("ecr:DescribeImages", False),
        ("GetAuthorizationToken", True),
        ("Unheard", True),
    ],
)
def test_an_operation_of_an_api_decides_whether_its_call_changes_something(operation: str, changes: bool) -> None:
    told = record("ecs_resource_management", {"api_operation": operation, "api_params": {"x": SECRET}})
    assert (told is not None) == changes
    assert SECRET not in str(told)


def test_a_description_with_the_gate_open_is_a_disclosure_and_a_list_of_names_is_not() -> None:
    assert record("ecs_resource_management", {"api_operation": "DescribeTaskDefinition"}, is_open=True) is not None
    assert record("ecs_resource_management", {"api_operation": "ListServices"}, is_open=True) is None
    assert record("ecs_resource_management", {"api_operation": "describetasks"}, is_open=True) is not None
    assert record("ecs_resource_management", {"api_operation": "listservices"}, is_open=True) is None
    assert record("ecs_resource_management", {"api_operation": "DescribeTasks"}, is_open=True, code="x") is None


def test_a_call_of_which_no_more_is_known_counts_as_one_that_may_change_aws() -> None:
    call = AuditedCall("deploy_app", {}, writes=True)
    assert (call.may_change, call.local) == (True, False)
    assert not AuditedCall("deploy_app", {}, writes=True, is_allowed=False).may_change
    assert not AuditedCall("synth_app", {}, writes=False).may_change


def test_the_same_arguments_have_the_same_digest_and_others_another() -> None:
    one, same, other = (record(arguments={"definition": {"a": value}}) for value in (1, 1, 2))
    assert one is not None
    assert same is not None
    assert other is not None
    assert one["arguments_digest"] == same["arguments_digest"] != other["arguments_digest"]
    first, second = (
        record(arguments=arguments) for arguments in ({"a": 1, "b": {"c": 2, "d": 3}}, {"b": {"d": 3, "c": 2}, "a": 1})
    )
    assert first is not None
    assert second is not None
    assert first["arguments_digest"] == second["arguments_digest"]


def test_a_line_stays_small() -> None:
    told = record(arguments={"app_path": "x" * 9000}, touches=["y" * 9000] * 500)
    assert len(str(told)) < 6000
    call = AuditedCall("deploy_app", {"app_path": "x y" * 9000}, writes=True)
    assert len(str(intent_record("c1", call, Where("here"), {"client": "a b" * 9000}))) < 2000


def test_an_intent_says_where_who_and_what_and_no_secret() -> None:
    where = Where("AWS account 111122223333, us-east-1", "111122223333", "us-east-1", "shop", "arn:aws:iam::1:user/ann")
    call = AuditedCall("deploy_app", {"app_path": "/srv/shop", "definition": {"environment": SECRET}}, writes=True)
    told = intent_record("c1", call, where, {"client": "an\x1b[31m agent", "caller": "ann", "client_version": ""})
    assert told == {
        "event": "intent",
        "call_id": "c1",
        "tool": "deploy_app",
        "target": "AWS account 111122223333, us-east-1",
        "account_id": "111122223333",
        "region": "us-east-1",
        "profile": "shop",
        "caller_arn": "arn:aws:iam::1:user/ann",
        "who": {"client": "an agent", "caller": "ann"},
        "effect": ["change"],
        "arguments": {"app_path": "/srv/shop"},
        "arguments_digest": told["arguments_digest"],
    }


@pytest.mark.parametrize(("value", "wanted"), [("off", False), (" FALSE ", False), ("", True), ("on", True)])
def test_the_operator_decides_whether_there_is_a_log(value: str, wanted: bool) -> None:
    assert is_audited({"EXPRESSWAY_AUDIT": value}) == wanted
    assert is_audited({})
