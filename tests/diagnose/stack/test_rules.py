"""The first real cause of a failed stack, wherever it lies."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from expressway.cloudformation.history import StackHistory, StackResource
from expressway.cloudformation.stack import STACK_TYPE, StackEvent
from expressway.diagnose.stack.rules import first_failures, missing_stack_finding, stack_findings

START = datetime(2026, 11, 1, 12, tzinfo=UTC)
ROOT = "arn:aws:cloudformation:eu-west-1:123456789012:stack/web/1"
CHILD = "arn:aws:cloudformation:eu-west-1:123456789012:stack/web-Child-X/2"
GRANDCHILD = "arn:aws:cloudformation:eu-west-1:123456789012:stack/web-Child-X-Deep-Y/3"
CANCELLED = "Resource creation cancelled"
EXISTS = "web-role already exists in stack arn:aws:cloudformation:eu-west-1:123456789012:stack/other/9"


def event(second: int, logical_id: str, status: str, reason: str = "", **others: Any) -> StackEvent:
    fields: dict[str, Any] = {"physical_id": "", "resource_type": "AWS::IAM::Role", **others}
    return StackEvent(START + timedelta(seconds=second), logical_id, status=status, reason=reason, **fields)


def own(second: int, status: str, reason: str = "", stack_id: str = ROOT) -> StackEvent:
    return event(second, "web", status, reason, physical_id=stack_id, resource_type=STACK_TYPE)


def nested(second: int, status: str, stack_id: str = CHILD, reason: str = "", logical_id: str = "Child") -> StackEvent:
    return event(second, logical_id, status, reason, physical_id=stack_id, resource_type=STACK_TYPE)


def stack(status: str, *events: StackEvent, stack_id: str = ROOT, **others: Any) -> StackHistory:
    return StackHistory(stack_id.split("/")[1], stack_id, status, events=events, **others)


def test_a_stack_that_is_well_has_no_findings_whatever_failed_before() -> None:
    history = stack(
        "UPDATE_COMPLETE",
        own(0, "CREATE_IN_PROGRESS"),
        event(1, "Role", "CREATE_FAILED", EXISTS),
        own(2, "UPDATE_IN_PROGRESS"),
        own(3, "UPDATE_COMPLETE"),
    )

    assert stack_findings(history) == ()


def test_the_cause_is_the_first_failure_that_follows_no_other() -> None:
    history = stack(
        "ROLLBACK_COMPLETE",
        own(0, "CREATE_IN_PROGRESS"),
        event(3, "Logs", "CREATE_FAILED", CANCELLED),
        event(3, "Role", "CREATE_FAILED", EXISTS),
        event(4, "Other", "CREATE_FAILED", CANCELLED),
        own(5, "ROLLBACK_IN_PROGRESS", "The following resource(s) failed to create: [Role]."),
    )
    cause, state = stack_findings(history)

    assert (cause.code, cause.severity, cause.confidence) == ("resource_exists", "critical", "high")
    assert cause.cause.startswith("Role (AWS::IAM::Role) could not be created")
    assert CANCELLED not in str(cause)
    assert state.code == "stack_must_be_deleted"


def test_cancelled_resources_are_told_only_where_nothing_else_is_known() -> None:
    history = stack("CREATE_FAILED", own(0, "CREATE_IN_PROGRESS"), event(1, "Role", "CREATE_FAILED", CANCELLED))

    assert [one.event.logical_id for one in first_failures(history)] == ["Role"]


def test_only_the_newest_operation_that_failed_counts() -> None:
    history = stack(
        "UPDATE_ROLLBACK_COMPLETE",
        own(0, "CREATE_IN_PROGRESS"),
        event(1, "Old", "CREATE_FAILED", "long ago"),
        own(2, "UPDATE_IN_PROGRESS"),
        event(3, "New", "UPDATE_FAILED", "Access denied for operation"),
        own(4, "UPDATE_ROLLBACK_IN_PROGRESS", "The following resource(s) failed to update: [New]."),
        own(5, "UPDATE_ROLLBACK_COMPLETE"),
    )

    assert [one.event.logical_id for one in first_failures(history)] == ["New"]


def test_the_cause_in_a_nested_stack_of_a_nested_stack_is_found_with_its_path() -> None:
    deep = stack(
        "DELETE_COMPLETE",
        own(2, "CREATE_IN_PROGRESS", stack_id=GRANDCHILD),
        event(4, "Role", "CREATE_FAILED", EXISTS),
        stack_id=GRANDCHILD,
    )
    child = stack(
        "DELETE_COMPLETE",
        own(1, "CREATE_IN_PROGRESS", stack_id=CHILD),
        nested(5, "CREATE_FAILED", GRANDCHILD, f"Embedded stack {GRANDCHILD} was not created", "Deep"),
        stack_id=CHILD,
        nested=(deep,),
    )
    root = stack(
        "ROLLBACK_COMPLETE",
        own(0, "CREATE_IN_PROGRESS"),
        nested(6, "CREATE_FAILED", CHILD, f"Embedded stack {CHILD} was not created"),
        event(6, "Sibling", "CREATE_FAILED", CANCELLED),
        nested=(child,),
    )
    cause = stack_findings(root)[0]

    assert cause.code == "resource_exists"
    assert cause.cause.startswith("Child/Deep/Role (AWS::IAM::Role) of the nested stack web-Child-X-Deep-Y")
    assert [one.place for one in first_failures(root)] == ["Child/Deep/Role"]


def test_a_nested_stack_that_could_not_be_read_is_told_as_it_stands() -> None:
    reason = "Embedded stack was not successfully created: Parameters: [Size] must have values"
    root = stack("CREATE_FAILED", own(0, "CREATE_IN_PROGRESS"), nested(1, "CREATE_FAILED", CHILD, reason))

    assert "must have values" in stack_findings(root)[0].evidence[0]


def test_a_hook_that_rejects_a_resource_is_the_cause_and_not_the_resource() -> None:
    hook = event(
        1,
        "Bucket",
        "HOOK_COMPLETE_FAILED",
        "Buckets must be encrypted",
        kind="hook",
        check="Team::Encryption::Hook",
        resource_type="AWS::S3::Bucket",
    )
    failed = event(2, "Bucket", "CREATE_FAILED", "The following hook(s) failed: [Team::Encryption::Hook]")
    root = stack("ROLLBACK_COMPLETE", own(0, "CREATE_IN_PROGRESS"), hook, failed)
    cause = stack_findings(root)[0]

    assert cause.code == "hook_failed"
    assert "Team::Encryption::Hook" in cause.cause
    assert "encrypted" in cause.evidence[0]
    assert [one.event.kind for one in first_failures(root)] == ["hook"]


def test_a_hook_that_only_warns_is_worth_knowing_and_no_cause() -> None:
    hook = event(1, "Bucket", "HOOK_COMPLETE_FAILED", "no tags", kind="hook", check="Tags", only_warns=True)
    real = event(2, "Role", "CREATE_FAILED", EXISTS)
    findings = stack_findings(stack("CREATE_FAILED", own(0, "CREATE_IN_PROGRESS"), hook, real))

    assert [(one.code, one.severity) for one in findings] == [("resource_exists", "critical"), ("hook_failed", "info")]


def test_what_validation_finds_before_anything_is_made_names_the_place_in_the_template() -> None:
    found = event(
        0,
        "Role",
        "FAILED",
        "Unsupported property",
        kind="validation",
        check="PROPERTY_VALIDATION",
        path="/Resources/Role/Properties/Nam",
    )
    findings = stack_findings(stack("REVIEW_IN_PROGRESS", found))

    assert [one.code for one in findings] == ["template_validation_failed", "stack_never_executed"]
    assert "/Resources/Role/Properties/Nam" in findings[0].cause


def test_other_failures_beside_the_first_are_less_sure_and_few() -> None:
    failures = [event(n, f"Thing{n}", "CREATE_FAILED", f"broken {n}") for n in range(1, 9)]
    findings = stack_findings(stack("CREATE_FAILED", own(0, "CREATE_IN_PROGRESS"), *failures))

    assert [(one.severity, one.confidence) for one in findings] == [("critical", "high"), *[("warning", "medium")] * 3]


@pytest.mark.parametrize(
    ("status", "code", "severity"),
    [
        ("UPDATE_ROLLBACK_FAILED", "stack_rollback_failed", "critical"),
        ("ROLLBACK_FAILED", "stack_rollback_failed", "warning"),
        ("DELETE_FAILED", "stack_delete_failed", "critical"),
        ("DELETE_COMPLETE", "stack_deleted", "info"),
        ("REVIEW_IN_PROGRESS", "stack_never_executed", "info"),
        ("UPDATE_IN_PROGRESS", "stack_in_progress", "info"),
    ],
)
def test_the_state_of_a_stack_tells_what_can_be_done_with_it(status: str, code: str, severity: str) -> None:
    (finding,) = stack_findings(stack(status))

    assert (finding.code, finding.severity) == (code, severity)


def test_an_operation_under_way_names_what_it_waits_for() -> None:
    waiting = StackResource("Service", "", "AWS::ECS::ExpressGatewayService", "CREATE_IN_PROGRESS")
    (finding,) = stack_findings(stack("CREATE_IN_PROGRESS", resources=(waiting,)))

    assert "Service" in finding.cause


def test_what_failed_in_an_earlier_operation_does_not_count_while_a_new_one_is_under_way() -> None:
    history = stack(
        "UPDATE_IN_PROGRESS",
        own(0, "UPDATE_IN_PROGRESS"),
        event(1, "Role", "UPDATE_FAILED", EXISTS),
        own(2, "UPDATE_ROLLBACK_COMPLETE"),
        own(3, "UPDATE_IN_PROGRESS"),
    )

    assert [one.code for one in stack_findings(history)] == ["stack_in_progress"]


def test_a_deleted_stack_still_tells_why_its_creation_failed() -> None:
    history = stack(
        "DELETE_COMPLETE",
        own(0, "CREATE_IN_PROGRESS"),
        event(1, "Role", "CREATE_FAILED", EXISTS),
        own(2, "DELETE_IN_PROGRESS", "User Initiated"),
        own(3, "DELETE_COMPLETE"),
    )

    assert [(one.code, one.severity) for one in stack_findings(history)] == [
        ("resource_exists", "warning"),
        ("stack_deleted", "info"),
    ]


def test_a_failed_service_sends_to_the_services_own_guidance() -> None:
    failed = event(1, "Web", "CREATE_FAILED", "Something odd", resource_type="AWS::ECS::ExpressGatewayService")
    finding = stack_findings(stack("CREATE_FAILED", own(0, "CREATE_IN_PROGRESS"), failed))[0]

    assert "guidance" in finding.remedy


HANDLER = 'Resource handler returned message: "{}" (RequestToken: 0, HandlerErrorCode: {})'
BREAKER = "Error occurred during operation 'ECS Deployment Circuit Breaker was triggered'"
EXPRESS = "AWS::ECS::ExpressGatewayService"
SERVICE_ARN = "arn:aws:ecs:eu-west-1:123456789012:service/shop/web"


def after_an_update(reason: str, *, status: str = "UPDATE_FAILED", resource_type: str = EXPRESS) -> StackHistory:
    """The service that the stack holds could not be changed; the failed event does not name it."""
    return stack(
        "UPDATE_ROLLBACK_COMPLETE",
        own(0, "UPDATE_IN_PROGRESS"),
        event(1, "Service", status, reason, resource_type=resource_type),
        resources=(StackResource("Service", SERVICE_ARN, resource_type, "UPDATE_COMPLETE"),),
    )


@pytest.mark.parametrize("resource_type", [EXPRESS, "AWS::ECS::Service"])
@pytest.mark.parametrize(
    ("behind", "told"),
    [
        (".", "repeatedly."),
        (": Task failed ELB health checks in (target-group tg).", "failed the load balancer's health checks."),
        (": Task failed container health checks.", "failed their containers' own health checks."),
        (": Essential container in task exited.", "their containers exited."),
        (": tasks failed to start.", "they could not start."),
    ],
)
def test_that_the_circuit_breaker_ended_a_deployment_is_the_cause_and_names_the_service(
    resource_type: str, behind: str, told: str
) -> None:
    reason = HANDLER.format(BREAKER + behind, "GeneralServiceException")
    finding = stack_findings(after_an_update(reason, resource_type=resource_type))[0]

    assert (finding.code, finding.severity) == ("circuit_breaker_rollback", "critical")
    assert finding.cause.startswith(f"Service ({resource_type}) could not be updated: ECS's circuit breaker ended")
    assert finding.cause.endswith(told)
    assert finding.remedy == "Ask for the guidance of the service web in the cluster shop: its tasks show why."
    assert finding.resource == SERVICE_ARN


def test_why_a_service_was_not_deployed_stands_in_no_words_but_ours() -> None:
    reason = HANDLER.format(f"{BREAKER}: Task failed ELB health checks in (target-group tg).", "NotStabilized")
    finding = stack_findings(after_an_update(reason))[0]

    assert "target-group" not in finding.cause
    assert "target-group" in finding.evidence[0]


@pytest.mark.parametrize(
    ("status", "resource_type", "told"),
    [
        ("CREATE_FAILED", EXPRESS, "could not be created: its deployment did not come to an end in the time"),
        ("UPDATE_FAILED", "AWS::EC2::Route", "could not be updated: it did not become stable in the time"),
        ("DELETE_FAILED", EXPRESS, "could not be deleted: it was not gone in the time"),
    ],
)
@pytest.mark.parametrize(
    "reason",
    [
        HANDLER.format("Exceeded attempts to wait", "NotStabilized"),
        HANDLER.format("Resource of type 'AWS::EC2::Route' with identifier 'x' did not stabilize.", "NotStabilized"),
    ],
)
def test_what_cloudformation_waited_for_in_vain_is_told(
    status: str, resource_type: str, told: str, reason: str
) -> None:
    finding = stack_findings(after_an_update(reason, status=status, resource_type=resource_type))[0]

    assert finding.code == "resource_not_stabilized"
    assert told in finding.cause
    assert ("the service web" in finding.remedy) == (resource_type == EXPRESS)


def test_what_ecs_says_behind_the_circuit_breaker_comes_before_it() -> None:
    pull = "CannotPullContainerError: pull image manifest has been retried 7 time(s): registry.example/web:9: not found"
    finding = stack_findings(after_an_update(HANDLER.format(f"{BREAKER}: {pull}.", "NotStabilized")))[0]

    assert finding.code == "image_not_found"


def test_a_resource_that_no_list_names_is_known_by_its_newest_event() -> None:
    began = event(1, "Service", "CREATE_IN_PROGRESS", physical_id=SERVICE_ARN, resource_type=EXPRESS)
    failed = event(2, "Service", "CREATE_FAILED", f"{BREAKER}.", resource_type=EXPRESS)
    history = stack("ROLLBACK_COMPLETE", own(0, "CREATE_IN_PROGRESS"), began, failed)

    assert stack_findings(history)[0].resource == SERVICE_ARN
    assert history.physical_id_of("Other") == ""


def test_a_missing_stack_names_the_nearest_and_the_place_that_was_asked() -> None:
    finding = missing_stack_finding("web-expres-service", place="AWS account 1, x", names=("web-express-service", "b"))
    assert "web-express-service" in finding.remedy
    assert "AWS account 1, x" in finding.cause

    unlike = missing_stack_finding("zzz", place="here", names=())
    assert "no stacks" in unlike.evidence[0]


def test_nested_stacks_that_failed_are_followed_first() -> None:
    root = stack(
        "ROLLBACK_COMPLETE",
        nested(1, "CREATE_COMPLETE", GRANDCHILD, logical_id="Fine"),
        nested(2, "CREATE_FAILED", CHILD),
        own(3, "ROLLBACK_IN_PROGRESS"),
    )

    assert root.nested_ids == (CHILD, GRANDCHILD)
    assert replace(root, events=()).nested_ids == ()
