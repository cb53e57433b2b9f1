"""The log groups that containers write to: there, or made by a role that may; writable by the execution role.

Source: ECS developer guide, "Send Amazon ECS logs to CloudWatch" (``awslogs-create-group``).
"""

from collections.abc import Iterator

from expressway.aws.values.dependencies import DependencyFacts, LogGroupFact
from expressway.diagnose.catalog import make_finding
from expressway.diagnose.finding import Finding, Severity
from expressway.iam.evaluation import role_decision
from expressway.iam.required import LOG_ACTIONS

CREATE_GROUP = "logs:CreateLogGroup"


def log_group_findings(facts: DependencyFacts) -> tuple[Finding, ...]:
    """Log groups that are missing or may not be written to: a task whose log driver fails does not start."""
    return tuple(finding for group in facts.log_groups for finding in (*_missing(group, facts), *_denied(group, facts)))


def log_group_arn(group: LogGroupFact, facts: DependencyFacts) -> str:
    """The ARN of its streams, which IAM judges writing by. The partition is that of the execution role."""
    partition = facts.execution_role.arn.split(":")[1] if facts.execution_role else "aws"
    region = group.reference.region or facts.region
    return f"arn:{partition}:logs:{region}:{facts.account_id}:log-group:{group.reference.log_group}:*"


def _missing(group: LogGroupFact, facts: DependencyFacts) -> Iterator[Finding]:
    if group.presence != "missing":
        return
    name = group.reference.log_group
    if not group.reference.creates_group:
        why, remedy = "", "Create the log group, or deploy the stack that makes it: ECS does not make it by itself."
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


def _denied(group: LogGroupFact, facts: DependencyFacts) -> Iterator[Finding]:
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


def _severity(facts: DependencyFacts) -> Severity:
    return "warning" if facts.subject.serves else "critical"
