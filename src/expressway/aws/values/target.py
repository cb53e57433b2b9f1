"""Where a command acts: an AWS account and region, or the local AWS sandbox."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

_URL_SUFFIXES = {
    "aws-cn": "amazonaws.com.cn",
    "aws-iso": "c2s.ic.gov",
    "aws-iso-b": "sc2s.sgov.gov",
    "aws-iso-e": "cloud.adc-e.uk",
    "aws-iso-f": "csp.hci.ic.gov",
    "aws-eusc": "amazonaws.eu",
}
"""Where it is not amazonaws.com. Source: botocore's endpoints.json, ``dnsSuffix`` of each partition."""


@dataclass(frozen=True, slots=True)
class Target:
    """The account and region that a command acts on.

    `sandbox_url` is the base URL of the local AWS sandbox (``http://127.0.0.1:PORT``), or None for real AWS.
    """

    account_id: str
    region: str
    partition: str = "aws"
    sandbox_url: str | None = None
    caller_arn: str | None = None

    @property
    def is_sandbox(self) -> bool:
        return self.sandbox_url is not None

    @property
    def url_suffix(self) -> str:
        """The DNS suffix of the partition's service endpoints and registries."""
        return _URL_SUFFIXES.get(self.partition, "amazonaws.com")

    @property
    def registry_host(self) -> str:
        """The account's private registry, as it appears in image URIs."""
        return f"{self.account_id}.dkr.ecr.{self.region}.{self.url_suffix}"

    @property
    def pseudo_parameters(self) -> dict[str, str]:
        """What CloudFormation's pseudo parameters are here."""
        return {
            "AWS::AccountId": self.account_id,
            "AWS::Region": self.region,
            "AWS::Partition": self.partition,
            "AWS::URLSuffix": self.url_suffix,
        }

    @property
    def push_host(self) -> str:
        """The registry that an engine pushes to: `registry_host`, or on the sandbox the emulator itself."""
        if self.sandbox_url is None:
            return self.registry_host
        # Engines speak plain HTTP to 127.0.0.0/8 only, not to every name of loopback.
        return f"127.0.0.1:{urlsplit(self.sandbox_url).port or 80}"

    def describe(self) -> str:
        """One phrase that every command prints before it acts."""
        if self.is_sandbox:
            return f"sandbox {self.sandbox_url} (account {self.account_id}, {self.region})"
        return f"AWS account {self.account_id}, {self.region}"


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
        named = (self.partition, self.account_id, self.region)
        own = (target.partition, target.account_id, target.region)
        return all(part in {"", own_part} for part, own_part in zip(named, own, strict=True))

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
