"""What is wrong with what a service depends on: roles, log groups, alarms, scaling and quotas."""

import re
from collections.abc import Iterator, Mapping

from expressway.aws.values.dependencies import (
    AlarmFact,
    DependencyFacts,
    LogGroupFact,
    RoleFact,
    ScalingActivity,
    ScalingFact,
)
from expressway.diagnose.catalog import make_finding
from expressway.diagnose.dependencies.start_rules import image_findings, secret_findings, softened_if_serving
from expressway.diagnose.finding import Finding, ranked
from expressway.iam.evaluation import role_decision
from expressway.iam.required import (
    EXECUTION_ROLE,
    INFRASTRUCTURE_ROLE,
    LOG_ACTIONS,
    RoleNeeds,
    missing_actions,
    statements,
    strings,
    trusts,
)

_TASK_ROLE = RoleNeeds("task role", "ecs-tasks.amazonaws.com", "", ())
_SHOWN = 5


def role_findings(facts: DependencyFacts) -> tuple[Finding, ...]:
    """What is wrong with the execution, task and infrastructure roles. What could not be read concludes nothing."""
    found = (*_missing_role(facts), *_not_assumable(facts), *_execution_role_unset(facts))
    return (*softened_if_serving(found, facts), *_infrastructure_lacks(facts))


def _missing_role(facts: DependencyFacts) -> Iterator[Finding]:
    for fact, needs in _roles(facts):
        if fact.presence == "missing":
            yield make_finding(
                code="role_not_found",
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
    nowhere = missing_actions(fact.role.policies, wanted)  # an action that is allowed on a narrow resource counts
    lacking = [action for action in nowhere if role_decision(fact, action, "*") == "denied"]
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


def _roles(facts: DependencyFacts) -> Iterator[tuple[RoleFact, RoleNeeds]]:
    named = (
        (facts.execution_role, EXECUTION_ROLE),
        (facts.task_role, _TASK_ROLE),
        (facts.infrastructure_role, INFRASTRUCTURE_ROLE),
    )
    yield from ((fact, needs) for fact, needs in named if fact is not None)


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
    found = (
        finding for group in facts.log_groups for finding in (*_missing_group(group, facts), *_log_denied(group, facts))
    )
    return softened_if_serving(found, facts)


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
            cause=f"The execution role may not write the log of the container {group.reference.container}: "
            f"{' and '.join(denied)} not allowed.",
            evidence=(f"no policy of the role allows that on {arn}, or one denies it",),
            resource=group.reference.log_group,
        )


_AT_MAXIMUM = "AlreadyAtMaxCapacity"


def scaling_findings(facts: DependencyFacts) -> tuple[Finding, ...]:
    """What keeps the service from growing although its load asks for it. Running at the maximum alone is no finding."""
    limits = _scaling_limits(facts, facts.scaling) if facts.scaling else ()
    return (*limits, *_quota_used_up(facts))


def _scaling_limits(facts: DependencyFacts, scaling: ScalingFact) -> Iterator[Finding]:
    service = facts.subject.resource
    alarms = _high_alarms(facts, scaling)
    newest = next(iter(scaling.activities), None)
    refusals = _texts(newest) if newest is not None and _AT_MAXIMUM in newest.not_scaled_reasons else ()
    if facts.subject.running_count >= scaling.maximum and (alarms or refusals):
        yield make_finding(
            code="scaling_at_maximum",
            cause=f"The service runs {facts.subject.running_count} tasks, the most that its autoscaling allows "
            f"({scaling.maximum}), and its load asks for more.",
            evidence=(*alarms, *refusals),
            resource=service,
        )
    if scaling.scaling_out_suspended and alarms:
        cause = "Scaling out is suspended, and the service's load asks for more tasks."
        yield make_finding(code="scaling_suspended", cause=cause, evidence=alarms, resource=service)
    if newest is not None and newest.status == "Failed":
        cause = "The newest scaling of the service failed."
        yield make_finding(code="scaling_failed", cause=cause, evidence=_texts(newest), resource=service)


def _quota_used_up(facts: DependencyFacts) -> Iterator[Finding]:
    needed = facts.requirements.cpu_units / 1024 if facts.requirements else 0.0  # one task's
    for quota in facts.quotas:
        if quota.used is not None and quota.used + needed > quota.value:
            yield make_finding(
                code="quota_exceeded",
                cause=f"The account may run {quota.value:g} vCPUs ({quota.name}), and {quota.used:g} are in use.",
                evidence=(f"quota {quota.code}: {quota.value:g}; in use: {quota.used:g}; a task needs {needed:g}",),
                remedy=f"Ask for more of the quota {quota.code} in the Service Quotas console, or stop other tasks.",
                resource=quota.code,
            ).in_own_words()


def _high_alarms(facts: DependencyFacts, scaling: ScalingFact) -> tuple[str, ...]:
    """The alarms in ALARM of a target tracking policy that scale out."""
    names = {name for policy in scaling.policies for name in policy.alarm_names}
    return tuple(
        f"alarm {one.name} is in ALARM: {one.state_reason or one.metric}"
        for one in facts.alarms
        if one.name in names and one.state == "ALARM" and one.comparison.startswith("GreaterThan")
    )


def _texts(activity: ScalingActivity) -> tuple[str, ...]:
    texts = (activity.status_message, activity.cause, activity.description, ", ".join(activity.not_scaled_reasons))
    return tuple(dict.fromkeys(text for text in texts if text))


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
