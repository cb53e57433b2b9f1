"""Calls of AWS: foreign errors become ours in this one place, and what does not exist is an answer."""

import re
import shlex
from collections.abc import Callable, Collection, Generator, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConfigNotFound,
    ConfigParseError,
    CredentialRetrievalError,
    EndpointConnectionError,
    HTTPClientError,
    InvalidConfigError,
    InvalidRegionError,
    LoginError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
    UnknownRegionError,
)
from botocore.exceptions import ConnectionError as BotoConnectionError

from expressway.core.pages import pages
from expressway.core.sandbox_key import LOOPBACK, SANDBOX_VARIABLE
from expressway.errors import TargetError
from expressway.hints import REGION, USE_SANDBOX

Raw = Mapping[str, Any]
"""An answer of AWS's, or a part of one."""

_BY_CODE: tuple[tuple[frozenset[str], str, str], ...] = (
    (
        frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"}),
        "credentials_expired",
        "Sign in again (aws sso login, or a new session token) and repeat the command.",
    ),
    (
        frozenset(
            {
                *("InvalidClientTokenId", "InvalidAccessKeyId", "MissingAuthenticationToken"),
                *("MissingAuthenticationTokenException", "UnrecognizedClientException", "SignatureDoesNotMatch"),
                *("InvalidSignatureException", "AuthFailure", "IncompleteSignature"),
            }
        ),
        "credentials_invalid",
        "Check AWS_PROFILE and the access key; the account does not accept them.",
    ),
    (
        frozenset({"RequestTimeTooSkewed", "RequestInTheFuture"}),
        "clock_skewed",
        "Set this machine's clock; AWS refuses requests that are minutes off.",
    ),
    (
        frozenset(
            {
                *("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError"),
                *("NotAuthorized", "Forbidden", "OptInRequired"),
            }
        ),
        "access_denied",
        "Ask the account's administrator for the permission named above.",
    ),
    (
        frozenset(
            {
                *("Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled", "SlowDown"),
                *("RequestThrottledException", "RequestLimitExceeded", "BandwidthLimitExceeded"),
                *("TooManyRequestsException", "PriorRequestNotComplete"),
            }
        ),
        "throttled",
        "AWS limits the rate of calls; wait a minute and repeat the command: it continues.",
    ),
    (
        frozenset({"LimitExceeded", "LimitExceededException", "ServiceQuotaExceededException", "QuotaExceeded"}),
        "quota_exceeded",
        "Delete something or ask for a higher quota in the Service Quotas console.",
    ),
    (
        frozenset(
            {
                *("ServiceUnavailable", "ServiceUnavailableException", "InternalFailure", "InternalError"),
                *("InternalServerError", "ServerException", "503", "500"),
            }
        ),
        "service_unavailable",
        "AWS answered with a server error; repeat the command in a minute: it continues.",
    ),
)

_SIGN_IN_COMMAND = re.compile(r"\baws (?:sso )?login\b")
_SIGN_IN = f"Set AWS_PROFILE or sign in (aws sso login), or {USE_SANDBOX}."
_CHECK_CONFIGURATION = "Correct the AWS configuration file (usually ~/.aws/config), or choose another profile."
_CHECK_REGION = f"Correct {REGION} or AWS_REGION; regions are named like eu-west-1."

_BY_TYPE: tuple[tuple[tuple[type[BotoCoreError], ...], str, str], ...] = (
    ((NoRegionError,), "region_missing", f"Pass {REGION}, or set AWS_REGION, or {USE_SANDBOX}."),
    ((InvalidRegionError, UnknownRegionError), "region_unknown", _CHECK_REGION),
    ((ProfileNotFound,), "profile_missing", "List the profiles with: aws configure list-profiles."),
    ((SSOError, LoginError, TokenRetrievalError), "credentials_expired", "Sign in again: aws sso login, or aws login."),
    ((NoCredentialsError, PartialCredentialsError, CredentialRetrievalError), "credentials_missing", _SIGN_IN),
    ((ConfigNotFound, ConfigParseError, InvalidConfigError), "configuration_invalid", _CHECK_CONFIGURATION),
    (
        (BotoConnectionError, HTTPClientError),
        "connection_failed",
        "Check the network, the proxy and the region's name, then repeat the command: it continues.",
    ),
    ((ParamValidationError,), "invalid_parameters", "Correct the parameters named above."),
)

_BY_HTTP_STATUS = {403: "access_denied", 429: "throttled"} | dict.fromkeys((500, 502, 503, 504), "service_unavailable")
_HINTS = {ours: hint for _, ours, hint in _BY_CODE}


def aws_error_code(exc: BaseException) -> str:
    """The error code of an AWS answer, or an empty string for anything else."""
    if not isinstance(exc, ClientError):
        return ""
    response: Any = exc.response
    return str(response.get("Error", {}).get("Code", ""))


def aws_error_message(exc: BaseException) -> str:
    """The message of an AWS answer, or the exception's own text."""
    if not isinstance(exc, ClientError):
        return str(exc)
    response: Any = exc.response
    return str(response.get("Error", {}).get("Message", "")) or str(exc)


def map_aws_error(exc: ClientError | BotoCoreError, doing: str) -> TargetError:
    """The error to raise for an AWS failure that no caller has a more exact answer for.

    Args:
        exc: what boto3 raised.
        doing: the attempt as an infinitive, such as ``create the change set``.
    """
    if isinstance(exc, EndpointConnectionError) and (sandbox := _sandbox_at(exc)):
        return _sandbox_not_running(sandbox, doing)
    message = f"AWS did not {doing}: {aws_error_message(exc)}"
    if isinstance(exc, ClientError):
        return _answered(exc, message)
    for types, ours, hint in _BY_TYPE:
        if isinstance(exc, types):
            return TargetError(ours, message, hint)
    return TargetError("aws_error", message, "This is an error of the AWS SDK, not an answer of AWS; repeat it.")


@contextmanager
def aws_errors(doing: str) -> Generator[None]:
    """Raise what `map_aws_error` makes of a failure of the calls inside."""
    try:
        yield
    except (ClientError, BotoCoreError) as exc:
        raise map_aws_error(exc, doing) from exc


def ask(call: Callable[..., Raw], doing: str, *, missing: Collection[str], **arguments: Any) -> Raw | None:
    """The answer of one call, or None where AWS refuses it with one of the error codes `missing`."""
    try:
        return call(**arguments)
    except (ClientError, BotoCoreError) as exc:
        if aws_error_code(exc) in missing:
            return None
        raise map_aws_error(exc, doing) from exc


def ask_items(
    call: Callable[..., Raw],
    key: str,
    doing: str,
    *,
    by: str = "NextToken",
    given: str = "",
    missing: Collection[str] = (),
    **arguments: Any,
) -> Iterator[Any]:
    """Every element of the list `key`, over all pages; `by` and `given` as in `core.pages.pages`."""

    def ask_page(**token: str) -> Raw | None:
        return ask(call, doing, missing=missing, **arguments, **token)

    for page in pages(ask_page, doing=doing, by=by, given=given):
        yield from page.get(key, ())


def _sandbox_not_running(url: str, doing: str) -> TargetError:
    """Nobody listens at the sandbox that the environment or an option names."""
    return TargetError(
        "sandbox_not_running",
        f"Could not {doing}: no sandbox runs at {url}.",
        f"Start it with: expressway sandbox start. Or unset {SANDBOX_VARIABLE} to act on AWS.",
        {"sandbox": url},
    )


def _sandbox_at(exc: EndpointConnectionError) -> str:
    """The address, where it is the sandbox's: only that one is on loopback, since endpoint overrides are refused."""
    parts = urlsplit(str(exc.kwargs.get("endpoint_url", "")))
    return f"{parts.scheme}://{parts.netloc}" if parts.hostname in LOOPBACK else ""


def naming_profile(error: TargetError, profile: str | None) -> TargetError:
    """The same error; a hint to sign in signs in to the profile that is used."""
    if profile:
        error.hint = _SIGN_IN_COMMAND.sub(lambda found: f"{found[0]} --profile {shlex.quote(profile)}", error.hint)
    return error


def _answered(exc: ClientError, message: str) -> TargetError:
    code = aws_error_code(exc)
    details = {"aws_error_code": code} if code else {}
    for codes, ours, hint in _BY_CODE:
        if code in codes:
            return TargetError(ours, message, hint, details)
    response: Any = exc.response
    by_status = _BY_HTTP_STATUS.get(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if by_status is not None:
        return TargetError(by_status, message, _HINTS[by_status], details)
    if code.removesuffix("Exception").endswith(("LimitExceeded", "QuotaExceeded")):
        return TargetError("quota_exceeded", message, _HINTS["quota_exceeded"], details)
    named = f"the error code {code}" if code else "this answer"
    return TargetError("aws_error", message, f"Look {named} up in the service's API reference.", details)
