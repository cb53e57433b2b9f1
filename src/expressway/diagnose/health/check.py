"""What the health check of the version to explain asks, and on which port: by that version's own word alone.

After a rollback the service runs, and its configurations and targets show, what ran before: nothing of it says where
the version that failed was asked.
"""

import re
from dataclasses import dataclass

from expressway.aws.values.service import ServiceConfiguration
from expressway.aws.values.task_definition import TaskDefinition
from expressway.diagnose.service.facts import DeploymentFacts

_OF_TASK = re.compile(r"\((?:service|task) [^()]+\) \(port (?P<port>\d{1,5})\) is unhealthy")
"""ECS's words for a task with an address of its own (developer guide, "Service event messages"); where it names an
instance before the port, that is the instance's."""


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """`path` and `port` (the container's) are empty and 0 where they are not known."""

    path: str = ""
    port: int = 0

    @property
    def fails(self) -> str:
        """That it fails, as the beginning of a sentence."""
        path, port = f" GET {self.path}" if self.path else "", f" on port {self.port}" if self.port else ""
        return f"The health check{path}{port} fails"


def health_check_of(facts: DeploymentFacts) -> HealthCheck:
    """The check that the tasks of the facts' deployment met."""
    configuration, revision = _configuration(facts), facts.revision
    paths = (configuration.health_check_path if configuration else "", revision.health_check_path if revision else "")
    ports = (
        configuration.container_port if configuration else 0,
        revision.container_port if revision else 0,
        _only_port(facts.definition),
        _port_in_events(facts),
    )
    return HealthCheck(next((one for one in paths if one), ""), next((one for one in ports if one), 0))


def _configuration(facts: DeploymentFacts) -> ServiceConfiguration | None:
    """The active configuration that the deployment brought; another one's says nothing of it.

    Where no deployment is known, the only configuration is what is found unhealthy now.
    """
    configurations = facts.express.configurations if facts.express else ()
    if facts.deployment is not None:
        target = facts.deployment.target_revision_arn
        return next((one for one in configurations if target and one.revision_arn == target), None)
    return configurations[0] if len(configurations) == 1 and _is_unhealthy_now(facts) else None


def _is_unhealthy_now(facts: DeploymentFacts) -> bool:
    targets = any(one.state == "unhealthy" for one in facts.targets)
    return targets or any(task.running and task.health == "UNHEALTHY" for task in facts.tasks)


def _only_port(definition: TaskDefinition | None) -> int:
    """The one port of the container that answers for the service, or of all of them."""
    containers = definition.containers if definition else ()
    answering = [one for one in containers if definition and one.name == definition.main_container and one.ports]
    ports = {port.container_port for one in answering or containers for port in one.ports}
    return ports.pop() if len(ports) == 1 else 0


def _port_in_events(facts: DeploymentFacts) -> int:
    found = {int(match["port"]) for event in facts.events for match in _OF_TASK.finditer(event.message)}
    return found.pop() if len(found) == 1 else 0
