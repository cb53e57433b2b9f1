"""Checks of the prebuilt image or the task definition that a definition names, before anything is changed."""

from collections.abc import Callable

from expressway.aws.values.image import PUSH_OR_CORRECT, ImageReference, parse_image_reference
from expressway.aws.values.task_definition import TaskDefinition
from expressway.core.progress import Progress, ProgressSink
from expressway.errors import ExpresswayError, ImageError, ServiceError, TargetError
from expressway.image.ports import NEEDED_PLATFORM, ImageRegistry, RepositoryReads
from expressway.image.protect import expiring_sentence
from expressway.image.values import PlannedImage

_UNVERIFIABLE = frozenset(
    {"access_denied", "credentials_invalid", "connection_failed", "region_unknown", "region_not_allowed"}
)
"""Errors that another account or Region may answer with; wrong credentials of our own show elsewhere."""


def find_prebuilt_image(
    uri: str, *, registry: ImageRegistry, progress: ProgressSink, repositories: RepositoryReads | None
) -> PlannedImage:
    """The image that a definition names, by digest where its registry tells one (private ECR).

    With `repositories`, also check what it is built for and what the repository's lifecycle policy will do to it; None
    where both were checked before.

    An image in a registry that cannot be read stays as it is named, with a warning. ECS resolves the digest of a
    public image when it deploys it.

    Raises:
        ImageError: ``image_not_found``, ``wrong_architecture``.
        TargetError: ``credentials_expired``, ``throttled`` and the like.
    """
    reference = parse_image_reference(uri)
    if not reference.is_private_ecr:
        return PlannedImage("given", uri)
    try:
        found = registry.find_image(
            reference.repository,
            tag=None if reference.digest else reference.tag,
            digest=reference.digest,
            registry_id=reference.account_id,
            region=reference.region,
        )
    except ImageError as error:
        raise _image_not_found(reference, error) from error
    except TargetError as error:
        if error.code not in _UNVERIFIABLE:
            raise
        _warn(progress, f"the image {reference.uri} could not be verified: {error.message}")
        return PlannedImage("given", uri)
    if found is None:
        raise _image_not_found(reference, None)
    if repositories is None:
        return PlannedImage("given", reference.with_digest(found.digest).uri)
    _check_platform(reference, found.digest, repositories, progress)
    warnings = _expiry_warnings(reference, found.tags, registry, progress)
    return PlannedImage("given", reference.with_digest(found.digest).uri, warnings=warnings)


def _check_platform(
    reference: ImageReference, digest: str, repositories: RepositoryReads, progress: ProgressSink
) -> None:
    """Refuse an image that is built for another platform than tasks run on; warn where its platform is not known."""
    place = {"registry_id": reference.account_id or "", "region": reference.region or ""}
    try:
        built_for = repositories.platforms(reference.repository, digest=digest, **place)
    except TargetError as error:
        if error.code not in {*_UNVERIFIABLE, "aws_error"}:
            raise
        _warn(
            progress, f"whether the image {reference.uri} is built for {NEEDED_PLATFORM} is not known: {error.message}"
        )
        return
    if not built_for:
        _warn(progress, f"nothing states what the image {reference.uri} is built for; tasks run on {NEEDED_PLATFORM}")
    elif NEEDED_PLATFORM not in built_for:
        raise ImageError(
            "wrong_architecture",
            f"The image {reference.uri} is built for {', '.join(built_for)}; tasks run on {NEEDED_PLATFORM}. "
            "Nothing was changed.",
            f"Build it with docker buildx build --platform {NEEDED_PLATFORM}, push it, and name that image.",
            {"image": reference.uri, "digest": digest, "platforms": list(built_for), "needed": NEEDED_PLATFORM},
        )


def _expiry_warnings(
    reference: ImageReference, tags: tuple[str, ...], registry: ImageRegistry, progress: ProgressSink
) -> tuple[str, ...]:
    where = f"the repository {reference.repository}"
    try:
        policy = registry.lifecycle_policy(
            reference.repository, registry_id=reference.account_id, region=reference.region
        )
    except TargetError as error:
        if error.code not in _UNVERIFIABLE:
            raise
        _warn(progress, f"whether a lifecycle policy of {where} expires the image is not known: {error.message}")
        return ()
    sentence = expiring_sentence(policy, tags, where=where)
    return (sentence,) if sentence else ()


def check_task_definition(
    task_definition_arn: str, *, read: Callable[[str], TaskDefinition | None], progress: ProgressSink
) -> None:
    """Refuse a task definition that an Express service cannot run, with everything that is wrong with it.

    Raises:
        ServiceError: ``task_definition_unsuitable``; ``details["problems"]`` lists what is wrong.
        TargetError: anything but ``access_denied``, which is a warning.
    """
    try:
        found = read(task_definition_arn)
    except TargetError as error:
        if error.code != "access_denied":
            raise
        _warn(progress, f"the task definition {task_definition_arn} could not be verified: {error.message}")
        return
    problems = ("it does not exist in this account and region",) if found is None else found.problems
    if problems:
        raise ServiceError(
            "task_definition_unsuitable",
            f"An Express service cannot run {task_definition_arn}: {'; '.join(problems)}. Nothing was changed.",
            "Register a revision for FARGATE whose container Main maps one named TCP port, and name that one.",
            {"task_definition_arn": task_definition_arn, "problems": list(problems)},
        )


def _image_not_found(reference: ImageReference, error: ExpresswayError | None) -> ImageError:
    because = f" ({error.message})" if error is not None else ""
    message = f"{reference.missing}{because}. Nothing was changed."
    return ImageError("image_not_found", message, PUSH_OR_CORRECT, {"image": reference.uri})


def _warn(progress: ProgressSink, message: str) -> None:
    progress(Progress("check", message, level="warning"))
