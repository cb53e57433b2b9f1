"""What a task on Fargate must reach before its containers run, and through which VPC endpoints that would go."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from expressway.aws.values.task_definition import TaskDefinition

_ECR = re.compile(r"^\d{12}\.dkr\.ecr(?:-fips)?\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/")
_PUBLIC_REGISTRIES = frozenset(
    {"docker.io", "public.ecr.aws", "ghcr.io", "quay.io", "gcr.io", "registry.k8s.io", "mcr.microsoft.com"}
)


@dataclass(frozen=True, slots=True, order=True)
class Need:
    """One thing that must be reachable; `endpoint` is the end of the VPC endpoint service's name, empty for none.

    Sources: ECR guide "Amazon ECR interface VPC endpoints (AWS PrivateLink)"; ECS guide "Fargate task networking".
    """

    label: str
    endpoint: str = ""


def needs_of(definition: TaskDefinition, region: str) -> tuple[Need, ...]:
    """Everything that surely must be reached: registries, log and secret services; private registries are unknown."""
    found = [
        *(need for image in definition.images if image.image for need in _image_needs(image.image, region)),
        *(_secret_need(secret.value_from, region) for secret in definition.secrets if secret.value_from),
        *(_regional("CloudWatch Logs", "logs", logs.region, region) for logs in definition.log_configurations),
    ]
    return tuple(dict.fromkeys(found))


def _image_needs(image: str, region: str) -> Iterator[Need]:
    ecr = _ECR.match(image)
    if ecr and ecr["region"] == region:
        yield Need("Amazon ECR's API", "ecr.api")
        yield Need("the ECR registry", "ecr.dkr")
        yield Need("Amazon S3 (the layers of images)", "s3")
    elif ecr:
        yield Need(f"the ECR registry in {ecr['region']}")
    elif (host := _registry_host(image)) in _PUBLIC_REGISTRIES:
        yield Need(f"the registry {host}")


def _registry_host(image: str) -> str:
    """The first part of a reference is a host when it could be no user's name; Docker Hub is meant otherwise."""
    first, slash, _ = image.partition("/")
    is_host = slash and (first == "localhost" or "." in first or ":" in first)
    return first.partition(":")[0] if is_host else "docker.io"


def _secret_need(reference: str, region: str) -> Need:
    parts = reference.split(":")
    where = parts[3] if len(parts) > 5 else region
    if len(parts) > 5 and parts[2] == "secretsmanager":
        return _regional("AWS Secrets Manager", "secretsmanager", where, region)
    return _regional("the SSM Parameter Store", "ssm", where, region)


def _regional(label: str, endpoint: str, where: str, region: str) -> Need:
    """A service in another region has no endpoint here."""
    return Need(label, endpoint) if where in {"", region} else Need(f"{label} in {where}")
