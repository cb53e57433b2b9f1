"""Containers that start and do not stay, or do not answer: exits, health checks, memory, rollbacks."""

from tests.e2e.scenarios.recorded.collection import recorded
from tests.e2e.scenarios.recorded.healthy import Situation
from tests.e2e.scenarios.recorded.names import PORT, SERVICE

_FAILING = "tasks_missing deployment_in_progress deployment_stuck deployment_failed crash_loop"
_EXITED = "Essential container in task exited"
_UNHEALTHY = "deployment_in_progress deployment_stuck health_check_failed tasks_missing"


@recorded("nothing is wrong", finds="", words=r"no issues|nothing (?:is )?wrong|healthy|steady")
def all_is_well(situation: Situation) -> None:
    situation.log(situation.world.one("ecs.tasks")["taskArn"].rpartition("/")[2], "listening on 0.0.0.0:8080")


@recorded(
    "more memory than the container has",
    finds="out_of_memory container_memory_limit",
    also=f"container_killed {_FAILING}",
    words=r"out_?of_?memory|memory usage",
)
def memory_exceeded(situation: Situation) -> None:
    situation.tasks_fail(
        stopped_reason=_EXITED,
        stop_code="EssentialContainerExited",
        exit_code=137,
        container_reason="OutOfMemoryError: Container killed due to memory usage",
        log=("loading the model", "loaded 480 MiB"),
    )


@recorded(
    "killed because it did not end on SIGTERM",
    finds="killed_at_stop",
    words=r"sigterm|did not (?:stop|end|exit) (?:in|within) time|stop ?timeout",
)
def killed_at_stop(situation: Situation) -> None:
    task_id = situation.add_task(
        running=False,
        stopCode="ServiceSchedulerInitiated",
        stoppedReason="Scaling activity initiated by (deployment ecs-svc/1)",
        stoppingAt=situation.ago(5),
        stoppedAt=situation.ago(4.5),
    )
    situation.world.all("ecs.tasks")[-1]["containers"][0]["exitCode"] = 137
    situation.log(task_id, "listening on 0.0.0.0:8080")


@recorded(
    "a crash after a signal 11",
    finds="container_crashed",
    also=_FAILING,
    words=r"segmentation|sigsegv|invalid memory",
)
def segmentation_fault(situation: Situation) -> None:
    situation.tasks_fail(
        stopped_reason=_EXITED,
        stop_code="EssentialContainerExited",
        exit_code=139,
        log=("starting", "loading native codec"),
    )


@recorded(
    "a crash loop with an exception",
    finds="crash_loop",
    also=f"container_exited {_FAILING}",
    words=r"keyerror.{0,40}database_url",
    symptoms="it keeps restarting",
)
def crash_loop(situation: Situation) -> None:
    situation.tasks_fail(
        stopped_reason=_EXITED,
        stop_code="EssentialContainerExited",
        exit_code=1,
        log=(
            "Traceback (most recent call last):",
            '  File "/app/main.py", line 7, in <module>',
            '    url = os.environ["DATABASE_URL"]',
            "KeyError: 'DATABASE_URL'",
        ),
    )


@recorded(
    "crashed hours ago: ECS has forgotten the tasks",
    finds="container_exited",
    also=_FAILING + " circuit_breaker_rollback",
    words=r"keyerror.{0,40}database_url",
)
def forgotten_tasks(situation: Situation) -> None:
    situation.stop_serving()
    breaker = "Service deployment rolled back because the circuit breaker threshold was exceeded."
    situation.deployment.update(
        status="ROLLBACK_FAILED",
        statusReason=f"{breaker} Essential container in task exited (exit code: 1). No rollback candidate was found.",
        createdAt=situation.ago(190),
        startedAt=situation.ago(190),
        finishedAt=situation.ago(180),
        rollback={"reason": breaker, "startedAt": situation.ago(181)},
        deploymentCircuitBreaker={"status": "TRIGGERED", "failureCount": 3, "threshold": 3},
    )
    situation.service["deployments"][0].update(rolloutState="FAILED")
    for number in range(3):
        task_id = situation.id("forgotten", str(number), length=32)
        situation.log(task_id, "starting", "KeyError: 'DATABASE_URL'", minutes_ago=186 - 2 * number)


@recorded(
    "the application logs through a router whose own log is in CloudWatch Logs",
    finds="container_exited",
    also=_FAILING,
    words=r"main[^.]{0,60}exit|exit(?:ed|_code)\W{0,30}1\b",
)
def logs_through_a_router(situation: Situation) -> None:
    own = situation.container
    router = {"name": "log_router", "image": "public.example/fluent-bit:3", "logConfiguration": own["logConfiguration"]}
    own["logConfiguration"] = {"logDriver": "awsfirelens", "options": {}}
    situation.world.all("ecs.task_definitions")[0]["containerDefinitions"].insert(0, {**router, "essential": True})
    situation.tasks_fail(stopped_reason=_EXITED, stop_code="EssentialContainerExited", exit_code=1)
    for task in situation.world.all("ecs.tasks"):
        [main] = task["containers"]
        task["containers"] = [{**main, "name": "log_router", "exitCode": 143}, main]
        task_id = task["taskArn"].rpartition("/")[2]
        situation.log(task_id, "[error] could not connect to metadata endpoint", container="log_router")


@recorded(
    "listens on another port",
    finds="port_mismatch",
    also=_UNHEALTHY,
    words=r"listens on (?:port )?3000|3000[^.]{0,40}instead",
)
def port_elsewhere(situation: Situation) -> None:
    task_id = situation.world.one("ecs.tasks")["taskArn"].rpartition("/")[2]
    situation.log(task_id, "> web@1.0.0 start", "Server listening on port 3000")
    situation.fails_health_check("Target.Timeout", "Request timed out")


@recorded(
    "listens on 127.0.0.1 only",
    finds="listens_on_loopback",
    also=_UNHEALTHY,
    words=r"(?:listens|listening|bound)[^.]{0,20}127\.0\.0\.1[^\"]{0,40}(?:only|unreach|not reach)",
)
def loopback_only(situation: Situation) -> None:
    task_id = situation.world.one("ecs.tasks")["taskArn"].rpartition("/")[2]
    situation.log(task_id, "[INFO] Starting gunicorn 23.0.0", "[INFO] Listening at: http://127.0.0.1:8080 (7)")
    situation.fails_health_check("Target.Timeout", "Request timed out")


def _wrong_answer(situation: Situation, code: int) -> None:
    task_id = situation.world.one("ecs.tasks")["taskArn"].rpartition("/")[2]
    situation.log(task_id, f"listening on 0.0.0.0:{PORT}", f'"GET / HTTP/1.1" {code}')
    group = situation.network.target_group_arn
    event = (
        f"(service {SERVICE}) (port {PORT}) is unhealthy in (target-group {group}) due to (reason Health checks failed "
        f"with these codes: [{code}])"
    )
    reason = f"Health checks failed with these codes: [{code}]"
    situation.fails_health_check("Target.ResponseCodeMismatch", reason, event=event)


@recorded(
    "the health check's path answers 404",
    finds="health_check_path_not_found",
    also=_UNHEALTHY,
    words=r"codes: \[404\]|answers 404",
    symptoms="health checks fail",
)
def health_path_404(situation: Situation) -> None:
    _wrong_answer(situation, 404)


@recorded(
    "the health check's path redirects",
    finds="health_check_redirected",
    also=_UNHEALTHY,
    words=r"codes: \[301\]|redirect",
)
def health_path_301(situation: Situation) -> None:
    _wrong_answer(situation, 301)


@recorded(
    "the health check's path wants credentials",
    finds="health_check_unauthorized",
    also=_UNHEALTHY,
    words=r"codes: \[401\]|unauthorized",
)
def health_path_401(situation: Situation) -> None:
    _wrong_answer(situation, 401)


@recorded(
    "starts slower than the checks allow",
    finds="slow_start",
    also=f"{_UNHEALTHY} {_FAILING} killed_at_stop",
    words=r"grace period|slow(?:er)? (?:to )?start|starts? (?:too )?slow",
)
def slow_start(situation: Situation) -> None:
    group = situation.network.target_group_arn
    situation.tasks_fail(
        stopped_reason=f"Task failed ELB health checks in (target-group {group})",
        stop_code="ServiceSchedulerInitiated",
        exit_code=143,
        log=("Starting WebApplication using Java 21", "Root WebApplicationContext: initialization started"),
    )
    for task in situation.world.all("ecs.tasks"):
        task["startedAt"] = situation.ago(7)
        task["stoppedAt"] = situation.ago(5.5)
    last = situation.world.all("ecs.tasks")[-1]["taskArn"].rpartition("/")[2]
    stream = next(one for one in situation.world.all("logs.streams") if one["name"].endswith(last))
    late = {
        "timestamp": int(situation.ago(5.6).timestamp() * 1000),
        "message": "Started WebApplication in 84.2 seconds",
    }
    stream["events"].append(late)


@recorded(
    "a rolling update that crash-loops beside the version that serves, without service deployments",
    finds="container_exited crash_loop",
    also=_FAILING,
    words=r"importerror|exit(?:ed|_code)\W{0,30}3\b",
)
def rolling_update_crashes(situation: Situation) -> None:
    service, first = situation.service, situation.service["deployments"][0]
    for kind in ("ecs.deployments", "ecs.revisions", "ecs.express_services"):
        situation.world.remove(kind)
    service.pop("resourceManagementType")
    [definition] = situation.world.all("ecs.task_definitions")
    definition_arn = f"{definition['taskDefinitionArn']}0"
    situation.world.add("ecs.task_definitions", {**definition, "taskDefinitionArn": definition_arn})
    second = {
        **first,
        "id": "ecs-svc/2",
        "taskDefinition": definition_arn,
        "runningCount": 0,
        "rolloutState": "IN_PROGRESS",
        "rolloutStateReason": "ECS deployment ecs-svc/2 in progress.",
        "createdAt": situation.ago(7),
    }
    first["status"] = "ACTIVE"
    service.update(taskDefinition=definition_arn, deployments=[second, first])
    for number in range(3):
        ended = situation.ago(6 - number)
        task_id = situation.add_task(
            running=False,
            startedBy="ecs-svc/2",
            stopCode="EssentialContainerExited",
            stoppedReason=_EXITED,
            createdAt=situation.ago(6.2 - number),
            startedAt=situation.ago(6.1 - number),
            stoppingAt=ended,
            stoppedAt=ended,
        )
        situation.world.all("ecs.tasks")[-1]["containers"][0]["exitCode"] = 3
        situation.log(task_id, "ImportError: No module named 'settings'", minutes_ago=6.05 - number)


@recorded(
    "rolled back by the circuit breaker",
    finds="circuit_breaker_rollback",
    also=f"container_exited {_FAILING}",
    words=r"circuit breaker",
)
def circuit_breaker(situation: Situation) -> None:
    task_id = _failed_second_deployment(
        situation,
        reason="Service deployment rolled back because the circuit breaker threshold was exceeded.",
        breaker="TRIGGERED",
    )
    task = situation.world.all("ecs.tasks")[-1]
    task.update(stopCode="EssentialContainerExited", stoppedReason=_EXITED)
    task["containers"][0]["exitCode"] = 1
    situation.log(task_id, "ValueError: LOG_LEVEL must be one of debug, info, warning")


@recorded(
    "rolled back by the 4xx/5xx alarm",
    finds="error_rate_alarm deployment_alarm",
    also=_FAILING,
    words=r"alarm[^.]{0,80}(?:triggered|rolled? ?back)|rolled back[^.]{0,60}alarm",
)
def alarm_rollback(situation: Situation) -> None:
    task_id = _failed_second_deployment(
        situation,
        reason="Service deployment rolled back because of the CloudWatch alarm.",
        breaker="MONITORING_COMPLETE",
    )
    deployment = situation.world.all("ecs.deployments")[0]
    names = deployment["alarms"]["alarmNames"]
    deployment["alarms"] = {"status": "TRIGGERED", "alarmNames": names, "triggeredAlarmNames": names}
    task = situation.world.all("ecs.tasks")[-1]
    task.update(stopCode="ServiceSchedulerInitiated", stoppedReason="Service deployment rolled back")
    task["containers"][0]["exitCode"] = 0
    situation.log(task_id, '"GET /api/orders HTTP/1.1" 500')


def _failed_second_deployment(situation: Situation, *, reason: str, breaker: str) -> str:
    """A new revision was tried and went away again; the first one serves. The id of the task that it ran."""
    first, revision = situation.deployment, situation.revision
    definition = situation.world.all("ecs.task_definitions")[0]
    second_definition = {
        **definition,
        "revision": 2,
        "taskDefinitionArn": definition["taskDefinitionArn"].replace(":1", ":2"),
    }
    situation.world.add("ecs.task_definitions", second_definition)
    arn = revision["serviceRevisionArn"] + "9"
    new = {
        **revision,
        "serviceRevisionArn": arn,
        "taskDefinition": second_definition["taskDefinitionArn"],
        "createdAt": situation.ago(4),
    }
    situation.world.kinds["ecs.revisions"].insert(0, new)
    second = {
        **first,
        "serviceDeploymentArn": first["serviceDeploymentArn"] + "9",
        "createdAt": situation.ago(4),
        "startedAt": situation.ago(4),
        "finishedAt": situation.ago(2),
        "updatedAt": situation.ago(2),
        "status": "ROLLBACK_SUCCESSFUL",
        "statusReason": reason,
        "sourceServiceRevisions": [first["targetServiceRevision"]],
        "targetServiceRevision": {**first["targetServiceRevision"], "arn": arn, "runningTaskCount": 0},
        "rollback": {
            "reason": reason,
            "startedAt": situation.ago(3),
            "serviceRevisionArn": revision["serviceRevisionArn"],
        },
        "deploymentCircuitBreaker": {"status": breaker, "failureCount": 3, "threshold": 3},
    }
    situation.world.kinds["ecs.deployments"].insert(0, second)
    first.update(createdAt=situation.ago(60), startedAt=situation.ago(60), finishedAt=situation.ago(55))
    situation.say(
        f"(service {SERVICE}) (deployment ecs-svc/99) deployment failed: tasks failed to start.", minutes_ago=3
    )
    situation.say(f"(service {SERVICE}) rolling back to (deployment {situation.deployment_id}).", minutes_ago=2.5)
    situation.say(f"(service {SERVICE}) has reached a steady state.", minutes_ago=1)
    return situation.add_task(
        running=False,
        taskDefinitionArn=second_definition["taskDefinitionArn"],
        startedBy="ecs-svc/99",
        createdAt=situation.ago(3.8),
        startedAt=situation.ago(3.5),
        stoppingAt=situation.ago(3.2),
        stoppedAt=situation.ago(3.2),
    )
