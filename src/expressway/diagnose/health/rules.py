"""Why a service's tasks are found unhealthy: the wrong address, the wrong port, the wrong answer, or too late."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from expressway.aws.values.service import LogEvent, ServiceConfiguration, TaskState
from expressway.aws.values.task_definition import TaskDefinition
from expressway.diagnose.catalog import make_finding
from expressway.diagnose.facts import DeploymentFacts, ServiceFacts
from expressway.diagnose.finding import Confidence, Finding
from expressway.diagnose.health.listening import listeners, loopback_listener, only_listener
from expressway.diagnose.log_lines import telling_line
from expressway.diagnose.messages import evidence_line, mask_user_identifiers

_OF_TASK = re.compile(r"\((?:service|task) [^()]+\) \(port (?P<port>\d{1,5})\) is unhealthy")
"""ECS's words for a task with an address of its own (developer guide, "Service event messages"); where it names an
instance before the port, that is the instance's."""


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """`path` and `port` (the container's) are empty and 0 where they are not known."""

    path: str = ""
    port: int = 0

    @property
    def fails(self) -> str:
        """That it fails, as the beginning of a sentence."""
        path, port = f" GET {self.path}" if self.path else "", f" on port {self.port}" if self.port else ""
        return f"The health check{path}{port} fails"


def health_check_of(facts: DeploymentFacts) -> HealthCheck:
    """The check that the tasks of the facts' deployment met."""
    configuration, revision = _configuration(facts), facts.revision
    paths = (configuration.health_check_path if configuration else "", revision.health_check_path if revision else "")
    ports = (
        configuration.container_port if configuration else 0,
        revision.container_port if revision else 0,
        _only_port(facts.definition),
        _port_in_events(facts),
    )
    return HealthCheck(next((one for one in paths if one), ""), next((one for one in ports if one), 0))


def _configuration(facts: DeploymentFacts) -> ServiceConfiguration | None:
    """The active configuration that the deployment brought; another one's says nothing of it.

    Where no deployment is known, the only configuration is what is found unhealthy now.
    """
    configurations = facts.express.configurations if facts.express else ()
    if facts.state is not None:
        target = facts.state.target_revision_arn
        return next((one for one in configurations if target and one.revision_arn == target), None)
    return configurations[0] if len(configurations) == 1 and _is_unhealthy_now(facts) else None


def _is_unhealthy_now(facts: DeploymentFacts) -> bool:
    targets = any(one.state == "unhealthy" for one in facts.targets)
    return targets or any(task.running and task.health == "UNHEALTHY" for task in facts.tasks)


def _only_port(definition: TaskDefinition | None) -> int:
    """The one port of the container that answers for the service, or of all of them."""
    containers = definition.containers if definition else ()
    answering = [one for one in containers if definition and one.name == definition.main_container and one.ports]
    ports = {port.container_port for one in answering or containers for port in one.ports}
    return ports.pop() if len(ports) == 1 else 0


def _port_in_events(facts: DeploymentFacts) -> int:
    found = {int(match["port"]) for event in facts.events for match in _OF_TASK.finditer(event.message)}
    return found.pop() if len(found) == 1 else 0


_CODES = re.compile(r"(?:failed with these codes:? \[|status(?: code)? )(?P<code>\d{3})", re.IGNORECASE)
_TIMEOUT = re.compile(r"tim(?:ed|e) ?out", re.IGNORECASE)
_UNHEALTHY = re.compile(r"unhealthy|health check", re.IGNORECASE)
_NOT_CONNECTED = re.compile(
    r"tim(?:ed|e)[- ]?out|refused|Target\.Timeout|Target\.FailedHealthChecks|Health checks failed(?! with)",
    re.IGNORECASE,
)
"""AWS's words where nothing accepted the connection on the container's port."""
_STARTING = re.compile(
    r"\b(?:starting|initiali[sz]|loading|warming|warm.?up|booting|migrat|compiling|preparing|connecting|waiting)",
    re.IGNORECASE,
)
_NOTABLY_LONG_SECONDS = 15.0
_LEFT_TO_PROVE_SECONDS = 60.0
"""Two or three health checks at the load balancer's usual interval."""
_SOONER = (
    "Let it listen sooner (do slow work after it listens, or at build time), give it more CPU, or raise the service's "
    "health check grace period above its start-up time."
)
_PROXIED = "The load balancer does not follow redirects and sends no credentials."


_BY_STATUS: Mapping[str, tuple[str, str, str]] = {
    "404": (
        "health_check_path_not_found",
        "the application answers 404: it has nothing at that path",
        "Set health_check_path to a path that answers 200, or add that path to the application.",
    ),
    "3": (
        "health_check_redirected",
        "the application answers {code}, a redirect, where 200 is expected",
        "Set health_check_path to the redirect's destination (a missing or extra slash, or a redirect to HTTPS, is "
        f"the usual reason), or let the application answer 200 there. {_PROXIED}",
    ),
    "401": (
        "health_check_unauthorized",
        "the application answers {code}: it wants credentials",
        f"Let the health path answer without signing in, or set health_check_path to one that does. {_PROXIED}",
    ),
    "5": (
        "health_check_server_error",
        "the application answers {code}: it fails while it answers",
        "Correct what its log says about those requests; a dependency that it checks there may be out of reach.",
    ),
    "": (
        "health_check_wrong_answer",
        "the application answers {code} where 200 is expected",
        "Let the application answer 200 on that path, or set health_check_path to one that does.",
    ),
}


def health_finding(facts: ServiceFacts) -> Finding | None:
    """The deployment's tasks run but are found unhealthy, by the load balancer or by their own check."""
    said = said_of_health(facts.deployment)
    if not said:
        return None
    line = telling_line(_lines(facts))
    evidence = (*said, line) if line else said
    status = _CODES.search(mask_user_identifiers(" ".join(said)))
    if status is not None:
        return _wrong_answer(facts, evidence, status["code"])
    for rule in (_wrong_interface, _wrong_port, _slow_start):
        finding = rule(facts, evidence)
        if finding is not None:
            return finding
    return _no_answer(facts, evidence, is_late=bool(_TIMEOUT.search(mask_user_identifiers(" ".join(said)))))


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
    events = [
        event.message for event in reversed(facts.events) if _UNHEALTHY.search(mask_user_identifiers(event.message))
    ]
    found = dict.fromkeys(evidence_line(text) for text in (*targets, *stopped[:1], *own[:1], *events[:2]))
    return tuple(found)


def _wrong_answer(facts: ServiceFacts, evidence: tuple[str, ...], status: str) -> Finding:
    key = next(one for one in (status, "401" if status == "403" else status, status[0], "") if one in _BY_STATUS)
    code, happened, remedy = _BY_STATUS[key]
    cause = f"{_asked(facts)}: {happened.format(code=status)}."
    return make_finding(code, cause=cause, evidence=evidence, remedy=remedy, resource=facts.resource)


def _no_answer(facts: ServiceFacts, evidence: tuple[str, ...], *, is_late: bool) -> Finding:
    return make_finding(
        "health_check_failed",
        cause=f"{_asked(facts)}: no {'answer in time' if is_late else 'healthy answer came'}.",
        evidence=evidence,
        remedy="Let the application listen on 0.0.0.0 (not on 127.0.0.1) and answer within 5 s; check that the "
        "security groups let the load balancer in."
        if is_late
        else "Check that the application listens on 0.0.0.0 at container_port and answers 200 on health_check_path.",
        resource=facts.resource,
        confidence="medium",
    )


def _wrong_interface(facts: ServiceFacts, evidence: tuple[str, ...]) -> Finding | None:
    found = loopback_listener(_lines(facts))
    if found is None:
        return None
    return make_finding(
        code="listens_on_loopback",
        cause=f"{_asked(facts)}: by its log, the application listens on {found.host}:{found.port} only, "
        "which cannot be reached from outside its container.",
        evidence=(found.line, *evidence),
        remedy=f"Let it listen on 0.0.0.0:{_port(facts) or found.port} (host or bind setting; gunicorn --bind, "
        "uvicorn --host, flask run --host, HOST=0.0.0.0).",
        resource=facts.resource,
        confidence=_sureness(facts),
    )


def _wrong_port(facts: ServiceFacts, evidence: tuple[str, ...]) -> Finding | None:
    port, other = _port(facts), only_listener(_lines(facts))
    if not port or other is None or other.port == port:
        return None
    return make_finding(
        code="port_mismatch",
        cause=f"{_asked(facts)}: no answer came there; by its log, the application listens on port {other.port}.",
        evidence=(other.line, *evidence),
        remedy=f"Set container_port: {other.port}, or let the application listen on {port}.",
        resource=facts.resource,
        confidence=_sureness(facts),
    )


def _sureness(facts: ServiceFacts) -> Confidence:
    """A log line alone is a clue; a load balancer that gets no connection to the container's port confirms it."""
    port = _port(facts)
    unhealthy = [one for one in facts.deployment.targets if one.state == "unhealthy" and one.port in {0, port}]
    said = [text for one in unhealthy for text in (one.description, one.reason)]
    said += [text for event in facts.deployment.events if "unhealthy" in (text := mask_user_identifiers(event.message))]
    return "high" if any(_NOT_CONNECTED.search(text) for text in said) else "medium"


def _slow_start(facts: ServiceFacts, evidence: tuple[str, ...]) -> Finding | None:
    for task in facts.deployment.tasks:
        took = _start_seconds(task, facts.log_events.get(task.task_id, ()))
        grace = facts.service.grace_period_seconds if facts.service else 0
        if took is None or took.seconds < max(grace, _NOTABLY_LONG_SECONDS if took.ready else 0):
            continue
        return make_finding(
            code="slow_start",
            cause=f"{_asked(facts)}: the application {_when(took)}, "
            f"and health checks count after a grace period of {grace} s.",
            evidence=(took.line, *evidence),
            remedy=_SOONER if took.moved else f"If it hangs there, see that it reaches what it waits for. {_SOONER}",
            resource=facts.resource,
            confidence="medium" if took.moved else "low",
        )
    return None


@dataclass(frozen=True, slots=True)
class _Start:
    """How long a start took, or takes; `moved`: something shows that it got on, so that it does not just hang."""

    seconds: float
    line: str
    ready: bool = False
    moved: bool = False


def _start_seconds(task: TaskState, log: tuple[LogEvent, ...]) -> _Start | None:
    """How long a task that was found unhealthy took to listen, or has been starting without listening."""
    began = task.started_at or (log[0].timestamp if log else None)
    if began is None or not log or not (task.failed_health_check or task.running):
        return None
    ready = next((one for one in log if listeners([one.message])), None)
    if ready is not None:
        seconds = (ready.timestamp - began).total_seconds()
        left = (task.stopped_at - ready.timestamp).total_seconds() if task.stopped_at else 0.0
        return _Start(seconds, ready.message, ready=True, moved=True) if left <= _LEFT_TO_PROVE_SECONDS else None
    told = [one for one in log if one.message.strip()]
    if not told or not _STARTING.search(told[-1].message):
        return None
    last = told[-1]
    seconds = ((task.stopped_at or last.timestamp) - began).total_seconds()
    late = (last.timestamp - began).total_seconds() >= seconds / 2
    moved = late and task.started_at is not None and len({one.message for one in told}) > 1
    return _Start(seconds, last.message, moved=moved and last.timestamp > told[0].timestamp)


def _when(took: _Start) -> str:
    after = f"{took.seconds:.0f} s after its container began"
    if took.ready:
        return f"listened only {after}"
    if took.moved:
        return f"was still starting {after}"
    return f"had not said {after} that it listens: it starts slowly, or it hangs where its log ends"


def _asked(facts: ServiceFacts) -> str:
    return health_check_of(facts.deployment).fails


def _port(facts: ServiceFacts) -> int:
    return health_check_of(facts.deployment).port


def _lines(facts: ServiceFacts) -> list[str]:
    return [line for task in facts.deployment.tasks for line in facts.deployment.log_of(task)]
