"""What holds of every policy, every stack and every set of facts, whatever is in them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from expressway.aws.values.dependencies import DependencyFacts, LogGroupFact, RoleFact, RolePolicy, SecretFact
from expressway.cloudformation.history import StackHistory
from expressway.cloudformation.stack import StackEvent
from expressway.diagnose.dependencies.rules import dependency_findings
from expressway.diagnose.stack.rules import first_failures
from expressway.iam.evaluation import ResourceSide, access_decision, role_decision
from tests.diagnose.dependencies.samples import (
    ACCOUNT,
    EXECUTION_ROLE_ARN,
    FAILING,
    HEALTHY,
    REQUIREMENTS,
    SECRET_ARN,
    allow,
    deny,
    execution_role,
    inline,
)

READ = "secretsmanager:GetSecretValue"
ACTIONS = st.sampled_from(["*", "secretsmanager:*", READ, "secretsmanager:getsecretvalue", "ssm:*", "s3:GetObject"])
RESOURCES = st.sampled_from(["*", SECRET_ARN, SECRET_ARN[:-6] + "??????", "arn:aws:s3:::bucket/*", "${aws:username}"])
CONDITIONS = st.sampled_from([{}, {"Condition": {"StringEquals": {"aws:SourceVpce": "vpce-1"}}}])


@st.composite
def policies(draw: st.DrawFn) -> list[RolePolicy]:
    found: list[RolePolicy] = []
    for number in range(draw(st.integers(0, 3))):
        if draw(st.booleans()):
            make = draw(st.sampled_from([allow, deny]))
            statement: Any = make(draw(ACTIONS), draw(RESOURCES), **draw(CONDITIONS))
            found.append(inline(statement, name=f"p{number}"))
        else:
            found.append(RolePolicy(f"p{number}", f"arn:aws:iam::{ACCOUNT}:policy/p{number}"))
    return found


@given(policies())
def test_a_deny_of_everything_denies_whatever_else_is_allowed(given_policies: list[RolePolicy]) -> None:
    role = execution_role(*given_policies, inline(deny("*")))

    assert role_decision(role, READ, SECRET_ARN) == "denied"
    assert access_decision(role, READ, SECRET_ARN, ResourceSide(ACCOUNT)) == "denied"


@given(policies())
def test_one_more_allow_never_denies_and_one_more_deny_never_allows(given_policies: list[RolePolicy]) -> None:
    before = role_decision(execution_role(*given_policies), READ, SECRET_ARN)
    allowed = role_decision(execution_role(*given_policies, inline(allow(READ))), READ, SECRET_ARN)
    denied = role_decision(execution_role(*given_policies, inline(deny(READ, "arn:aws:s3:::x"))), READ, SECRET_ARN)

    assert before == "denied" or allowed != "denied"
    assert denied == before, "a Deny about something else changes nothing"


@given(policies())
def test_a_policy_that_may_not_be_read_never_makes_a_finding(given_policies: list[RolePolicy]) -> None:
    unread = RolePolicy("unread", f"arn:aws:iam::{ACCOUNT}:policy/unread")
    without_denies = [one for one in given_policies if "Deny" not in str(one.document)]
    facts = replace(HEALTHY, subject=FAILING, execution_role=execution_role(*without_denies, unread))

    assert dependency_findings(facts) == ()


UNREAD_PARTS: dict[str, Any] = {
    "images": (replace(HEALTHY.images[0], presence="unread", digest="", platforms=(), policy_read=False),),
    "secrets": tuple(SecretFact(one, "unread") for one in REQUIREMENTS.secrets),
    "keys": (),
    "execution_role": RoleFact(EXECUTION_ROLE_ARN, "unread"),
    "infrastructure_role": RoleFact("arn:infrastructure", "unread"),
    "log_groups": (LogGroupFact(REQUIREMENTS.log_configurations[0], "unread"),),
    "scaling": None,
    "requirements": None,
}


@given(st.sets(st.sampled_from(sorted(UNREAD_PARTS))), st.booleans(), st.booleans())
def test_healthy_facts_make_no_finding_whichever_of_them_were_not_read(
    unread: set[str], failing: bool, stuck: bool
) -> None:
    subject = replace(FAILING if failing else HEALTHY.subject, is_stuck=stuck, names_a_quota=True)
    facts: DependencyFacts = replace(HEALTHY, subject=subject, **{name: UNREAD_PARTS[name] for name in unread})

    assert dependency_findings(facts) == ()


REASONS = st.sampled_from(["Resource creation cancelled", "The following resource(s) failed to create: [A].", "real"])
STATUSES = st.sampled_from(["CREATE_FAILED", "CREATE_IN_PROGRESS", "UPDATE_FAILED", "ROLLBACK_IN_PROGRESS"])


@given(st.lists(st.tuples(st.integers(0, 9), STATUSES, REASONS), max_size=12))
def test_a_consequence_is_never_the_cause_where_there_is_one(happened: list[tuple[int, str, str]]) -> None:
    start = datetime(2026, 11, 1, tzinfo=UTC)
    events = tuple(
        StackEvent(start + timedelta(seconds=second), f"R{second}", "", "AWS::IAM::Role", status, reason)
        for second, status, reason in sorted(happened)
    )
    found = first_failures(StackHistory("web", "arn:web", "CREATE_FAILED", events=events))
    real = [one for one in events if one.failed and one.reason == "real"]

    assert all(one.event.failed for one in found)
    assert [one.event for one in found] == real or not real
    assert bool(found) == any(one.failed for one in events)
