"""Where the version to explain was asked for its health: by its own word, never by that of the one that serves."""

from dataclasses import replace

import pytest

from expressway.aws.values.service import (
    DeploymentState,
    ExpressService,
    RevisionState,
    ServiceConfiguration,
    ServiceEvent,
    TargetHealth,
)
from expressway.aws.values.task_definition import ContainerDefinition, PortMapping, TaskDefinition
from expressway.diagnose.facts import DeploymentFacts, ServiceFacts
from expressway.diagnose.health.rules import HealthCheck, health_check_of
from expressway.diagnose.service.rules import first_finding
from tests.diagnose.service.situations import NOW, first, situation, target, task, unhealthy

SERVES = ServiceConfiguration("rev/1", container_port=8080, health_check_path="/")
ANSWERED = "Health checks failed with these codes: [404]"
NO_CONNECTION = "Health checks failed"
HOST_PORT = 32936


def unhealthy_event(port: int, reason: str, *, of: str = "task t2") -> ServiceEvent:
    whose = f"(service web) ({of})" if of else "(service web)"
    return ServiceEvent(NOW, f"{whose} (port {port}) is unhealthy in (target-group x) due to (reason {reason}).")


def running(*ports: int, name: str = "Main") -> TaskDefinition:
    mapped = tuple(PortMapping("", port) for port in ports)
    containers = (ContainerDefinition("proxy", (PortMapping("", 80),)), ContainerDefinition(name, mapped))
    return TaskDefinition("td:2", "ACTIVE", frozenset(), containers)


def after_a_rollback(**changes: object) -> DeploymentFacts:
    """The first revision serves again; the second failed and is no active configuration any more."""
    facts = DeploymentFacts(
        cluster="default",
        service_name="web",
        express=ExpressService("arn", "web", "default", "ACTIVE", configurations=(SERVES,)),
        state=DeploymentState("d/2", "ROLLBACK_SUCCESSFUL", target_revision_arn="rev/2"),
        revision=RevisionState("rev/2", "td:2"),
        tasks=(replace(unhealthy(2), task_definition_arn="td:2"),),
        targets=(TargetHealth("10.0.0.1", HOST_PORT, "healthy"),),
    )
    return replace(facts, **changes)  # type: ignore[arg-type]


def test_what_the_version_that_serves_again_is_asked_is_not_told_of_the_one_that_failed() -> None:
    assert health_check_of(after_a_rollback()) == HealthCheck()


def test_the_failed_revision_tells_path_and_port_itself() -> None:
    revision = RevisionState("rev/2", "td:2", container_port=9090, health_check_path="/healthz")
    facts = after_a_rollback(revision=revision, definition=running(7070))
    assert health_check_of(facts) == HealthCheck("/healthz", 9090)


def test_a_configuration_of_the_deployments_own_revision_tells_both() -> None:
    own = ServiceConfiguration("rev/2", container_port=9090, health_check_path="/healthz")
    express = ExpressService("arn", "web", "default", "ACTIVE", configurations=(SERVES, own))
    assert health_check_of(after_a_rollback(express=express)) == HealthCheck("/healthz", 9090)


@pytest.mark.parametrize(
    ("definition", "port"),
    [(running(9090), 9090), (running(9090, 9091), 0), (running(name="web"), 80), (None, 0)],
)
def test_the_port_is_that_of_the_container_that_answers_if_it_has_but_one(
    definition: TaskDefinition | None, port: int
) -> None:
    assert health_check_of(after_a_rollback(definition=definition)).port == port


@pytest.mark.parametrize(("of", "port"), [("task t2", 9090), ("", 9090), ("instance i-0123456789abcdef0", 0)])
def test_an_event_tells_the_port_of_a_task_and_not_that_of_an_instance(of: str, port: int) -> None:
    facts = after_a_rollback(events=(unhealthy_event(9090, ANSWERED, of=of),))
    assert health_check_of(facts) == HealthCheck("", port)


def test_events_that_name_two_ports_tell_none() -> None:
    events = (unhealthy_event(9090, ANSWERED), unhealthy_event(8080, ANSWERED))
    assert health_check_of(after_a_rollback(events=events)).port == 0


@pytest.mark.parametrize(
    ("configurations", "state", "path"),
    [((SERVES,), "unhealthy", "/"), ((SERVES,), "healthy", ""), ((SERVES, replace(SERVES)), "unhealthy", "")],
)
def test_where_no_deployment_is_known_the_only_configuration_is_what_is_unhealthy_now(
    configurations: tuple[ServiceConfiguration, ...], state: str, path: str
) -> None:
    express = ExpressService("arn", "web", "default", "ACTIVE", configurations=configurations)
    targets = (TargetHealth("10.0.0.1", 8080, state),)
    facts = after_a_rollback(express=express, state=None, revision=None, targets=targets)
    assert health_check_of(facts).path == path


def test_a_deployments_cause_names_the_path_that_failed() -> None:
    revision = RevisionState("rev/2", "td:2", container_port=9090, health_check_path="/healthz")
    deployment = after_a_rollback(revision=revision, events=(unhealthy_event(9090, ANSWERED),))
    cause = first_finding(
        ServiceFacts(deployment.cluster, deployment.service_name, NOW, deployment, tasks=deployment.tasks)
    )
    assert cause is not None
    assert cause.sentence.startswith("The health check GET /healthz on port 9090 fails: the application answers 404")


def test_after_an_update_of_the_port_the_log_shows_that_the_application_listens_on_the_former_one() -> None:
    facts = situation(
        unhealthy(2),
        task(1),
        express=ExpressService("arn", "web", "default", "ACTIVE", configurations=(SERVES,)),
        state=DeploymentState("d/2", "ROLLBACK_SUCCESSFUL", target_revision_arn="rev/2"),
        revision=RevisionState("rev/2", "td:2", container_port=9090, health_check_path="/"),
        targets=(target(port=HOST_PORT),),
        events=(unhealthy_event(9090, NO_CONNECTION),),
        logs={2: ("Listening on http://0.0.0.0:8080",)},
    )
    finding = first(facts)
    assert (finding.code, finding.confidence) == ("port_mismatch", "high")
    assert "GET / on port 9090 fails" in finding.cause
    assert "Set container_port: 8080, or let the application listen on 9090." in finding.remedy


def test_no_remedy_names_a_port_of_the_host() -> None:
    facts = situation(
        unhealthy(2),
        express=None,
        state=DeploymentState("d/2", "ROLLBACK_SUCCESSFUL", target_revision_arn="rev/2"),
        revision=None,
        definition=None,
        targets=(target(port=HOST_PORT),),
        logs={2: ("Listening on 127.0.0.1:9999",)},
    )
    finding = first(facts)
    assert finding.code == "listens_on_loopback"
    assert str(HOST_PORT) not in finding.cause + finding.remedy
    assert "0.0.0.0:9999" in finding.remedy
