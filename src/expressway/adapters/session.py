"""The only place that makes boto3 clients; credentials, region and endpoint are decided here alone."""

import os
import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
)

from expressway.adapters.aws_errors import map_aws_error
from expressway.errors import TargetError
from expressway.model.target import Target

SANDBOX_VARIABLE = "EXPRESSWAY_SANDBOX"
SANDBOX_ACCOUNT_ID = "000000000000"
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


class AwsSession:
    """Clients for one target, made once each and shared by threads (boto3 clients are thread-safe)."""

    def __init__(self, target: Target, session: boto3.Session) -> None:
        self.target = target
        self._session = session
        self._clients: dict[tuple[str, str], Any] = {}
        self._lock = threading.Lock()

    def client(self, service: str, *, region: str | None = None) -> Any:
        """The boto3 client of `service`, in the target's region unless another is named."""
        key = (service, region or self.target.region)
        with self._lock:
            if key not in self._clients:
                self._clients[key] = _make_client(self._session, service, key[1], self.target.sandbox_url)
            return self._clients[key]

    def assume_role(self, role_arn: str, session_name: str) -> "AwsSession":
        """A session that acts as `role_arn`.

        Raises:
            TargetError: ``access_denied`` and the like when STS refuses.
        """
        try:
            answer = self.client("sts").assume_role(RoleArn=role_arn, RoleSessionName=session_name)
        except (ClientError, BotoCoreError) as exc:
            raise map_aws_error(exc, f"assume the role {role_arn}") from exc
        credentials = answer["Credentials"]
        assumed = boto3.Session(
            aws_access_key_id=credentials["AccessKeyId"],
            aws_secret_access_key=credentials["SecretAccessKey"],
            aws_session_token=credentials["SessionToken"],
            region_name=self.target.region,
        )
        return AwsSession(self.target, assumed)


def open_session(
    *,
    profile: str | None = None,
    region: str | None = None,
    sandbox_url: str | None = None,
    environ: Mapping[str, str] | None = None,
) -> AwsSession:
    """Resolve the target once and return its session.

    `sandbox_url` (or the variable that ``expressway sandbox env`` sets) selects the embedded AWS, and then no
    real credentials are read at all. Without it, an endpoint override in the environment or the profile is
    refused, so neither side is ever reached by accident.

    Raises:
        TargetError: ``credentials_missing``, ``region_missing``, ``profile_missing``, ``endpoint_override``,
            ``sandbox_not_loopback``, ``credentials_expired``, ``connection_failed``, ``access_denied``.
    """
    variables = os.environ if environ is None else environ
    url = sandbox_url or variables.get(SANDBOX_VARIABLE)
    if url:
        return _sandbox_session(url.rstrip("/"), region or variables.get("AWS_REGION"))
    return _aws_session(profile, region, variables)


def _sandbox_session(url: str, region: str | None) -> AwsSession:
    host = urlsplit(url).hostname
    if host not in _LOOPBACK:
        raise TargetError(
            "sandbox_not_loopback",
            f"The sandbox is expected on this machine's loopback address, got {url}.",
            f'Unset {SANDBOX_VARIABLE}, or set it with: eval "$(expressway sandbox env)".',
        )
    resolved = region or "us-east-1"
    session = boto3.Session(
        aws_access_key_id=SANDBOX_ACCOUNT_ID,
        aws_secret_access_key="sandbox",  # noqa: S106 - a well-known placeholder that only the loopback emulator takes
        region_name=resolved,
    )
    target = Target(
        account_id=SANDBOX_ACCOUNT_ID,
        region=resolved,
        sandbox_url=url,
        caller_arn=f"arn:aws:iam::{SANDBOX_ACCOUNT_ID}:root",
    )
    return AwsSession(target, session)


def _aws_session(profile: str | None, region: str | None, variables: Mapping[str, str]) -> AwsSession:
    overrides = sorted(name for name in variables if name.startswith("AWS_ENDPOINT_URL") and variables[name])
    if overrides:
        raise TargetError(
            "endpoint_override",
            f"{', '.join(overrides)} would send these calls somewhere other than AWS.",
            "Unset it to act on AWS, or use --sandbox to act on the embedded AWS.",
        )
    try:
        session = boto3.Session(profile_name=profile, region_name=region)
        resolved = session.region_name
        if not resolved:
            raise NoRegionError()
        if session.get_credentials() is None:
            raise NoCredentialsError()
        client = _make_client(session, "sts", resolved, None)
        _refuse_configured_endpoint(client.meta.endpoint_url)
        identity = client.get_caller_identity()
    except (BotoCoreError, ClientError) as exc:
        raise _target_error(exc) from exc
    partition = session.get_partition_for_region(resolved)
    target = Target(identity["Account"], resolved, partition, None, identity["Arn"])
    return AwsSession(target, session)


def _refuse_configured_endpoint(endpoint_url: str) -> None:
    host = urlsplit(endpoint_url).hostname or ""
    if not host.endswith((".amazonaws.com", ".amazonaws.com.cn", ".api.aws", ".on.aws")):
        raise TargetError(
            "endpoint_override",
            f"The profile's configuration sends calls to {endpoint_url}, which is not an AWS endpoint.",
            "Remove endpoint_url from the profile, or use --sandbox to act on the embedded AWS.",
        )


def _make_client(session: boto3.Session, service: str, region: str, endpoint_url: str | None) -> Any:
    config = Config(
        region_name=region,
        retries={"mode": "standard", "max_attempts": 5},
        connect_timeout=5,
        read_timeout=60,
        user_agent_appid="expressway",
    )
    make: Any = session.client
    return make(service, endpoint_url=endpoint_url, config=config)


def _target_error(exc: BotoCoreError | ClientError) -> TargetError:
    if isinstance(exc, NoRegionError):
        return TargetError(
            "region_missing",
            "No AWS region is set.",
            "Pass --region, or set AWS_REGION, or use --sandbox for the embedded AWS.",
        )
    if isinstance(exc, NoCredentialsError | PartialCredentialsError):
        return TargetError(
            "credentials_missing",
            "No complete AWS credentials were found.",
            "Set AWS_PROFILE or sign in (aws sso login), or use --sandbox for the embedded AWS.",
        )
    if isinstance(exc, ProfileNotFound):
        return TargetError("profile_missing", f"{exc}.", "List the profiles with: aws configure list-profiles.")
    if isinstance(exc, EndpointConnectionError):
        return TargetError("connection_failed", f"{exc}", "Check the network, the proxy and the region's name.")
    return map_aws_error(exc, "identify the caller")
