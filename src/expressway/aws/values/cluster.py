"""A cluster as DescribeClusters tells it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ClusterState:
    """One cluster; counts are AWS's own. `status` is ACTIVE, PROVISIONING, DEPROVISIONING, FAILED or INACTIVE."""

    name: str
    arn: str
    status: str
    running_tasks: int = 0
    pending_tasks: int = 0
    active_services: int = 0
    container_instances: int = 0
