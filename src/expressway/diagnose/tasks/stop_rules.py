"""What the end of containers tells that ended no task: ECS stopped them, or the task runs on without them."""

from expressway.aws.values.service import TaskState
from expressway.diagnose.catalog import make_finding
from expressway.diagnose.finding import Finding
from expressway.diagnose.service.service_facts import ServiceFacts
from expressway.diagnose.tasks.first_exit import SIGKILL_EXIT_CODE, killed_for_memory

_DEFAULT_STOP_SECONDS = 30


def killed_at_stop(facts: ServiceFacts) -> Finding | None:
    """ECS stopped tasks in the normal course of things, and had to kill them because they did not end by themselves."""
    killed = [task for task in facts.tasks if _was_killed_at_stop(task)]
    if not killed:
        return None
    container = next(one for one in killed[0].containers if one.exit_code == SIGKILL_EXIT_CODE)
    told = facts.container_definition(container.name).stop_timeout_seconds
    given = f"stopTimeout: {told} s" if told else f"{_DEFAULT_STOP_SECONDS} s, since no stopTimeout is set"
    return make_finding(
        code="killed_at_stop",
        cause=f"The container {container.name} was killed (exit code 137) because it did not end on SIGTERM within "
        f"the time it has ({given}); it was not short of memory.",
        evidence=tuple(dict.fromkeys(task.stopped_reason for task in killed if task.stopped_reason))[:3],
        resource=facts.resource,
        confidence="high",
    )


def side_container_ended(facts: ServiceFacts) -> Finding | None:
    """A container that is not essential ended with an error in a task that runs on: by design no fault, but notable."""
    ended = [
        (task, one)
        for task in facts.story.tasks
        for one in task.containers
        if task.running and not one.essential and one.exit_code and one.status == "STOPPED"
    ]
    if not ended:
        return None
    task, container = ended[0]
    name, code = container.name, container.exit_code
    return make_finding(
        code="side_container_ended",
        cause=f"The container {name} ended with code {code} beside the application, which runs on: {name} is not "
        "essential.",
        evidence=(container.reason,) if container.reason else (),
        remedy=f"Read its log if {name} is to keep running, or make it essential (the task then ends with it).",
        resource=task.arn,
    )


def spot_interrupted(facts: ServiceFacts) -> Finding | None:
    """AWS took back the Spot capacity that tasks ran on (ECS developer guide, "SpotInterruption errors")."""
    taken = [task for task in facts.tasks if task.stop_code == "SpotInterruption"]
    if not taken:
        return None
    number = len(taken)
    return make_finding(
        code="spot_interrupted",
        severity="info" if facts.has_enough_tasks else "warning" if facts.running_count else "critical",
        cause=f"AWS took back the Spot capacity of {number} task{'' if number == 1 else 's'} and stopped "
        f"{'it' if number == 1 else 'them'}; the application is not at fault.",
        evidence=tuple(dict.fromkeys(task.stopped_reason for task in taken if task.stopped_reason))[:1],
        resource=facts.resource,
    )


def _was_killed_at_stop(task: TaskState) -> bool:
    told_to_stop = task.status == "STOPPED" and not task.failed and task.stop_code not in {"", "SpotInterruption"}
    return told_to_stop and any(
        one.exit_code == SIGKILL_EXIT_CODE and not killed_for_memory(one.reason) for one in task.containers
    )
