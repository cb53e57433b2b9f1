"""What the facts about a service say of the one whose dependencies are to be read."""

import re
from collections.abc import Sequence

from expressway.aws.values.dependencies import DependencySubject
from expressway.aws.values.service import DeploymentState, ExpressService, RevisionState, ServiceState, TaskState
from expressway.diagnose.messages.name_masking import names_hidden

_QUOTA = re.compile(r"quota|vCPU|limit on the number|LimitExceeded", re.IGNORECASE)
_UNFINISHED = frozenset({"PROVISIONING", "FAILED"})


def subject_of(
    service: ServiceState,
    express: ExpressService | None,
    deployment: DeploymentState | None,
    revision: RevisionState | None,
    tasks: Sequence[TaskState],
) -> DependencySubject:
    """The service as the rules about dependencies see it: what it runs, and whether it runs."""
    failed = deployment is not None and not deployment.successful and not deployment.running
    texts = [
        *(event.message for event in service.events),
        *(task.stopped_reason for task in tasks),
        *((deployment.status_reason, deployment.rollback_reason) if deployment else ()),
    ]
    return DependencySubject(
        cluster=service.cluster,
        service_name=service.name,
        service_arn=service.arn,
        task_definition_arn=(revision.task_definition_arn if revision else "") or service.task_definition_arn,
        infrastructure_role_arn=express.infrastructure_role_arn if express else "",
        desired_count=service.desired_count,
        running_count=service.running_count,
        triggered_alarms=deployment.triggered_alarms if deployment else (),
        has_failed=failed or any(task.failed for task in tasks),
        is_stuck=any(one.status in _UNFINISHED for one in (revision.managed_resources if revision else ())),
        names_a_quota=any(_QUOTA.search(names_hidden(text)) for text in texts),
        task_statements=tuple(
            text
            for task in tasks
            for text in (*(container.reason for container in task.containers), task.stopped_reason)
            if text
        ),
    )
