"""Whether a request to the emulated APIs is signed with a key of this sandbox: AWS Signature Version 4.

The mechanics of the signature are ministack's (`core.sigv4`); what it takes on trust is checked here: that the body is
the one that was hashed, that the host and every ``x-amz-`` header are signed, and that the date is a date and recent.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import parse_qs

from expressway.core.sandbox_key import SandboxKey
from expressway_sandbox import emulator

_ALGORITHM = "AWS4-HMAC-SHA256"
_TERMINATOR = "aws4_request"
_DATE = re.compile(r"\d{8}T\d{6}Z", re.ASCII)
_ACCOUNT = re.compile(r"\d{12}", re.ASCII)
_UNSIGNED_BODY = "UNSIGNED-PAYLOAD"
_STREAMED_BODY = "STREAMING-"
_SECONDS = re.compile(r"\d{1,6}", re.ASCII)
_LONGEST_PRESIGNED_SECONDS = 7 * 24 * 3600


class Failure(NamedTuple):
    """Why a signature is refused: a code of AWS's and the message."""

    code: str
    message: str


UNSIGNED = Failure("MissingAuthenticationToken", "Request is missing Authentication Token")
UNKNOWN = Failure(
    "UnrecognizedClientException",
    "The security token included in the request is invalid. A sandbox takes only its own key: expressway sandbox env",
)


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A request as it was received; header names are in lower case."""

    method: str
    raw_path: str
    query: str
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def parameters(self) -> dict[str, list[str]]:
        return parse_qs(self.query, keep_blank_values=True)

    @property
    def is_presigned(self) -> bool:
        return "X-Amz-Signature" in self.parameters


def early_failure(request: SignedRequest, own: SandboxKey) -> Failure | None:
    """Why `request` is refused before its body is read."""
    signed = _signed(request, own)
    return signed if isinstance(signed, Failure) else None


def _signed(request: SignedRequest, own: SandboxKey) -> tuple[Any, str] | Failure:
    """The claims of a signature and the secret that must have made it, as far as they hold whatever the body is."""
    claim = _claim(request)
    if isinstance(claim, Failure):
        return claim
    secret = _secret(claim.access_key_id, request, own)
    if isinstance(secret, Failure):
        return secret
    return _unsigned_parts(claim, request) or _wrong_time(claim, request) or (claim, secret)


def failure(request: SignedRequest, own: SandboxKey) -> Failure | None:
    """Why the signature of `request` is refused; None when a key of this sandbox made it."""
    signed = _signed(request, own)
    if isinstance(signed, Failure):
        return signed
    claim, secret = signed
    if wrong := _wrong_body(claim, request):
        return wrong
    refused = emulator.module("core.sigv4").header_signature_failure(
        claim,
        secret,
        request.method,
        request.raw_path,
        request.parameters,
        request.headers,
        request.body,
        presigned=request.is_presigned,
    )
    return Failure(*refused) if refused else None


def _claim(request: SignedRequest) -> Any:
    """The claims of the request's signature (ministack's `HeaderSignature`), or the failure."""
    sigv4 = emulator.module("core.sigv4")
    authorization = request.headers.get("authorization", "")
    if authorization.startswith(f"{_ALGORITHM} "):
        claim = sigv4.parse_header_signature(request.headers)
    elif authorization:
        return Failure("IncompleteSignature", f"The Authorization header must start with {_ALGORITHM}.")
    elif not request.is_presigned:
        return UNSIGNED
    elif request.parameters.get("X-Amz-Algorithm") != [_ALGORITHM]:
        return Failure("IncompleteSignature", f"X-Amz-Algorithm must be {_ALGORITHM}.")
    else:
        claim = sigv4.parse_query_signature(request.parameters)
    if isinstance(claim, tuple):
        return Failure("IncompleteSignature", claim[1])
    scope = f"{claim.date_stamp}/{claim.region}/{claim.service}/{_TERMINATOR}"
    credential = (authorization or request.parameters["X-Amz-Credential"][0]) + ","
    if f"{claim.access_key_id}/{scope}," not in credential:
        return Failure("IncompleteSignature", f"The credential's scope must end with {_TERMINATOR}.")
    return claim


def _secret(key_id: str, request: SignedRequest, own: SandboxKey) -> str | Failure:
    """The secret of the sandbox's own key, of a session that its STS started or of a key that its IAM made.

    A 12-digit key id with the sandbox's own secret acts in the account of that number, as ministack has it.
    """
    if hmac.compare_digest(key_id.encode(), own.access_key_id.encode()) or _ACCOUNT.fullmatch(key_id):
        return own.secret_access_key
    evaluator, responses = emulator.module("core.iam_evaluator"), emulator.module("core.responses")
    if evaluator.is_root_access_key(key_id):
        return UNKNOWN
    try:
        account = responses._account_from_sts_session(key_id) or evaluator.find_iam_access_key_account(key_id)
    except evaluator.AmbiguousAccessKeyError:
        return UNKNOWN
    token = request.headers.get("x-amz-security-token") or request.parameters.get("X-Amz-Security-Token", [""])[0]
    found = evaluator.resolve_credential(key_id, account, token)
    if isinstance(found, evaluator.CredentialResolutionError):
        return UNKNOWN if found.code == UNKNOWN.code else Failure(found.code, found.message)
    return str(found.secret_access_key)


def _unsigned_parts(claim: Any, request: SignedRequest) -> Failure | None:
    signed = set(str(claim.signed_headers).split(";"))
    required = {"host"} | {name for name in request.headers if name.startswith("x-amz-")}
    if request.is_presigned:  # its date and token are in the query, which is signed whole
        required = {"host"} | (required - {"x-amz-content-sha256", "x-amz-user-agent"})
    elif "x-amz-date" not in request.headers:
        required.add("date")
    missing = sorted(required - signed)
    if not missing:
        return None
    return Failure("SignatureDoesNotMatch", f"These headers of the request must be signed: {', '.join(missing)[:200]}.")


def _wrong_time(claim: Any, request: SignedRequest) -> Failure | None:
    sigv4 = emulator.module("core.sigv4")
    if not _DATE.fullmatch(claim.amz_date):
        return Failure("IncompleteSignature", "The date of the request must be in the form YYYYMMDDTHHMMSSZ.")
    if not request.is_presigned:
        refused = sigv4.request_time_failure(claim)
        return Failure(*refused) if refused else None
    seconds = request.parameters.get("X-Amz-Expires", [""])[0]
    if not _SECONDS.fullmatch(seconds) or not 0 < int(seconds) <= _LONGEST_PRESIGNED_SECONDS:
        return Failure("IncompleteSignature", f"X-Amz-Expires must be from 1 to {_LONGEST_PRESIGNED_SECONDS}.")
    try:
        expired = sigv4.presigned_request_is_expired(claim.amz_date, seconds)
    except ValueError:
        return Failure("IncompleteSignature", "The date of the request is no date.")
    # Only a past date bounds a presigned request; one further ahead than clocks may differ is refused, too.
    refused = sigv4.request_time_failure(claim)
    is_early = refused is not None and "not yet current" in refused[1]
    return Failure("RequestExpired", "Request has expired") if expired or is_early else None


def _wrong_body(claim: Any, request: SignedRequest) -> Failure | None:
    digest = request.headers.get("x-amz-content-sha256")
    if digest is None or digest == hashlib.sha256(request.body).hexdigest():
        return None
    if claim.service == "s3" and (digest == _UNSIGNED_BODY or digest.startswith(_STREAMED_BODY)):
        return None
    return Failure("SignatureDoesNotMatch", "The body is not the one that x-amz-content-sha256 names.")
