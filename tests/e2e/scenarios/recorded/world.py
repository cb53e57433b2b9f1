"""The records of one account: what each kind of thing looks like in AWS's own answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

ACCOUNT = "000000000000"
REGION = "us-east-1"

Record = dict[str, Any]
"""One thing in the shape of the answer that describes it."""


def no_records() -> dict[str, list[Record]]:
    return {}


@dataclass(frozen=True, slots=True)
class World:
    """Records by kind (``ecs.services``, ``ec2.subnets``, …).

    Attributes:
        denied: operations (``ec2:DescribeSubnets``) that the caller may not use on what a word in the request names.
    """

    kinds: dict[str, list[Record]] = field(default_factory=no_records)
    denied: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])

    def all(self, kind: str) -> list[Record]:
        return self.kinds.get(kind, [])

    def add(self, kind: str, *records: Record) -> None:
        self.kinds.setdefault(kind, []).extend(records)

    def one(self, kind: str) -> Record:
        """The only record of its kind, for a change to it."""
        [record] = self.kinds[kind]
        return record

    def remove(self, kind: str) -> None:
        self.kinds.pop(kind, None)

    def take(self, other: "World") -> None:
        """Add all that another world holds."""
        for kind, records in other.kinds.items():
            self.add(kind, *records)
        self.denied.extend(other.denied)


def arn(service: str, resource: str) -> str:
    """An ARN of the account; those of IAM name no region."""
    region = "" if service == "iam" else REGION
    return f"arn:aws:{service}:{region}:{ACCOUNT}:{resource}"


def tag_values(record: Mapping[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in record.get("Tags", [])}
