"""One question, one answer: about a service, about a whole cluster, about what is not there or may not be read."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from expressway.aws.values.service import ClusterState, ContainerState, DeploymentState, RevisionState, ServiceEvent
from expressway.diagnose.actions import GUIDANCE, troubleshoot
from expressway.diagnose.answer import summarised
from expressway.errors import TargetError
from expressway.hints import for_agents, for_people
from expressway.privacy.render import RedactionPolicy, redact_response
from tests.aws.ecs.fakes import START
from tests.diagnose.dependencies.fakes import Account
from tests.diagnose.dependencies.samples import REQUIREMENTS
from tests.diagnose.fakes import (
    NOW,
    ClusterWorld,
    crashed,
    crashing,
    healthy,
    running,
)

NOT_CORE = {"network", "dependencies"}
NO_ANSWER = "Health checks failed"


def ask(world: ClusterWorld, **parameters: Any) -> Mapping[str, Any]:
    return troubleshoot(GUIDANCE, {"ecs_cluster_name": "default", **parameters}, world.ports()).whole


def codes(answer: Mapping[str, Any]) -> list[str]:
    return [one["code"] for one in answer["findings"]]


def core_gaps(answer: Mapping[str, Any]) -> list[str]:
    """Gaps but for those of what is around the service, which these worlds always refuse."""
    return [gap for gap in answer.get("gaps", ()) if gap.split(":")[0] not in NOT_CORE]


@pytest.fixture
def world() -> ClusterWorld:
    return ClusterWorld({"web": healthy("web")})


# -- one service --------------------------------------------------------------------------------------------
def test_a_service_that_serves_has_no_finding_and_the_known_keys(world: ClusterWorld) -> None:
    answer = ask(world, ecs_service_name="web")
    assert answer["status"] == "success"
    assert codes(answer) == ["nothing_wrong"]
    around = "network, images, secrets, roles and scaling"
    assert answer["assessment"] == (
        f"The service web serves (1 of 1 tasks run). Nothing wrong was found; {around} were not examined."
    )
    assert answer["not_looked_into"].startswith(f"{around}:")
    (finding,) = answer["findings"]
    assert finding["confidence"] == "medium"
    assert finding["cause"] == (
        f"Nothing is wrong with the service web: its tasks run and its targets are healthy; {around} were not examined."
    )
    assert {
        *("cluster_name", "service_name", "cluster_details", "service_details"),
        *("task_definitions", "load_balancers", "image_check_results"),
    } <= answer["raw_data"].keys()
    assert answer["raw_data"]["service_details"][0]["runningCount"] == 1


def test_a_crash_is_explained_with_its_exception(world: ClusterWorld) -> None:
    world.services["web"] = crashing("web")
    world.write(world.services["web"].tasks[0], "starting", "KeyError: 'PORT'")
    answer = ask(world, ecs_service_name="web")
    assert codes(answer)[:2] == ["container_exited", "crash_loop"]
    assert answer["findings"][0]["evidence"][0] == "KeyError: 'PORT'"
    assert answer["assessment"] == (
        "The service web does not serve: 0 of 1 tasks run; its newest deployment failed: "
        "the container Main exited with code 1. 2 critical findings and 1 warning."
    )
    assert [one.get("evidence", [])[:1] for one in answer["findings"][:2]] == [["KeyError: 'PORT'"], []]


def test_a_fault_that_a_newer_deployment_has_mended_is_no_finding(world: ClusterWorld) -> None:
    made = healthy("web")
    failed = replace(
        made.deployments[0],
        arn="web/d/0",
        status="ROLLBACK_FAILED",
        target_revision_arn="web/rev/0",
        created_at=START - timedelta(minutes=5),
    )
    made.deployments = (*made.deployments, failed)
    made.revisions = (*made.revisions, RevisionState("web/rev/0", "td:0", images=("broken:1",)))
    world.services["web"] = made
    assert codes(ask(world, ecs_service_name="web")) == ["nothing_wrong"]


def test_a_rollback_to_what_ran_before_is_explained_although_the_newest_deployment_succeeded(
    world: ClusterWorld,
) -> None:
    made = healthy("web")
    restored, first = (
        made.deployments[0],
        replace(made.deployments[0], arn="web/d/-1", created_at=START - timedelta(hours=2)),
    )
    failed = DeploymentState(
        "web/d/0", "ROLLBACK_SUCCESSFUL", target_revision_arn="web/rev/0", created_at=START - timedelta(minutes=5)
    )
    made.deployments = (restored, failed, first)
    made.revisions = (*made.revisions, RevisionState("web/rev/0", "td:0"))
    assert made.definition is not None
    made.other_definitions = (replace(made.definition, arn="td:0"),)
    broken = replace(crashed("web", 9), task_definition_arn="td:0", started_by="ecs-svc/web0")
    made.tasks = (*made.tasks, broken)
    world.services["web"] = made
    answer = ask(world, ecs_service_name="web")
    assert codes(answer)[0] == "container_exited"
    assert answer["assessment"].startswith(
        "The service web serves with its earlier version (1 of 1 tasks run); its newest deployment was rolled back: "
        "the container Main exited with code 1; its log is empty."
    )
    assert ask(world)["assessment"].startswith("The cluster default has one service: web serves with its earlier")


@pytest.mark.parametrize("denied", [{"revisions"}, {"revisions", "express_service"}])
def test_after_a_rollback_what_serves_again_says_nothing_of_what_failed_though_no_revision_may_be_read(
    denied: set[str],
) -> None:
    made = healthy("web")
    began = START + timedelta(minutes=5)
    unhealthy = f"(service web) (task web-9) (port 9090) is unhealthy in (target-group x) due to (reason {NO_ANSWER})."
    made.deployments = (
        DeploymentState("web/d/2", "ROLLBACK_SUCCESSFUL", target_revision_arn="web/rev/2", created_at=began),
        made.deployments[0],
    )
    failed = replace(
        crashed("web", 9),
        task_definition_arn="td:2",
        started_by="ecs-svc/web2",
        stop_code="ServiceSchedulerInitiated",
        stopped_reason="Task failed ELB health checks in (target-group x)",
        created_at=began + timedelta(seconds=9),
    )
    made.tasks = (failed, *made.tasks)
    made.state = replace(made.state, events=(ServiceEvent(began + timedelta(minutes=1), unhealthy),))
    answer = ask(ClusterWorld({"web": made}, denied=denied), ecs_service_name="web")

    assert answer["findings"][0]["cause"].startswith("The health check on port 9090 fails")
    assert "serves with its earlier version (1 of 1 tasks run)" in answer["assessment"]


@pytest.mark.parametrize("status", ["DRAINING", "INACTIVE"])
def test_a_service_that_is_going_or_gone_says_so(world: ClusterWorld, status: str) -> None:
    made = world.services["web"]
    made.state = replace(made.state, status=status)
    answer = ask(world, ecs_service_name="web")
    assert codes(answer) == [f"service_{status.lower()}"]
    assert answer["assessment"].startswith("The service web " + ("is being" if status == "DRAINING" else "has been"))


def test_around_a_service_that_serves_is_looked_only_when_somebody_asks_for_it(world: ClusterWorld) -> None:
    assert "gaps" not in ask(world, ecs_service_name="web")
    for given in ({"symptoms_description": "slow"}, {"detail": "full"}):
        answer = ask(world, ecs_service_name="web", **given)
        assert {gap.split(":")[0] for gap in answer["gaps"]} == NOT_CORE
        assert "not_looked_into" not in answer


def test_around_a_service_with_unhealthy_targets_is_looked(world: ClusterWorld) -> None:
    made = world.services["web"]
    made.targets = (replace(made.targets[0], state="unhealthy", description="Request timed out"),)
    answer = ask(world, ecs_service_name="web")
    assert codes(answer) == ["health_check_failed"]
    assert {gap.split(":")[0] for gap in answer["gaps"]} == NOT_CORE


# -- what is not there --------------------------------------------------------------------------------------
def test_a_wrong_cluster_names_the_nearest_and_the_place_that_was_asked(world: ClusterWorld) -> None:
    answer = ask(world, ecs_cluster_name="defualt", ecs_service_name="web")
    assert answer["status"] == "error"
    assert codes(answer) == ["cluster_not_found"]
    assert "Did you mean default?" in answer["assessment"]
    assert "us-east-1" in answer["error"]


def test_a_wrong_service_names_the_nearest(world: ClusterWorld) -> None:
    answer = ask(world, ecs_service_name="wbe")
    assert codes(answer) == ["service_not_found"]
    assert "Did you mean web?" in answer["findings"][0]["remedy"]


def test_what_is_not_there_leads_to_the_stack_that_failed_to_make_it(world: ClusterWorld) -> None:
    for asked in ({"ecs_cluster_name": "defualt"}, {"ecs_service_name": "wbe"}):
        remedy = ask(world, **asked)["findings"][0]["remedy"]
        assert "first deployment failed, expressway troubleshoot --action stack shows why" in for_people(remedy)
        assert "first deployment failed, fetch_cloudformation_status shows why" in for_agents(remedy)


def test_a_service_in_another_cluster_is_found_there(world: ClusterWorld) -> None:
    world.clusters["prod"] = ClusterState("prod", "arn:prod", "ACTIVE")
    world.services["shop"] = healthy("shop", cluster="prod")
    answer = ask(world, ecs_service_name="shop")
    assert "in the cluster prod" in answer["findings"][0]["remedy"]


@pytest.mark.parametrize("place", ["eu-west-1:000000000000", "us-east-1:123456789012"])
def test_an_arn_of_another_account_or_region_is_told_without_asking_aws(world: ClusterWorld, place: str) -> None:
    answer = ask(world, ecs_service_name=f"arn:aws:ecs:{place}:service/default/web")
    assert codes(answer) == ["wrong_account_or_region"]
    assert world.calls == []


# -- what may not be read -----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "read",
    [
        *("cluster", "services", "task_arns", "tasks", "deployment_briefs", "deployments", "revisions"),
        *("express_service", "task_definition", "tail_events", "health", "cluster_names", "service_names"),
    ],
)
def test_each_missing_permission_is_a_gap_and_never_a_failure_or_a_wrong_conclusion(read: str) -> None:
    well = ClusterWorld({"web": healthy("web")}, denied={read})
    assert [one for one in codes(ask(well, ecs_service_name="web")) if one != "nothing_wrong"] == []
    broken = ClusterWorld({"web": crashing("web")}, denied={read})
    answer = ask(broken, ecs_service_name="web")
    assert answer["status"] == "success"
    assert set(codes(answer)) <= {
        *("container_exited", "crash_loop", "circuit_breaker_rollback", "deployment_failed", "tasks_missing"),
    }
    said = " ".join(one["cause"] for one in answer["findings"])
    assert "forgotten" not in said, "ECS knows the tasks"
    assert "keeps starting" not in said, "the deployment has ended"
    asked_for_it = bool(broken.asked(read))
    assert bool(core_gaps(answer)) == asked_for_it


def test_without_any_permission_only_gaps_are_told(world: ClusterWorld) -> None:
    world.denied = {"cluster", "services", "task_arns", "deployment_briefs"}
    answer = ask(world, ecs_service_name="web")
    assert codes(answer) == []
    assert "failed (see gaps)" in answer["assessment"]


def test_expired_credentials_are_an_error_not_a_gap(world: ClusterWorld) -> None:
    world.denied, world.fails_with = {"cluster", "services", "task_arns", "deployment_briefs"}, "credentials_expired"
    with pytest.raises(TargetError) as caught:
        ask(world, ecs_service_name="web")
    assert caught.value.code == "credentials_expired"


# -- a whole cluster ----------------------------------------------------------------------------------------
def test_a_cluster_of_services_that_are_well_costs_few_calls() -> None:
    world = ClusterWorld({f"s{number}": healthy(f"s{number}") for number in range(25)})
    answer = ask(world)
    assert codes(answer) == ["nothing_wrong"]
    assert "gaps" not in answer
    assert answer["services"] == {"total": 25, "well": 25, "looked_into": 0, "off": []}
    assert len(answer["raw_data"]["service_details"]) == 25
    assert answer["assessment"].startswith("All 25 services in the cluster default serve. Nothing wrong was found; ")
    assert answer["findings"][0]["confidence"] == "medium"
    assert "their tasks run and their targets are healthy; network," in answer["findings"][0]["cause"]
    assert "(25 of 25 services)" in answer["not_looked_into"]
    assert len(world.asked("services")) == 3
    # the cluster, its services, three batches of them, the stopped tasks; of each its deployments and its targets
    assert len(world.calls) == 6 + 25 + 2 + 25


def test_a_service_whose_targets_are_all_unhealthy_is_told_cluster_wide_before_any_event_tells() -> None:
    world = ClusterWorld({"web": healthy("web"), "plain": healthy("plain"), "well": healthy("well")})
    for name in ("web", "plain"):
        made = world.services[name]
        made.targets = tuple(replace(one, state="unhealthy", reason="Target.Timeout") for one in made.targets)
    plain = world.services["plain"]
    groups = plain.revisions[0].target_group_arns
    plain.state = replace(plain.state, is_express=False, target_group_arns=groups)
    plain.express = None
    answer = ask(world)
    assert {one["resource"].rsplit("/", 1)[-1] for one in answer["findings"] if one["severity"] == "critical"} == {
        "web",
        "plain",
    }
    assert answer["services"]["well"] == 1


def test_targets_that_may_not_be_read_are_a_gap_cluster_wide() -> None:
    world = ClusterWorld({"web": healthy("web")}, denied={"health"})
    answer = ask(world)
    assert [gap.partition(":")[0] for gap in answer["gaps"]] == ["target health"]
    assert codes(answer) == []


@pytest.mark.parametrize("given", [{"detail": "full"}, {"symptoms_description": "users see errors"}])
def test_around_services_of_a_cluster_is_looked_where_somebody_asks_for_it(given: dict[str, str]) -> None:
    world = ClusterWorld({f"s{number}": healthy(f"s{number}") for number in range(27)})
    answer = ask(world, **given)
    assert {gap.partition(":")[0] for gap in answer["gaps"]} == NOT_CORE
    assert answer["services"]["looked_into"] == 25
    assert answer["not_looked_into"].startswith("network, images, secrets, roles and scaling of s25, s26 (2 of 27")


def test_every_service_that_is_off_is_told_by_its_arn() -> None:
    world = ClusterWorld({f"s{number}": healthy(f"s{number}") for number in range(12)})
    world.services["s3"] = crashing("s3")
    world.services["s11"] = crashing("s11", exit_code=127)
    answer = ask(world)
    found = {(one["code"], one["resource"].rsplit("/", 1)[-1]) for one in answer["findings"]}
    assert {("container_exited", "s3"), ("command_not_found", "s11")} <= found
    assert {one["resource"].rsplit("/", 1)[-1] for one in answer["findings"][:2]} == {"s3", "s11"}
    assert sorted(answer["services"]["off"]) == ["s11: command_not_found", "s3: container_exited"]
    assert answer["services"]["well"] == 10
    assert answer["assessment"].startswith(
        "Of 12 services in the cluster default, 2 do not serve: s3, s11; 10 serve. s3: the "
    )


def test_of_a_cluster_the_worst_service_is_told_first_and_its_cause() -> None:
    world = ClusterWorld({name: healthy(name) for name in ("calm", "few", "sad", "rolled")})
    rolled, failed = world.services["rolled"], crashing("rolled")
    old = replace(running("rolled", 9), task_definition_arn="rolled:0", started_by="ecs-svc/rolled0")
    deployment = replace(failed.deployments[0], status="ROLLBACK_SUCCESSFUL", finished_at=NOW)
    rolled.deployments, rolled.tasks = (deployment,), (old, *failed.tasks)
    rolled.state = replace(rolled.state, rollouts=failed.state.rollouts)
    world.services["few"].state = replace(world.services["few"].state, desired_count=3)
    world.services["sad"] = crashing("sad", exit_code=127)
    answer = ask(world)
    assert answer["assessment"].startswith(
        "Of 4 services in the cluster default, 1 does not serve: sad; 1 serves only in part: few; "
        "1 serves, but its newest deployment failed: rolled; 1 serves. sad: the container Main exited with code 127"
    )
    assert [one.partition(":")[0] for one in answer["services"]["off"]] == ["sad", "few", "rolled"]


@pytest.mark.parametrize(
    "message",
    ["(service web) (port 80) is unhealthy in (target-group g).", "(service web) was unable to place a task."],
)
def test_an_event_of_the_last_day_asks_for_a_closer_look(message: str) -> None:
    made = healthy("web")
    made.state = replace(made.state, events=(ServiceEvent(NOW - timedelta(hours=3), message),))
    assert ask(ClusterWorld({"web": made}))["services"]["looked_into"] == 1


def test_a_service_that_the_symptoms_name_is_looked_into() -> None:
    world = ClusterWorld({"web": healthy("web"), "webshop": healthy("webshop")})
    answer = ask(world, symptoms_description="the service web answers 502")
    assert answer["services"]["looked_into"] == 1
    assert "of webshop (1 of 2 services)" in answer["not_looked_into"]


def test_an_empty_cluster_is_well(world: ClusterWorld) -> None:
    world.services = {}
    answer = ask(world)
    assert codes(answer) == ["nothing_wrong"]
    assert answer["assessment"] == "The cluster default has no service. Nothing is wrong."


def test_a_wrong_cluster_is_told_cluster_wide_too(world: ClusterWorld) -> None:
    assert codes(ask(world, ecs_cluster_name="prod")) == ["cluster_not_found"]


@pytest.mark.parametrize("read", ["cluster", "service_names", "services", "task_arns"])
def test_what_may_not_be_read_of_a_cluster_is_a_gap(world: ClusterWorld, read: str) -> None:
    world.denied = {read}
    answer = ask(world)
    assert answer["status"] == "success"
    assert codes(answer) == []
    assert len(answer["gaps"]) == 1
    assert "no service." not in answer["assessment"], "what may not be read may be there"


def test_a_service_that_is_being_deleted_is_not_counted_among_those_that_do_not_serve() -> None:
    world = ClusterWorld({name: healthy(name) for name in ("web", "old")})
    world.services["old"].state = replace(world.services["old"].state, status="DRAINING")
    told = ask(world)["assessment"]
    assert told.startswith(
        "Of 2 services in the cluster default, 1 is being deleted; 1 serves. The service old is being deleted"
    )


# -- symptoms -----------------------------------------------------------------------------------------------
def test_symptoms_steer_the_order_and_the_answer_says_so(world: ClusterWorld) -> None:
    made = crashing("web")
    world.services["web"] = made
    plain = codes(ask(world, ecs_service_name="web"))
    steered = ask(world, ecs_service_name="web", symptoms_description="it keeps restarting in a crash loop")
    assert plain[:2] == codes(steered)[:2]
    assert steered["symptoms"]["understood_as"] == ["crash"]
    assert steered["raw_data"]["symptoms_description"] == "it keeps restarting in a crash loop"


def test_words_that_mean_nothing_in_particular_are_said_to(world: ClusterWorld) -> None:
    assert ask(world, ecs_service_name="web", symptoms_description="hmm")["symptoms"]["understood_as"] == []


def test_a_service_that_the_symptoms_name_is_told_first_whatever_else_is_wrong() -> None:
    world = ClusterWorld({f"svc-{number:02d}": crashing(f"svc-{number:02d}") for number in range(30)})
    world.services["zz-forge"] = crashing("zz-forge", exit_code=127)
    answer = summarised(ask(world, symptoms_description="service zz-forge crashes and the image is slow"))
    first = answer["findings"][0]
    assert first["resource"].endswith("/zz-forge")
    assert ". zz-forge: the container Main exited with code 127" in answer["assessment"]
    assert answer["symptoms"]["named_services"] == ["zz-forge"]
    assert "crash" in answer["symptoms"]["understood_as"]
    rest = [one["resource"] for one in answer["findings"] if one["resource"] != first["resource"]]
    assert len(set(rest)) == len(rest), "no other service is told of twice before another is told of"


def test_a_named_service_that_is_well_is_said_to_serve_before_what_is_wrong_with_others() -> None:
    world = ClusterWorld({"sad": crashing("sad"), "web": healthy("web")})
    answer = ask(world, symptoms_description="is Web all right?")
    assert " web serves (1 of 1 tasks run). sad: the container Main" in answer["assessment"]


def test_reads_of_one_service_are_not_repeated(world: ClusterWorld) -> None:
    world.services["web"].tasks = (running("web", 1), crashed("web", 2))
    ask(world, ecs_service_name="web")
    names = [name for name, _ in world.calls]
    assert {name: names.count(name) for name in set(names)} == {
        **dict.fromkeys(("cluster", "services", "deployment_briefs", "tasks", "revisions"), 1),
        **dict.fromkeys(("express_service", "task_definition", "health", "tail_events"), 1),
        "task_arns": 2,
    }


def test_a_place_without_clusters_is_told_from_one_that_may_not_be_listed(world: ClusterWorld) -> None:
    world.clusters = {}
    assert ask(world)["findings"][0]["evidence"] == ["clusters there: none"]
    world.denied = {"cluster_names"}
    assert ask(world)["findings"][0]["evidence"] == ["clusters there: they may not be listed"]


@pytest.mark.parametrize("named", [{"ecs_cluster_name": "prod"}, {"ecs_service_name": "wbe"}, {}])
def test_what_is_there_is_told_with_the_gate_closed_too_since_nobody_else_wrote_it(
    world: ClusterWorld, named: dict[str, str]
) -> None:
    answer = redact_response(summarised(ask(world, **named)), RedactionPolicy(allow_sensitive_data=False, mask=str))
    assert answer["findings"][0]["evidence"]
    assert "withheld" not in answer


# -- endpoints out of reach ---------------------------------------------------------------------------------
@pytest.mark.parametrize("code", ["connection_failed", "credentials_invalid"])
@pytest.mark.parametrize(
    ("read", "gap", "named"),
    [
        ("tail_events", "logs", {"ecs_service_name": "web"}),
        ("tail_events", "logs", {}),
        ("health", "target health", {}),
    ],
)
def test_what_ecs_says_is_told_although_another_service_is_out_of_reach(
    world: ClusterWorld, read: str, gap: str, code: str, named: dict[str, str]
) -> None:
    world.services["web"] = crashing("web")
    world.services["other"] = healthy("other")
    world.denied, world.fails_with = {read}, code
    answer = ask(world, **named)
    assert answer["status"] == "success"
    assert "crash_loop" in codes(answer)
    assert {one.split(":")[0] for one in core_gaps(answer)} == {gap}


@pytest.mark.parametrize("named", [{"ecs_service_name": "web"}, {}])
@pytest.mark.parametrize("code", ["connection_failed", "credentials_invalid"])
def test_nothing_is_told_where_ecs_itself_is_out_of_reach(
    world: ClusterWorld, code: str, named: dict[str, str]
) -> None:
    world.denied = {"cluster", "services", "service_names", "task_arns", "deployment_briefs"}
    world.fails_with = code
    with pytest.raises(TargetError) as caught:
        ask(world, **named)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("platforms", "code"), [(("linux/amd64",), "script_without_interpreter"), (("linux/arm64",), "wrong_architecture")]
)
@pytest.mark.parametrize("service", ["web", ""])
def test_a_wrong_format_is_held_against_the_platform_that_the_image_is_built_for(
    platforms: tuple[str, ...], code: str, service: str
) -> None:
    made = crashing("web")
    assert made.definition is not None
    world = ClusterWorld({"web": made})
    for one in made.tasks:
        world.write(one, "exec /start.sh: exec format error")
    account = Account(
        definitions={made.definition.arn: replace(REQUIREMENTS, arn=made.definition.arn)},
        found_images={"team/web": {"v1": platforms}},
    )
    asked = {"ecs_cluster_name": "default", "ecs_service_name": service}
    parameters = {name: value for name, value in asked.items() if value}
    answer = troubleshoot(GUIDANCE, parameters, replace(world.ports(), dependencies=account.ports)).whole
    assert (answer["findings"][0]["code"], answer["findings"][0]["confidence"]) == (code, "high")
    assert len({one["code"] for one in answer["findings"]} & {"script_without_interpreter", "wrong_architecture"}) == 1


def test_tasks_of_a_deleted_service_of_the_same_name_are_not_the_new_ones(world: ClusterWorld) -> None:
    made = world.services["web"]
    old = replace(
        running("web", 9),
        arn=f"{running('web', 9).arn}-old",
        status="STOPPED",
        desired_status="STOPPED",
        stop_code="ServiceSchedulerInitiated",
        stopped_reason="Task stopped: service is being deleted",
        containers=(ContainerState("Main", "STOPPED", exit_code=137),),
        stopped_at=START + timedelta(seconds=20),
    )
    made.tasks = (*made.tasks, old)
    assert "killed_at_stop" in codes(ask(world, ecs_service_name="web"))
    later = timedelta(minutes=5)
    made.state = replace(made.state, created_at=START + later)
    made.tasks = (*(replace(one, created_at=START + later) for one in made.tasks[:-1]), old)
    assert "killed_at_stop" not in codes(ask(world, ecs_service_name="web"))
