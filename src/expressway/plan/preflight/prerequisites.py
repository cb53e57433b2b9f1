"""Check what must be there before a service can be made of an image: both roles and the image itself."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from expressway.aws.values.iam import role_name_of
from expressway.aws.values.image import PUSH_OR_CORRECT, ImageReference, parse_image_reference
from expressway.aws.values.target import Target
from expressway.core.progress import ReadPool
from expressway.errors import DefinitionError, ExpresswayError, TargetError
from expressway.iam.required import EXECUTION_ROLE, INFRASTRUCTURE_ROLE, LOG_ACTIONS, RoleNeeds, check_role
from expressway.image.ports import NEEDED_PLATFORM, ImageReads, PlatformReads
from expressway.plan.ports import RoleReads
from expressway.privacy.untrusted import echoed

_ROLE_ARN = re.compile(r"^arn:aws[\w-]*:iam::(?P<account>\d{12}):role/(?P<path>[\w+=,.@/-]+)$")
_ROLE_NAME = re.compile(r"^[\w+=,.@-]{1,64}$")
_PUBLIC_REGISTRIES = (
    "public.ecr.aws",
    "docker.io",
    "registry-1.docker.io",
    "index.docker.io",
    "ghcr.io",
    "quay.io",
    "registry.gitlab.com",
    "mcr.microsoft.com",
    "gcr.io",
    "registry.k8s.io",
    "lscr.io",
)


@dataclass(frozen=True, slots=True)
class PrerequisitePorts:
    """Everything outside that the checks read."""

    target: Target
    roles: RoleReads
    images: ImageReads
    platforms: PlatformReads


@dataclass(frozen=True, slots=True)
class Prerequisites:
    """The outcome. `valid` means no errors; what could not be made sure of is a warning."""

    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    details: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])

    @property
    def valid(self) -> bool:
        return not self.errors

    def to_dict(self) -> Mapping[str, Any]:
        """The keys that agents know: valid, errors, warnings, details{execution_role, infrastructure_role, image}."""
        return {
            "valid": self.valid,
            "errors": list(self.errors),
            "warnings": list(self.warnings),
            "details": {name: dict(detail) for name, detail in self.details.items()},
        }


def validate_prerequisites(
    image_uri: str,
    execution_role_arn: str = "ecsTaskExecutionRole",
    infrastructure_role_arn: str = "ecsInfrastructureRoleForExpressServices",
    *,
    ports: PrerequisitePorts,
) -> Prerequisites:
    """Check image and roles at the same time. Roles may be names or ARNs with any path. Reads only.

    Whatever is wrong is an answer, also a reference that cannot be read; only a target that cannot be reached
    at all raises.

    Raises:
        TargetError: ``credentials_expired``, ``connection_failed`` and the like (never ``access_denied``).
    """
    try:
        reference = parse_image_reference(image_uri)
    except DefinitionError as error:
        reference = None
        image = _Finding({"uri": image_uri, "status": "invalid"}, (error.message,))
    else:
        image = _Finding({})
    pulls_from_ecr = reference is None or reference.is_private_ecr
    execution = EXECUTION_ROLE if pulls_from_ecr else replace(EXECUTION_ROLE, actions=LOG_ACTIONS)
    with ReadPool(3, thread_name_prefix="prerequisites") as pool:
        asked_execution = pool.submit(_check_role, execution_role_arn, execution, ports)
        asked_infrastructure = pool.submit(_check_role, infrastructure_role_arn, INFRASTRUCTURE_ROLE, ports)
        if reference is not None:
            image = _check_image(reference, ports)
        findings = {
            "execution_role": asked_execution.result(),
            "infrastructure_role": asked_infrastructure.result(),
            "image": image,
        }
    return Prerequisites(
        errors=tuple(error for finding in findings.values() for error in finding.errors),
        warnings=tuple(warning for finding in findings.values() for warning in finding.warnings),
        details={name: finding.detail for name, finding in findings.items()},
    )


@dataclass(frozen=True, slots=True)
class _Finding:
    detail: Mapping[str, Any]
    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def _check_role(name_or_arn: str, needs: RoleNeeds, ports: PrerequisitePorts) -> _Finding:
    match = _ROLE_ARN.match(name_or_arn)
    if match is None and not _ROLE_NAME.match(name_or_arn):
        text = f"Expected the {needs.purpose} as a role name or role ARN, got {echoed(name_or_arn)}."
        return _Finding({"role": name_or_arn, "status": "invalid"}, (text,))
    if match is not None and match["account"] != ports.target.account_id:
        text = (
            f"The {needs.purpose} {name_or_arn} is in account {match['account']}, but a service only takes roles "
            f"of its own account {ports.target.account_id}."
        )
        return _Finding({"role": name_or_arn, "status": "invalid"}, (text,))
    try:
        role = ports.roles.role(role_name_of(name_or_arn))
    except TargetError as error:
        if error.code != "access_denied":
            raise
        text = f"The {needs.purpose} {name_or_arn} could not be verified: {error.message}"
        return _Finding({"role": name_or_arn, "status": "unverified"}, (), (text,))
    if role is None or (match is not None and role.arn != name_or_arn):
        found = f" There is {role.arn}." if role is not None else ""
        text = f"The {needs.purpose} {name_or_arn} does not exist in account {ports.target.account_id}.{found}"
        return _Finding({"role": name_or_arn, "status": "not_found"}, (text,))
    judged = check_role(role, needs)
    status = "invalid" if judged.errors else "valid"
    detail = {"name": role.name, "arn": role.arn, "status": status, "policies": [one.name for one in role.policies]}
    return _Finding(detail, judged.errors, judged.warnings)


def _check_image(reference: ImageReference, ports: PrerequisitePorts) -> _Finding:
    if not reference.is_private_ecr:
        return _not_checkable(reference)
    account_id, region = reference.account_id or "", reference.region or ""
    detail: dict[str, Any] = {
        "uri": reference.uri,
        "repository": reference.repository,
        "account_id": account_id,
        "region": region,
    }
    warnings = _distance(reference, ports.target)
    place = {"registry_id": account_id, "region": region}
    tag = None if reference.digest else reference.tag
    try:
        found = ports.images.find_image(reference.repository, tag=tag, digest=reference.digest, **place)
    except ExpresswayError as error:
        return _unreadable_image(reference, error, detail, warnings)
    if found is None:
        text = f"{reference.missing}. {PUSH_OR_CORRECT}"
        return _Finding({**detail, "status": "not_found"}, (text,), warnings)
    try:
        platforms = ports.platforms.platforms(reference.repository, digest=found.digest, **place)
    except TargetError as error:
        if error.code not in {"access_denied", "aws_error"}:
            raise
        text = f"The platform of {reference.uri} could not be read: {error.message}"
        return _Finding({**detail, "digest": found.digest, "status": "valid"}, (), (*warnings, text))
    detail |= {"digest": found.digest, "platforms": list(platforms)}
    if platforms and NEEDED_PLATFORM not in platforms:
        text = (
            f"The image {reference.uri} is built for {', '.join(platforms)}; tasks run on {NEEDED_PLATFORM}. "
            f"Build it with --platform {NEEDED_PLATFORM}."
        )
        return _Finding({**detail, "status": "invalid"}, (text,), warnings)
    if not platforms:
        warnings = (*warnings, f"Nothing states the platform of {reference.uri}; it must be {NEEDED_PLATFORM}.")
    return _Finding({**detail, "status": "valid"}, (), warnings)


def _unreadable_image(
    reference: ImageReference, error: ExpresswayError, detail: Mapping[str, Any], warnings: tuple[str, ...]
) -> _Finding:
    """A missing repository is an error; one that we may not look into may still be pulled by the execution role."""
    if error.code == "repository_missing":
        return _Finding({**detail, "status": "not_found"}, (error.message,), warnings)
    if error.code in {"access_denied", "region_not_allowed"}:
        text = f"The image {reference.uri} could not be verified: {error.message}"
        return _Finding({**detail, "status": "unverified"}, (), (*warnings, text))
    raise error


def _not_checkable(reference: ImageReference) -> _Finding:
    public = reference.registry in _PUBLIC_REGISTRIES
    kind = "a public registry" if public else "a registry outside ECR"
    advice = "make sure that the tag exists" if public else "make sure that the tasks can reach it and may pull"
    text = f"The image {reference.uri} is in {kind} and cannot be checked from here; {advice}."
    return _Finding({"uri": reference.uri, "status": "unverified", "registry": reference.registry}, (), (text,))


def _distance(reference: ImageReference, target: Target) -> tuple[str, ...]:
    warnings: list[str] = []
    if reference.account_id != target.account_id:
        warnings.append(
            f"The image is in account {reference.account_id}, the service in {target.account_id}: "
            "the repository's policy must let the execution role pull."
        )
    if reference.region != target.region:
        warnings.append(f"The image is in {reference.region}, the service in {target.region}: pulls cross regions.")
    return tuple(warnings)
