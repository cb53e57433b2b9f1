"""Which CloudFormation stack holds a resource, asked by the resource's own name."""

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from expressway.aws.errors import aws_error_code, aws_error_message, map_aws_error
from expressway.aws.session import AwsSession


class StackOwners:
    """The stacks of one account and region, seen from their resources. Safe to share between threads."""

    def __init__(self, session: AwsSession) -> None:
        self._session = session

    def stack_of(self, physical_id: str) -> str | None:
        """The id of the stack that holds the resource whose physical id that is, or None when none does.

        Raises:
            TargetError: ``access_denied`` without cloudformation:DescribeStackResources, and the like.
        """
        client = self._session.client("cloudformation")
        doing = f"find out which stack holds {physical_id}"
        try:
            resources = client.describe_stack_resources(PhysicalResourceId=physical_id)["StackResources"]
        except ClientError as exc:
            if aws_error_code(exc) == "ValidationError" and "does not exist" in aws_error_message(exc):
                return None
            raise map_aws_error(exc, doing) from exc
        except BotoCoreError as exc:
            raise map_aws_error(exc, doing) from exc
        held = (one["StackId"] for one in resources if _is_held(one, physical_id))
        return next(held, None)


def _is_held(resource: Mapping[str, Any], physical_id: str) -> bool:
    """CloudFormation goes on to tell of deleted stacks for 90 days; what those deleted or retained they do not hold."""
    gone = {"DELETE_COMPLETE", "DELETE_SKIPPED"}
    return resource.get("PhysicalResourceId") == physical_id and resource.get("ResourceStatus") not in gone
