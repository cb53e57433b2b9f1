"""What the end of containers tells that ECS stopped in the normal course of things."""

from expressway.diagnosis.culprit import OUT_OF_MEMORY, SIGKILL_EXIT_CODE
from expressway.diagnosis.service_facts import ServiceFacts
from expressway.model.finding import Finding
from expressway.model.service import TaskState

_DEFAULT_STOP_SECONDS = 30


def killed_at_stop(facts: ServiceFacts) -> Finding | None:
    """ECS stopped tasks in the normal course of things, and had to kill them because they did not end by themselves."""
    killed = [task for task in facts.tasks if _was_killed_at_stop(task)]
    if not killed:
        return None
    container = next(one for one in killed[0].containers if one.exit_code == SIGKILL_EXIT_CODE)
    told = facts.container_definition(container.name).stop_timeout_seconds
    given = f"stopTimeout: {told} s" if told else f"{_DEFAULT_STOP_SECONDS} s, since no stopTimeout is set"
    return Finding(
        code="killed_at_stop",
        severity="warning",
        cause=f"The container {container.name} was killed (exit code 137) because it did not end on SIGTERM within "
        f"the time it has ({given}); it was not short of memory.",
        evidence=tuple(dict.fromkeys(task.stopped_reason for task in killed if task.stopped_reason))[:3],
        remedy="Let the application end on SIGTERM: run it as the container's first process (CMD in exec form), "
        "or handle the signal; requests under way are cut off otherwise.",
        resource=facts.resource,
        confidence="high",
    )


def _was_killed_at_stop(task: TaskState) -> bool:
    told_to_stop = task.status == "STOPPED" and not task.failed and task.stop_code not in {"", "SpotInterruption"}
    return told_to_stop and any(
        one.exit_code == SIGKILL_EXIT_CODE and not OUT_OF_MEMORY.search(one.reason) for one in task.containers
    )
