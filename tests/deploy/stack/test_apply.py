"""A stack is brought to its template, and every way in which that can go wrong ends clearly."""

import json
from dataclasses import replace

import pytest

from expressway.cloudformation.change_set import ChangeSetChange, ChangeSetDetail, ChangeSetRequest
from expressway.cloudformation.stack import StackState
from expressway.cloudformation.template import Template
from expressway.core.progress import NeverCancelled, Progress
from expressway.deploy.stack.apply import apply_stack
from expressway.deploy.stack.change_set import change_set_name
from expressway.deploy.stack.request import StackOutcome, StackRequest
from expressway.errors import RefusedError, StackError
from tests.cloudformation.fakes import InMemoryCloudFormation, ManualClock

NAME = "hello-express-service"


def template(**resources: object) -> Template:
    body = {"Metadata": {"Expressway": {"App": "hello", "Schema": 1}}, "Resources": resources or {"A": {"Type": "T"}}}
    return Template(NAME, json.dumps(body))


class Interrupted(RuntimeError):
    """Raised by a cancellation in place of a killed process."""


class CancelNow:
    def raise_if_cancelled(self) -> None:
        raise Interrupted


def run(stacks: InMemoryCloudFormation, told: list[Progress] | None = None, **options: object) -> StackOutcome:
    wanted = options.pop("template", template())
    cancellation = options.pop("cancellation", NeverCancelled())
    request = StackRequest(app_name="hello", template=wanted, phase="service", **options)  # type: ignore[arg-type]
    sink = (told if told is not None else []).append
    return apply_stack(request, stacks=stacks, clock=ManualClock(), progress=sink, cancellation=cancellation)  # type: ignore[arg-type]


def existing(status: str, **fields: object) -> InMemoryCloudFormation:
    stacks = InMemoryCloudFormation()
    run(stacks)
    stacks.stacks[NAME] = replace(stacks.stacks[NAME], status=status, **fields)  # type: ignore[arg-type]
    stacks.calls.clear()
    return stacks


def test_a_new_stack_is_created_and_its_events_are_told() -> None:
    stacks, told = InMemoryCloudFormation(), []
    outcome = run(stacks, told)
    assert outcome.result == "created"
    assert outcome.stack.status == "CREATE_COMPLETE"
    assert any("CREATE_COMPLETE" in progress.message for progress in told)


def test_the_same_template_again_changes_nothing_and_asks_for_no_change_set() -> None:
    stacks = existing("CREATE_COMPLETE")
    assert run(stacks).result == "unchanged"
    assert stacks.calls == []


def test_another_template_updates_the_stack() -> None:
    stacks = existing("CREATE_COMPLETE")
    outcome = run(stacks, template=template(B={"Type": "T"}))
    assert outcome.result == "updated"
    assert json.loads(outcome.stack.template)["Resources"] == {"B": {"Type": "T"}}


def test_no_changes_found_by_cloudformation_is_a_result_and_leaves_no_change_set() -> None:
    stacks = existing("UPDATE_COMPLETE")
    stacks.reject_next = "The submitted information didn't contain changes."
    assert run(stacks, template=template(B={"Type": "T"})).result == "unchanged"
    assert stacks.change_sets == {}


def test_the_remains_of_a_failed_create_are_cleared_first() -> None:
    stacks = existing("ROLLBACK_COMPLETE")
    assert run(stacks).result == "created"
    assert stacks.calls == ["delete_stack", "create_change_set", "execute_change_set"]


@pytest.mark.parametrize("owner", [None, "other"])
def test_a_stack_of_another_owner_is_refused_untouched(owner: str | None) -> None:
    stacks = existing("CREATE_COMPLETE", owner_app=owner)
    with pytest.raises(RefusedError) as refused:
        run(stacks, template=template(B={"Type": "T"}))
    assert refused.value.code == "stack_foreign"
    assert stacks.calls == []


def test_a_stack_of_another_owner_is_taken_over_when_asked() -> None:
    stacks = existing("CREATE_COMPLETE", owner_app=None)
    assert run(stacks, template=template(B={"Type": "T"}), adopt=True).result == "updated"


def test_a_rollback_that_failed_is_not_continued_unasked() -> None:
    stacks = existing("UPDATE_ROLLBACK_FAILED")
    with pytest.raises(StackError) as failure:
        run(stacks)
    assert failure.value.code == "update_rollback_failed"
    assert "--continue-rollback" in failure.value.hint
    assert stacks.calls == []


def test_a_rollback_that_failed_is_continued_when_asked() -> None:
    stacks = existing("UPDATE_ROLLBACK_FAILED")
    outcome = run(stacks, template=template(B={"Type": "T"}), continue_rollback=True)
    assert outcome.result == "updated"
    assert stacks.calls[0] == "continue_rollback"


def test_a_running_operation_is_waited_for_and_then_found_to_have_done_the_work() -> None:
    stacks = existing("UPDATE_IN_PROGRESS")
    stacks.pending[NAME] = [stacks.stacks[NAME], replace(stacks.stacks[NAME], status="UPDATE_COMPLETE")]
    told: list[Progress] = []
    assert run(stacks, told).result == "unchanged"
    assert "waiting" in told[0].message


def test_an_operation_that_does_not_end_in_time_is_refused_clearly() -> None:
    stacks = existing("UPDATE_IN_PROGRESS")
    with pytest.raises(StackError) as failure:
        run(stacks, busy_seconds=30)
    assert failure.value.code == "stack_busy"
    assert stacks.calls == []


def test_the_first_real_cause_is_reported_not_its_consequence() -> None:
    stacks = existing("CREATE_COMPLETE")
    stacks.fail_next = [("LogGroup", "Resource update cancelled"), ("Service", "CannotPullContainerError: not found")]
    with pytest.raises(StackError) as failure:
        run(stacks, template=template(B={"Type": "T"}))
    assert failure.value.code == "stack_failed"
    assert "CannotPullContainerError" in failure.value.message
    assert failure.value.details["status"] == "UPDATE_ROLLBACK_COMPLETE"


def test_a_replacement_is_refused_and_its_change_set_removed() -> None:
    stacks = existing("CREATE_COMPLETE")
    detail = ChangeSetDetail("/Properties/ServiceName", "a", "b", "Always")
    stacks.changes = (ChangeSetChange("Modify", "Service", "arn", "AWS::ECS::X", "True", "", (detail,)),)
    with pytest.raises(RefusedError) as refused:
        run(stacks, template=template(B={"Type": "T"}))
    assert refused.value.code == "replacement_refused"
    assert refused.value.details["properties"] == ["/Properties/ServiceName"]
    assert stacks.change_sets == {}
    assert run(stacks, template=template(B={"Type": "T"}), allow_replacement=True).result == "updated"


def test_a_cancelled_update_leaves_no_change_set() -> None:
    stacks = existing("CREATE_COMPLETE")
    with pytest.raises(Interrupted):
        run(stacks, template=template(B={"Type": "T"}), cancellation=CancelNow())
    assert stacks.change_sets == {}
    assert stacks.stacks[NAME].status == "CREATE_COMPLETE"


def test_a_cancelled_create_leaves_no_empty_stack() -> None:
    stacks = InMemoryCloudFormation()
    with pytest.raises(Interrupted):
        run(stacks, cancellation=CancelNow())
    assert stacks.change_sets == {}
    assert stacks.describe(NAME) is None


def test_a_run_killed_before_executing_is_continued_with_the_same_change_set() -> None:
    stacks = existing("CREATE_COMPLETE")
    wanted = template(B={"Type": "T"})
    name = change_set_name(StackRequest("hello", wanted, "service"), stacks.stacks[NAME], {})
    stacks.create_change_set(ChangeSetRequest(NAME, name, wanted.body, {}, creates_stack=False))
    assert run(stacks, template=wanted).result == "updated"
    assert stacks.calls == ["create_change_set", "execute_change_set"]


class RunElsewhereToo(InMemoryCloudFormation):
    """The same command elsewhere takes up each change set at once, and CloudFormation goes on to describe it."""

    def create_change_set(self, request: ChangeSetRequest) -> bool:
        made = super().create_change_set(request)
        _, change_set = self.change_sets[request.stack_name, request.change_set_name]
        self.execute_change_set(change_set)
        self.calls.clear()
        self.change_sets[request.stack_name, request.change_set_name] = (
            request,
            replace(change_set, execution_status="EXECUTE_IN_PROGRESS"),
        )
        return made


def test_a_change_set_that_the_same_command_elsewhere_carries_out_is_joined_and_left_alone() -> None:
    stacks = RunElsewhereToo()
    outcome = run(stacks)
    assert (outcome.result, outcome.stack.status) == ("created", "CREATE_COMPLETE")
    assert stacks.calls == []


def test_a_template_that_differs_in_spaces_only_is_unchanged() -> None:
    stacks = existing("CREATE_COMPLETE", template=json.dumps(template().document, indent=4))
    assert run(stacks).result == "unchanged"
    assert stacks.calls == []


def test_a_foreign_stack_is_refused_at_once_even_while_it_changes() -> None:
    stacks = existing("UPDATE_IN_PROGRESS", owner_app="other")
    told: list[Progress] = []
    with pytest.raises(RefusedError):
        run(stacks, told)
    assert told == []


def test_a_stack_that_is_being_deleted_is_waited_for_and_made_anew() -> None:
    stacks = existing("CREATE_COMPLETE")
    stacks.delete_stack(stacks.stacks[NAME].stack_id, client_token="x")
    assert run(stacks).result == "created"


def test_protected_remains_are_not_cleared() -> None:
    stacks = existing("ROLLBACK_COMPLETE", termination_protection=True)
    with pytest.raises(RefusedError) as refused:
        run(stacks)
    assert refused.value.code == "stack_protected"
    assert refused.value.message == f"Termination protection is on for the stack {NAME}."
    assert stacks.calls == []


def test_remains_that_could_not_be_cleared_are_cleared_under_another_token() -> None:
    stacks = existing("ROLLBACK_COMPLETE")
    stacks.fail_deletes = 1
    with pytest.raises(StackError) as failure:
        run(stacks)
    assert failure.value.code == "stack_delete_failed"
    assert run(stacks).result == "created"
    assert len(set(stacks.tokens)) == 2


def conditional(follows: str) -> ChangeSetChange:
    detail = ChangeSetDetail("/Properties/InfrastructureRoleArn", None, None, "Always", follows)
    return ChangeSetChange("Modify", "Service", "arn", "AWS::ECS::X", "Conditional", "", (detail,))


def role_change(replacement: str) -> ChangeSetChange:
    return ChangeSetChange("Modify", "Role", "role", "AWS::IAM::Role", replacement, "")


def test_a_role_that_changes_in_place_does_not_count_as_replacing_the_service() -> None:
    stacks = existing("CREATE_COMPLETE")
    stacks.changes = (conditional("Role"), role_change("False"))
    assert run(stacks, template=template(B={"Type": "T"})).result == "updated"


@pytest.mark.parametrize("changes", [(conditional("Role"), role_change("True")), (conditional(""),)])
def test_a_conditional_replacement_that_will_happen_is_refused(changes: tuple[ChangeSetChange, ...]) -> None:
    stacks = existing("CREATE_COMPLETE")
    stacks.changes = changes
    with pytest.raises(RefusedError) as refused:
        run(stacks, template=template(B={"Type": "T"}))
    assert "Service" in refused.value.details["resources"]


def test_a_rejected_create_leaves_no_stack_under_review() -> None:
    stacks = InMemoryCloudFormation(reject_next="Properties validation failed")
    with pytest.raises(StackError) as failure:
        run(stacks)
    assert failure.value.code == "change_set_failed"
    assert stacks.describe(NAME) is None
    assert stacks.change_sets == {}


def test_termination_protection_follows_the_request() -> None:
    stacks = InMemoryCloudFormation()
    run(stacks, termination_protection=True)
    assert stacks.stacks[NAME].termination_protection
    run(stacks, termination_protection=False)
    assert not stacks.stacks[NAME].termination_protection


def test_the_change_sets_name_depends_on_the_template_the_parameters_and_the_state() -> None:
    request = StackRequest("hello", template(), "service")
    other = StackRequest("hello", template(B={"Type": "T"}), "service")
    stack = StackState(NAME, "arn:1", "UPDATE_COMPLETE")
    names = {
        change_set_name(request, None, {}),
        change_set_name(request, stack, {}),
        change_set_name(request, None, {"ImageUri": "x"}),
        change_set_name(other, None, {}),
        change_set_name(replace(request, restores=True), stack, {}),
        change_set_name(replace(request, imports_existing=True), stack, {}),
    }
    assert len(names) == 6
    assert change_set_name(request, stack, {}) == change_set_name(request, stack, {})


WITH_PARAMETERS = Template(
    NAME,
    json.dumps(
        {
            "Metadata": {"Expressway": {"App": "hello", "Schema": 1}},
            "Parameters": {"Kept": {"Type": "String"}, "Given": {"Type": "String"}, "Usual": {"Default": "usual"}},
            "Resources": {"A": {"Type": "T"}},
        }
    ),
)
OLD = {"Kept": "old", "Given": "old", "Usual": "old", "Gone": "old"}


@pytest.mark.parametrize("status", ["CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"])
def test_a_parameter_that_is_not_given_keeps_its_value_where_the_template_has_no_other(status: str) -> None:
    stacks = existing(status, parameters=OLD)
    run(stacks, template=WITH_PARAMETERS, parameters={"Given": "new"})
    assert dict(stacks.requests[-1].parameters) == {"Kept": "old", "Given": "new"}


@pytest.mark.parametrize("status", ["REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE"])
def test_a_stack_that_never_stood_hands_no_parameters_on(status: str) -> None:
    stacks = existing(status, parameters=OLD)
    run(stacks, template=WITH_PARAMETERS, parameters={"Given": "new"})
    assert dict(stacks.requests[-1].parameters) == {"Given": "new"}
