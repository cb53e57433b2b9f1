"""Which service is meant, where cluster and service may be given as names or as ARNs."""

from expressway.aws.values.target import Arn, Target, parse_arn
from expressway.errors import ServiceError, UsageError
from expressway.privacy.untrusted import echoed


def service_argument(cluster: str, service_name: str, target: Target) -> tuple[str, str]:
    """The names of the cluster and the service; asks nobody.

    Raises:
        UsageError: ``invalid_arguments`` for the ARN of something else.
        ServiceError: ``wrong_account_or_region``, ``wrong_cluster``: an ARN names another place than is asked.
    """
    of_cluster, of_service = _place(cluster, "cluster", target), _place(service_name, "service", target)
    asked = of_cluster.name if of_cluster else cluster
    if of_service is None:
        return asked, service_name
    if of_service.cluster not in {"", asked}:
        raise ServiceError(
            "wrong_cluster",
            f"The service {of_service.arn} is in the cluster {of_service.cluster}, but {asked} was asked.",
            f"Ask with the cluster {of_service.cluster}, or for a service of {asked}.",
        )
    return asked, of_service.name


def _place(text: str, kind: str, target: Target) -> Arn | None:
    """What an ARN says, held against the target; None for a name."""
    if not text.startswith("arn:"):
        return None
    place = parse_arn(text)
    if place is None or (place.service, place.kind) != ("ecs", kind):
        raise UsageError(
            "invalid_arguments",
            f"Expected the name or the ARN of a {kind}, got {echoed(text)}.",
            "Give the name, or copy the ARN from the answer of another tool.",
        )
    if not place.is_in(target):
        raise ServiceError(
            "wrong_account_or_region",
            f"The {kind} {text} belongs to {place.describe()}, but {target.describe()} was asked.",
            "Choose the profile and region of the ARN.",
        )
    return place
