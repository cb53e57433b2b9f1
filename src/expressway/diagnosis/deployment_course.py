"""Which of a service's deployments its story is: the one that went wrong, not the one that cleaned up after it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from expressway.model.service import DeploymentState, RevisionState


@dataclass(frozen=True, slots=True)
class Course:
    """The deployments of a service with their revisions, newest first, and which of them to explain."""

    deployment: DeploymentState | None
    revision: RevisionState | None
    restored: bool


def course_to_explain(
    deployments: Sequence[DeploymentState],
    revisions: Mapping[str, RevisionState],
) -> Course:
    """The newest deployment that failed or still runs; the newest of all when it is well, and is no way back.

    After a rollback by CloudFormation the newest deployment is the one that restored the old version, with a
    success of its own: then the failed one behind it is to be explained.
    """
    if not deployments:
        return Course(None, None, restored=False)
    newest, *older = deployments
    failed = next(iter(older), None)
    explained, restored = newest, newest.status == "ROLLBACK_SUCCESSFUL"
    if newest.successful and failed is not None and failed.failed and _is_way_back(newest, older, revisions):
        explained, restored = failed, True
    return Course(explained, revisions.get(explained.target_revision_arn), restored)


def _is_way_back(
    newest: DeploymentState, older: Sequence[DeploymentState], revisions: Mapping[str, RevisionState]
) -> bool:
    """Whether the newest deployment brought back what had run before the failed one."""
    failed = older[0]
    before = [one.target_revision_arn for one in older[1:] if one.successful]
    if newest.target_revision_arn in {*before, failed.rollback_revision_arn}:
        return True
    target = revisions.get(newest.target_revision_arn)
    known = [revisions[arn] for arn in before if arn in revisions]
    return target is not None and any(
        one.task_definition_arn == target.task_definition_arn or (one.images and one.images == target.images)
        for one in known
    )
