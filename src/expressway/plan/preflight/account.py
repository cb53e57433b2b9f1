"""What an account holds by name, beside stacks: the reads behind checks that come before a change, and after it."""

from collections.abc import Callable
from dataclasses import dataclass

from expressway.aws.values.service import ServiceState
from expressway.core.progress import Phase, Progress, ProgressSink
from expressway.errors import TargetError
from expressway.plan.ports import LogGroups, Repositories, Roles, Services


@dataclass(frozen=True, slots=True)
class AccountReads:
    """The reads that tell whether something of a name is there; each is got when it is needed."""

    services: Callable[[], Services]
    roles: Callable[[], Roles]
    log_groups: Callable[[], LogGroups]
    repositories: Callable[[], Repositories]

    def living_service(self, cluster: str, service_name: str) -> ServiceState | None:
        """The service; one that is INACTIVE only lives on in ECS's memory and counts as gone."""
        service = self.services().service(cluster, service_name)
        return None if service is None or service.status == "INACTIVE" else service


def if_allowed(look: Callable[[], bool], *, what: str, phase: Phase, progress: ProgressSink) -> bool:
    """The answer of `look`, or False with a warning where the caller may not look: AWS itself checks again later.

    Raises:
        TargetError: anything but ``access_denied``.
    """
    try:
        return look()
    except TargetError as error:
        if error.code != "access_denied":
            raise
        progress(Progress(phase, f"{what} could not be verified: {error.message}", level="warning"))
        return False
