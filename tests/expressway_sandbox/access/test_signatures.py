"""Which signatures the sandbox takes, without a running one: each claim that a request makes is checked."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlsplit

import botocore.auth
import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from expressway.core.sandbox_key import SandboxKey, new_key
from expressway_sandbox import emulator
from expressway_sandbox.access.signatures import UNKNOWN, UNSIGNED, SignedRequest, early_failure, failure

OWN = new_key()
HOST = "127.0.0.1:4566"
TARGET = {"X-Amz-Target": "AmazonEC2ContainerServiceV20141113.ListClusters"}
Sign = Callable[..., SignedRequest]


def signed(
    *, key: SandboxKey = OWN, service: str = "ecs", headers: Mapping[str, str] = TARGET, body: bytes = b"{}"
) -> SignedRequest:
    made = AWSRequest("POST", f"http://{HOST}/", headers=dict(headers), data=body)
    SigV4Auth(Credentials(key.access_key_id, key.secret_access_key), service, "us-east-1").add_auth(made)
    fields = {name.lower(): value for name, value in made.headers.items()}
    return SignedRequest("POST", "/", "", {"host": HOST, **fields}, body)


def presigned(*, key: SandboxKey = OWN, seconds: int = 60, service: str = "sts") -> SignedRequest:
    made = AWSRequest("GET", f"http://{HOST}/?Action=GetCallerIdentity")
    credentials = Credentials(key.access_key_id, key.secret_access_key)
    SigV4QueryAuth(credentials, service, "us-east-1", expires=seconds).add_auth(made)
    return SignedRequest("GET", "/", urlsplit(str(made.url)).query, {"host": HOST})


def with_header(request: SignedRequest, **headers: str | None) -> SignedRequest:
    """Another value of a header, or none; underscores stand for hyphens."""
    changed = {name.replace("_", "-"): value for name, value in headers.items()}
    merged = {**request.headers, **changed}
    return replace(request, headers={name: value for name, value in merged.items() if value is not None})


def with_words(request: SignedRequest, old: str, new: str) -> SignedRequest:
    """Other words in the Authorization header, or in the query."""
    if request.query:
        assert old in request.query
        return replace(request, query=request.query.replace(old, new))
    assert old in request.headers["authorization"]
    return with_header(request, authorization=request.headers["authorization"].replace(old, new))


def code(request: SignedRequest) -> str:
    found = failure(request, OWN)
    return found.code if found else ""


def early(request: SignedRequest) -> str:
    found = early_failure(request, OWN)
    return found.code if found else ""


def test_a_request_that_is_signed_with_the_sandboxs_secret_is_taken() -> None:
    for made in (signed(), presigned(), signed(key=replace(OWN, access_key_id="000000000000"))):
        assert failure(made, OWN) is None


@pytest.mark.parametrize("make", [signed, presigned])
@pytest.mark.parametrize("key_id", ["test", "AKIAIOSFODNN7EXAMPLE", "00000000000", "0" * 13, "a"])
def test_a_key_that_is_none_of_the_sandboxs_is_unknown_even_with_its_secret(make: Sign, key_id: str) -> None:
    assert early_failure(make(key=replace(OWN, access_key_id=key_id)), OWN) == UNKNOWN


ACCOUNTS = ("111122223333", "444455556666")


def session(monkeypatch: pytest.MonkeyPatch, *, expires: float) -> SandboxKey:
    """A key of a session that the sandbox's STS started for another account than that of the request."""
    key = SandboxKey("ASIAOFASESSION", "secret of the session")
    arn = f"arn:aws:sts::{ACCOUNTS[0]}:assumed-role/deploy/one"
    known = {"Arn": arn, "SecretAccessKey": key.secret_access_key, "SessionToken": "token", "Expiration": expires}
    monkeypatch.setitem(emulator.module("services.sts")._sessions, key.access_key_id, known)
    return key


def users_key(*accounts: str) -> SandboxKey:
    """A key that the sandbox's IAM made for a user of each account."""
    key = SandboxKey(f"AKIAOFUSERS{len(accounts)}", "secret of the user")
    iam, responses = emulator.module("services.iam"), emulator.module("core.responses")
    record = {"UserName": "ann", "SecretAccessKey": key.secret_access_key, "Status": "Active"}
    for account in accounts:
        before = responses._request_account_id.set(account)
        iam._users["ann"] = {"Arn": f"arn:aws:iam::{account}:user/ann", "UserId": "AIDA", "UserName": "ann"}
        iam._access_keys[key.access_key_id] = record
        responses._request_account_id.reset(before)
    return key


def test_a_sessions_key_signs_in_its_own_account_with_its_token_until_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    key = session(monkeypatch, expires=time.time() + 60)
    token = {"X-Amz-Security-Token": "token"}
    assert code(signed(key=key, headers=TARGET | token)) == ""
    assert early(signed(key=key)) == "InvalidToken"
    assert early(signed(key=key, headers=TARGET | {"X-Amz-Security-Token": "other"})) == "InvalidToken"
    assert code(signed(key=replace(key, secret_access_key="x"), headers=TARGET | token)) == "SignatureDoesNotMatch"
    query = presigned(key=key)
    assert early(replace(query, query=f"{query.query}&X-Amz-Security-Token=token")) == ""
    ended = session(monkeypatch, expires=time.time() - 1)
    assert early(signed(key=ended, headers=TARGET | token)) == "ExpiredTokenException"


def test_a_users_key_signs_in_its_own_account_and_one_that_two_accounts_have_signs_nothing() -> None:
    assert code(signed(key=users_key(ACCOUNTS[0]))) == ""
    assert early(signed(key=users_key(*ACCOUNTS))) == UNKNOWN.code


@pytest.mark.parametrize("make", [signed, presigned])
def test_another_secret_signs_nothing(make: Sign) -> None:
    made = make(key=replace(OWN, secret_access_key="other"))
    assert (early(made), code(made)) == ("", "SignatureDoesNotMatch")


def test_a_request_without_a_signature_is_unsigned_whatever_else_its_query_holds() -> None:
    bare = SignedRequest("GET", "/", "Action=GetCallerIdentity&X-Amz-Algorithm=AWS4-HMAC-SHA256", {"host": HOST})
    assert early_failure(bare, OWN) == UNSIGNED == failure(bare, OWN)


@pytest.mark.parametrize(
    "change",
    [
        lambda: with_header(signed(), authorization="Bearer x"),
        lambda: with_header(signed(), authorization="AWS4-HMAC-SHA256"),
        lambda: with_header(signed(), authorization="AWS4-HMAC-SHA256 Credential=a/b/c/d/aws4_request"),
        lambda: with_header(presigned(), authorization="Basic eA=="),
        lambda: with_words(signed(), "/aws4_request", "/aws4_other"),
        lambda: with_words(signed(), "/aws4_request", "/aws4_request_more"),
        lambda: with_words(presigned(), "aws4_request", "aws4_other"),
        lambda: with_words(presigned(), "AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"),
        lambda: with_words(presigned(), "X-Amz-Date=", "X-Amz-Day="),
        lambda: with_header(signed(), x_amz_date="x"),
        lambda: with_header(signed(), x_amz_date="20260101T000000Z\u0661"),
        lambda: with_words(presigned(), "X-Amz-Date=2", "X-Amz-Date=x"),
        lambda: with_words(presigned(), "X-Amz-Date=20", "X-Amz-Date=99999999T999999Z&ignored="),
    ],
)
def test_a_signature_that_is_not_in_the_form_of_version_4_is_incomplete(change: Callable[[], SignedRequest]) -> None:
    wrong = change()
    assert early(wrong) in {"IncompleteSignature", "MissingAuthorizationParameter"}
    assert code(wrong) == early(wrong)


@pytest.mark.parametrize("header", ["x-amz-target", "x-amz-other", "x-amz-content-sha256", "x-amz-security-token"])
def test_each_header_of_aws_has_to_be_signed_and_is_named_when_it_is_not(header: str) -> None:
    made = signed(headers={})
    found = early_failure(replace(made, headers={**made.headers, header: "x"}), OWN)
    assert found is not None
    assert found.code == "SignatureDoesNotMatch"
    assert found.message.endswith(f": {header}.")


def test_host_and_date_have_to_be_signed() -> None:
    unsigned_host = early_failure(with_words(signed(headers={}), "SignedHeaders=host;", "SignedHeaders="), OWN)
    assert unsigned_host is not None
    assert unsigned_host.message.endswith(": host.")
    now = datetime.now(UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
    unsigned_date = early_failure(with_header(signed(headers={}), x_amz_date=None, date=now), OWN)
    assert unsigned_date is not None
    assert unsigned_date.message.endswith(": date.")
    assert early(with_header(signed(), date=now)) == "", "x-amz-date is the date, and is signed"


def test_a_presigned_request_carries_unsigned_only_what_clients_add_to_each() -> None:
    made = presigned()
    added = {"x-amz-user-agent": "cli", "x-amz-content-sha256": "UNSIGNED-PAYLOAD"}
    assert early(replace(made, headers={**made.headers, **added})) == ""
    assert early(replace(made, headers={**made.headers, **TARGET_IN_LOWER_CASE})) == "SignatureDoesNotMatch"
    assert early(with_words(made, "X-Amz-SignedHeaders=host", "X-Amz-SignedHeaders=x")) == "SignatureDoesNotMatch"


TARGET_IN_LOWER_CASE = {name.lower(): value for name, value in TARGET.items()}


@pytest.mark.parametrize(
    ("seconds", "refused"),
    [
        ("1", ""),
        ("604800", ""),
        ("604801", "I"),
        ("0", "I"),
        ("-1", "I"),
        ("", "I"),
        ("x", "I"),
        ("²", "I"),
        ("9" * 5_000, "I"),
    ],
)
def test_a_presigned_request_is_good_for_a_second_to_a_week(seconds: str, refused: str) -> None:
    made = with_words(presigned(), "X-Amz-Expires=60", f"X-Amz-Expires={quote(seconds)}")
    assert early(made) == ("IncompleteSignature" if refused else "")


@pytest.mark.parametrize(
    ("make", "minutes", "refused"),
    [
        (signed, 4, ""),
        (signed, -4, ""),
        (signed, 20, "RequestTimeTooSkewed"),
        (signed, -20, "RequestTimeTooSkewed"),
        (presigned, 4, ""),
        (presigned, 20, "RequestExpired"),
        (presigned, -4, "RequestExpired"),
    ],
)
def test_a_signature_of_another_time_is_refused(
    make: Sign, minutes: int, refused: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = datetime.now(UTC) + timedelta(minutes=minutes)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: moment)
    assert early(make()) == refused


def test_a_presigned_request_may_be_old_while_it_has_not_expired(monkeypatch: pytest.MonkeyPatch) -> None:
    moment = datetime.now(UTC) - timedelta(minutes=20)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: moment)
    assert code(presigned(seconds=3600)) == ""


@pytest.mark.parametrize(
    ("service", "told", "refused"),
    [
        ("s3", "UNSIGNED-PAYLOAD", ""),
        ("s3", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", ""),
        ("s3", "0" * 64, "SignatureDoesNotMatch"),
        ("ecs", "UNSIGNED-PAYLOAD", "SignatureDoesNotMatch"),
        ("ecs", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "SignatureDoesNotMatch"),
        ("ecs", "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a", ""),
    ],
)
def test_the_body_is_the_one_that_was_hashed(service: str, told: str, refused: str) -> None:
    assert code(signed(service=service, headers={**TARGET, "X-Amz-Content-SHA256": told})) == refused


def test_another_body_path_or_query_is_refused() -> None:
    made = signed()
    assert code(replace(made, body=b"[]")) == "SignatureDoesNotMatch"
    assert code(replace(made, raw_path="/other")) == "SignatureDoesNotMatch"
    assert code(replace(made, query="a=")) == "SignatureDoesNotMatch"
    assert code(replace(made, method="PUT")) == "SignatureDoesNotMatch"
