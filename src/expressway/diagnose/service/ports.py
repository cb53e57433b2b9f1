"""The ports through which operations see a running service; the adapters of the same names satisfy them."""

from collections.abc import Sequence
from typing import Protocol

from expressway.aws.values.operation import OperationRecord
from expressway.aws.values.service import (
    DeploymentState,
    ServiceState,
    TargetHealth,
    TaskState,
)
from expressway.cloudformation.stack import StackState
from expressway.core.progress import Cancellation, ProgressSink
from expressway.diagnose.ports import ExpressReads, ServiceStateReads
from expressway.plan.ports import StackReader


class ServiceReads(ServiceStateReads, ExpressReads, Protocol):
    """What can be asked of ECS about one service (aws.ecs.client.Ecs)."""

    def cluster_exists(self, cluster: str) -> bool: ...
    def cluster_names(self) -> tuple[str, ...]: ...
    def service_names(self, cluster: str) -> tuple[str, ...]: ...
    def service(self, cluster: str, service_name: str) -> ServiceState | None: ...
    def newest_deployments(self, cluster: str, service: str, *, limit: int = 5) -> tuple[DeploymentState, ...]: ...
    def service_tasks(self, cluster: str, service_name: str) -> tuple[TaskState, ...]: ...


class ServiceDeletion(ServiceReads, Protocol):
    """Reading services, and deleting an Express one."""

    def delete_express_service(self, service_arn: str) -> None: ...


class TargetReads(Protocol):
    """The load balancer's view of targets (aws.elbv2.LoadBalancers)."""

    def health(self, target_group_arns: Sequence[str]) -> tuple[TargetHealth, ...]: ...


class UrlAnswer(Protocol):
    """What came back for a URL; `status` is None when nothing did."""

    @property
    def url(self) -> str: ...
    @property
    def status(self) -> int | None: ...
    @property
    def elapsed_seconds(self) -> float: ...
    @property
    def error(self) -> str: ...
    @property
    def answers(self) -> bool: ...


class UrlProbe(Protocol):
    """Fetches a service's endpoint (deploy.status.probe.HttpProbe)."""

    def url(self, endpoint: str) -> str: ...
    def fetch(self, endpoint: str, *, path: str = "/", timeout_seconds: float = 5.0) -> UrlAnswer: ...


class DeletableStacks(StackReader, Protocol):
    """Stacks that can be deleted: `delete` starts or joins a deletion and returns when that very stack is gone."""

    def change_set_names(self, stack_name: str) -> tuple[str, ...]: ...
    def delete(self, stack: StackState, *, progress: ProgressSink, cancellation: Cancellation) -> None: ...


class OperationJournal(Protocol):
    """What this machine remembers of deployments and deletions (deploy.journal.Journal)."""

    def latest(self, app_name: str) -> OperationRecord | None: ...
