"""An app is brought to its definition, nothing is changed in vain, and a failure says its first real cause."""

import itertools
import json
from dataclasses import replace

import pytest

from expressway.aws.values.target import Target
from expressway.cloudformation.template import AppTemplates
from expressway.deploy.status.endpoint import service_url
from expressway.deploy.status.wait import Readiness
from expressway.diagnose.finding import Finding
from expressway.errors import (
    EngineError,
    ExpresswayError,
    ImageError,
    RefusedError,
    ServiceError,
    StackError,
    TargetError,
)
from expressway.image.context.excluded import ExcludedFiles
from tests.deploy.fakes import OUTPUTS, REPOSITORY, SERVICE, World, templates

CRASH = Finding(
    "container_exited",
    "critical",
    "The container web exited with code 1: no module named app.",
    ("log",),
    "Mend it.",
    "t",
)
PULL = Finding("image_not_found", "critical", "The image does not exist in its registry.", ("event",), "Push it.")
SLOW = Finding("capacity_unavailable", "critical", "AWS has no capacity at the moment.", ("event",))


def world(**stack_options: object) -> World:
    fresh = World()
    for name, value in stack_options.items():
        setattr(fresh.stacks, name, value)
    return fresh


def deployed() -> World:
    ready = world()
    ready.deploy()
    ready.stacks.calls.clear()
    ready.told.clear()
    ready.asked.clear()
    ready.waits = 0
    return ready


def broken(**options: object) -> World:
    """A deployed app whose next version fails in the service stack."""
    app = deployed()
    app.templates = templates(cpu="512")
    app.stacks.failing = {SERVICE: [("Service", "Resource handler returned message: ECS deployment failed")]}
    for name, value in options.items():
        setattr(app, name, value)
    return app


# -- the ways that end well -----------------------------------------------------------------------------------
def test_a_first_deployment_makes_the_repository_then_the_image_then_the_service() -> None:
    app = world()
    result = app.deploy()
    assert result.status == "deployed"
    assert result.stacks == {REPOSITORY: "created", SERVICE: "created"}
    assert (result.image_uri, result.url) == ("repo@sha256:content-1", "https://ex-1.ecs.us-east-1.on.aws/")
    assert result.service_arn.endswith("service/hello")
    assert app.stacks.stacks[SERVICE].parameters == {"ImageUri": "repo@sha256:content-1", "Origin": ""}
    assert app.stacks.stacks[REPOSITORY].parameters == {
        "PusherArn": "arn:aws:iam::111122223333:user/someone",
        "Origin": "",
    }
    assert app.stacks.change_sets == {}
    assert app.waits == 1


def test_the_journal_is_told_every_phase_before_it_begins() -> None:
    app = world()
    app.deploy()
    assert app.operation.history == ["check", "synth", "plan", "build", "repository", "push", "service", "wait"]


def test_deploying_again_changes_nothing_and_waits_for_nothing() -> None:
    app = deployed()
    result = app.deploy()
    assert result.status == "unchanged"
    assert result.stacks == {REPOSITORY: "unchanged", SERVICE: "unchanged"}
    assert result.url == "https://ex-1.ecs.us-east-1.on.aws/"
    assert app.stacks.calls == []
    assert app.images.pushes == ["content-1"]
    assert app.waits == 0


@pytest.mark.parametrize(("before", "after", "word"), [(False, True, "on"), (True, False, "off")])
def test_a_change_of_protection_alone_is_told_and_waits_for_nothing(before: bool, after: bool, word: str) -> None:
    app = world()
    app.termination_protection = before
    app.deploy()
    app.waits, app.termination_protection = 0, after
    result = app.deploy()
    assert (result.status, result.stacks) == ("deployed", {REPOSITORY: "updated", SERVICE: "updated"})
    assert result.termination_protection == {REPOSITORY: word, SERVICE: word}
    assert f"termination protection of {SERVICE} is {word} now" in [one.message for one in app.told]
    assert all(stack.termination_protection == after for stack in app.stacks.stacks.values())
    assert app.waits == 0
    assert app.deploy().status == "unchanged"


def test_an_approved_plan_that_did_not_show_protection_does_not_switch_it() -> None:
    app = deployed()
    shown = refused_untouched(app, approved_plan="x").details["current"]
    app.termination_protection = True
    with pytest.raises(RefusedError) as refused:
        app.deploy(approved_plan=shown)
    assert refused.value.code == "plan_changed"
    assert not any(stack.termination_protection for stack in app.stacks.stacks.values())
    assert app.deploy(approved_plan=refused.value.details["current"]).status == "deployed"


def test_protection_that_someone_switches_after_the_plan_is_left_as_they_want_it() -> None:
    app = deployed()
    app.images.content = "content-2"
    readings = itertools.count()

    class SwitchedLater:
        """Somebody else protects the service stack as soon as the plan has seen it."""

        def __getattr__(self, name: str) -> object:
            return getattr(app.stacks, name)

        def describe(self, stack_name: str) -> object:
            if stack_name == SERVICE and next(readings) == 1:
                app.stacks.protect(SERVICE, enabled=True)
            return app.stacks.describe(stack_name)

    app.gateway = SwitchedLater()  # type: ignore[assignment]
    assert app.deploy().termination_protection == {}
    assert app.stacks.stacks[SERVICE].termination_protection


def test_an_approval_holds_for_the_protection_that_a_killed_run_has_not_switched() -> None:
    app = world()
    app.termination_protection = True
    shown = refused_untouched(app, approved_plan="x").details["current"]
    assert app.deploy(approved_plan=shown).status == "deployed"
    app.stacks.stacks[SERVICE] = replace(app.stacks.stacks[SERVICE], termination_protection=False)
    assert app.deploy(approved_plan=shown).termination_protection == {SERVICE: "on"}


def test_what_the_build_warns_of_is_told_and_is_in_the_result_also_when_nothing_is_built() -> None:
    app = world()
    app.images.warnings = ("kept .env out",)
    app.images.check_warns = "the image could not be looked at"
    for status in ("deployed", "unchanged"):
        app.told.clear()
        result = app.deploy()
        assert (result.status, result.warnings) == (status, ("the image could not be looked at", "kept .env out"))
        assert [one.message for one in app.told if one.level == "warning"] == list(result.warnings)


def test_a_repository_that_the_app_leaves_behind_is_told_and_is_left_alone() -> None:
    app = deployed()
    service = app.templates.service
    named = service.body.replace('{"Type": "String"}', '{"Type": "String", "Default": "nginx:1"}')
    app.templates = AppTemplates(None, replace(service, body=named))
    for told in ((f"{REPOSITORY} stays with its images",), ()):
        warnings = app.deploy().warnings
        assert len(warnings) == len(told)
        assert all(warning.startswith(start) for warning, start in zip(warnings, told, strict=True))
    left = app.stacks.describe(REPOSITORY)
    assert left is not None
    assert left.status == "CREATE_COMPLETE"


def test_a_task_role_that_ecs_may_keep_is_told_by_the_deployment_that_drops_it() -> None:
    app = world()
    plain = app.templates
    named = plain.service.body.replace(
        '"Cpu": "256"', '"Cpu": "256", "TaskRoleArn": "arn:aws:iam::123456789012:role/x"'
    )
    app.templates = replace(plain, service=replace(plain.service, body=named))
    assert app.deploy().warnings == ()
    app.templates = plain
    (warning,) = app.deploy().warnings
    assert warning.startswith("ECS may keep the task role")
    assert [one.message for one in app.told if one.level == "warning"] == [warning]
    assert app.deploy().warnings == ()


def test_an_image_is_published_with_the_outputs_of_the_repository_that_stands() -> None:
    app = world()
    app.deploy()
    assert app.images.outputs_seen == OUTPUTS


def test_new_content_updates_the_service_alone() -> None:
    app = deployed()
    app.images.content = "content-2"
    result = app.deploy()
    assert result.stacks == {REPOSITORY: "unchanged", SERVICE: "updated"}
    assert app.stacks.stacks[SERVICE].parameters == {"ImageUri": "repo@sha256:content-2", "Origin": ""}


def test_an_image_that_is_published_already_is_not_published_again() -> None:
    app = world()
    app.images.published["content-1"] = "repo@sha256:content-1"
    app.deploy()
    assert app.images.pushes == []
    assert "build" not in app.operation.history


# -- refused before anything is changed -----------------------------------------------------------------------
def test_an_image_that_goes_while_it_is_deployed_is_built_again_before_the_service_is_touched() -> None:
    app = deployed()
    app.templates = templates(cpu="512")
    app.images.while_looking_again = app.images.published.clear
    app.images.pushes.clear()

    result = app.deploy()

    assert app.images.pushes == ["content-1"]
    assert result.status == "deployed"
    assert any("no longer is: it is built and pushed again" in warning for warning in result.warnings)


def test_an_image_that_goes_after_its_plan_was_approved_stops_the_deployment_before_the_service() -> None:
    app = deployed()
    app.templates = templates(cpu="512")
    digest = digest_of_plan(app)
    app.images.while_looking_again = app.images.published.clear
    before = app.stacks.stacks[SERVICE]

    with pytest.raises(RefusedError) as refusal:
        app.deploy(approved_plan=digest)

    assert refusal.value.code == "plan_changed"
    assert "repo@sha256:content-1" in refusal.value.message
    assert app.stacks.stacks[SERVICE] == before
    assert app.images.pushes == ["content-1"]


@pytest.mark.parametrize("status", ["CREATE_COMPLETE", "UPDATE_COMPLETE"])
@pytest.mark.parametrize("continues", ["", "deploy-hello-0"])
def test_a_service_that_an_interrupted_run_left_unproven_is_waited_for(status: str, continues: str) -> None:
    app = deployed()
    app.stacks.stacks[SERVICE] = replace(app.stacks.stacks[SERVICE], status=status)
    app.readiness = Readiness("failed", "It answers 502.")
    if not continues:
        assert app.deploy().status == "unchanged"
        assert app.waits == 0
        return
    with pytest.raises(ServiceError) as failure:
        app.deploy(continues=continues)
    assert failure.value.code == "service_not_ready"
    assert app.waits == 1


def test_a_service_that_was_rolled_back_is_not_waited_for_as_if_it_were_new() -> None:
    app = deployed()
    app.stacks.stacks[SERVICE] = replace(app.stacks.stacks[SERVICE], status="UPDATE_ROLLBACK_COMPLETE")
    assert app.deploy(continues="deploy-hello-0").status == "unchanged"
    assert app.waits == 0


def test_what_another_run_was_bringing_about_is_waited_for_and_proved() -> None:
    app = deployed()
    stack = app.stacks.stacks[SERVICE]
    running = replace(stack, status="UPDATE_IN_PROGRESS")
    app.stacks._become(running)
    app.stacks.pending[SERVICE] = [*[running] * 8, replace(stack, status="UPDATE_COMPLETE")]
    assert app.deploy().status == "unchanged"
    assert app.waits == 1


def digest_of_plan(app: World) -> str:
    with pytest.raises(RefusedError) as refusal:
        app.deploy(approved_plan="none")
    return str(refusal.value.details["current"])


def refused_untouched(app: World, **options: object) -> ExpresswayError:
    calls, stacks = list(app.stacks.calls), dict(app.stacks.stacks)
    with pytest.raises(ExpresswayError) as error:
        app.deploy(**options)
    assert app.stacks.calls == calls
    assert app.stacks.stacks == stacks
    return error.value


@pytest.mark.parametrize(
    "wrong", [ImageError("dockerfile_missing", "m", "h"), EngineError("engine_unreachable", "m", "h")]
)
def test_an_image_that_cannot_be_built_leaves_aws_unchanged(wrong: ExpresswayError) -> None:
    app = world()
    app.images.wrong = wrong
    assert refused_untouched(app) is wrong
    assert app.images.pushes == []


def test_a_plan_that_was_not_approved_is_refused_before_any_change() -> None:
    app = world()
    error = refused_untouched(app, approved_plan="0123456789abcdef")
    assert error.code == "plan_changed"
    assert error.details["approved"] == "0123456789abcdef"
    assert app.images.pushes == []


def test_the_approved_plan_is_carried_out() -> None:
    app = world()
    shown = refused_untouched(app, approved_plan="x").details["current"]
    result = app.deploy(approved_plan=shown)
    assert (result.status, result.plan_digest) == ("deployed", shown)


@pytest.mark.parametrize("more", [{"adopt": True}, {"allow_replacement": True}])
def test_an_approved_plan_does_not_allow_more_than_was_shown_with_it(more: dict[str, bool]) -> None:
    app = world()
    shown = refused_untouched(app, approved_plan="x").details["current"]
    error = refused_untouched(app, approved_plan=shown, **more)
    assert error.code == "plan_changed"
    assert app.deploy(approved_plan=error.details["current"], **more).status == "deployed"


def test_a_replacement_is_refused_before_anything_is_changed_or_built() -> None:
    app = deployed()
    app.images.content = "content-2"
    app.templates = templates(service_name="other")
    error = refused_untouched(app)
    assert error.code == "replacement_refused"
    assert error.details == {"resources": ["Service"], "properties": ["ServiceName"]}
    assert app.images.pushes == ["content-1"]


def test_a_replacement_is_made_when_it_is_allowed() -> None:
    app = deployed()
    app.templates = templates(service_name="other")
    assert app.deploy(allow_replacement=True).stacks[SERVICE] == "updated"


def with_properties(which: str, **properties: object) -> AppTemplates:
    """The templates with other properties of the service or the repository."""
    made = templates()
    template = made.service if which == "Service" else made.repository
    assert template is not None
    document = json.loads(template.body)
    document["Resources"][which]["Properties"] |= properties
    part = "service" if which == "Service" else "repository"
    return replace(made, **{part: replace(template, body=json.dumps(document))})


@pytest.mark.parametrize("allowed", [False, True])
@pytest.mark.parametrize(
    ("which", "properties", "name", "loss"),
    [
        ("Service", {"InfrastructureRoleArn": "arn:aws:iam::111122223333:role/own"}, "hello", "its URL changes"),
        ("Repository", {"EncryptionConfiguration": {"EncryptionType": "KMS"}}, "hello-repo", "its images go"),
    ],
)
def test_a_replacement_under_the_same_name_is_refused_before_anything_also_when_it_is_allowed(
    allowed: bool, which: str, properties: dict[str, object], name: str, loss: str
) -> None:
    app = deployed()
    app.images.content = "content-2"
    app.templates = with_properties(which, **properties)
    error = refused_untouched(app, allow_replacement=allowed)
    assert error.code == "replacement_impossible"
    assert f"both would be called {name}." in error.message
    assert error.hint.endswith(f"delete the app and deploy it again ({loss} then).")
    assert "allow-replacement" not in str(error)
    assert error.details == {"resources": [which], "properties": list(properties)}
    assert (app.images.pushes, "build" in app.operation.history) == (["content-1"], False)


def test_a_kept_repository_is_named_where_it_is_in_the_way_of_a_new_one() -> None:
    app = world()
    app.templates = templates(deletion_policy="Retain")
    app.deploy()
    assert app.templates.repository is not None
    body = app.templates.repository.body.replace('"hello-repo"', '"hello-repo", "EncryptionConfiguration": {}')
    app.templates = replace(app.templates, repository=replace(app.templates.repository, body=body))
    hint = refused_untouched(app).hint
    assert "delete the app, with Repository, which removal_policy: retain keeps, and deploy it again" in hint


def test_a_refused_replacement_of_something_else_than_the_service_does_not_speak_of_its_url() -> None:
    app = deployed()
    app.templates = with_properties("Repository", RepositoryName="other-repo")
    error = refused_untouched(app)
    assert error.code == "replacement_refused"
    assert (
        error.message
        == "This change replaces Repository (RepositoryName); a replaced repository starts without images."
    )


@pytest.mark.parametrize("status", ["CREATE_COMPLETE", "ROLLBACK_COMPLETE"])
def test_a_strangers_service_stack_is_refused_before_the_repository_is_made(status: str) -> None:
    app = deployed()
    app.stacks.stacks[SERVICE] = replace(app.stacks.stacks[SERVICE], owner_app=None, status=status)
    del app.stacks.stacks[REPOSITORY]
    assert refused_untouched(app).code == "stack_foreign"


def test_a_strangers_review_is_refused_before_the_repository_is_made() -> None:
    app = deployed()
    shell = replace(app.stacks.stacks[SERVICE], owner_app=None, status="REVIEW_IN_PROGRESS", template="")
    app.stacks.stacks = {SERVICE: shell}
    app.stacks.change_sets[(SERVICE, "cdk-deploy-change-set")] = None  # type: ignore[assignment]
    assert refused_untouched(app).code == "stack_foreign"


def test_a_rollback_that_failed_is_told_before_anything_is_changed() -> None:
    app = deployed()
    app.images.content = "content-2"
    app.stacks.stacks[SERVICE] = replace(app.stacks.stacks[SERVICE], status="UPDATE_ROLLBACK_FAILED")
    assert refused_untouched(app).code == "update_rollback_failed"
    assert app.images.pushes == ["content-1"]
    assert app.deploy(continue_rollback=True).stacks[SERVICE] == "updated"


def test_an_oversized_template_is_refused_before_the_repository_is_made() -> None:
    app = world()
    body = app.templates.service.body.replace('"Schema": 1', '"Schema": 1, "Padding": "' + "x" * 60_000 + '"')
    app.templates = replace(app.templates, service=replace(app.templates.service, body=body))
    assert refused_untouched(app).code == "template_too_large"


# -- failures -------------------------------------------------------------------------------------------------
def test_an_image_that_fails_to_build_leaves_the_service_as_it_was() -> None:
    app = deployed()
    app.images.content, app.images.fails = "content-2", ImageError("build_failed", "It does not build.", "Mend it.")
    with pytest.raises(ImageError):
        app.deploy()
    assert app.stacks.calls == []
    assert app.stacks.stacks[SERVICE].parameters == {"ImageUri": "repo@sha256:content-1", "Origin": ""}


def test_a_failing_service_reports_the_explained_cause_rather_than_cloudformations() -> None:
    app = broken(causes=[None, CRASH])
    with pytest.raises(StackError) as failure:
        app.deploy()
    error = failure.value
    assert error.code == "deployment_failed"
    assert error.message == f"{CRASH.sentence} ({SERVICE} ended in UPDATE_ROLLBACK_COMPLETE.)"
    assert error.hint == "Mend it."
    assert (error.details["cause"], error.details["evidence"]) == ("container_exited", ["log"])
    assert "ECS deployment failed" in error.details["stack_message"]
    assert app.errors_told == [CRASH.sentence]


def test_what_was_kept_out_of_an_image_is_recorded_for_that_image_also_when_its_service_fails() -> None:
    app = broken()
    excluded_files = ExcludedFiles(("credentials/",))
    assert app.excluded == {"repo@sha256:content-1": ExcludedFiles()}
    app.images.content, app.images.excluded_files = "content-2", excluded_files
    with pytest.raises(StackError):
        app.deploy()
    assert app.excluded["repo@sha256:content-2"] == excluded_files


def test_a_failure_that_nobody_can_explain_is_cloudformations() -> None:
    app = broken()
    with pytest.raises(StackError) as failure:
        app.deploy()
    assert failure.value.code == "stack_failed"
    assert "ECS deployment failed" in failure.value.message


def test_a_failure_that_is_explained_only_after_the_rollback_is_explained_then() -> None:
    app = broken(causes=[None, None, CRASH])
    with pytest.raises(StackError) as failure:
        app.deploy()
    assert failure.value.details["cause"] == "container_exited"


def test_a_rollback_keeps_the_old_version_and_the_next_deployment_works() -> None:
    app = broken(causes=[CRASH])
    with pytest.raises(StackError):
        app.deploy()
    assert "256" in app.stacks.stacks[SERVICE].template
    app.stacks.failing = {}
    assert app.deploy().stacks[SERVICE] == "updated"
    assert app.stacks.change_sets == {}


def test_a_first_deployment_that_failed_is_cleared_and_made_anew() -> None:
    app = world(failing={SERVICE: [("Service", "no")]})
    with pytest.raises(StackError):
        app.deploy()
    assert app.stacks.stacks[SERVICE].status == "ROLLBACK_COMPLETE"
    app.stacks.failing = {}
    result = app.deploy()
    assert result.stacks == {REPOSITORY: "unchanged", SERVICE: "created"}
    assert app.images.pushes == ["content-1"]


def test_a_service_that_does_not_serve_is_an_error_though_the_stacks_stand() -> None:
    app = world()
    app.readiness = Readiness("failed", "It answers 502.")
    with pytest.raises(ServiceError) as failure:
        app.deploy()
    assert failure.value.code == "service_not_ready"
    assert failure.value.message == "It answers 502."
    assert app.stacks.stacks[SERVICE].status == "CREATE_COMPLETE"


# -- early warning --------------------------------------------------------------------------------------------
def slowly(app: World, polls: int = 40) -> World:
    app.stacks.polls_until_done = polls
    return app


def test_a_permanent_cause_is_told_once_long_before_the_stack_gives_up() -> None:
    app = slowly(broken(causes=[None, CRASH], explaining_seconds=0.2))
    with pytest.raises(StackError) as failure:
        app.deploy()
    assert failure.value.details["cause"] == "container_exited"
    assert app.errors_told == [CRASH.sentence]
    told = next(index for index, one in enumerate(app.told) if one.message == CRASH.sentence)
    ended = next(index for index, one in enumerate(app.told) if "UPDATE_ROLLBACK_COMPLETE" in one.message)
    assert told < ended


def test_a_warned_deployment_that_succeeds_after_all_has_succeeded() -> None:
    app = deployed()
    app.templates = templates(cpu="512")
    app.causes = [CRASH]
    assert slowly(app).deploy().status == "deployed"
    assert app.errors_told == [CRASH.sentence]


def test_a_passing_cause_is_no_warning() -> None:
    app = slowly(deployed())
    app.templates = templates(cpu="512")
    app.causes = [SLOW] * 100
    assert app.deploy().status == "deployed"
    assert app.errors_told == []


def test_a_diagnosis_that_fails_does_not_fail_the_deployment() -> None:
    app = slowly(deployed())
    app.templates = templates(cpu="512")
    app.causes = [TargetError("access_denied", "no", "ask")] * 100
    assert app.deploy().status == "deployed"


def test_the_cause_is_asked_for_at_most_once_a_second() -> None:
    app = slowly(deployed(), polls=100)
    app.templates = templates(cpu="512")
    app.deploy()
    moments = [moment for moment, _ in app.asked]
    assert len(moments) > 10
    assert all(later - earlier > 0.999 for earlier, later in itertools.pairwise(moments))


def test_a_slow_diagnosis_is_asked_for_less_often() -> None:
    app = slowly(deployed(), polls=100)
    app.templates = templates(cpu="512")
    app.explaining_seconds = 5.0
    app.deploy()
    moments = [moment for moment, _ in app.asked]
    assert all(later - earlier >= 10.0 for earlier, later in itertools.pairwise(moments))


def test_every_question_names_when_the_operation_began_so_that_older_deployments_do_not_count() -> None:
    app = slowly(broken())
    before = max(event.timestamp for events in app.stacks.log.values() for event in events)
    with pytest.raises(StackError):
        app.deploy()
    assert app.asked
    for _, events in app.asked:
        assert events[0].status == "UPDATE_IN_PROGRESS"
        assert events[0].logical_id == SERVICE
        assert events[0].timestamp > before


def test_a_warning_is_kept_unless_the_failure_itself_shows_a_certain_cause() -> None:
    kept = broken(causes=[CRASH, SLOW])
    with pytest.raises(StackError) as failure:
        kept.deploy()
    assert failure.value.details["cause"] == "container_exited"


def test_the_repository_stack_is_not_explained_by_the_service() -> None:
    app = world(failing={REPOSITORY: [("Repository", "it exists already")]})
    app.causes = [CRASH]
    with pytest.raises(StackError) as failure:
        app.deploy()
    assert failure.value.code == "stack_failed"
    assert "it exists already" in failure.value.message
    assert app.asked == []


# -- continuing -----------------------------------------------------------------------------------------------
class _Gone(RuntimeError):
    """Raised in place of a process that ends."""


class StopIn:
    """A cancellation that strikes when a phase begins."""

    def __init__(self, app: World, phase: str) -> None:
        self.app, self.phase = app, phase

    def raise_if_cancelled(self) -> None:
        if self.phase in self.app.operation.history:
            raise _Gone


@pytest.mark.parametrize("phase", ["check", "synth", "plan", "repository", "build", "service"])
def test_a_run_that_was_stopped_in_any_phase_is_continued(phase: str) -> None:
    app = world()
    with pytest.raises(_Gone):
        app.deploy(cancellation=StopIn(app, phase))
    assert app.deploy(continues="deploy-hello-0").status in {"deployed", "unchanged"}
    assert app.stacks.stacks[SERVICE].status == "CREATE_COMPLETE"
    assert app.stacks.change_sets == {}
    assert app.images.pushes == ["content-1"]


def test_an_approval_holds_for_what_is_left_of_its_plan() -> None:
    app = world()
    shown = refused_untouched(app, approved_plan="x").details["current"]
    with pytest.raises(_Gone):
        app.deploy(approved_plan=shown, cancellation=StopIn(app, "service"))
    assert app.stacks.stacks[REPOSITORY].status == "CREATE_COMPLETE"
    assert app.deploy(approved_plan=shown).stacks[SERVICE] == "created"


def test_an_approval_does_not_hold_for_anything_else() -> None:
    app = world()
    shown = refused_untouched(app, approved_plan="x").details["current"]
    with pytest.raises(_Gone):
        app.deploy(approved_plan=shown, cancellation=StopIn(app, "service"))
    app.templates = templates(cpu="1024")
    app.stacks.calls.clear()
    with pytest.raises(RefusedError) as refused:
        app.deploy(approved_plan=shown)
    assert refused.value.code == "plan_changed"
    assert app.stacks.calls == []


def test_a_run_that_continues_an_interrupted_one_waits_until_the_service_is_proven() -> None:
    app = deployed()
    assert app.deploy(continues="deploy-hello-0").status == "unchanged"
    assert app.waits == 1


def test_after_a_rollback_there_is_nothing_to_prove() -> None:
    app = deployed()
    app.stacks.stacks[SERVICE] = replace(app.stacks.stacks[SERVICE], status="UPDATE_ROLLBACK_COMPLETE")
    app.deploy(continues="deploy-hello-0")
    assert app.waits == 0


@pytest.mark.parametrize(
    ("sandbox_url", "endpoint", "url"),
    [
        (None, "ex-1.ecs.us-east-1.on.aws", "https://ex-1.ecs.us-east-1.on.aws/"),
        (None, "https://ex-1.ecs.us-east-1.on.aws/", "https://ex-1.ecs.us-east-1.on.aws/"),
        ("http://127.0.0.1:4566", "ex-1.localhost", "http://ex-1.localhost:4566/"),
        ("http://127.0.0.1", "ex-1.localhost", "http://ex-1.localhost/"),
        ("http://[::1]:4566", "ex-1.localhost", "http://ex-1.localhost:4566/"),
    ],
)
def test_the_url_is_the_one_at_which_the_endpoint_answers(sandbox_url: str | None, endpoint: str, url: str) -> None:
    assert service_url(endpoint, Target("111122223333", "us-east-1", sandbox_url=sandbox_url)) == url


def test_how_long_a_deployment_took_is_counted_from_its_own_beginning() -> None:
    app = world()
    app.clock.now = 1000.0
    assert app.deploy().elapsed_seconds == round(app.clock.now - 1000.0, 3) < 900


def test_where_nothing_is_to_do_the_address_is_told_all_the_same() -> None:
    result = deployed().deploy()
    assert result.status == "unchanged"
    assert result.url is not None
    assert result.endpoint in result.url
