"""The only place that makes boto3 clients; credentials, region and endpoint are decided here alone."""

import json
import os
import threading
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, cast

import boto3
import botocore.session
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, NoRegionError

from expressway.aws.errors import aws_errors, map_aws_error, naming_profile
from expressway.aws.role_session import caller_name, name_role_sessions, role_session_name
from expressway.aws.transport import RETRIES, make_client, share_models
from expressway.aws.values.target import Target
from expressway.core.sandbox_key import SANDBOX_VARIABLE, find_key, loopback_port, same_sandbox
from expressway.core.text import near_name
from expressway.errors import TargetError
from expressway.hints import REGION, USE_SANDBOX, on_faces


def regions_of(partition: str) -> tuple[str, ...]:
    """The names of a partition's regions where Amazon ECS is, sorted."""
    return tuple(sorted(boto3.Session().get_available_regions("ecs", partition_name=partition)))


def check_region(region: str) -> None:
    """Refuse the name of a region that the SDK does not know, before anything is asked at an address made of it.

    Raises:
        TargetError: ``region_unknown``, with the known region whose name is the nearest.
    """
    known = _every_region()
    if region in known:
        return
    nearest = near_name(region.lower().strip(), known)
    meant = f"The nearest name is {nearest}: correct" if nearest else "Regions are named like eu-west-1: correct"
    raise TargetError(
        "region_unknown",
        f"Expected the name of an AWS region, got {region[:40]!r}, which boto3 {boto3.__version__} does not know.",
        f"{meant} {REGION}, AWS_REGION or the profile's region. A region that is newer than boto3 needs a newer boto3.",
        {"nearest": nearest} if nearest else None,
    )


@cache
def _every_region() -> tuple[str, ...]:
    session = boto3.Session()
    partitions = session.get_available_partitions()
    return tuple(sorted({name for partition in partitions for name in session.get_available_regions("ecs", partition)}))


SANDBOX_ACCOUNT_ID = "000000000000"

_READS = ("describe_", "list_", "get_", "batch_get_")
_NO_READS = frozenset({"get_paginator", "get_waiter"})

Settings = Callable[[], botocore.session.Session]
"""Makes the botocore session that a boto3 session is built on: the shared configuration, and event hooks."""

Elsewhere = Callable[[str], TargetError | None]
"""Refuses a region other than the target's, which an ARN or an image's address names; None where it may be asked."""


class AwsSession:
    """Clients for one target, made once each and shared by threads (boto3 clients are thread-safe)."""

    def __init__(
        self,
        target: Target,
        session: boto3.Session,
        settings: Settings,
        *,
        patient: bool = True,
        elsewhere: Elsewhere | None = None,
    ) -> None:
        self.target = target
        self._session = session
        self._settings = settings
        self._patient = patient
        self._elsewhere = elsewhere
        self._clients: dict[tuple[str, str, int], Any] = {}
        self._lock = threading.Lock()

    def within(self, elsewhere: Elsewhere) -> "AwsSession":
        """The same session, which asks in no other region that `elsewhere` refuses."""
        return AwsSession(self.target, self._session, self._settings, patient=self._patient, elsewhere=elsewhere)

    def for_questions(self) -> "AwsSession":
        """The same caller and target, whose clients soon give up an endpoint that is out of reach: for reads of which
        each may become a gap, while somebody waits for the answer."""
        hurried = AwsSession(self.target, self._session, self._settings, patient=False, elsewhere=self._elsewhere)
        hurried._lock = self._lock  # boto3 sessions make one client at a time
        return hurried

    def for_one_question(self) -> "AwsSession":
        """The same clients, which ask nothing twice: a read that was answered or refused before, or is on its way, is
        not made again. One that got no answer at all is."""
        return _OneQuestion(self)

    def client(self, service: str, *, region: str | None = None, retries: int = RETRIES) -> Any:
        """The boto3 client of `service`, in the target's region unless another is named.

        `retries` is how often a call is sent again by itself when AWS throttles it or does not answer.

        Raises:
            TargetError: ``region_not_allowed`` for another region that may not be asked.
        """
        if region and region != self.target.region and self._elsewhere and (refusal := self._elsewhere(region)):
            raise refusal
        key = (service, region or self.target.region, retries)
        with self._lock:
            if key not in self._clients:
                url, hurried = self.target.sandbox_url, not self._patient
                self._clients[key] = make_client(self._session, *key, endpoint_url=url, hurried=hurried)
            return self._clients[key]

    def assume_role(self, role_arn: str, session_name: str) -> "AwsSession":
        """A session that acts as `role_arn`, on the same target; its name ends with the caller's own.

        Raises:
            TargetError: ``access_denied`` and the like when STS refuses.
        """
        caller = (self.target.caller_arn or "").replace(":", "/").rpartition("/")[2]
        name = role_session_name(session_name, caller)
        with aws_errors(f"assume the role {role_arn}"):
            credentials = self.client("sts").assume_role(RoleArn=role_arn, RoleSessionName=name)["Credentials"]
        assumed = boto3.Session(
            aws_access_key_id=credentials["AccessKeyId"],
            aws_secret_access_key=credentials["SecretAccessKey"],
            aws_session_token=credentials["SessionToken"],
            region_name=self.target.region,
            botocore_session=self._settings(),
        )
        return AwsSession(self.target, assumed, self._settings, elsewhere=self._elsewhere)


class _OneQuestion(AwsSession):
    """A session whose clients remember what they read; it lives as long as the question."""

    def __init__(self, session: AwsSession) -> None:
        super().__init__(session.target, session._session, session._settings)
        self._of = session
        self._locks: dict[tuple[Any, ...], threading.Lock] = {}
        self._answers: dict[tuple[Any, ...], Any] = {}

    def client(self, service: str, *, region: str | None = None, retries: int = RETRIES) -> Any:
        return _RememberingClient(self, self._of.client(service, region=region, retries=retries), (service, region))

    def read_once(self, key: tuple[Any, ...], read: Callable[[], Any]) -> Any:
        with self._lock:
            lock = self._locks.setdefault(key, threading.Lock())
        with lock:
            if key not in self._answers:
                try:
                    self._answers[key] = read()
                except ClientError as refusal:
                    self._answers[key] = refusal
        answer = self._answers[key]
        if isinstance(answer, ClientError):
            raise answer
        return answer


class _RememberingClient:
    """A boto3 client whose reads are made once in a question; everything else is the client's own."""

    def __init__(self, question: _OneQuestion, client: Any, key: tuple[Any, ...]) -> None:
        self._question = question
        self._client = client
        self._key = key

    def __getattr__(self, name: str) -> Any:
        member = getattr(self._client, name)
        if not name.startswith(_READS) or name in _NO_READS:
            return member

        def ask(**arguments: Any) -> Any:
            key = (*self._key, name, json.dumps(arguments, sort_keys=True, default=str))
            return self._question.read_once(key, lambda: member(**arguments))

        return ask


def open_session(
    *,
    profile: str | None = None,
    region: str | None = None,
    sandbox_url: str | None = None,
    environ: Mapping[str, str] | None = None,
    settings: Settings = botocore.session.Session,
) -> AwsSession:
    """Resolve the target once and return its session.

    `sandbox_url` (or the variable that ``expressway sandbox env`` sets) selects the local AWS sandbox, and then no
    profile, credentials or proxy of the user's are read at all: requests are signed with the sandbox's own key
    (`sandbox_key`). Without it, an endpoint override in the
    environment or the profile is refused. So neither side is ever reached by accident. `settings` reads the
    shared configuration for AWS; programs may hand in sessions with hooks of their own.

    Raises:
        TargetError: ``credentials_missing``, ``credentials_invalid``, ``credentials_expired``, ``region_missing``,
            ``region_unknown``, ``profile_missing``, ``endpoint_override``, ``target_conflict``,
            ``sandbox_conflict``, ``sandbox_not_loopback``, ``connection_failed``, ``access_denied``.
    """
    variables = os.environ if environ is None else environ
    named = variables.get(SANDBOX_VARIABLE)
    if sandbox_url and named and not same_sandbox(sandbox_url, named):
        raise TargetError(
            "sandbox_conflict",
            f"The sandbox at {sandbox_url} was chosen, but {SANDBOX_VARIABLE} names the one at {named}.",
            f"Unset {SANDBOX_VARIABLE}, or choose that one.",
            {"chosen": sandbox_url, "named": named},
        )
    url = sandbox_url or named
    if not url:
        return _aws_session(region, variables, lambda: _with_profile(settings(), profile))
    if profile:
        raise TargetError(
            "target_conflict",
            f"The profile {profile!r} names an AWS account, but the sandbox at {url} is selected too.",
            f"Leave the profile out to act on the sandbox; for AWS unset {SANDBOX_VARIABLE}"
            f"{on_faces(command_line=' (or leave out --sandbox)', mcp='')}.",
        )
    return _sandbox_session(url.rstrip("/"), region or variables.get("AWS_REGION"), variables)


def configured_target(profile: str | None, environ: Mapping[str, str]) -> tuple[str | None, str | None]:
    """The profile and the region that the environment and the shared configuration choose; asks nobody.

    Raises:
        TargetError: ``profile_missing`` and the like, where the configuration cannot be read.
    """
    with aws_errors("read the AWS configuration"):
        core = _with_profile(botocore.session.Session(), profile)
        region = environ.get("AWS_REGION") or core.get_config_variable("region")
        return profile or environ.get("AWS_PROFILE") or core.profile or "default", region


def _sandbox_session(url: str, region: str | None, variables: Mapping[str, str]) -> AwsSession:
    if loopback_port(url) is None:
        raise TargetError(
            "sandbox_not_loopback",
            f"The sandbox is expected at an http URL of this machine's loopback address, got {url}.",
            f'Unset {SANDBOX_VARIABLE}, or set it with: eval "$(expressway sandbox env)".',
        )
    resolved = region or "us-east-1"
    check_region(resolved)
    key = find_key(url, variables)
    session = boto3.Session(
        aws_access_key_id=key.access_key_id,
        aws_secret_access_key=key.secret_access_key,
        region_name=resolved,
        botocore_session=_nobodys_settings(),
    )
    target = Target(
        account_id=SANDBOX_ACCOUNT_ID,
        region=resolved,
        sandbox_url=url,
        caller_arn=f"arn:aws:iam::{SANDBOX_ACCOUNT_ID}:root",
    )
    return AwsSession(target, session, _nobodys_settings)


def _aws_session(region: str | None, variables: Mapping[str, str], settings: Settings) -> AwsSession:
    _refuse_endpoint_variables(variables)
    profile: str | None = None
    try:
        core = settings()
        profile = core.profile
        _refuse_endpoint_settings(core)
        share_models(core)
        name_role_sessions(core, caller_name(variables))
        session = boto3.Session(region_name=region or variables.get("AWS_REGION"), botocore_session=core)
        resolved = session.region_name
        if not resolved:
            raise NoRegionError()
        check_region(resolved)
        partition = session.get_partition_for_region(resolved)
        if session.get_credentials() is None:
            raise NoCredentialsError()
        identity = make_client(session, "sts", resolved, RETRIES).get_caller_identity()
    except (BotoCoreError, ClientError) as exc:
        raise naming_profile(map_aws_error(exc, "identify the caller"), profile) from exc
    return AwsSession(Target(identity["Account"], resolved, partition, None, identity["Arn"]), session, settings)


def _refuse_endpoint_variables(variables: Mapping[str, str]) -> None:
    overrides = sorted(name for name in variables if name.startswith("AWS_ENDPOINT_URL") and variables[name])
    if overrides:
        raise TargetError(
            "endpoint_override",
            f"{', '.join(overrides)} would send these calls somewhere other than AWS.",
            f"Unset it to act on AWS, or {USE_SANDBOX}.",
        )


def _refuse_endpoint_settings(core: botocore.session.Session) -> None:
    """The shared configuration can redirect every service, or single ones through a services section.

    Source: https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
    """
    scoped = cast("Mapping[str, Any]", core.get_scoped_config())
    sections = cast("Mapping[str, Any]", core.full_config).get("services", {})
    services = sections.get(scoped.get("services", ""), {})
    redirected = {"every service": scoped.get("endpoint_url")} | {
        name: values.get("endpoint_url") for name, values in services.items() if isinstance(values, Mapping)
    }
    found = [f"{name} to {url}" for name, url in redirected.items() if url]
    if found:
        raise TargetError(
            "endpoint_override",
            f"The profile {core.profile or 'default'!r} sends calls for {', '.join(found)} instead of AWS.",
            f"Remove endpoint_url from the profile and its services section, or {USE_SANDBOX}.",
        )


def _with_profile(core: botocore.session.Session, profile: str | None) -> botocore.session.Session:
    if profile is not None:
        core.set_config_variable("profile", profile)
    return core


def _nobodys_settings() -> botocore.session.Session:
    """A botocore session that reads no configuration file and no profile, whatever the environment says."""
    nowhere = (None, None, os.devnull, None)  # setting's name, variable's name, default, conversion
    core = botocore.session.Session(
        session_vars={"profile": (None, None, None, None), "config_file": nowhere, "credentials_file": nowhere}
    )
    share_models(core)
    return core
