"""Why a deployment failed when its tasks are unknown: ECS forgets them about an hour after they stopped, and reading
them may be denied.

The deployment's own reason outlives the tasks, and so does their log.
"""

import re
from dataclasses import replace

from expressway.diagnose.catalog import make_finding
from expressway.diagnose.exits.rules import CORRECT_IT, exit_meaning, never_started, with_missing_files
from expressway.diagnose.facts import ExpiredTaskLog, ServiceFacts, are_expired
from expressway.diagnose.finding import Finding
from expressway.diagnose.log_lines import excerpt, severity_of, telling_line
from expressway.diagnose.messages import evidence_line
from expressway.hints import action

_EXIT_CODE = re.compile(r"container in task exited \(exit code:? (?P<code>\d{1,3})\)", re.IGNORECASE)
_BREAKER = re.compile(r"circuit breaker", re.IGNORECASE)
LOOK_ELSEWHERE = (
    "ECS forgets stopped tasks after about an hour: deploy again and ask while it fails, or read what its containers "
    f"wrote ({action('logs')} with a time window that reaches back to the deployment)."
)
_ASK_FOR_TASKS = "Grant the permissions that the gaps name (ecs:ListTasks, ecs:DescribeTasks) and ask again."


def expired_task_exit(facts: ServiceFacts) -> Finding | None:
    """A container of the failed deployment exited, by the deployment's own reason."""
    return _with_missing_files(facts, _expired_task_exit(facts))


def expired_task_error(facts: ServiceFacts) -> Finding | None:
    """The circuit breaker ended the deployment, and the log of the last of its tasks ends with an error."""
    return _with_missing_files(facts, _expired_task_error(facts))


def _with_missing_files(facts: ServiceFacts, finding: Finding | None) -> Finding | None:
    if finding is None or facts.expired_task_log is None:
        return finding
    return with_missing_files(finding, facts.deployment.excluded.get(facts.expired_task_log.container))


def _expired_task_exit(facts: ServiceFacts) -> Finding | None:
    if not are_expired(facts.deployment.tasks, facts.deployment.state):
        return None
    reasons = reversed(facts.deployment.reasons)  # the status's own reason first
    found = next((match for text in reasons if (match := _EXIT_CODE.search(text)) is not None), None)
    if found is None:
        return None
    code, left = int(found["code"]), facts.expired_task_log
    lines = left.lines if left else ()
    known = never_started(code, lines, facts.resource) if left and left.is_only else None
    if known is not None:
        return replace(known, evidence=excerpt(lines))
    word, ended, remedy = exit_meaning(code)
    name = f"The container {left.container}" if left and left.is_only else "A container"
    unknown = "the tasks could not be read" if facts.lacks("tasks") else "ECS has forgotten the tasks"
    return make_finding(
        word,
        cause=f"{name} of the failed deployment's tasks {ended}; {unknown}{_about(left)}.",
        evidence=excerpt(lines) or (evidence_line(found.string),),
        remedy=remedy if left or remedy != CORRECT_IT else look_elsewhere(facts),
        resource=facts.resource,
        confidence="high" if left and left.is_only and telling_line(lines) else "medium",
    )


def _expired_task_error(facts: ServiceFacts) -> Finding | None:
    deployment, left = facts.deployment.state, facts.expired_task_log
    if deployment is None or left is None or deployment.triggered_alarms:
        return None
    if not are_expired(facts.deployment.tasks, deployment):
        return None
    broke = deployment.circuit_breaker == "TRIGGERED" or any(_BREAKER.search(text) for text in facts.deployment.reasons)
    line = telling_line(left.lines)
    if not broke or not any(line in one and severity_of(one) == "ERROR" for one in left.lines):
        return None
    return make_finding(
        code="log_ends_with_error",
        cause=f"{_why_unknown(facts)}; the log of the last of them that the failed deployment started (container "
        f"{left.container}) names an error near its end, most likely what ended it.",
        evidence=excerpt(left.lines),
        remedy=CORRECT_IT,
        resource=facts.resource,
        confidence="medium",
    )


def look_elsewhere(facts: ServiceFacts) -> str:
    return _ASK_FOR_TASKS if facts.lacks("tasks") else LOOK_ELSEWHERE


def _why_unknown(facts: ServiceFacts) -> str:
    return "The tasks could not be read" if facts.lacks("tasks") else "ECS has forgotten the tasks"


def _about(left: ExpiredTaskLog | None) -> str:
    if left is None:
        return ", and no log of them was found"
    of = "" if left.is_only else f" of {left.container}"
    return f", but the log{of} is still there"
