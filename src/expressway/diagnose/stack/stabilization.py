"""What CloudFormation says of resources that it waited for in vain.

Its words name what it waited for and seldom why that did not come; of a service, its tasks know. Sources: the handler
of AWS::ECS::Service ("ECS Deployment Circuit Breaker was triggered", "Exceeded attempts to wait"), CloudFormation's
resource providers (HandlerErrorCode NotStabilized), and ECS's reasons for stopped tasks, which may stand behind them.
"""

import re

from expressway.cloudformation.history import HistoryEvent
from expressway.cloudformation.service_location import parse_service_arn
from expressway.diagnose.catalog import make_finding
from expressway.diagnose.finding import Finding

SERVICE_TYPES = frozenset({"AWS::ECS::Service", "AWS::ECS::ExpressGatewayService"})
_BREAKER = re.compile(r"Deployment Circuit Breaker was triggered", re.IGNORECASE)
_NOT_STABLE = re.compile(r"Exceeded attempts to wait|did not stabilize|HandlerErrorCode: NotStabilized", re.IGNORECASE)
_TASKS_ENDED: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(r"Task failed ELB health checks", re.IGNORECASE),
        "they failed the load balancer's health checks",
    ),
    (
        re.compile(r"Task failed container health checks", re.IGNORECASE),
        "they failed their containers' own health checks",
    ),
    (
        re.compile(r"Essential container in task exited", re.IGNORECASE),
        "their containers exited",
    ),
    (re.compile(r"tasks? failed to start", re.IGNORECASE), "they could not start"),
)

_SEE_ITS_SERVICE = "See in that resource's own service what keeps it waiting; correct it and repeat the operation."


def instability(event: HistoryEvent, physical_id: str) -> Finding | None:
    """Why a resource did not become stable, or was not gone in time; None where its event says nothing of that kind.

    `physical_id` is a service's ARN; empty where it is not known.
    """
    is_service = event.resource_type in SERVICE_TYPES
    remedy = service_remedy(physical_id) if is_service else _SEE_ITS_SERVICE
    if is_service and _BREAKER.search(event.reason):
        ended = next((f": {said}" for pattern, said in _TASKS_ENDED if pattern.search(event.reason)), "")
        sentence = f"ECS's circuit breaker ended its deployment because its tasks failed again and again{ended}."
        return make_finding("circuit_breaker_rollback", cause=sentence, remedy=remedy, resource=physical_id)
    if not _NOT_STABLE.search(event.reason):
        return None
    awaited = "its deployment did not come to an end" if is_service else "it did not become stable"
    awaited = "it was not gone" if event.status.startswith("DELETE") else awaited
    sentence = f"{awaited} in the time that CloudFormation waits for it."
    return make_finding("resource_not_stabilized", cause=sentence, remedy=remedy, resource=physical_id)


def service_remedy(service_arn: str) -> str:
    """Where to read on about a service that CloudFormation could not make or change."""
    arn = parse_service_arn(service_arn)
    which = f"the service {arn.name} in the cluster {arn.cluster}" if arn else "this service"
    return f"Ask for the guidance of {which}: its tasks tell why."
