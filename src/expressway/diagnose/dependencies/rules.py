"""Everything that can be said about what a service depends on: every room's rules over one set of facts."""

import re
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches

from expressway.aws.values.dependencies import (
    AlarmFact,
    DependencyFacts,
    KeyFact,
    LogGroupFact,
    RoleFact,
    ScalingActivity,
    ScalingFact,
    SecretFact,
)
from expressway.diagnose.catalog import make_finding
from expressway.diagnose.dependencies.image_rules import image_findings
from expressway.diagnose.finding import Finding, Severity, ranked
from expressway.iam.evaluation import ResourceSide, access_decision, account_of, role_decision
from expressway.iam.required import EXECUTION_ROLE, INFRASTRUCTURE_ROLE, LOG_ACTIONS, RoleNeeds, missing_actions, trusts
from expressway.iam.statements import statements, strings

_TASK_ROLE = RoleNeeds("task role", "ecs-tasks.amazonaws.com", "", ())
_SHOWN = 5


def role_findings(facts: DependencyFacts) -> tuple[Finding, ...]:
    """What is wrong with the execution, task and infrastructure roles. What could not be read concludes nothing."""
    return tuple(finding for rule in _RULES for finding in rule(facts))


def _missing_role(facts: DependencyFacts) -> Iterator[Finding]:
    for fact, needs in _roles(facts):
        if fact.presence == "missing":
            yield make_finding(
                code="role_not_found",
                severity=_severity(facts),
                cause=f"The {needs.purpose} {fact.arn} does not exist.",
                evidence=(f"iam:GetRole knows no role of that name in account {facts.account_id}",),
                remedy=f"Create the role again, or name another one that trusts {needs.principal}.",
                resource=fact.arn,
            )


def _not_assumable(facts: DependencyFacts) -> Iterator[Finding]:
    for fact, needs in _roles(facts):
        if fact.role is not None and fact.role.trust and not trusts(fact.role.trust, needs.principal):
            yield make_finding(
                code="role_not_assumable",
                severity=_severity(facts),
                cause=f"ECS cannot assume the {needs.purpose} {fact.arn}: its trust policy does not name "
                f"{needs.principal}.",
                evidence=(f"trusted services: {', '.join(_trusted(fact.role.trust)) or 'none'}",),
                remedy=f"Allow {needs.principal} sts:AssumeRole in the role's trust policy.",
                resource=fact.arn,
            )


def _execution_role_unset(facts: DependencyFacts) -> Iterator[Finding]:
    """Without an execution role nothing pulls from a private repository, reads a secret or writes a log on Fargate."""
    needed = facts.requirements
    if needed is None or needed.execution_role_arn or not needed.runs_on_fargate:
        return
    purposes = [
        name
        for name, present in (
            ("pull its image from a private ECR repository", any(one.repository_arn for one in facts.images)),
            ("read its secrets", bool(needed.secrets)),
            ("write its log", bool(needed.log_configurations)),
        )
        if present
    ]
    if purposes:
        yield make_finding(
            code="execution_role_unset",
            severity=_severity(facts),
            cause=f"The task definition names no execution role, so that no task can {' or '.join(purposes)}.",
            evidence=(f"{needed.arn}: no executionRoleArn",),
            resource=needed.arn,
        )


def _infrastructure_lacks(facts: DependencyFacts) -> Iterator[Finding]:
    """The infrastructure role lacks what ECS does with it; the often missing reads count while something is stuck."""
    fact = facts.infrastructure_role
    if fact is None or fact.role is None:
        return
    needs = INFRASTRUCTURE_ROLE
    wanted = (*needs.advisable, *needs.actions) if facts.subject.is_stuck else needs.actions
    lacking = [action for action in wanted if role_decision(fact, action, "*") == "denied" and _nowhere(fact, action)]
    if not lacking:
        return
    stuck = "; ECS cannot finish the service's infrastructure without" if facts.subject.is_stuck else ""
    more = f" and {len(lacking) - _SHOWN} more" if len(lacking) > _SHOWN else ""
    only_advisable = all(action in needs.advisable for action in lacking)
    yield make_finding(
        code="infrastructure_role_lacks_permission",
        severity="critical" if facts.subject.is_stuck else "warning",
        cause=f"The infrastructure role {fact.arn} lacks {', '.join(lacking[:_SHOWN])}{more}{stuck}.",
        evidence=(f"policies of the role: {', '.join(one.name for one in fact.role.policies) or 'none'}",),
        remedy=f"Add {' and '.join(lacking)} as an inline statement on *."
        if only_advisable
        else f"Attach service-role/{needs.managed_policy}, and add {' and '.join(needs.advisable)} inline.",
        resource=fact.arn,
        confidence="medium",
    )


_RULES: tuple[Callable[[DependencyFacts], Iterator[Finding]], ...] = (
    _missing_role,
    _not_assumable,
    _execution_role_unset,
    _infrastructure_lacks,
)


def _roles(facts: DependencyFacts) -> Iterator[tuple[RoleFact, RoleNeeds]]:
    named = (
        (facts.execution_role, EXECUTION_ROLE),
        (facts.task_role, _TASK_ROLE),
        (facts.infrastructure_role, INFRASTRUCTURE_ROLE),
    )
    yield from ((fact, needs) for fact, needs in named if fact is not None)


def _nowhere(fact: RoleFact, action: str) -> bool:
    """Whether no statement allows the action on anything at all: a narrow resource counts as given."""
    return bool(fact.role and missing_actions(fact.role.policies, (action,)))


def _trusted(trust: Mapping[str, object]) -> tuple[str, ...]:
    found: list[str] = []
    for statement in statements(trust):
        principal = statement.get("Principal", {})
        if isinstance(principal, Mapping):
            found += strings(principal.get("Service"))
    return tuple(dict.fromkeys(found))


_ERRORS = re.compile(r"HTTPCode_(?:Target|ELB)_(?P<kind>[45])XX")


def alarm_findings(facts: DependencyFacts) -> tuple[Finding, ...]:
    """One finding for each alarm that rolled the deployment back, with its metric and threshold."""
    return tuple(_finding(one) for one in facts.alarms if one.name in facts.subject.triggered_alarms)


def _finding(alarm: AlarmFact) -> Finding:
    kinds = sorted({match["kind"] for match in _ERRORS.finditer(alarm.metric)})
    watched = alarm.metric or "other alarms"
    limit = f" against {alarm.threshold:g}" if alarm.threshold is not None else ""
    about = f" ({', '.join(f'{name}={value}' for name, value in alarm.dimensions.items())})" if alarm.dimensions else ""
    met = f"it answered too many requests with {' and '.join(f'{kind}xx' for kind in kinds)} errors"
    return make_finding(
        code="error_rate_alarm" if kinds else "deployment_alarm",
        cause=f"The alarm {alarm.name} rolled the new version back: "
        + (f"{met}." if kinds else f"it watches {watched}{limit}, which the new version did not keep."),
        evidence=tuple(text for text in (f"{watched}{limit}{about}", alarm.state_reason) if text),
        remedy="Read the application's log for the failing requests; correct them and deploy again."
        if kinds
        else "Find what the new version does to that metric; correct it, or the alarm's threshold, and deploy again.",
        resource=alarm.arn or alarm.name,
    )


CREATE_GROUP = "logs:CreateLogGroup"


def log_group_findings(facts: DependencyFacts) -> tuple[Finding, ...]:
    """Log groups that are missing or may not be written to: a task whose log driver fails does not start."""
    return tuple(
        finding for group in facts.log_groups for finding in (*_missing_group(group, facts), *_log_denied(group, facts))
    )


def log_group_arn(group: LogGroupFact, facts: DependencyFacts) -> str:
    """The ARN of its streams, which IAM judges writing by. The partition is that of the execution role."""
    partition = facts.execution_role.arn.split(":")[1] if facts.execution_role else "aws"
    region = group.reference.region or facts.region
    return f"arn:{partition}:logs:{region}:{facts.account_id}:log-group:{group.reference.log_group}:*"


def _missing_group(group: LogGroupFact, facts: DependencyFacts) -> Iterator[Finding]:
    if group.presence != "missing":
        return
    name = group.reference.log_group
    if not group.reference.creates_group:
        why, remedy = "", "Create the log group, or deploy the stack that makes it: ECS does not create it."
    elif role_decision(facts.execution_role, CREATE_GROUP, log_group_arn(group, facts)) == "denied":
        why = f", and the execution role may not make it ({CREATE_GROUP} is not allowed)"
        remedy = f"Create the log group, or allow {CREATE_GROUP} on it in the execution role's policies."
    else:
        return
    yield make_finding(
        code="log_group_missing",
        severity=_severity(facts),
        cause=f"The container {group.reference.container} logs to {name}, which does not exist{why}.",
        evidence=(f"awslogs-group: {name}", f"awslogs-create-group: {str(group.reference.creates_group).lower()}"),
        remedy=remedy,
        resource=name,
    )


def _log_denied(group: LogGroupFact, facts: DependencyFacts) -> Iterator[Finding]:
    arn = log_group_arn(group, facts)
    denied = [action for action in LOG_ACTIONS if role_decision(facts.execution_role, action, arn) == "denied"]
    if denied and group.presence != "missing":
        yield make_finding(
            code="log_denied",
            severity=_severity(facts),
            cause=f"The execution role may not write the log of the container {group.reference.container}: "
            f"{' and '.join(denied)} not allowed.",
            evidence=(f"no policy of the role allows that on {arn}, or one denies it",),
            resource=group.reference.log_group,
        )


_AT_MAXIMUM = "AlreadyAtMaxCapacity"


def scaling_findings(facts: DependencyFacts) -> tuple[Finding, ...]:
    """What keeps the service from growing where its load asks for it. Running at the maximum alone is no finding."""
    return tuple(finding for rule in _SCALING_RULES for finding in rule(facts))


def _at_maximum(facts: DependencyFacts) -> Iterator[Finding]:
    scaling = facts.scaling
    if scaling is None or facts.subject.running_count < scaling.maximum:
        return
    evidence = (*_high_alarms(facts, scaling), *_refusals(scaling))
    if evidence:
        yield make_finding(
            code="scaling_at_maximum",
            cause=f"The service runs {facts.subject.running_count} tasks, the most that its autoscaling allows "
            f"({scaling.maximum}), and its load asks for more.",
            evidence=evidence,
            resource=facts.subject.resource,
        )


def _suspended(facts: DependencyFacts) -> Iterator[Finding]:
    scaling = facts.scaling
    if scaling is not None and scaling.scaling_out_suspended and _high_alarms(facts, scaling):
        yield make_finding(
            code="scaling_suspended",
            cause="Scaling out is suspended, and the service's load asks for more tasks.",
            evidence=_high_alarms(facts, scaling),
            resource=facts.subject.resource,
        )


def _failed(facts: DependencyFacts) -> Iterator[Finding]:
    newest = next(iter(facts.scaling.activities), None) if facts.scaling else None
    if newest is not None and newest.status == "Failed":
        yield make_finding(
            code="scaling_failed",
            cause="The newest scaling of the service failed.",
            evidence=_told(newest),
            resource=facts.subject.resource,
        )


def _quota_used_up(facts: DependencyFacts) -> Iterator[Finding]:
    """What ECS said of a quota, with its numbers; the requirement is one task's."""
    needed = facts.requirements.cpu_units / 1024 if facts.requirements else 0.0
    for quota in facts.quotas:
        if quota.used is not None and quota.used + needed > quota.value:
            yield make_finding(
                code="quota_exceeded",
                cause=f"The account may run {quota.value:g} vCPUs ({quota.name}), and {quota.used:g} are in use.",
                evidence=(f"quota {quota.code}: {quota.value:g}; in use: {quota.used:g}; a task needs {needed:g}",),
                remedy=f"Ask for more of the quota {quota.code} in the Service Quotas console, or stop other tasks.",
                resource=quota.code,
            ).in_own_words()


_SCALING_RULES: tuple[Callable[[DependencyFacts], Iterator[Finding]], ...] = (
    _at_maximum,
    _suspended,
    _failed,
    _quota_used_up,
)


def _high_alarms(facts: DependencyFacts, scaling: ScalingFact) -> tuple[str, ...]:
    """The alarms that scale out and are in ALARM: those of a target tracking policy that watch for too much."""
    names = {name for policy in scaling.policies for name in policy.alarm_names}
    return tuple(
        _alarm_line(one) for one in facts.alarms if one.name in names and one.state == "ALARM" and _is_high(one)
    )


def _is_high(alarm: AlarmFact) -> bool:
    return alarm.comparison.startswith("GreaterThan")


def _alarm_line(alarm: AlarmFact) -> str:
    return f"alarm {alarm.name} is in ALARM: {alarm.state_reason or alarm.metric}"


def _refusals(scaling: ScalingFact) -> tuple[str, ...]:
    newest = next(iter(scaling.activities), None)
    return _told(newest) if newest is not None and _AT_MAXIMUM in newest.not_scaled_reasons else ()


def _told(activity: ScalingActivity) -> tuple[str, ...]:
    texts = (activity.status_message, activity.cause, activity.description, ", ".join(activity.not_scaled_reasons))
    return tuple(dict.fromkeys(text for text in texts if text))


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
    return tuple(finding for secret in facts.secrets for rule in _SECRET_RULES for finding in rule(secret, facts))


def _missing(secret: SecretFact, facts: DependencyFacts) -> Iterator[Finding]:
    if secret.presence == "missing":
        reference = secret.reference
        kind = "parameter" if reference.is_parameter else "secret"
        where = f"account {reference.account_id or facts.account_id} in {reference.region or facts.region}"
        for_what = "its registry's credentials" if not reference.variable else f"its variable {reference.variable}"
        yield make_finding(
            code="secret_not_found" if reference.variable else "registry_credentials_missing",
            severity=_severity(facts),
            cause=f"The container {reference.container} takes {for_what} from the {kind} {reference.shown}, "
            f"which does not exist in {where}.",
            evidence=(f"valueFrom: {reference.value_from}",),
            remedy=f"Create the {kind}, or correct its ARN (the name differs between regions and accounts).",
            resource=reference.shown,
        )


def _deleted(secret: SecretFact, facts: DependencyFacts) -> Iterator[Finding]:
    if secret.presence == "present" and secret.deleted_at is not None:
        yield make_finding(
            code="secret_deleted",
            severity=_severity(facts),
            cause=f"The secret {secret.reference.shown} is marked for deletion, and cannot be read any more.",
            evidence=(f"DeletedDate: {secret.deleted_at.isoformat()}",),
            resource=secret.arn or secret.reference.shown,
        )


def _stage_missing(secret: SecretFact, facts: DependencyFacts) -> Iterator[Finding]:
    stage = secret.reference.version_stage
    if secret.presence != "present" or not stage or not secret.stages or stage in secret.stages:
        return
    near = get_close_matches(stage, secret.stages, n=1) or list(secret.stages[:1])
    yield make_finding(
        code="secret_version_missing",
        severity=_severity(facts),
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
            severity=_severity(facts),
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
        severity=_severity(facts),
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
            severity=_severity(facts),
            cause=f"The execution role {_role(facts)} may not decrypt {secret.reference.shown}: kms:Decrypt "
            "is not allowed on the secret's own key.",
            evidence=(f"neither the role's policies nor the key's allow kms:Decrypt on {key.arn}, or one denies it",),
            remedy="Allow kms:Decrypt on exactly this key in the execution role's policies, or the role in the key's.",
            resource=key.arn,
        )


_SECRET_RULES: tuple[Callable[[SecretFact, DependencyFacts], Iterator[Finding]], ...] = (
    _missing,
    _deleted,
    _stage_missing,
    _denied,
    _key_unusable,
    _decrypt_denied,
)


def _key(secret: SecretFact, facts: DependencyFacts) -> KeyFact | None:
    if secret.presence != "present" or not secret.kms_key_id or is_aws_owned(secret.kms_key_id):
        return None
    return facts.key(secret.kms_key_id)


def _severity(facts: DependencyFacts) -> Severity:
    return "warning" if facts.subject.serves else "critical"


def _role(facts: DependencyFacts) -> str:
    return facts.execution_role.arn if facts.execution_role else ""


def dependency_findings(facts: DependencyFacts) -> tuple[Finding, ...]:
    """The findings about images, secrets, roles, log groups, scaling, alarms and quotas, ranked.

    For a service all of whose tasks run, what only the next task meets is a warning.
    """
    return ranked(
        (
            *image_findings(facts),
            *secret_findings(facts),
            *role_findings(facts),
            *log_group_findings(facts),
            *alarm_findings(facts),
            *scaling_findings(facts),
        )
    )
