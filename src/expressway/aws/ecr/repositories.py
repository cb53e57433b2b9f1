"""Repositories in Amazon ECR of any account and region: their policies, and which tags they hold."""

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from expressway.aws.errors import aws_error_code, map_aws_error
from expressway.aws.iam import decode_document
from expressway.aws.session import AwsSession

_IMAGES_READ = 1000  # one call's most (API reference of DescribeImages, maxResults)


class Repositories:
    """Repositories of any registry that lets us look."""

    def __init__(self, session: AwsSession) -> None:
        self._session = session

    def policy(self, repository: str, *, registry_id: str, region: str) -> Mapping[str, Any] | None:
        """The repository's own policy, or None when it has none.

        Raises:
            TargetError: ``access_denied`` without ecr:GetRepositoryPolicy, and the like.
        """
        client = self._session.client("ecr", region=region)
        try:
            answer = client.get_repository_policy(registryId=registry_id, repositoryName=repository)
        except ClientError as exc:
            if aws_error_code(exc) in {"RepositoryPolicyNotFoundException", "RepositoryNotFoundException"}:
                return None
            raise map_aws_error(exc, f"read the policy of the repository {repository}") from exc
        except BotoCoreError as exc:
            raise map_aws_error(exc, f"read the policy of the repository {repository}") from exc
        return decode_document(answer.get("policyText"))

    def tags(self, repository: str, *, registry_id: str, region: str) -> tuple[str, ...]:
        """The tags of (at most a thousand of) its images, the newest push first.

        Raises:
            TargetError: ``access_denied`` without ecr:DescribeImages, and the like.
        """
        client = self._session.client("ecr", region=region)
        try:
            details = client.describe_images(
                registryId=registry_id,
                repositoryName=repository,
                filter={"tagStatus": "TAGGED"},
                maxResults=_IMAGES_READ,
            )["imageDetails"]
        except ClientError as exc:
            if aws_error_code(exc) == "RepositoryNotFoundException":
                return ()
            raise map_aws_error(exc, f"list the tags of the repository {repository}") from exc
        except BotoCoreError as exc:
            raise map_aws_error(exc, f"list the tags of the repository {repository}") from exc
        newest = sorted(details, key=lambda one: one["imagePushedAt"].timestamp(), reverse=True)
        return tuple(tag for one in newest for tag in one.get("imageTags", []))
