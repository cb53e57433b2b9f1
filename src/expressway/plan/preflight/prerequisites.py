"""Check what must be there before a service can be made of an image: both roles and the image itself."""

import re
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from typing_extensions import Unpack

from expressway.aws.values.dependencies import role_name_of
from expressway.aws.values.image import PUSH_OR_CORRECT, ImageReference, parse_image_reference
from expressway.aws.values.target import Target
from expressway.core.progress import ReadPool
from expressway.errors import DefinitionError, ExpresswayError, TargetError
from expressway.iam.required import EXECUTION_ROLE, INFRASTRUCTURE_ROLE, LOG_ACTIONS, RoleNeeds, check_role
from expressway.image.ports import NEEDED_PLATFORM, ImageRegistry, RepositoryReads
from expressway.plan.ports import Identities
from expressway.plan.shapes import DetailsJson, ImageFactsJson, ImageJson, PrerequisitesJson, RoleJson, Status
from expressway.privacy.untrusted import echoed

_ROLE_ARN = re.compile(r"^arn:aws[\w-]*:iam::(?P<account>\d{12}):role/(?P<path>[\w+=,.@/-]+)$")
_ROLE_NAME = re.compile(r"^[\w+=,.@-]{1,64}$")
_PUBLIC_REGISTRIES = (
    *("public.ecr.aws", "docker.io", "registry-1.docker.io", "index.docker.io", "ghcr.io", "quay.io"),
    *("registry.gitlab.com", "mcr.microsoft.com", "gcr.io", "registry.k8s.io", "lscr.io"),
)
DetailT = TypeVar("DetailT")


@dataclass(frozen=True, slots=True)
class PrerequisitePorts:
    """Everything outside that the checks read."""

    target: Target
    roles: Identities
    images: ImageRegistry
    repositories: RepositoryReads


@dataclass(frozen=True, slots=True)
class Prerequisites:
    """The outcome. `valid` means no errors; what could not be made sure of is a warning."""

    errors: tuple[str, ...]
    warnings: tuple[str, ...]
    details: DetailsJson

    @property
    def valid(self) -> bool:
        return not self.errors

    def to_dict(self) -> PrerequisitesJson:
        return {
            "valid": self.valid,
            "errors": list(self.errors),
            "warnings": list(self.warnings),
            "details": self.details,
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
    reference, unreadable = None, ""
    try:
        reference = parse_image_reference(image_uri)
    except DefinitionError as error:
        unreadable = error.message
    pulls_from_ecr = reference is None or reference.is_private_ecr
    execution_needs = EXECUTION_ROLE if pulls_from_ecr else replace(EXECUTION_ROLE, actions=LOG_ACTIONS)
    with ReadPool(3, thread_name_prefix="prerequisites") as pool:
        asked_execution = pool.submit(_check_role, execution_role_arn, execution_needs, ports)
        asked_infrastructure = pool.submit(_check_role, infrastructure_role_arn, INFRASTRUCTURE_ROLE, ports)
        image = _check_image(reference, ports) if reference is not None else _not_an_image(image_uri, unreadable)
        execution, infrastructure = asked_execution.result(), asked_infrastructure.result()
    return Prerequisites(
        errors=(*execution.errors, *infrastructure.errors, *image.errors),
        warnings=(*execution.warnings, *infrastructure.warnings, *image.warnings),
        details={
            "execution_role": execution.detail,
            "infrastructure_role": infrastructure.detail,
            "image": image.detail,
        },
    )


@dataclass(frozen=True, slots=True)
class _Checked(Generic[DetailT]):
    detail: DetailT
    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def _check_role(name_or_arn: str, needs: RoleNeeds, ports: PrerequisitePorts) -> _Checked[RoleJson]:
    match = _ROLE_ARN.match(name_or_arn)
    if match is None and not _ROLE_NAME.match(name_or_arn):
        text = f"Expected the {needs.purpose} as a role name or role ARN, got {echoed(name_or_arn)}."
        return _Checked({"role": name_or_arn, "status": "invalid"}, (text,))
    if match is not None and match["account"] != ports.target.account_id:
        text = (
            f"The {needs.purpose} {name_or_arn} is in account {match['account']}, but a service only takes roles "
            f"of its own account {ports.target.account_id}."
        )
        return _Checked({"role": name_or_arn, "status": "invalid"}, (text,))
    try:
        role = ports.roles.role(role_name_of(name_or_arn))
    except TargetError as error:
        if error.code != "access_denied":
            raise
        text = f"The {needs.purpose} {name_or_arn} could not be verified: {error.message}"
        return _Checked({"role": name_or_arn, "status": "unverified"}, (), (text,))
    if role is None or (match is not None and role.arn != name_or_arn):
        found = f" There is {role.arn}." if role is not None else ""
        text = f"The {needs.purpose} {name_or_arn} does not exist in account {ports.target.account_id}.{found}"
        return _Checked({"role": name_or_arn, "status": "not_found"}, (text,))
    judged = check_role(role, needs)
    detail: RoleJson = {
        "name": role.name,
        "arn": role.arn,
        "status": "invalid" if judged.errors else "valid",
        "policies": [policy.name for policy in role.policies],
    }
    return _Checked(detail, judged.errors, judged.warnings)


def _check_image(reference: ImageReference, ports: PrerequisitePorts) -> _Checked[ImageJson]:
    if not reference.is_private_ecr:
        return _not_checkable(reference)
    warnings = _distance(reference, ports.target)
    registry = {"registry_id": reference.account_id or "", "region": reference.region or ""}
    tag = None if reference.digest else reference.tag
    try:
        found = ports.images.find_image(reference.repository, tag=tag, digest=reference.digest, **registry)
    except ExpresswayError as error:
        return _unreadable_image(reference, error, warnings)
    if found is None:
        text = f"{reference.missing}. {PUSH_OR_CORRECT}"
        return _Checked(_image_json(reference, "not_found"), (text,), warnings)
    try:
        platforms = ports.repositories.platforms(reference.repository, digest=found.digest, **registry)
    except TargetError as error:
        if error.code not in {"access_denied", "aws_error"}:
            raise
        text = f"The platform of {reference.uri} could not be read: {error.message}"
        return _Checked(_image_json(reference, "valid", digest=found.digest), (), (*warnings, text))
    read: ImageFactsJson = {"digest": found.digest, "platforms": list(platforms)}
    if platforms and NEEDED_PLATFORM not in platforms:
        text = (
            f"The image {reference.uri} is built for {', '.join(platforms)}; tasks run on {NEEDED_PLATFORM}. "
            f"Build it with --platform {NEEDED_PLATFORM}."
        )
        return _Checked(_image_json(reference, "invalid", **read), (text,), warnings)
    if not platforms:
        warnings = (*warnings, f"Nothing states the platform of {reference.uri}; it must be {NEEDED_PLATFORM}.")
    return _Checked(_image_json(reference, "valid", **read), (), warnings)


def _not_an_image(image_uri: str, reason: str) -> _Checked[ImageJson]:
    return _Checked({"uri": image_uri, "status": "invalid"}, (reason,))


def _image_json(reference: ImageReference, status: Status, **read: Unpack[ImageFactsJson]) -> ImageJson:
    return {
        "uri": reference.uri,
        "repository": reference.repository,
        "account_id": reference.account_id or "",
        "region": reference.region or "",
        **read,
        "status": status,
    }


def _unreadable_image(
    reference: ImageReference, error: ExpresswayError, warnings: tuple[str, ...]
) -> _Checked[ImageJson]:
    """A missing repository is an error; one that we may not look into may still be pulled by the execution role."""
    if error.code == "repository_missing":
        return _Checked(_image_json(reference, "not_found"), (error.message,), warnings)
    if error.code in {"access_denied", "region_not_allowed"}:
        text = f"The image {reference.uri} could not be verified: {error.message}"
        return _Checked(_image_json(reference, "unverified"), (), (*warnings, text))
    raise error


def _not_checkable(reference: ImageReference) -> _Checked[ImageJson]:
    public = reference.registry in _PUBLIC_REGISTRIES
    kind = "a public registry" if public else "a registry outside ECR"
    advice = "make sure that the tag exists" if public else "make sure that the tasks can reach it and may pull"
    text = f"The image {reference.uri} is in {kind} and cannot be checked from here; {advice}."
    return _Checked({"uri": reference.uri, "status": "unverified", "registry": reference.registry}, (), (text,))


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
