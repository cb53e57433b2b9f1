"""Why a health check fails: path, port, and what came instead of a success."""

import re

from expressway.diagnosis.facts import DeploymentFacts
from expressway.diagnosis.foreign_names import names_hidden
from expressway.diagnosis.health_check import health_check_of
from expressway.diagnosis.listening import only_listener
from expressway.diagnosis.log_excerpt import telling_line
from expressway.diagnosis.message_rules import evidence_line
from expressway.model.cause import Cause

_CODES = re.compile(r"(?:failed with these codes:? \[|status(?: code)? )(?P<code>\d{3})", re.IGNORECASE)
_TIMEOUT = re.compile(r"tim(?:ed|e) ?out", re.IGNORECASE)
_UNHEALTHY = re.compile(r"unhealthy|health check", re.IGNORECASE)


def failing_health_check(facts: DeploymentFacts) -> Cause | None:
    """The revision's tasks run but are found unhealthy, by the load balancer or by their own check."""
    evidence = said_of_health(facts)
    if not evidence:
        return None
    asked = health_check_of(facts)
    lines = [line for task in facts.tasks for line in facts.logs.get(task.task_id, ())]
    listener = only_listener(lines)
    happened, remedy = _outcome(names_hidden(" ".join(evidence)), asked.port, listener.port if listener else None)
    log_line = telling_line(lines)
    return Cause(
        code="health_check_failed",
        sentence=f"{asked.fails}: {happened}.",
        evidence=(*evidence, log_line) if log_line else evidence,
        remedy=remedy,
        resource=facts.service.arn if facts.service else facts.service_name,
    )


def said_of_health(facts: DeploymentFacts) -> tuple[str, ...]:
    """What AWS says of the checks that fail, without what the application wrote; empty where none does."""
    targets = [
        f"target {target.target_id}:{target.port} is unhealthy: {target.description or target.reason}"
        for target in facts.targets
        if target.state == "unhealthy"
    ]
    stopped = [task.stopped_reason for task in facts.failed_tasks if task.failed_health_check]
    own = [
        f"container {container.name} is UNHEALTHY by its own health check"
        for task in facts.tasks
        for container in task.containers
        if container.health == "UNHEALTHY" and task.running
    ]
    events = [event.message for event in reversed(facts.events) if _UNHEALTHY.search(names_hidden(event.message))]
    found = dict.fromkeys(evidence_line(text) for text in (*targets, *stopped[:1], *own[:1], *events[:2]))
    return tuple(found)


def _outcome(evidence: str, port: int, listens_on: int | None) -> tuple[str, str]:
    code = _CODES.search(evidence)
    if code:
        return (
            f"the application answers {code['code']} where 200 is expected",
            "Let the application answer 200 on that path, or set health_check_path to one that does.",
        )
    if listens_on and port and listens_on != port:
        return (
            f"no answer came; the log says that the application listens on port {listens_on}",
            f"Set container_port: {listens_on}, or let the application listen on {port}.",
        )
    if _TIMEOUT.search(evidence):
        return (
            "no answer in time",
            "Let the application listen on 0.0.0.0 (not on 127.0.0.1) and answer within 5 s; "
            "check that the security groups let the load balancer in.",
        )
    return (
        "no healthy answer came",
        "Check that the application listens on 0.0.0.0 at container_port and answers 200 on health_check_path.",
    )
