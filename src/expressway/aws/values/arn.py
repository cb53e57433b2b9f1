"""ARNs: the account and region of a thing, its kind and name, and of a service or task its cluster."""

import re
from dataclasses import dataclass

from expressway.aws.values.target import Target

_ARN = re.compile(
    r"arn:(?P<partition>[\w-]+):(?P<service>[\w-]+):(?P<region>[\w-]*):(?P<account>\d*):(?P<kind>[\w-]+)/(?P<path>\S+)",
    re.ASCII,
)
_IN_CLUSTERS = frozenset({"service", "task"})


@dataclass(frozen=True, slots=True)
class Arn:
    """An ARN, taken apart; `path` is what follows the kind, and what an ARN may leave out is empty."""

    arn: str
    partition: str
    service: str
    region: str
    account_id: str
    kind: str
    path: str

    @property
    def name(self) -> str:
        """What the thing is called in the parameters of APIs: a task definition's family, else the path's last part."""
        last = self.path.rsplit("/", 1)[-1]
        return last.partition(":")[0] if self.kind == "task-definition" else last

    @property
    def cluster(self) -> str:
        """The cluster that a service or task is in; empty in the short form of ARNs, which does not tell it."""
        return self.path.rpartition("/")[0] if self.kind in _IN_CLUSTERS else ""

    def is_in(self, target: Target) -> bool:
        """Whether the thing is in the target's account and region."""
        told = (self.partition, self.account_id, self.region)
        own = (target.partition, target.account_id, target.region)
        return all(one in {"", mine} for one, mine in zip(told, own, strict=True))

    def describe(self) -> str:
        """Account and region in words."""
        partition = "" if self.partition == "aws" else f" ({self.partition})"
        return f"AWS account {self.account_id}, {self.region}{partition}"


def parse_arn(text: str) -> Arn | None:
    """The parts of an ARN of the form ``…:kind/path``, or None when the text is none."""
    match = _ARN.fullmatch(text)
    if match is None:
        return None
    kind, path = match["kind"], match["path"]
    return Arn(text, match["partition"], match["service"], match["region"], match["account"], kind, path)
