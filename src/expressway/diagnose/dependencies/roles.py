"""The roles of a service: there, assumable by ECS, and with what Express Mode needs of them.

Sources: as of `role_checks`; ECS developer guide, "Amazon ECS task execution IAM role".
"""

from collections.abc import Callable, Iterator, Mapping

from expressway.aws.values.dependencies import DependencyFacts, RoleFact
from expressway.diagnose.catalog import make_finding
from expressway.diagnose.finding import Finding, Severity
from expressway.iam.evaluation import role_decision
from expressway.iam.required import EXECUTION_ROLE, INFRASTRUCTURE_ROLE, RoleNeeds, missing_actions, trusts
from expressway.iam.statements import statements, strings

_TASK_ROLE = RoleNeeds("task role", "ecs-tasks.amazonaws.com", "", ())
_SHOWN = 5


def role_findings(facts: DependencyFacts) -> tuple[Finding, ...]:
    """What is wrong with the execution, task and infrastructure roles. What could not be read concludes nothing."""
    return tuple(finding for rule in _RULES for finding in rule(facts))


def _missing(facts: DependencyFacts) -> Iterator[Finding]:
    for fact, needs in _roles(facts):
        if fact.presence == "missing":
            yield make_finding(
                code="role_not_found",
                severity=_severity(facts),
                cause=f"The {needs.purpose} {fact.arn} does not exist.",
                evidence=(f"iam:GetRole knows no role of that name in account {facts.account_id}",),
                remedy=f"Make the role anew, or name another one that trusts {needs.principal}.",
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
    _missing,
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


def _severity(facts: DependencyFacts) -> Severity:
    return "warning" if facts.subject.serves else "critical"
