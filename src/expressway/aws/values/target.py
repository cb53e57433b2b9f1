"""Where a command acts: an AWS account and region, or the embedded AWS."""

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

    `sandbox_url` is the base URL of the embedded AWS (``http://127.0.0.1:PORT``), or None for real AWS.
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
