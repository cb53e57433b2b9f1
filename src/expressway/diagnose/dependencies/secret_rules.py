"""Secrets and parameters that tasks cannot read: missing, deleted, denied, or under a key that they cannot use."""

from collections.abc import Iterator
from difflib import get_close_matches

from expressway.aws.values.dependencies import DependencyFacts, KeyFact, SecretFact
from expressway.diagnose.catalog import make_finding
from expressway.diagnose.dependencies.image_rules import softened_if_serving
from expressway.diagnose.finding import Finding
from expressway.iam.evaluation import ResourceSide, access_decision, account_of

_UNUSABLE_KEYS = {
    "Disabled": "Enable the key again (kms:EnableKey).",
    "PendingDeletion": "Cancel the key's deletion and enable it, or encrypt the secret with another key.",
    "PendingImport": "Import the key's material, or encrypt the secret with another key.",
    "Unavailable": "Connect the custom key store that holds the key.",
}


def is_aws_owned(key_id: str) -> bool:
    """Whether a key is AWS's own, such as ``alias/aws/ssm``: it decrypts for whoever may read the secret."""
    return key_id.removeprefix("alias/").startswith("aws/") or ":alias/aws/" in key_id


def secret_findings(facts: DependencyFacts) -> tuple[Finding, ...]:
    """What is wrong with the secrets of a service, each named by its reference; values play no part."""
    found = (
        finding
        for secret in facts.secrets
        for finding in (
            *_missing(secret, facts),
            *_deleted(secret),
            *_stage_missing(secret),
            *_denied(secret, facts),
            *_key_unusable(secret, facts),
            *_decrypt_denied(secret, facts),
        )
    )
    return softened_if_serving(found, facts)


def _missing(secret: SecretFact, facts: DependencyFacts) -> Iterator[Finding]:
    if secret.presence == "missing":
        reference = secret.reference
        kind = "parameter" if reference.is_parameter else "secret"
        where = f"account {reference.account_id or facts.account_id} in {reference.region or facts.region}"
        for_what = "its registry's credentials" if not reference.variable else f"its variable {reference.variable}"
        yield make_finding(
            code="secret_not_found" if reference.variable else "registry_credentials_missing",
            cause=f"The container {reference.container} takes {for_what} from the {kind} {reference.shown}, "
            f"which does not exist in {where}.",
            evidence=(f"valueFrom: {reference.value_from}",),
            remedy=f"Create the {kind}, or correct its ARN (the name differs between regions and accounts).",
            resource=reference.shown,
        )


def _deleted(secret: SecretFact) -> Iterator[Finding]:
    if secret.presence == "present" and secret.deleted_at is not None:
        yield make_finding(
            code="secret_deleted",
            cause=f"The secret {secret.reference.shown} is marked for deletion, and cannot be read any more.",
            evidence=(f"DeletedDate: {secret.deleted_at.isoformat()}",),
            resource=secret.arn or secret.reference.shown,
        )


def _stage_missing(secret: SecretFact) -> Iterator[Finding]:
    stage = secret.reference.version_stage
    if secret.presence != "present" or not stage or not secret.stages or stage in secret.stages:
        return
    near = get_close_matches(stage, secret.stages, n=1) or list(secret.stages[:1])
    yield make_finding(
        code="secret_version_missing",
        cause=f"The secret {secret.reference.shown} has no version labelled {stage}.",
        evidence=(f"its version stages: {', '.join(secret.stages)}",),
        remedy=f"Use the stage {near[0]}, or leave it out to take the current version.",
        resource=secret.arn,
    )


def _denied(secret: SecretFact, facts: DependencyFacts) -> Iterator[Finding]:
    """The execution role may not read it, by its own policies and the secret's."""
    if secret.presence != "present" or not secret.arn or secret.deleted_at is not None:
        return
    action = secret.reference.read_action
    side = ResourceSide(account_of(secret.arn) or facts.account_id, secret.resource_policy, secret.policy_read)
    if access_decision(facts.execution_role, action, secret.arn, side) == "denied":
        yield make_finding(
            code="secret_denied",
            cause=f"The execution role {_role(facts)} may not read {secret.reference.shown}: {action} is not allowed.",
            evidence=(f"no policy of the role allows {action} on {secret.arn}, or one denies it",),
            remedy=f"Allow {action} on exactly this ARN in the execution role's policies.",
            resource=secret.arn,
        )


def _key_unusable(secret: SecretFact, facts: DependencyFacts) -> Iterator[Finding]:
    key = _key(secret, facts)
    if key is None or (key.presence != "missing" and key.state not in _UNUSABLE_KEYS):
        return
    state = "does not exist any more" if key.presence == "missing" else f"is {key.state}"
    yield make_finding(
        code="kms_key_unusable",
        cause=f"The KMS key of {secret.reference.shown} {state}, so the secret cannot be decrypted.",
        evidence=(f"key {key.arn or key.key_id}: {key.state or 'not found'}",),
        remedy=_UNUSABLE_KEYS.get(key.state, "Encrypt the secret again with a key that exists."),
        resource=key.arn or key.key_id,
    )


def _decrypt_denied(secret: SecretFact, facts: DependencyFacts) -> Iterator[Finding]:
    """A customer's key has to let the execution role decrypt; AWS's own keys do so for whoever may read the secret."""
    key = _key(secret, facts)
    if key is None or key.presence != "present" or not key.is_customer_managed or key.state in _UNUSABLE_KEYS:
        return
    side = ResourceSide(account_of(key.arn), key.policy, key.policy_read, must_delegate=True)
    if access_decision(facts.execution_role, "kms:Decrypt", key.arn, side) == "denied":
        yield make_finding(
            code="kms_denied",
            cause=f"The execution role {_role(facts)} may not decrypt {secret.reference.shown}: kms:Decrypt "
            "is not allowed on the secret's own key.",
            evidence=(f"neither the role's policies nor the key's allow kms:Decrypt on {key.arn}, or one denies it",),
            remedy="Allow kms:Decrypt on exactly this key in the execution role's policies, or the role in the key's.",
            resource=key.arn,
        )


def _key(secret: SecretFact, facts: DependencyFacts) -> KeyFact | None:
    if secret.presence != "present" or not secret.kms_key_id or is_aws_owned(secret.kms_key_id):
        return None
    return facts.key(secret.kms_key_id)


def _role(facts: DependencyFacts) -> str:
    return facts.execution_role.arn if facts.execution_role else ""
