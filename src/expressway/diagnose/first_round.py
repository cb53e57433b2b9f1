"""What is known of a service before anything about it is read, and after the first round of reads."""

from dataclasses import dataclass

from expressway.aws.values.service import DeploymentState, ServiceState, TaskState


@dataclass(frozen=True, slots=True)
class KnownService:
    """What somebody has read of the service already, so that it is not read again."""

    state: ServiceState
    stopped_tasks: tuple[TaskState, ...] | None = None


@dataclass(frozen=True, slots=True)
class FirstRound:
    """What can be asked for by the service's name alone; `briefs` are its deployments, newest first.

    `looks_closer`: a failure is to be explained, so that a service that serves is looked at as closely as any other.
    """

    service: ServiceState | None
    briefs: tuple[DeploymentState, ...]
    running_arns: tuple[str, ...]
    stopped_arns: tuple[str, ...]
    looks_closer: bool = False

    @property
    def is_calm(self) -> bool:
        """All wanted tasks run and every deployment that is remembered succeeded: what serves needs no closer look."""
        service = self.service
        if self.looks_closer or service is None or service.status != "ACTIVE":
            return False
        serves = 0 < service.desired_count <= service.running_count
        return serves and bool(self.briefs) and all(one.successful for one in self.briefs)
