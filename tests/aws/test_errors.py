"""Whatever AWS or its SDK raises becomes one of our errors, with what to do about it."""

import botocore.exceptions as boto
import pytest
from botocore.exceptions import BotoCoreError, ClientError

from expressway.aws.errors import aws_error_code, aws_error_message, map_aws_error


def answered(code: str, status: int = 400, message: str = "said AWS") -> ClientError:
    response = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, "Operation")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("code", "ours"),
    [
        ("ExpiredToken", "credentials_expired"),
        ("ExpiredTokenException", "credentials_expired"),
        ("RequestExpired", "credentials_expired"),
        ("InvalidClientTokenId", "credentials_invalid"),
        ("UnrecognizedClientException", "credentials_invalid"),
        ("SignatureDoesNotMatch", "credentials_invalid"),
        ("RequestTimeTooSkewed", "clock_skewed"),
        ("AccessDenied", "access_denied"),
        ("AccessDeniedException", "access_denied"),
        ("UnauthorizedOperation", "access_denied"),
        ("Throttling", "throttled"),
        ("ThrottlingException", "throttled"),
        ("RequestLimitExceeded", "throttled"),
        ("LimitExceededException", "quota_exceeded"),
        ("ServiceQuotaExceededException", "quota_exceeded"),
        ("VpcLimitExceeded", "quota_exceeded"),
        ("ServiceUnavailable", "service_unavailable"),
        ("ServerException", "service_unavailable"),
        ("SomethingNew", "aws_error"),
    ],
)
def test_an_answer_of_aws_is_mapped_by_its_code(code: str, ours: str) -> None:
    error = map_aws_error(answered(code), "describe the stack")
    assert error.code == ours
    assert error.message == "AWS did not describe the stack: said AWS"
    assert error.hint
    assert error.details == {"aws_error_code": code}


@pytest.mark.parametrize(
    ("status", "ours"),
    [(403, "access_denied"), (429, "throttled"), (500, "service_unavailable"), (503, "service_unavailable")],
)
def test_an_unknown_code_is_mapped_by_its_http_status(status: int, ours: str) -> None:
    assert map_aws_error(answered("Unheard", status), "try").code == ours


@pytest.mark.parametrize(
    ("raised", "ours"),
    [
        (boto.NoCredentialsError(), "credentials_missing"),
        (boto.PartialCredentialsError(provider="env", cred_var="x"), "credentials_missing"),
        (boto.CredentialRetrievalError(provider="process", error_msg="exit 1"), "credentials_missing"),
        (boto.UnauthorizedSSOTokenError(), "credentials_expired"),
        (boto.SSOTokenLoadError(error_msg="no token"), "credentials_expired"),
        (boto.TokenRetrievalError(provider="sso", error_msg="expired"), "credentials_expired"),
        (boto.LoginRefreshRequired(), "credentials_expired"),
        (boto.NoRegionError(), "region_missing"),
        (boto.InvalidRegionError(region_name="us east"), "region_unknown"),
        (boto.UnknownRegionError(region_name="x", error_msg="y"), "region_unknown"),
        (boto.ProfileNotFound(profile="x"), "profile_missing"),
        (boto.ConfigParseError(path="x", error="y"), "configuration_invalid"),
        (boto.EndpointConnectionError(endpoint_url="https://x"), "connection_failed"),
        (boto.ConnectTimeoutError(endpoint_url="https://x"), "connection_failed"),
        (boto.ReadTimeoutError(endpoint_url="https://x"), "connection_failed"),
        (boto.ConnectionClosedError(endpoint_url="https://x"), "connection_failed"),
        (boto.ProxyConnectionError(proxy_url="http://x"), "connection_failed"),
        (boto.SSLError(endpoint_url="https://x", error="certificate"), "connection_failed"),
        (boto.ParamValidationError(report="bad"), "invalid_parameters"),
        (boto.DataNotFoundError(data_path="x"), "aws_error"),
    ],
)
def test_what_the_sdk_raises_is_mapped_by_its_kind(raised: BotoCoreError, ours: str) -> None:
    error = map_aws_error(raised, "list the services")
    assert error.code == ours
    assert error.message == f"AWS did not list the services: {raised}"
    assert error.hint


def test_only_answers_of_aws_have_a_code() -> None:
    assert aws_error_code(answered("Throttling")) == "Throttling"
    assert aws_error_code(boto.NoRegionError()) == ""
    assert aws_error_message(answered("X", message="")) != ""
