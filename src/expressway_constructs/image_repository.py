"""An ECR repository with the settings that a deployable app should have."""

from functools import cache
from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_ecr as ecr
from constructs import Construct

from expressway_constructs import setting_types as types
from expressway_constructs.errors import ConstructError

if TYPE_CHECKING:
    from aws_cdk import aws_kms as kms


class ImageRepository(ecr.Repository):
    """A private ECR repository: immutable tags, scanned, encrypted, and emptied by a lifecycle that keeps rollbacks.

    Images with a tag ``expressway-…`` never expire, whatever is pushed later, and only these tags can be moved:
    deployments mark the image that runs and the one before it.

    It is an ``aws_ecr.Repository``, so it can be passed as an ``IRepository``, with the same
    ``grant_pull``, ``grant_push``, ``grant_pull_push`` and the same ``from_repository_name``,
    ``from_repository_arn`` and ``from_repository_attributes``.

    Args:
        repository_name: physical name. A change of it replaces the repository. Default: CloudFormation makes one.
        immutable_tags: refuse to move a tag to another image. Default: True.
        scan_on_push: scan each pushed image for known vulnerabilities. Default: True.
        encryption: a change of it replaces the repository. Default: AES-256 with a key of ECR's own.
        encryption_key: customer key; implies KMS encryption. Default: none.
        keep_tagged: how many tagged images the lifecycle keeps. Default: 20, since fewer can expire the image
            that a longer rollback needs.
        expire_untagged: age at which untagged images expire. Default: 7 days.
        removal_policy: DESTROY also deletes the images. Default: DESTROY.

    Raises:
        ConstructError: ``invalid_repository`` when `keep_tagged` is under 1 or a setting has a wrong type.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        repository_name: str | None = None,
        immutable_tags: bool = True,
        scan_on_push: bool = True,
        encryption: ecr.RepositoryEncryption | None = None,
        encryption_key: "kms.IKey | None" = None,
        keep_tagged: int = 20,
        expire_untagged: cdk.Duration | None = None,
        removal_policy: cdk.RemovalPolicy = cdk.RemovalPolicy.DESTROY,
    ) -> None:
        arguments = locals()
        place = f"{scope.node.path}/{construct_id}".lstrip("/")
        types.refuse_wrong_types("invalid_repository", arguments, _TYPES, place=place)
        if not types.is_token(keep_tagged) and keep_tagged < 1:
            raise ConstructError(
                "invalid_repository",
                f"{place}: keep_tagged: expected 1 or more, got {types.describe(keep_tagged)}.",
                "Keep 20 or more, so that the image that runs and the one before it stay.",
            )
        super().__init__(
            scope,
            construct_id,
            repository_name=repository_name,
            image_tag_mutability=(
                ecr.TagMutability.IMMUTABLE_WITH_EXCLUSION if immutable_tags else ecr.TagMutability.MUTABLE
            ),
            image_tag_mutability_exclusion_filters=_moving_tags() if immutable_tags else None,
            image_scan_on_push=scan_on_push,
            encryption=encryption
            or (ecr.RepositoryEncryption.KMS if encryption_key else ecr.RepositoryEncryption.AES_256),
            encryption_key=encryption_key,
            empty_on_delete=removal_policy == cdk.RemovalPolicy.DESTROY,
            removal_policy=removal_policy,
            lifecycle_rules=_lifecycle_rules(keep_tagged, expire_untagged or cdk.Duration.days(7)),
        )


_TYPES = {
    "repository_name": types.TEXT,
    **dict.fromkeys(("immutable_tags", "scan_on_push"), types.one("True or False", types.is_flag, optional=False)),
    "encryption": types.one("an ecr.RepositoryEncryption", lambda value: isinstance(value, ecr.RepositoryEncryption)),
    "encryption_key": types.one("a kms.IKey", types.offers("key_arn", "grant_encrypt_decrypt")),
    "keep_tagged": types.one("a whole number", types.is_number, optional=False),
    "expire_untagged": types.one("a Duration", lambda value: isinstance(value, cdk.Duration)),
    "removal_policy": types.one("a member of RemovalPolicy", types.is_member(cdk.RemovalPolicy), optional=False),
}

PROTECTED_PATTERN = "expressway-*"
"""Tags of the images that a deployment needs: they never expire, and they alone can be moved."""

_PROTECTED = 1_000
"""More images than ever have a protected tag: deployments use three, each on one image."""


def _lifecycle_rules(keep_tagged: int, expire_untagged: cdk.Duration) -> list[ecr.LifecycleRule]:
    return [
        ecr.LifecycleRule(
            description="The image that runs and the one before it stay",
            rule_priority=1,
            tag_status=ecr.TagStatus.TAGGED,
            tag_pattern_list=[PROTECTED_PATTERN],
            max_image_count=_PROTECTED,
        ),
        ecr.LifecycleRule(
            description="Untagged images expire", tag_status=ecr.TagStatus.UNTAGGED, max_image_age=expire_untagged
        ),
        ecr.LifecycleRule(
            description="The newest tagged images stay",
            tag_status=ecr.TagStatus.TAGGED,
            tag_pattern_list=["*"],
            max_image_count=keep_tagged,
        ),
    ]


@cache
def _moving_tags() -> list[ecr.ImageTagMutabilityExclusionFilter]:
    return [ecr.ImageTagMutabilityExclusionFilter.wildcard(PROTECTED_PATTERN)]
