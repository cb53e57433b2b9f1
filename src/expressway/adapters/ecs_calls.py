"""Asking ECS: pages followed, refusals mapped, and what does not exist answered as nothing."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from expressway.adapters.aws_errors import aws_error_code, map_aws_error
from expressway.model.pages import pages

NO_CLUSTER = frozenset({"ClusterNotFoundException"})
NO_SERVICE = frozenset({"ServiceNotFoundException", "ServiceNotActiveException", "ResourceNotFoundException"})


class EcsCalls:
    """Reads through one boto3 client. Safe to share between threads."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def ask(self, doing: str, operation: str, **arguments: Any) -> Mapping[str, Any] | None:
        """The answer, or None where the cluster or the service does not exist.

        Raises:
            TargetError: what stands between us and ECS; `doing` names the attempt in its message.
        """
        call: Callable[..., Mapping[str, Any]] = getattr(self._client, operation)
        try:
            return call(**arguments)
        except ClientError as exc:
            if aws_error_code(exc) in NO_CLUSTER | NO_SERVICE:
                return None
            raise map_aws_error(exc, doing) from exc
        except BotoCoreError as exc:
            raise map_aws_error(exc, doing) from exc

    def pages(self, doing: str, operation: str, key: str, **arguments: Any) -> Iterator[Any]:
        """Every element of `key` over all pages."""
        for page in pages(partial(self.ask, doing, operation, **arguments), doing=doing, by="nextToken"):
            yield from listed(page, key)


def listed(answer: Mapping[str, Any] | None, key: str) -> Sequence[Any]:
    """A list of the answer; empty where there was no answer."""
    return (answer or {}).get(key, [])


def chunks(items: Sequence[str], size: int) -> Iterator[list[str]]:
    """The items in lists of at most `size`: what a call takes at once."""
    for start in range(0, len(items), size):
        yield list(items[start : start + size])
