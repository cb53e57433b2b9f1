"""Which of a service's deployments its story is: the one that went wrong, not the one that cleaned up after it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from expressway.aws.values.service import DeploymentState, RevisionState, ServiceState, TaskState, tasks_of_revision
from expressway.aws.values.task_definition import TaskDefinition
from expressway.core.clock import not_before


@dataclass(frozen=True, slots=True)
class Course:
    """The deployments of a service with their revisions, newest first, and which of them to explain."""

    deployment: DeploymentState | None
    revision: RevisionState | None
    restored: bool


def course_to_explain(
    deployments: Sequence[DeploymentState],
    revisions: Mapping[str, RevisionState],
    definitions: Mapping[str, TaskDefinition | None],
) -> Course:
    """The newest deployment that failed or still runs; the newest of all when it is well, and is no way back.

    After a rollback by CloudFormation the newest deployment is the one that restored the old version, with a
    success of its own: then the failed one behind it is to be explained. After a repair it is not: what runs then
    differs from what ran before the failure, if only in a command or a variable.
    """
    if not deployments:
        return Course(None, None, restored=False)
    newest, *older = deployments
    explained, restored = newest, newest.status == "ROLLBACK_SUCCESSFUL"
    if _may_be_way_back(deployments) and _is_way_back(newest, older, revisions, definitions):
        explained, restored = older[0], True
    return Course(explained, revisions.get(explained.target_revision_arn), restored)


def failure_to_explain(
    deployments: Sequence[DeploymentState],
    revisions: Mapping[str, RevisionState],
    definitions: Mapping[str, TaskDefinition | None],
    *,
    since: datetime | None,
    tasks: Sequence[TaskState],
    service: ServiceState | None,
) -> Course:
    """Of the deployments since a moment: the newest that failed, still runs, or lost all its tasks after its success.

    Unless a repair has followed it, the failed one behind the newest is meant, which restored the old version.
    """
    those = [one for one in deployments if not_before(one.created_at, since)]
    chosen = next(iter(those), None)
    if chosen is not None and not is_repair(deployments, revisions, definitions):
        chosen = next((one for one in those if _went_wrong(one, revisions, tasks, service)), chosen)
    return Course(chosen, revisions.get(chosen.target_revision_arn) if chosen else None, restored=False)


def _went_wrong(
    deployment: DeploymentState,
    revisions: Mapping[str, RevisionState],
    tasks: Sequence[TaskState],
    service: ServiceState | None,
) -> bool:
    revision = revisions.get(deployment.target_revision_arn)
    mine = tasks_of_revision(tuple(tasks), revision, service) if revision else ()
    return not deployment.successful or (any(one.failed for one in mine) and not any(one.running for one in mine))


def definitions_to_compare(
    deployments: Sequence[DeploymentState], revisions: Mapping[str, RevisionState]
) -> tuple[str, ...]:
    """The task definitions that tell a way back from a repair; none where there is nothing to tell apart."""
    if not _may_be_way_back(deployments):
        return ()
    newest, *older = deployments
    if newest.target_revision_arn in _gone_back_to(older):
        return ()
    compared = [newest, older[0], *_before(older)[:1]]
    found = (revisions.get(one.target_revision_arn) for one in compared)
    return tuple(dict.fromkeys(one.task_definition_arn for one in found if one and one.task_definition_arn))


def is_repair(
    deployments: Sequence[DeploymentState],
    revisions: Mapping[str, RevisionState],
    definitions: Mapping[str, TaskDefinition | None],
) -> bool:
    """Whether the newest deployment surely runs something else than what had run before the failed one behind it."""
    if not _may_be_way_back(deployments):
        return False
    newest, *older = deployments
    before = next(iter(_before(older)), None)
    runs = _content(newest, revisions, definitions)
    had = _content(before, revisions, definitions) if before else None
    return None not in {runs, had} and runs != had and newest.target_revision_arn not in _gone_back_to(older)


def _may_be_way_back(deployments: Sequence[DeploymentState]) -> bool:
    return len(deployments) > 1 and deployments[0].successful and deployments[1].failed


def _before(older: Sequence[DeploymentState]) -> list[DeploymentState]:
    """What had been deployed well before the failed one, the newest first."""
    return [one for one in older[1:] if one.successful]


def _gone_back_to(older: Sequence[DeploymentState]) -> set[str]:
    return {*(one.target_revision_arn for one in _before(older)), older[0].rollback_revision_arn} - {""}


def _is_way_back(
    newest: DeploymentState,
    older: Sequence[DeploymentState],
    revisions: Mapping[str, RevisionState],
    definitions: Mapping[str, TaskDefinition | None],
) -> bool:
    """Whether the newest deployment runs just what had run before the failed one, and the failed one differed."""
    if newest.target_revision_arn in _gone_back_to(older):
        return True
    before = next(iter(_before(older)), None)
    runs, failed = _content(newest, revisions, definitions), _content(older[0], revisions, definitions)
    return runs is not None and before is not None and runs == _content(before, revisions, definitions) != failed


def _content(
    deployment: DeploymentState,
    revisions: Mapping[str, RevisionState],
    definitions: Mapping[str, TaskDefinition | None],
) -> tuple[str, str] | None:
    """What a deployment brings to run, and in which settings; None where it is not known."""
    revision = revisions.get(deployment.target_revision_arn)
    if revision is None or not revision.task_definition_arn:
        return None
    definition = definitions.get(revision.task_definition_arn)
    return (definition.content if definition else "") or revision.task_definition_arn, revision.settings
