"""What is known about a deployment: gathered elsewhere, judged here."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from expressway.aws.values.service import (
    DeploymentState,
    ExpressService,
    RevisionState,
    ServiceEvent,
    ServiceState,
    TargetHealth,
    TaskState,
)
from expressway.aws.values.task_definition import TaskDefinition
from expressway.cloudformation.stack import StackEvent
from expressway.diagnose.tasks.first_exit import telling_reasons
from expressway.image.context.excluded import LeftOutFiles

SERVICE_RESOURCE_TYPE = "AWS::ECS::ExpressGatewayService"


@dataclass(frozen=True, slots=True)
class Statement:
    """Something that AWS said, and about what."""

    text: str
    resource: str = ""


@dataclass(frozen=True, slots=True)
class DeploymentFacts:
    """Everything a rule may look at. Whatever could not be read is empty here and named in `gaps`.

    Attributes:
        deployment, revision: the newest deployment that has failed or still runs, and its target.
        definition: the task definition that its tasks run.
        tasks: the revision's own tasks, newest first.
        events: the scheduler's events since that deployment began, newest first.
        logs: the end of the log of some of the tasks, by task id, oldest line first; empty where a task wrote none.
        unread_logs: what is known of logs that are not in `logs`, by task id, as in "its log …".
        targets: the revision's targets as the load balancer sees them.
        stack_events: the events of the stack operation that caused the deployment, in order of time.
        gaps: what could not be read and why, one phrase each.
        excluded: what was kept out of the images that its tasks run, by container, as far as this machine knows.
    """

    cluster: str
    service_name: str
    service: ServiceState | None = None
    express: ExpressService | None = None
    deployment: DeploymentState | None = None
    revision: RevisionState | None = None
    tasks: tuple[TaskState, ...] = ()
    events: tuple[ServiceEvent, ...] = ()
    logs: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    unread_logs: Mapping[str, str] = field(default_factory=dict[str, str])
    targets: tuple[TargetHealth, ...] = ()
    stack_events: tuple[StackEvent, ...] = ()
    gaps: tuple[str, ...] = ()
    definition: TaskDefinition | None = None
    excluded: Mapping[str, LeftOutFiles] = field(default_factory=dict[str, LeftOutFiles])

    @property
    def failed_tasks(self) -> tuple[TaskState, ...]:
        """Tasks that stopped of their own fault, the first failure first."""
        failed = [task for task in self.tasks if task.failed]
        return tuple(sorted(failed, key=lambda task: task.stopped_at.timestamp() if task.stopped_at else 0.0))

    def task_statements(self) -> Iterator[Statement]:
        """What ECS says about why tasks stopped or cannot start, the first failure first."""
        waiting = tuple(task for task in self.tasks if not task.failed and task.status != "STOPPED")
        for task in (*self.failed_tasks, *waiting):
            for reason in telling_reasons(task):
                yield Statement(reason, task.arn)
            if task.stopped_reason:
                yield Statement(task.stopped_reason, task.arn)

    def infrastructure_statements(self) -> Iterator[Statement]:
        """What ECS says about the infrastructure of the revision that has failed or is stuck."""
        resources = self.revision.managed_resources if self.revision else ()
        for resource in sorted(resources, key=lambda one: one.status != "FAILED"):
            if resource.status_reason and resource.status in {"FAILED", "PROVISIONING"}:
                yield Statement(resource.status_reason, resource.arn or resource.kind)

    def service_statements(self) -> Iterator[Statement]:
        """What the scheduler and the service itself say, the oldest event first."""
        for event in reversed(self.events):
            yield Statement(event.message, self.service.arn if self.service else self.service_name)
        if self.express and self.express.status_reason:
            yield Statement(self.express.status_reason, self.express.arn)
        if self.deployment:
            for text in (self.deployment.status_reason, self.deployment.rollback_reason):
                if text:
                    yield Statement(text, self.deployment.arn)
