"""Images that tasks cannot pull or run, and secrets that they cannot read: either keeps a task from starting.

Sources: ECS developer guide, "CannotPullContainer task errors"; ECR user guide, "Private repository policies".
An image in a registry outside ECR cannot be looked up from here, and is no finding by itself.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from difflib import get_close_matches

from expressway.aws.values.dependencies import DependencyFacts, ImageFact, KeyFact, SecretFact
from expressway.aws.values.task_definition import SecretReference
from expressway.diagnose.catalog import make_finding
from expressway.diagnose.finding import Finding
from expressway.diagnose.messages import Statement, evidence_line, finding_of_message
from expressway.iam.evaluation import ResourceSide, access_decision, account_of, role_decision
from expressway.iam.required import PULL_ACTIONS
from expressway.privacy.untrusted import echoed

TOKEN_ACTION = "ecr:GetAuthorizationToken"  # noqa: S105 - the name of an action
_TAGS_SHOWN = 5


def image_findings(facts: DependencyFacts) -> tuple[Finding, ...]:
    """What keeps the images of a service from being pulled or run, each named by its reference."""
    found = (
        finding
        for image in facts.images
        for finding in (
            *_unreadable(image),
            *_repository_missing(image),
            *_image_missing(image),
            *_wrong_platform(image),
            *_pull_denied(image, facts),
            *_registry_refuses(image, facts),
        )
    )
    return softened_if_serving(found, facts)


def softened_if_serving(findings: Iterable[Finding], facts: DependencyFacts) -> tuple[Finding, ...]:
    """Warnings where all tasks of the service run: only the next task meets what is wrong."""
    if not facts.subject.serves:
        return tuple(findings)
    return tuple(replace(one, severity="warning") if one.severity == "critical" else one for one in findings)


def _unreadable(image: ImageFact) -> Iterator[Finding]:
    if image.presence == "invalid":
        yield make_finding(
            code="invalid_image_reference",
            cause=f"The container {image.reference.container} names an image that no registry can have: "
            f"{echoed(image.reference.image)} is no image reference.",
            evidence=(image.detail,),
            resource=image.reference.image,
        )


def _repository_missing(image: ImageFact) -> Iterator[Finding]:
    if image.presence == "repository_missing":
        yield make_finding(
            code="repository_not_found",
            cause=f"The image {image.reference.image} has no repository: account {image.account_id} has none of "
            f"that name in {image.region}.",
            evidence=(image.detail or f"ECR knows no {image.repository_arn}",),
            remedy="Correct the repository, its account and its region in the image URI, or create and fill it.",
            resource=image.reference.image,
        )


def _image_missing(image: ImageFact) -> Iterator[Finding]:
    if image.presence not in {"tag_missing", "digest_missing"}:
        return
    by_tag = image.presence == "tag_missing"
    wanted = image.reference.image.rpartition(":")[2] if ":" in image.reference.image.rpartition("/")[2] else "latest"
    repository = image.reference.image.partition("@")[0]
    yield make_finding(
        code="image_tag_not_found" if by_tag else "image_digest_not_found",
        cause=f"The repository of {repository} has no image tagged {wanted}."
        if by_tag
        else f"The repository {repository} has no image with the digest that {image.reference.image} names.",
        evidence=(_tags_there(image),),
        remedy=_tag_remedy(image, wanted) if by_tag else "Push the image again, or deploy an existing digest.",
        resource=image.reference.image,
    )


def _wrong_platform(image: ImageFact) -> Iterator[Finding]:
    if image.presence == "present" and image.platforms and not image.runs_on_tasks:
        yield make_finding(
            code="wrong_architecture",
            cause=f"The image {image.reference.image} is built for {', '.join(image.platforms)}, and the tasks run "
            f"on {image.wanted_platform}.",
            evidence=(f"platforms in the image's manifest: {', '.join(image.platforms)}",),
            remedy=f"Build it with --platform {image.wanted_platform}, or set the task's cpuArchitecture.",
            resource=image.reference.image,
        )


def _pull_denied(image: ImageFact, facts: DependencyFacts) -> Iterator[Finding]:
    """The execution role may not pull it: by its own policies, the repository's, or both across accounts."""
    if not image.repository_arn or image.presence in {"repository_missing", "invalid"}:
        return
    side = ResourceSide(image.account_id, image.repository_policy, image.policy_read)
    role = facts.execution_role
    denied = [
        action
        for action in PULL_ACTIONS
        if action != TOKEN_ACTION and access_decision(role, action, image.repository_arn, side) == "denied"
    ]
    if role_decision(role, TOKEN_ACTION, "*") == "denied":
        denied.insert(0, TOKEN_ACTION)
    if not denied or role is None:
        return
    foreign = image.account_id != facts.account_id
    yield make_finding(
        code="image_pull_denied",
        cause=f"The execution role {role.arn} may not pull {image.reference.image}: {', '.join(denied)} not allowed.",
        evidence=(
            f"the repository is in account {image.account_id}, the service in {facts.account_id}"
            if foreign
            else f"no policy of the role or of the repository allows that on {image.repository_arn}, or one denies it",
        ),
        remedy=f"Allow the role in the policy of the repository in account {image.account_id}, and those actions in "
        "the role's own policies."
        if foreign
        else "Attach service-role/AmazonECSTaskExecutionRolePolicy to the execution role.",
        resource=image.reference.image,
    )


def names_repository(text: str, repository: str) -> bool:
    """Whether the text names the repository itself, not one whose name begins or ends like it."""
    return bool(re.search(rf"(?<![\w.-]){re.escape(repository)}(?![\w-]|\.\w|/(?!manifests|blobs))", text))


def _registry_refuses(image: ImageFact, facts: DependencyFacts) -> Iterator[Finding]:
    """A registry outside ECR cannot be looked into; that it refuses the image is known from ECS alone."""
    if image.presence != "elsewhere":
        return
    name = image.reference.image.partition("@")[0].rpartition("/")[2].partition(":")[0]
    refusals = [
        text
        for text in facts.subject.task_statements
        if names_repository(text, name)
        and (cause := finding_of_message(Statement(text)))
        and cause.code == "image_pull_denied"
    ]
    if not refusals:
        return
    given = SecretReference(image.reference.container, "", image.reference.credentials).shown
    yield make_finding(
        code="registry_credentials_refused" if given else "registry_credentials_missing",
        cause=f"The registry of {image.reference.image} refuses it: the credentials that the container "
        f"{image.reference.container} has for it ({given}) are not accepted."
        if given
        else f"The registry of {image.reference.image} refuses it, and the container {image.reference.container} has "
        "no credentials for a private registry.",
        evidence=(evidence_line(refusals[0]),),
        remedy="Correct user name and password in that secret."
        if given
        else "Keep the credentials in a secret and name it as repositoryCredentials, or correct the image's name: "
        "registries refuse images that do not exist in the same words.",
        resource=image.reference.image,
        confidence="medium",
    )


def _tags_there(image: ImageFact) -> str:
    if not image.tags:
        return "the repository is there, and the image is not"
    more = ", …" if len(image.tags) > _TAGS_SHOWN else ""
    return f"existing tags, newest first: {', '.join(image.tags[:_TAGS_SHOWN])}{more}"


def _tag_remedy(image: ImageFact, wanted: str) -> str:
    near = get_close_matches(wanted, image.tags, n=1)
    suggestion = f"Did you mean {near[0]}? " if near else ""
    return f"{suggestion}Push the image with this tag, or deploy an existing tag or digest."


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
