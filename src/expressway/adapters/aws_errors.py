"""Foreign AWS errors become ours in this one place."""

from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    NoCredentialsError,
    ParamValidationError,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
)
from botocore.exceptions import (
    ConnectionError as BotoConnectionError,
)

from expressway.errors import TargetError

_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"}
_INVALID = {
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "SignatureDoesNotMatch",
    "InvalidSignatureException",
    "AuthFailure",
    "IncompleteSignature",
}
_DENIED = {
    "AccessDenied",
    "AccessDeniedException",
    "UnauthorizedOperation",
    "AuthorizationError",
    "Forbidden",
}
_THROTTLED = {
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestLimitExceeded",
    "TooManyRequestsException",
    "SlowDown",
}
_QUOTA = {"LimitExceeded", "LimitExceededException", "ServiceQuotaExceededException", "QuotaExceeded"}
_UNAVAILABLE = {
    "ServiceUnavailable",
    "ServiceUnavailableException",
    "InternalFailure",
    "ServerException",
    "503",
    "500",
}

_BY_CODE: tuple[tuple[set[str], str, str], ...] = (
    (
        _EXPIRED,
        "credentials_expired",
        "Sign in again (aws sso login, or a new session token) and repeat the command.",
    ),
    (
        _INVALID,
        "credentials_invalid",
        "Check AWS_PROFILE and the access key; the account does not accept them.",
    ),
    (_DENIED, "access_denied", "Ask the account's administrator for the permission named above."),
    (_THROTTLED, "throttled", "AWS limits the rate of calls; wait a minute and repeat the command."),
    (_QUOTA, "quota_exceeded", "Delete something or ask for a higher quota in the Service Quotas console."),
    (
        _UNAVAILABLE,
        "service_unavailable",
        "AWS answered with a server error; repeat the command in a minute.",
    ),
)


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
    code = aws_error_code(exc)
    message = f"AWS did not {doing}: {aws_error_message(exc)}"
    details = {"aws_error_code": code} if code else {}
    for codes, ours, hint in _BY_CODE:
        if code in codes:
            return TargetError(ours, message, hint, details)
    if isinstance(exc, NoCredentialsError):
        return TargetError("credentials_missing", message, "Set AWS_PROFILE or sign in, or use --sandbox.")
    if isinstance(exc, UnauthorizedSSOTokenError | TokenRetrievalError):
        return TargetError("credentials_expired", message, "Sign in again: aws sso login.")
    if isinstance(exc, BotoConnectionError | HTTPClientError):
        return TargetError(
            "connection_failed",
            message,
            "Check the network and the proxy, then repeat the command: it continues.",
        )
    if isinstance(exc, ParamValidationError):
        return TargetError("invalid_parameters", message, "Correct the parameters named above.")
    return TargetError("aws_error", message, "See the AWS error code in the details.", details)
