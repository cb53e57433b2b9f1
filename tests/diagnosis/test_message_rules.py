"""AWS's words about secrets: one that may not be read is told from a key that does not decrypt."""

import pytest

from expressway.diagnosis.facts import Statement
from expressway.diagnosis.message_rules import cause_of_message

_FETCH = "ResourceInitializationError: unable to pull secrets or registry auth: failed to fetch secret"
_ROLE = "User: arn:aws:sts::123456789012:assumed-role/execution/1 is not authorized to perform"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (f"{_FETCH}: AccessDeniedException: Access to KMS is not allowed", "kms_denied"),
        (f"{_FETCH}: {_ROLE}: kms:Decrypt on resource: arn:aws:kms:eu-west-1:123456789012:key/1", "kms_denied"),
        (f"{_FETCH}: {_ROLE}: secretsmanager:GetSecretValue on resource: arn:x", "secret_denied"),
        (f"{_FETCH}: {_ROLE}: ssm:GetParameters on resource: arn:x", "secret_denied"),
    ],
)
def test_a_key_that_does_not_decrypt_is_told_from_a_secret_that_may_not_be_read(text: str, code: str) -> None:
    cause = cause_of_message(Statement(text))

    assert cause is not None
    assert cause.code == code
    assert ": is" not in cause.sentence
