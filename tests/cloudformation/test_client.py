"""CloudFormation's answers become plain values, its pages one list, and its refusals errors of ours."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import pytest
from botocore.awsrequest import AWSPreparedRequest
from botocore.stub import ANY

from expressway.aws.session import open_session
from expressway.aws.values.limits import TEMPLATE_BODY
from expressway.cloudformation.change_set import ChangeSet, ChangeSetChange, ChangeSetRequest
from expressway.cloudformation.client import CloudFormation
from expressway.errors import ExpresswayError, StackError, TargetError
from tests.aws.fakes import StubbedSession, refusal, settings_that_answer, xml

NAME = "hello-express-service"
STACK_ID = f"arn:aws:cloudformation:us-east-1:111122223333:stack/{NAME}/1"
SET_ID = "arn:aws:cloudformation:us-east-1:111122223333:changeSet/expressway-1/2"
WHEN = datetime(2026, 1, 1, tzinfo=UTC)
MARKED = {"Metadata": {"Expressway": {"App": "hello", "Schema": 1}}, "Resources": {"A": {"Type": "T"}}}


@pytest.fixture
def session() -> Iterator[StubbedSession]:
    session = StubbedSession("cloudformation")
    yield session
    session.stub.assert_no_pending_responses()


@pytest.fixture
def stacks(session: StubbedSession) -> CloudFormation:
    return CloudFormation(session)  # type: ignore[arg-type]


def stack(status: str, **fields: Any) -> dict[str, Any]:
    return {"Stacks": [{"StackName": NAME, "StackId": STACK_ID, "StackStatus": status, "CreationTime": WHEN} | fields]}


def answer_template(session: StubbedSession, body: str) -> None:
    expected = {"StackName": STACK_ID, "TemplateStage": "Original"}
    session.stub.add_response("get_template", {"TemplateBody": body}, expected)


def missing(session: StubbedSession, operation: str) -> None:
    session.stub.add_client_error(operation, "ValidationError", f"Stack with id {NAME} does not exist")


def request(body: str = "{}", **fields: Any) -> ChangeSetRequest:
    return ChangeSetRequest(NAME, "expressway-1", body, fields.get("parameters", {}), fields.get("creates", True))


def change_set(**fields: Any) -> dict[str, Any]:
    return {
        "ChangeSetName": "expressway-1",
        "ChangeSetId": SET_ID,
        "StackName": NAME,
        "StackId": STACK_ID,
        "Status": "CREATE_COMPLETE",
        "ExecutionStatus": "AVAILABLE",
        "Changes": [],
    } | fields


def resource_change(logical_id: str, **fields: Any) -> dict[str, Any]:
    change = {"Action": "Modify", "LogicalResourceId": logical_id, "ResourceType": "AWS::IAM::Role"}
    return {"Type": "Resource", "ResourceChange": change | fields}


def event(number: int, status: str = "CREATE_COMPLETE", **fields: Any) -> dict[str, Any]:
    shape = {"StackId": STACK_ID, "EventId": f"e{number}", "StackName": NAME, "Timestamp": WHEN}
    return shape | {"LogicalResourceId": "A", "ResourceStatus": status} | fields


# -- stacks ---------------------------------------------------------------------------------------------------
def test_a_stack_that_is_not_there_is_none(session: StubbedSession, stacks: CloudFormation) -> None:
    missing(session, "describe_stacks")
    assert stacks.describe(NAME) is None


def test_a_stack_carries_outputs_parameters_and_the_owner_that_its_template_names(
    session: StubbedSession, stacks: CloudFormation
) -> None:
    details = {
        "Outputs": [{"OutputKey": "Endpoint", "OutputValue": "x"}],
        "Parameters": [{"ParameterKey": "ImageUri", "ParameterValue": "i"}],
        "EnableTerminationProtection": True,
    }
    session.stub.add_response("describe_stacks", stack("CREATE_COMPLETE", **details), {"StackName": NAME})
    answer_template(session, json.dumps(MARKED, indent=3))
    found = stacks.describe(NAME)
    assert found is not None
    assert (found.owner_app, found.outputs, found.parameters) == ("hello", {"Endpoint": "x"}, {"ImageUri": "i"})
    assert found.termination_protection
    assert found.updated_at == WHEN
    assert json.loads(found.template) == MARKED


@pytest.mark.parametrize(
    "body",
    [
        json.dumps({"Resources": {}}),
        json.dumps({"Metadata": {"Expressway": "hello"}}),
        json.dumps({"Metadata": {"Expressway": {"App": 7}}}),
        "Resources:\n  A:\n    Type: T\n",
        "just words",
    ],
)
def test_a_template_without_the_mark_has_no_owner(body: str, session: StubbedSession, stacks: CloudFormation) -> None:
    session.stub.add_response("describe_stacks", stack("CREATE_COMPLETE"))
    answer_template(session, body)
    found = stacks.describe(NAME)
    assert found is not None
    assert found.owner_app is None


def test_a_template_in_yaml_can_be_compared(session: StubbedSession, stacks: CloudFormation) -> None:
    session.stub.add_response("describe_stacks", stack("CREATE_COMPLETE"))
    answer_template(
        session, "Resources:\n  A:\n    Type: T\n    Properties: {R: !GetAtt B.Arn, S: !Sub '${B}', T: !Ref C}\n"
    )
    found = stacks.describe(NAME)
    assert found is not None
    properties = json.loads(found.template)["Resources"]["A"]["Properties"]
    assert properties == {"R": {"Fn::GetAtt": ["B", "Arn"]}, "S": {"Fn::Sub": "${B}"}, "T": {"Ref": "C"}}


def test_a_deleted_stack_is_seen_by_its_id_only(session: StubbedSession, stacks: CloudFormation) -> None:
    session.stub.add_response("describe_stacks", stack("DELETE_COMPLETE"), {"StackName": NAME})
    assert stacks.describe(NAME) is None
    session.stub.add_response("describe_stacks", stack("DELETE_COMPLETE"), {"StackName": STACK_ID})
    found = stacks.describe(STACK_ID)
    assert found is not None
    assert found.status == "DELETE_COMPLETE"


def test_a_stack_under_review_has_no_template_to_ask_for(session: StubbedSession, stacks: CloudFormation) -> None:
    session.stub.add_response("describe_stacks", stack("REVIEW_IN_PROGRESS"))
    found = stacks.describe(NAME)
    assert found is not None
    assert found.owner_app is None
    assert found.template == ""


def test_a_stack_that_goes_while_it_is_described_has_no_template(
    session: StubbedSession, stacks: CloudFormation
) -> None:
    session.stub.add_response("describe_stacks", stack("DELETE_IN_PROGRESS"))
    missing(session, "get_template")
    found = stacks.describe(NAME)
    assert found is not None
    assert found.template == ""


def test_the_template_is_read_once_while_an_operation_runs_and_anew_when_it_has_ended(
    session: StubbedSession, stacks: CloudFormation
) -> None:
    session.stub.add_response("describe_stacks", stack("UPDATE_IN_PROGRESS"))
    answer_template(session, json.dumps({"Resources": {"Old": {}}}))
    session.stub.add_response("describe_stacks", stack("UPDATE_IN_PROGRESS"))
    session.stub.add_response("describe_stacks", stack("UPDATE_COMPLETE"))
    answer_template(session, json.dumps({"Resources": {"New": {}}}))
    found = [stacks.describe(NAME) for _ in range(3)]
    assert ["Old" in one.template for one in found if one] == [True, True, False]


def test_events_are_in_order_of_time_over_all_pages(session: StubbedSession, stacks: CloudFormation) -> None:
    first = {"StackEvents": [event(4), event(3)], "NextToken": "more"}
    session.stub.add_response("describe_stack_events", first, {"StackName": STACK_ID})
    second = {"StackEvents": [event(2, "CREATE_FAILED", ResourceStatusReason="no"), event(1)]}
    session.stub.add_response("describe_stack_events", second, {"StackName": STACK_ID, "NextToken": "more"})
    events = stacks.events(STACK_ID)
    assert [one.event_id for one in events] == ["e1", "e2", "e3", "e4"]
    assert (events[1].status, events[1].reason, events[1].failed) == ("CREATE_FAILED", "no", True)


def test_events_after_a_known_one_end_there_and_ask_for_no_further_page(
    session: StubbedSession, stacks: CloudFormation
) -> None:
    page = {"StackEvents": [event(4), event(3), event(2)], "NextToken": "more"}
    session.stub.add_response("describe_stack_events", page)
    assert [one.event_id for one in stacks.events(STACK_ID, after_event_id="e2")] == ["e3", "e4"]


def test_a_version_takes_one_call_and_is_that_of_the_stack_until_somebody_changes_it(
    session: StubbedSession, stacks: CloudFormation
) -> None:
    session.stub.add_response("describe_stacks", stack("CREATE_COMPLETE"), {"StackName": NAME})
    answer_template(session, json.dumps(MARKED))
    described = stacks.describe(NAME)
    assert described is not None
    session.stub.add_response("describe_stacks", stack("CREATE_COMPLETE"), {"StackName": NAME})
    assert stacks.version(NAME) == described.version
    for changed in (
        stack("UPDATE_IN_PROGRESS"),
        stack("CREATE_COMPLETE", LastUpdatedTime=WHEN + timedelta(milliseconds=1)),
        stack("CREATE_COMPLETE", StackId=f"{STACK_ID}-anew"),
    ):
        session.stub.add_response("describe_stacks", changed, {"StackName": NAME})
        assert stacks.version(NAME) not in {None, described.version}
    missing(session, "describe_stacks")
    assert stacks.version(NAME) is None


# -- change sets ----------------------------------------------------------------------------------------------
def test_a_change_set_is_created_with_everything_that_it_needs(session: StubbedSession, stacks: CloudFormation) -> None:
    expected = {
        "StackName": NAME,
        "ChangeSetName": "expressway-1",
        "ChangeSetType": "CREATE",
        "TemplateBody": "{}",
        "Capabilities": ["CAPABILITY_NAMED_IAM"],
        "ClientToken": ANY,
        "Parameters": [
            {"ParameterKey": "A", "ParameterValue": "1"},
            {"ParameterKey": "B", "ParameterValue": "2"},
        ],
    }
    session.stub.add_response("create_change_set", {"Id": SET_ID, "StackId": STACK_ID}, expected)
    assert stacks.create_change_set(request(parameters={"B": "2", "A": "1"})) is True


def test_an_update_of_a_stack_is_asked_for_as_one(session: StubbedSession, stacks: CloudFormation) -> None:
    expected = dict.fromkeys(("StackName", "ChangeSetName", "TemplateBody", "Capabilities", "ClientToken"), ANY)
    expected |= {"ChangeSetType": "UPDATE", "Parameters": []}
    session.stub.add_response("create_change_set", {"Id": SET_ID, "StackId": STACK_ID}, expected)
    assert stacks.create_change_set(request(creates=False)) is True


def test_what_exists_is_taken_over_only_when_that_is_asked_for(session: StubbedSession, stacks: CloudFormation) -> None:
    expected = dict.fromkeys(("StackName", "ChangeSetName", "TemplateBody", "Capabilities", "ClientToken"), ANY)
    expected |= {"ChangeSetType": "CREATE", "Parameters": [], "ImportExistingResources": True}
    session.stub.add_response("create_change_set", {"Id": SET_ID, "StackId": STACK_ID}, expected)
    assert stacks.create_change_set(replace(request(), imports_existing=True)) is True


@pytest.mark.parametrize(("action", "goes"), [("Add", True), ("Import", False)])
def test_what_a_failed_operation_made_goes_with_it_but_never_what_was_taken_over(
    action: str, goes: bool, session: StubbedSession, stacks: CloudFormation
) -> None:
    changes = (ChangeSetChange(action, "Repository", "", "AWS::ECR::Repository", "False", ""),)
    made = ChangeSet("n", SET_ID, NAME, STACK_ID, "CREATE_COMPLETE", "AVAILABLE", "", False, changes)
    expected = {"ChangeSetName": SET_ID, "ClientRequestToken": ANY, "RetainExceptOnCreate": goes}
    session.stub.add_response("execute_change_set", {}, expected)
    stacks.execute_change_set(made)
    session.stub.assert_no_pending_responses()


@pytest.mark.parametrize(
    ("status", "token", "begun"),
    [
        ("AVAILABLE", "", False),
        ("EXECUTE_IN_PROGRESS", "", True),
        ("EXECUTE_COMPLETE", "", True),
        ("EXECUTE_FAILED", "", False),
        ("OBSOLETE", "somebody-elses", False),
        ("OBSOLETE", "ours", True),
        (None, "somebody-elses", False),
        (None, "ours", True),
    ],
)
def test_a_change_set_that_was_executed_is_known_by_its_status_or_by_the_token_of_the_events(
    status: str | None, token: str, begun: bool, session: StubbedSession, stacks: CloudFormation
) -> None:
    made = ChangeSet("n", SET_ID, NAME, STACK_ID, "CREATE_COMPLETE", "AVAILABLE", "", False)
    ours: list[str] = []
    session.client("cloudformation").meta.events.register(
        "provide-client-params.cloudformation.ExecuteChangeSet",
        lambda params, **_: ours.append(params["ClientRequestToken"]),
    )
    session.stub.add_response("execute_change_set", {})
    stacks.execute_change_set(made)

    asked = {"StackName": STACK_ID, "ChangeSetName": SET_ID, "IncludePropertyValues": True}
    if status is None:
        session.stub.add_client_error("describe_change_set", "ChangeSetNotFound", f"ChangeSet [{SET_ID}] is gone")
    else:
        session.stub.add_response("describe_change_set", change_set(ExecutionStatus=status), asked)
    if status not in {"EXECUTE_IN_PROGRESS", "EXECUTE_COMPLETE"}:
        event = {"StackId": STACK_ID, "EventId": "e", "StackName": NAME, "Timestamp": datetime(2026, 11, 1, tzinfo=UTC)}
        event |= {"ClientRequestToken": ours[0] if token == "ours" else token} if token else {}
        session.stub.add_response("describe_stack_events", {"StackEvents": [event]}, {"StackName": STACK_ID})
    assert stacks.has_begun(made) is begun
    session.stub.assert_no_pending_responses()


def test_a_change_set_of_that_name_is_told_not_raised(session: StubbedSession, stacks: CloudFormation) -> None:
    session.stub.add_client_error(
        "create_change_set", "AlreadyExistsException", "ChangeSet expressway-1 already exists"
    )
    assert stacks.create_change_set(request()) is False


def test_an_oversized_template_is_refused_before_any_call(stacks: CloudFormation) -> None:
    with pytest.raises(StackError) as failure:
        stacks.create_change_set(request("ä" * (TEMPLATE_BODY.maximum // 2 + 1)))
    assert failure.value.code == "template_too_large"
    assert "51,202" in failure.value.message


def test_a_template_of_just_the_limit_is_sent(session: StubbedSession, stacks: CloudFormation) -> None:
    session.stub.add_response("create_change_set", {"Id": SET_ID, "StackId": STACK_ID})
    assert stacks.create_change_set(request("x" * TEMPLATE_BODY.maximum))


@pytest.mark.parametrize(
    ("aws_code", "message", "ours"),
    [
        ("OperationInProgressException", "busy", "stack_busy"),
        ("ValidationError", f"Stack:{STACK_ID} is in UPDATE_IN_PROGRESS state and can not be updated.", "stack_busy"),
        ("ChangeSetNotFound", f"ChangeSet [{SET_ID}] does not exist", "stack_busy"),
        ("InvalidChangeSetStatus", "cannot be executed in its current status", "stack_busy"),
        ("ValidationError", f"Stack [{NAME}] already exists and cannot be created again", "stack_exists"),
        ("ValidationError", "Template format error: Unresolved resource dependencies [X]", "template_rejected"),
        ("AccessDenied", "not authorized to perform: cloudformation:CreateChangeSet", "access_denied"),
        ("LimitExceededException", "Limit for stacks has been exceeded", "quota_exceeded"),
        ("ExpiredToken", "The security token included in the request is expired", "credentials_expired"),
        ("Throttling", "Rate exceeded", "throttled"),
    ],
)
def test_a_refused_change_set_says_why(
    aws_code: str, message: str, ours: str, session: StubbedSession, stacks: CloudFormation
) -> None:
    session.stub.add_client_error("create_change_set", aws_code, message)
    with pytest.raises(ExpresswayError) as failure:
        stacks.create_change_set(request())
    assert failure.value.code == ours
    assert message in failure.value.message
    assert failure.value.hint


def test_a_change_set_has_its_changes_of_all_pages_with_values(session: StubbedSession, stacks: CloudFormation) -> None:
    target = {
        "Attribute": "Properties",
        "Name": "Cpu",
        "Path": "/Properties/Cpu",
        "BeforeValue": "256",
        "AfterValue": "512",
        "RequiresRecreation": "Never",
    }
    asked = {"StackName": NAME, "ChangeSetName": "expressway-1", "IncludePropertyValues": True}
    image = {
        "Target": {"Attribute": "Properties", "Name": "Image", "RequiresRecreation": "Never"},
        "ChangeSource": "ParameterReference",
        "CausingEntity": "ImageUri",
    }
    first = change_set(Changes=[resource_change("A", Details=[{"Target": target}, image])], NextToken="more")
    session.stub.add_response("describe_change_set", first, asked)
    follows = {
        "Target": {"Attribute": "Properties", "Name": "InfrastructureRoleArn", "RequiresRecreation": "Always"},
        "Evaluation": "Dynamic",
        "ChangeSource": "ResourceAttribute",
        "CausingEntity": "A.Arn",
    }
    second = change_set(Changes=[resource_change("B", Replacement="Conditional", Details=[follows])])
    session.stub.add_response("describe_change_set", second, asked | {"NextToken": "more"})
    found = stacks.describe_change_set(NAME, "expressway-1")
    assert found is not None
    assert [change.logical_id for change in found.changes] == ["A", "B"]
    detail, by_parameter = found.changes[0].details
    assert (detail.path, detail.before, detail.after) == ("/Properties/Cpu", "256", "512")
    assert (detail.follows, detail.parameter) == ("", "")
    assert (by_parameter.path, by_parameter.follows, by_parameter.parameter) == ("/Properties/Image", "", "ImageUri")
    (detail,) = found.changes[1].details
    assert (detail.path, detail.follows) == ("/Properties/InfrastructureRoleArn", "A")
    assert found.is_executable
    assert found.replacements == ()


@pytest.mark.parametrize(
    ("code", "message"), [("ChangeSetNotFound", "gone"), ("ValidationError", f"Stack [{NAME}] does not exist")]
)
def test_a_change_set_that_is_not_there_is_none(
    code: str, message: str, session: StubbedSession, stacks: CloudFormation
) -> None:
    session.stub.add_client_error("describe_change_set", code, message)
    assert stacks.describe_change_set(NAME, "expressway-1") is None


def test_a_change_set_that_is_gone_before_its_last_page_is_none(
    session: StubbedSession, stacks: CloudFormation
) -> None:
    session.stub.add_response("describe_change_set", change_set(Changes=[resource_change("A")], NextToken="more"))
    session.stub.add_client_error("describe_change_set", "ChangeSetNotFound", "gone")
    assert stacks.describe_change_set(NAME, "expressway-1") is None


@pytest.mark.parametrize(
    ("reason", "empty"),
    [
        ("The submitted information didn't contain changes. Submit different information.", True),
        ("No updates are to be performed.", True),
        ("Properties validation failed", False),
    ],
)
def test_a_failed_change_set_is_empty_only_when_cloudformation_says_so(
    reason: str, empty: bool, session: StubbedSession, stacks: CloudFormation
) -> None:
    answer = change_set(Status="FAILED", ExecutionStatus="UNAVAILABLE", StatusReason=reason)
    session.stub.add_response("describe_change_set", answer)
    found = stacks.describe_change_set(NAME, "expressway-1")
    assert found is not None
    assert (found.is_empty, found.is_executable) == (empty, False)


def test_the_names_of_change_sets_come_from_all_pages(session: StubbedSession, stacks: CloudFormation) -> None:
    session.stub.add_response("list_change_sets", {"Summaries": [{"ChangeSetName": "a"}], "NextToken": "more"})
    session.stub.add_response("list_change_sets", {"Summaries": [{"ChangeSetName": "b"}]})
    assert stacks.change_set_names(NAME) == ("a", "b")


def test_deleting_a_change_set_that_is_gone_is_no_error(session: StubbedSession, stacks: CloudFormation) -> None:
    asked = {"StackName": NAME, "ChangeSetName": "expressway-1"}
    session.stub.add_client_error("delete_change_set", "ChangeSetNotFound", "gone", expected_params=asked)
    stacks.delete_change_set(NAME, "expressway-1")
    session.stub.assert_no_pending_responses()


def test_a_change_set_that_may_not_be_deleted_is_an_error(session: StubbedSession, stacks: CloudFormation) -> None:
    session.stub.add_client_error("delete_change_set", "AccessDenied", "not yours", http_status_code=403)
    with pytest.raises(TargetError) as caught:
        stacks.delete_change_set(NAME, "expressway-1")
    assert caught.value.code == "access_denied"


def made() -> ChangeSet:
    return ChangeSet("n", SET_ID, NAME, STACK_ID, "CREATE_COMPLETE", "AVAILABLE", "", False)


def executed_with(session: StubbedSession, stacks: CloudFormation, change_set_id: str) -> str:
    tokens: list[str] = []
    session.client("cloudformation").meta.events.register(
        "provide-client-params.cloudformation.ExecuteChangeSet",
        lambda params, **_: tokens.append(params["ClientRequestToken"]),
    )
    session.stub.add_response("execute_change_set", {})
    stacks.execute_change_set(ChangeSet("n", change_set_id, NAME, STACK_ID, "CREATE_COMPLETE", "AVAILABLE", "", False))
    return tokens[-1]


def test_executing_again_is_the_same_request_and_a_remade_change_set_another(
    session: StubbedSession, stacks: CloudFormation
) -> None:
    token = executed_with(session, stacks, SET_ID)
    assert token == executed_with(session, stacks, SET_ID)
    assert token != executed_with(session, stacks, SET_ID + "-again")


def test_validation_errors_are_told_in_cloudformations_words(session: StubbedSession, stacks: CloudFormation) -> None:
    asked = {"StackName": NAME, "ChangeSetName": "expressway-1", "Filters": {"FailedEvents": True}}
    failed = {"EventId": "1", "LogicalResourceId": "Repository", "ValidationStatusReason": "it exists already"}
    session.stub.add_response("describe_events", {"OperationEvents": [failed], "NextToken": "more"}, asked)
    hook = {"EventId": "2", "HookStatusReason": "a hook says no"}
    session.stub.add_response("describe_events", {"OperationEvents": [hook]}, asked | {"NextToken": "more"})
    assert stacks.validation_errors(NAME, "expressway-1") == ("Repository: it exists already", "a hook says no")


def test_validation_errors_that_may_not_be_read_are_none(session: StubbedSession, stacks: CloudFormation) -> None:
    session.stub.add_client_error("describe_events", "AccessDenied", "no")
    assert stacks.validation_errors(NAME, "expressway-1") == ()


# -- faults ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("operation", "call"),
    [
        ("describe_stacks", lambda stacks: stacks.describe(NAME)),
        ("describe_stack_events", lambda stacks: stacks.events(STACK_ID)),
        ("describe_change_set", lambda stacks: stacks.describe_change_set(NAME, "x")),
        ("list_change_sets", lambda stacks: stacks.change_set_names(NAME)),
        ("delete_change_set", lambda stacks: stacks.delete_change_set(NAME, "x")),
        ("delete_stack", lambda stacks: stacks.delete_stack(STACK_ID, client_token="t")),
        ("continue_update_rollback", lambda stacks: stacks.continue_rollback(STACK_ID, client_token="t")),
        ("update_termination_protection", lambda stacks: stacks.protect(NAME, enabled=True)),
        ("create_change_set", lambda stacks: stacks.create_change_set(request())),
        ("execute_change_set", lambda stacks: stacks.execute_change_set(made())),
    ],
)
@pytest.mark.parametrize(
    ("aws_code", "ours"),
    [("Throttling", "throttled"), ("ExpiredToken", "credentials_expired"), ("AccessDenied", "access_denied")],
)
def test_every_call_maps_what_may_happen_to_it(
    operation: str, call: Any, aws_code: str, ours: str, session: StubbedSession, stacks: CloudFormation
) -> None:
    session.stub.add_client_error(operation, aws_code, "said AWS", http_status_code=400)
    with pytest.raises(TargetError) as failure:
        call(stacks)
    assert failure.value.code == ours


@pytest.mark.parametrize(
    ("operation", "call", "result"),
    [
        ("CreateChangeSet", lambda stacks: stacks.create_change_set(request()), f"<Id>{SET_ID}</Id>"),
        ("ExecuteChangeSet", lambda stacks: stacks.execute_change_set(made()), ""),
    ],
)
def test_a_throttled_write_is_sent_again_with_the_same_token(operation: str, call: Any, result: str) -> None:
    answers = [refusal("Throttling", "Rate exceeded", 400)] * 2
    answers.append(xml(f"<{operation}Response><{operation}Result>{result}</{operation}Result></{operation}Response>"))
    identity = "<Account>111122223333</Account><Arn>arn:aws:iam::111122223333:user/me</Arn>"
    identity = f"<GetCallerIdentityResult>{identity}</GetCallerIdentityResult>"
    sent: list[AWSPreparedRequest] = []
    settings = settings_that_answer(
        {
            "sts.GetCallerIdentity": xml(f"<GetCallerIdentityResponse>{identity}</GetCallerIdentityResponse>"),
            f"cloudformation.{operation}": lambda request: answers.pop(0)(request),
        },
        sent,
    )

    def with_credentials() -> Any:
        core = settings()
        core.set_credentials("AKIAEXAMPLE", "secret")
        return core

    session = open_session(region="eu-west-1", environ={}, settings=with_credentials)
    call(CloudFormation(session))

    writes = [parse_qs(str(one.body)) for one in sent[1:]]
    assert len(writes) == 3
    assert answers == []
    name = "ClientToken" if operation == "CreateChangeSet" else "ClientRequestToken"
    assert len({one[name][0] for one in writes}) == 1
