"""Guidance over the whole scenario set: the true cause among the first three findings, and no grave one untrue."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import docker
import pytest

from expressway.aws.ecs.client import Ecs
from expressway.aws.elbv2 import LoadBalancers
from expressway.aws.logs import Logs
from expressway.aws.session import open_session
from expressway.diagnose.explain import explain_failure
from expressway.toolkit import Toolkit
from tests.e2e.scenarios.embedded import EmbeddedScenario, embedded_scenarios, play
from tests.e2e.scenarios.recorded.collection import RecordedScenario, recorded_scenarios
from tests.e2e.scenarios.recorded.server import RecordedAws, serve
from tests.e2e.scenarios.recorded.world import World
from tests.e2e.scenarios.scenario import TOP, Question, Scenario, judge_findings
from tests.e2e.scenarios.stage import on_stage

if TYPE_CHECKING:
    from expressway_sandbox.lifecycle import SandboxInfo

SUMMARY_BYTES = 4096


@pytest.fixture(scope="module")
def recorded_aws() -> Iterator[RecordedAws]:
    with serve(World()) as running:
        yield running


@pytest.fixture(scope="module")
def recorded_toolkit(recorded_aws: RecordedAws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Toolkit]:
    with _toolkit(recorded_aws.endpoint_url, tmp_path_factory.mktemp("state")) as made:
        yield made


@pytest.fixture(scope="module")
def embedded_toolkit(
    embedded_aws: "SandboxInfo", busybox_image: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Toolkit]:
    """A toolkit on an embedded AWS on which every situation has been brought about."""
    with on_stage(embedded_aws) as stage:
        play(stage, embedded_scenarios())
    with _toolkit(embedded_aws.endpoint_url, tmp_path_factory.mktemp("state")) as made:
        yield made


@pytest.fixture(scope="module")
def limits_memory(engine_host: str) -> bool:
    """Whether the engine holds containers to their memory."""
    with closing(docker.DockerClient(base_url=engine_host)) as engine:
        return bool(engine.info().get("MemoryLimit"))


def _toolkit(endpoint_url: str, home: Path) -> Toolkit:
    return Toolkit(sandbox_url=endpoint_url, environ={"EXPRESSWAY_HOME": str(home)})


@pytest.mark.parametrize("one", recorded_scenarios(), ids=lambda one: one.scenario.name)
def test_a_recorded_situation_is_told(
    one: RecordedScenario, recorded_aws: RecordedAws, recorded_toolkit: Toolkit
) -> None:
    recorded_aws.world = one.world(datetime.now(UTC))
    answers = _answers(recorded_toolkit, one.scenario)
    assert recorded_aws.complaints == []
    _assert_told(one.scenario, answers)


@pytest.mark.parametrize("one", recorded_scenarios(), ids=lambda one: one.scenario.name)
def test_no_aws_call_is_made_twice_for_one_question(
    one: RecordedScenario, recorded_aws: RecordedAws, recorded_toolkit: Toolkit
) -> None:
    recorded_aws.world = one.world(datetime.now(UTC))
    guidance = one.scenario.guidance
    thorough = Question(guidance.action, {**guidance.parameters, "detail": "full"})
    recorded_aws.calls.clear()
    for question in (*one.scenario.every_question, thorough):
        recorded_aws.requests.clear()
        recorded_toolkit.troubleshoot(question.action, question.parameters)
        assert {asked: times for asked, times in recorded_aws.requests.items() if times > 1} == {}, question
    assert bool(recorded_aws.calls) is ("wrong_account_or_region" not in one.scenario.finds)


@pytest.mark.parametrize("one", recorded_scenarios(), ids=lambda one: one.scenario.name)
def test_what_deploy_and_wait_tell_is_read_once(one: RecordedScenario, recorded_aws: RecordedAws) -> None:
    recorded_aws.world = one.world(datetime.now(UTC))
    session = open_session(sandbox_url=recorded_aws.endpoint_url, environ={})
    recorded_aws.requests.clear()
    found = explain_failure(
        cluster=one.scenario.cluster,
        service_name=one.scenario.service or "web",
        ecs=Ecs(session),
        logs=Logs(session),
        targets=LoadBalancers(session),
    )
    assert recorded_aws.requests
    assert {asked: times for asked, times in recorded_aws.requests.items() if times > 1} == {}
    assert found is None or found.code in one.scenario.finds | one.scenario.also
    assert not (one.scenario.is_healthy and found)


@pytest.mark.parametrize(
    ("name", "told"), [("forgotten_tasks", "KeyError: 'DATABASE_URL'"), ("logs_through_a_router", "")]
)
def test_what_a_crash_is_proven_with_is_the_log_of_the_container_that_crashed(
    recorded_aws: RecordedAws, recorded_toolkit: Toolkit, name: str, told: str
) -> None:
    [one] = [one for one in recorded_scenarios() if one.scenario.name == name]
    recorded_aws.world = one.world(datetime.now(UTC))
    [answer] = _answers(recorded_toolkit, one.scenario)
    crash = answer["findings"][0]
    assert "container Main" in crash["cause"]
    assert next(iter(crash.get("evidence", [""])), "") == told


@pytest.mark.sandbox
@pytest.mark.engine
@pytest.mark.parametrize("one", embedded_scenarios(), ids=lambda one: one.scenario.name)
def test_a_real_situation_is_told(one: EmbeddedScenario, embedded_toolkit: Toolkit, limits_memory: bool) -> None:
    if one.needs_memory_limits and not limits_memory:
        pytest.skip("this engine does not limit memory; the recorded scenario tells what ECS says then")
    _assert_told(one.scenario, _answers(embedded_toolkit, one.scenario))


@pytest.mark.sandbox
@pytest.mark.engine
def test_a_real_crash_loop_shows_the_exception_that_stands_in_its_log(embedded_toolkit: Toolkit) -> None:
    [scenario] = [one.scenario for one in embedded_scenarios() if one.scenario.name == "crash_loop"]
    [answer] = _answers(embedded_toolkit, scenario)
    assert "KeyError: 'DATABASE_URL'" in json.dumps([one.get("evidence") for one in answer["findings"][:TOP]])


@pytest.mark.sandbox
@pytest.mark.engine
@pytest.mark.parametrize(
    ("name", "container", "line"),
    [
        ("crash_beside_a_proxy", "Main", "KeyError: 'DATABASE_URL'"),
        ("proxy_crashes", "proxy", "FATAL: no certificate"),
    ],
)
def test_of_several_real_containers_the_one_that_ended_the_task_is_told_with_its_own_log(
    embedded_toolkit: Toolkit, name: str, container: str, line: str
) -> None:
    [scenario] = [one.scenario for one in embedded_scenarios() if one.scenario.name == name]
    [answer] = _answers(embedded_toolkit, scenario)
    crash = answer["findings"][0]
    assert crash["cause"].startswith(f"The container {container} exited")
    assert line.removeprefix("FATAL: ") in crash["evidence"][0]


@pytest.mark.sandbox
@pytest.mark.engine
@pytest.mark.parametrize(
    ("name", "asked", "remedy"),
    [
        ("health_path_updated", "GET /healthz on port 8080", "health_check_path"),
        ("port_updated", "GET / on port 9090", "Set container_port: 8080, or let the application listen on 9090."),
    ],
)
def test_after_a_real_rollback_the_check_is_told_that_the_version_met_which_failed(
    embedded_toolkit: Toolkit, name: str, asked: str, remedy: str
) -> None:
    [scenario] = [one.scenario for one in embedded_scenarios() if one.scenario.name == name]
    [answer] = _answers(embedded_toolkit, scenario)
    finding = answer["findings"][0]
    assert finding["cause"].startswith(f"The health check {asked} fails")
    assert remedy in finding["remedy"]
    assert "serves with its earlier version" in answer["assessment"]


def test_an_update_that_crash_loops_is_critical_though_the_version_before_serves(
    recorded_aws: RecordedAws, recorded_toolkit: Toolkit
) -> None:
    [one] = [one for one in recorded_scenarios() if one.scenario.name == "rolling_update_crashes"]
    recorded_aws.world = one.world(datetime.now(UTC))
    [answer] = _answers(recorded_toolkit, one.scenario)
    told = {finding["code"]: finding["severity"] for finding in answer["findings"]}
    assert told["container_exited"] == told["crash_loop"] == "critical"
    assert "its deployment makes no progress" in answer["assessment"]


def _answers(toolkit: Toolkit, scenario: Scenario) -> Sequence[Mapping[str, Any]]:
    """The answer of guidance; where the cause belongs to an action of its own, that one's."""
    questions = scenario.more or (scenario.guidance,)
    return [toolkit.troubleshoot(one.action, one.parameters).to_dict() for one in questions]


def _assert_told(scenario: Scenario, answers: Sequence[Mapping[str, Any]]) -> None:
    for answer in answers:
        findings = answer["findings"]
        verdict = judge_findings(scenario, findings)
        said = json.dumps(findings, indent=1)
        assert all(one.keys() >= {"code", "severity", "resource", "cause", "confidence"} for one in findings), said
        assert verdict.found, f"expected one of {sorted(scenario.finds)} among the first {TOP} of {said}"
        assert verdict.false == (), said
        assert len(json.dumps(answer)) <= SUMMARY_BYTES
        if scenario.is_healthy and not answer.get("gaps"):
            assert [one["code"] for one in findings if one["code"] == "nothing_wrong"], (
                "it is not said that all is well"
            )
