"""The operations of AWS's APIs that can be called by name, as plain values, and which one a name means."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from expressway.core.text import near_names
from expressway.errors import RefusedError, UsageError
from expressway.hints import command
from expressway.privacy.untrusted import named

DEFAULT_LIMIT = 100
"""Items of a list, where nobody says how many."""
LARGEST_LIMIT = 1000
ANSWER_BYTES = 7_900
"""Two thousand tokens or so: what an answer may cost; under 8 kB with the notes that a face adds."""


DEFAULT_PAGE = 100
"""What ECS gives in a page at most, where its API reference says nothing else."""


@dataclass(frozen=True, slots=True)
class Paging:
    """How an operation's answer comes in pages.

    Attributes:
        lists: paths of the lists that each page adds to, such as ``("serviceArns",)``.
        largest_page: the most items that AWS gives at once.
    """

    lists: tuple[tuple[str, ...], ...]
    largest_page: int = DEFAULT_PAGE


@dataclass(frozen=True, slots=True)
class ApiOperation:
    """One operation. `service` as boto3 names it; `paging` is None where the answer comes in one piece.

    `served_from` names the operation that answers in its place, where AWS documents a name that its API lacks.
    """

    service: str
    name: str
    paging: Paging | None = None
    served_from: str = ""

    @property
    def method(self) -> str:
        """The name of boto3's method: ``DescribeServices`` → ``describe_services``."""
        return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", self.name).lower()


def find_operation(asked: str, parameters: Mapping[str, Any], operations: Sequence[ApiOperation]) -> ApiOperation:
    """The operation that is meant, however it is written: ``DescribeServices``, ``describe_services``, ``ecs:…``.

    A name that ECS and ECR share means the service of the ARN among the parameters, and ECS where there is none.

    Raises:
        UsageError: ``unknown_operation``, with the nearest names.
    """
    prefix, name = split_name(asked)
    key = letters_of(name)
    named = [one for one in operations if letters_of(one.name) == key]
    if prefix:
        named = [one for one in named if one.service == prefix]
    if not named:
        raise _unknown(asked, name, operations)
    own = _service_of_arn(parameters)
    return next((one for one in named if one.service == own), named[0])


def split_name(asked: str) -> tuple[str, str]:
    """The service (empty where none is named) and the operation: ``ecr:DescribeImages``, ``ecs.list_tasks``."""
    service, _, name = asked.strip().replace(".", ":").rpartition(":")
    return service.lower(), name


def refuse_change_of_registry(operation: ApiOperation) -> None:
    """ECR is there to be read; what an app needs of it is made and deleted with the app.

    Raises:
        RefusedError: ``operation_not_offered``.
    """
    raise RefusedError(
        "operation_not_offered",
        f"{operation.name} changes ECR; of ECR only reads are offered here, and nothing was changed.",
        f"{command('deploy')} and {command('build')} make repositories and push images, {command('delete')} deletes "
        "them.",
    )


def _unknown(asked: str, name: str, operations: Sequence[ApiOperation]) -> UsageError:
    by_key = {letters_of(one.name): one.name for one in reversed(operations)}
    near = [by_key[key] for key in near_names(letters_of(name), by_key, 4, cutoff=0.7)]
    hint = f"Did you mean {' or '.join(near)}?" if near else "Names are those of the ECS API, such as DescribeServices."
    details = {"suggestions": near} if near else {}
    return UsageError("unknown_operation", f"Neither ECS nor ECR has an operation {named(asked)}.", hint, details)


def letters_of(name: str) -> str:
    """What two spellings of a name have in common."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _service_of_arn(parameters: Mapping[str, Any]) -> str:
    for key, value in parameters.items():
        if letters_of(key) == "resourcearn" and isinstance(value, str):
            return (value.split(":") + [""] * 3)[2]
    return ""
