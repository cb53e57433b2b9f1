"""From facts to one sentence: every rule of the table, with the words that AWS uses."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from expressway.aws.values.service import (
    ContainerState,
    DeploymentState,
    ExpressService,
    ManagedResource,
    RevisionState,
    ServiceConfiguration,
    ServiceEvent,
    ServiceState,
    TargetHealth,
    TaskState,
)
from expressway.cloudformation.stack import StackEvent
from expressway.diagnose.catalog import entry_of
from expressway.diagnose.facts import DeploymentFacts, ServiceFacts
from expressway.diagnose.finding import Finding
from expressway.diagnose.service.rules import first_finding

START = datetime(2026, 11, 1, 12, tzinfo=UTC)
REGISTRY = "111122223333.dkr.ecr.eu-west-1.amazonaws.com"
FACTS = DeploymentFacts(
    cluster="default",
    service_name="web",
    service=ServiceState("web", "arn:aws:ecs:eu-west-1:111122223333:service/default/web", "default", "ACTIVE"),
    state=DeploymentState("arn:deployment", "ROLLBACK_SUCCESSFUL", target_revision_arn="arn:revision/2"),
)


def find_cause(deployment: DeploymentFacts) -> Finding | None:
    return first_finding(
        ServiceFacts("default", "web", START, deployment, tasks=deployment.tasks, gaps=deployment.gaps)
    )


def stopped(reason: str = "Essential container in task exited", **changes: object) -> TaskState:
    task = TaskState(
        arn="arn:aws:ecs:eu-west-1:111122223333:task/default/t1",
        status="STOPPED",
        stop_code="EssentialContainerExited",
        stopped_reason=reason,
        stopped_at=START,
    )
    return replace(task, **changes)  # type: ignore[arg-type]


def exited(code: int, *log: str, reason: str = "") -> DeploymentFacts:
    task = stopped(containers=(ContainerState("Main", "STOPPED", exit_code=code, reason=reason),))
    return replace(FACTS, tasks=(task,), logs={"t1": log})


@pytest.mark.parametrize(
    ("reason", "code", "in_sentence"),
    [
        (
            f"CannotPullContainerError: pull image manifest has been retried 7 time(s): failed to resolve ref "
            f"{REGISTRY}/web-repo:v9: {REGISTRY}/web-repo:v9: not found",
            "image_not_found",
            f"{REGISTRY}/web-repo:v9",
        ),
        (
            "CannotPullContainerError: pull image manifest has been retried 7 time(s): image Manifest does not "
            "contain descriptor matching platform 'linux/amd64'",
            "wrong_architecture",
            "another processor architecture",
        ),
        (
            "CannotPullContainerError: inspect image has been retried 1 time(s): failed to resolve ref "
            f'"{REGISTRY}/web-repo:v1": pulling from host {REGISTRY} failed with status code [manifests v1]: '
            "403 Forbidden",
            "image_pull_denied",
            f"{REGISTRY}/web-repo:v1",
        ),
        (
            "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval "
            "failed: unable to retrieve ecr registry auth: AccessDeniedException: User: arn:aws:sts::111122223333:"
            "assumed-role/x is not authorized to perform: ecr:GetAuthorizationToken on resource: *",
            "image_pull_denied",
            "ecr:GetAuthorizationToken",
        ),
        (
            "CannotPullContainerError: The repository with name 'team/web' does not exist in the registry",
            "repository_not_found",
            "team/web",
        ),
        (
            "CannotPullContainerError: pull image manifest has been retried 1 time(s): toomanyrequests: You have "
            "reached your pull rate limit.",
            "registry_rate_limited",
            "rate limit",
        ),
        (
            "CannotPullContainerError: pull image manifest has been retried 5 time(s): failed to do request: Head "
            f'"https://{REGISTRY}/v2/web/manifests/1": dial tcp 10.0.0.1:443: i/o timeout',
            "registry_unreachable",
            "network",
        ),
        (
            "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval "
            "failed: unable to retrieve secret from asm: service call has been retried 1 time(s): "
            "AccessDeniedException: User: arn:aws:sts::111122223333:assumed-role/x is not authorized to perform: "
            "secretsmanager:GetSecretValue on resource: arn:aws:secretsmanager:eu-west-1:111122223333:secret:db-1 "
            "because no identity-based policy allows it",
            "secret_denied",
            "arn:aws:secretsmanager:eu-west-1:111122223333:secret:db-1",
        ),
        (
            "ResourceInitializationError: unable to pull secrets or registry auth: unable to retrieve secret from "
            "asm: ResourceNotFoundException: Secrets Manager can't find the specified secret.",
            "secret_not_found",
            "does not exist",
        ),
        (
            "ResourceInitializationError: unable to pull secrets or registry auth: unable to retrieve secrets from "
            "ssm: service call has been retried 1 time(s): invalid ssm parameters: /web/db",
            "secret_not_found",
            "/web/db",
        ),
        (
            "ResourceInitializationError: unable to pull secrets or registry auth: retrieved secret from Secrets "
            "Manager did not contain json key PASSWORD",
            "secret_key_missing",
            "PASSWORD",
        ),
        (
            "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: "
            "failed to create Cloudwatch log stream: ResourceNotFoundException: The specified log group does not "
            "exist. : exit status 1",
            "log_group_missing",
            "log group",
        ),
        (
            "ResourceInitializationError: failed to validate logger args: create stream: AccessDeniedException: "
            "User: x is not authorized to perform: logs:CreateLogStream on resource: y",
            "log_denied",
            "logs:CreateLogStream",
        ),
        (
            'CannotStartContainerError: failed to create task: exec: "serve": executable file not found in $PATH',
            "command_not_found",
            "serve",
        ),
        (
            'CannotStartContainerError: OCI runtime create failed: exec: "/app/run.sh": permission denied',
            "command_not_executable",
            "not executable",
        ),
        ("CannotPullContainerError: write /var/lib/x: no space left on device", "image_too_large", "disk"),
    ],
)
def test_what_ecs_says_of_a_stopped_task_becomes_one_sentence(reason: str, code: str, in_sentence: str) -> None:
    task = stopped(reason, stop_code="TaskFailedToStart")

    cause = find_cause(replace(FACTS, tasks=(task,)))

    assert cause is not None
    assert cause.code == code
    assert in_sentence in cause.sentence
    assert "\n" not in cause.sentence
    assert "{" not in cause.sentence
    assert cause.evidence[0].startswith(reason[:40])
    assert cause.remedy
    assert cause.resource == task.arn


@pytest.mark.parametrize(
    ("exit_code", "code"),
    [
        (0, "container_finished"),
        (1, "container_exited"),
        (42, "container_exited"),
        (126, "command_not_executable"),
        (127, "command_not_found"),
        (137, "container_killed"),
        (139, "container_crashed"),
        (143, "container_terminated"),
    ],
)
def test_an_exit_code_is_told_with_the_log_line_that_explains_it(exit_code: int, code: str) -> None:
    cause = find_cause(exited(exit_code, "starting", "boom: the reason is an Error", ""))

    assert cause is not None
    assert cause.code == code
    assert "boom: the reason is an Error" in cause.sentence
    assert re.search(rf"(?:exit code|exited with code) {exit_code}|ended by itself", cause.sentence)


def test_the_exception_is_told_rather_than_the_traceback_around_it() -> None:
    cause = find_cause(
        exited(
            1,
            "Traceback (most recent call last):",
            '  File "/app/main.py", line 3, in <module>',
            "    import flask",
            "ModuleNotFoundError: No module named 'flask'",
        )
    )

    assert cause is not None
    assert cause.sentence == "The container Main exited with code 1: ⟦ModuleNotFoundError: No module named 'flask'⟧"


def test_an_exec_format_error_in_the_log_means_the_wrong_architecture_whatever_the_exit_code() -> None:
    cause = find_cause(exited(255, "exec /usr/bin/python: exec format error"))

    assert cause is not None
    assert cause.code == "wrong_architecture"


def test_memory_is_named_when_ecs_says_so_rather_than_guessed_from_137() -> None:
    cause = find_cause(exited(137, reason="OutOfMemoryError: Container killed due to memory usage"))

    assert cause is not None
    assert cause.code == "out_of_memory"


def test_the_first_failure_counts_and_not_the_last() -> None:
    first = stopped(containers=(ContainerState("Main", exit_code=1),))
    later = replace(first, arn="arn:task/t2", stopped_at=START + timedelta(seconds=9))
    facts = replace(FACTS, tasks=(later, first), logs={"t1": ("KeyError: 'first'",), "t2": ("KeyError: 'second'",)})

    cause = find_cause(facts)

    assert cause is not None
    assert "first" in cause.sentence


def test_a_task_that_was_stopped_by_a_newer_deployment_is_no_failure() -> None:
    task = stopped(
        "Scaling activity initiated by deployment ecs-svc/1",
        stop_code="ServiceSchedulerInitiated",
        containers=(ContainerState("Main", exit_code=143),),
    )

    assert find_cause(replace(FACTS, tasks=(task,), state=None)) is None


def express(path: str = "/healthz", port: int = 8080) -> ExpressService:
    configuration = ServiceConfiguration("arn:revision/2", container_port=port, health_check_path=path)
    return ExpressService("arn:service", "web", "default", "ACTIVE", configurations=(configuration,))


def test_a_failing_health_check_names_path_port_and_the_answer() -> None:
    target = TargetHealth(
        "10.0.0.7", 8080, "unhealthy", "Target.ResponseCodeMismatch", "Health checks failed with these codes: [404]"
    )

    cause = find_cause(replace(FACTS, express=express(), targets=(target,)))

    assert cause is not None
    assert cause.code == "health_check_path_not_found"
    assert "GET /healthz on port 8080" in cause.sentence
    assert "404" in cause.sentence


def test_a_failing_health_check_is_found_in_the_scheduler_events_when_targets_are_gone() -> None:
    event = ServiceEvent(
        START,
        "(service web) (port 8080) is unhealthy in (target-group arn:tg) due to (reason Health checks failed with "
        "these codes: [503]).",
    )

    cause = find_cause(replace(FACTS, express=express(), events=(event,)))

    assert cause is not None
    assert cause.code == "health_check_server_error"
    assert "503" in cause.sentence


def test_the_port_that_the_log_names_explains_a_health_check_without_answer() -> None:
    task = stopped("Task failed ELB health checks in (target-group arn:tg)", stop_code="ServiceSchedulerInitiated")
    log = ("[INFO] Listening at: http://0.0.0.0:5000 (1)",)

    cause = find_cause(replace(FACTS, express=express(), tasks=(task,), logs={"t1": log}))

    assert cause is not None
    assert cause.code == "port_mismatch"
    assert "listens on port 5000" in cause.sentence
    assert "container_port: 5000" in cause.remedy


def test_a_container_killed_by_its_health_check_is_not_told_as_a_crash() -> None:
    task = stopped(
        "Task failed container health checks",
        stop_code="ServiceSchedulerInitiated",
        containers=(ContainerState("Main", exit_code=137),),
    )

    cause = find_cause(replace(FACTS, tasks=(task,)))

    assert cause is not None
    assert cause.code == "health_check_failed"


def test_a_permission_that_the_infrastructure_role_lacks_is_read_from_the_managed_resource() -> None:
    stuck = ManagedResource(
        "loadBalancer",
        "arn:lb",
        "PROVISIONING",
        "AccessDenied: User is not authorized to perform: ec2:DescribeAccountAttributes",
    )

    cause = find_cause(replace(FACTS, revision=RevisionState("arn:revision/2", managed_resources=(stuck,))))

    assert cause is not None
    assert cause.code == "permission_denied"
    assert "ec2:DescribeAccountAttributes" in cause.sentence
    assert cause.resource == "arn:lb"


def test_infrastructure_that_failed_for_an_unknown_reason_is_told_in_its_own_words() -> None:
    broken = ManagedResource("certificate", "arn:certificate", "FAILED", "CAA record forbids issuance")

    cause = find_cause(replace(FACTS, revision=RevisionState("arn:revision/2", managed_resources=(broken,))))

    assert cause is not None
    assert cause.code == "infrastructure_failed"
    assert "CAA record forbids issuance" in cause.sentence


def test_missing_capacity_is_no_permanent_cause() -> None:
    event = ServiceEvent(
        START,
        "(service web) was unable to place a task. Reason: Capacity is unavailable at this time. Please try again "
        "later or in a different availability zone.",
    )

    cause = find_cause(replace(FACTS, events=(event,)))

    assert cause is not None
    assert cause.code == "capacity_unavailable"
    assert entry_of(cause.code).waiting_helps


def test_an_error_rate_alarm_is_named() -> None:
    deployment = replace(FACTS.state, triggered_alarms=("web-rollback",))  # type: ignore[type-var]

    cause = find_cause(replace(FACTS, state=deployment))

    assert cause is not None
    assert cause.code == "error_rate_alarm"
    assert "web-rollback" in cause.evidence[0]


def stack_event(logical_id: str, resource_type: str, reason: str) -> StackEvent:
    return StackEvent(START, logical_id, "", resource_type, "CREATE_FAILED", reason)


def test_a_cancelled_resource_is_never_the_cause() -> None:
    events = (
        stack_event("LogGroup", "AWS::Logs::LogGroup", "Resource creation cancelled"),
        stack_event(
            "ExecutionRole", "AWS::IAM::Role", "web-express-execution already exists (RequestToken: abc, Handler: x)"
        ),
        stack_event("Service", "AWS::ECS::ExpressGatewayService", "Resource creation cancelled"),
    )

    cause = find_cause(replace(FACTS, state=None, stack_events=events))

    assert cause is not None
    assert cause.code == "resource_exists"
    assert cause.resource == "ExecutionRole"
    assert "RequestToken" not in cause.evidence[0]


def test_only_cancelled_resources_give_no_cause_at_all() -> None:
    events = (stack_event("LogGroup", "AWS::Logs::LogGroup", "Resource creation cancelled"),)

    assert find_cause(replace(FACTS, state=None, stack_events=events)) is None


def test_a_task_explains_more_than_what_cloudformation_says_of_the_service() -> None:
    events = (
        stack_event("Service", "AWS::ECS::ExpressGatewayService", "ECS Deployment Circuit Breaker was triggered"),
    )
    facts = exited(1, "ValueError: no database")

    cause = find_cause(replace(facts, stack_events=events))

    assert cause is not None
    assert "ValueError: no database" in cause.sentence


def test_cloudformations_own_words_are_used_when_nothing_else_is_known() -> None:
    events = (stack_event("Service", "AWS::ECS::ExpressGatewayService", "Something nobody has seen before"),)

    cause = find_cause(replace(FACTS, state=None, stack_events=events))

    assert cause is not None
    assert "Something nobody has seen before" in cause.sentence


def test_what_could_not_be_read_is_named_and_no_cause_is_made_up() -> None:
    cause = find_cause(replace(FACTS, gaps=("tasks: access_denied",)))

    assert cause is not None
    assert cause.code == "deployment_failed"
    assert cause.gaps == ("tasks: access_denied",)
    assert entry_of(cause.code).waiting_helps


def test_a_healthy_deployment_has_no_cause() -> None:
    deployment = DeploymentState("arn:deployment", "SUCCESSFUL")

    assert find_cause(replace(FACTS, state=deployment)) is None
