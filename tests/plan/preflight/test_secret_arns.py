"""The ARNs of secrets are those that Secrets Manager tells, whatever the text of a definition looks like."""

import json
from typing import Any

import pytest

from expressway.app.definition import AppDefinition
from expressway.app.parse import parse_definition
from expressway.aws.values.dependencies import SecretFact
from expressway.aws.values.task_definition import SecretReference
from expressway.cloudformation.stack import StackState
from expressway.core.progress import Progress
from expressway.errors import TargetError
from expressway.plan.preflight.secret_arns import with_complete_arns
from tests.deploy.fakes import InMemoryNamed, World

PREFIX = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:"
PARAMETER = "arn:aws:ssm:eu-west-1:111122223333:parameter/api"
LOOKS_COMPLETE, COMPLETE = f"{PREFIX}shop/api-secret", f"{PREFIX}shop/api-secret-631cfd"


def definition(**secrets: str) -> AppDefinition:
    return parse_definition({"name": "shop", "image": "nginx:1", "secrets": secrets})


def completed(given: AppDefinition, named: InMemoryNamed, deployed: object = None) -> tuple[AppDefinition, list[str]]:
    told: list[Progress] = []
    stack = StackState("shop-express-service", "id", "UPDATE_COMPLETE", template=json.dumps(deployed))
    made = with_complete_arns(given, secrets=lambda: named, deployed=lambda: stack, progress=told.append)
    return made, [one.message for one in told]


def test_the_arn_that_was_looked_up_is_named_with_what_follows_it() -> None:
    given = definition(A=LOOKS_COMPLETE, B=f"{LOOKS_COMPLETE}:key:AWSPREVIOUS:0123", C=PARAMETER)
    made, told = completed(given, InMemoryNamed(complete={LOOKS_COMPLETE: COMPLETE}))
    assert made.secrets == {"A": COMPLETE, "B": f"{COMPLETE}:key:AWSPREVIOUS:0123", "C": PARAMETER}
    assert made.complete_secret_arns
    assert not told
    assert completed(made, InMemoryNamed())[0] is made


def test_a_secret_that_may_not_be_looked_up_keeps_what_was_written_and_that_is_told() -> None:
    other = f"{PREFIX}other"
    given = definition(A=LOOKS_COMPLETE, B=other)
    made, (warning,) = completed(given, InMemoryNamed(complete={LOOKS_COMPLETE: COMPLETE}, denied={other}))
    assert made.secrets == {"A": COMPLETE, "B": other}
    assert not made.complete_secret_arns
    assert "not authorized" in warning


def test_a_secret_that_does_not_exist_keeps_what_was_written() -> None:
    made, told = completed(definition(A=LOOKS_COMPLETE), InMemoryNamed())
    assert (made.secrets, made.complete_secret_arns, told) == ({"A": LOOKS_COMPLETE}, False, [])


def template(value_from: str, *resources: str) -> dict[str, Any]:
    return {"Secrets": [{"Name": "A", "ValueFrom": value_from}], "Statement": [{"Resource": list(resources)}]}


@pytest.mark.parametrize(
    ("deployed", "expected"),
    [
        (template(COMPLETE, COMPLETE), COMPLETE),
        (template(f"{COMPLETE}:key::", COMPLETE), COMPLETE),
        (template(LOOKS_COMPLETE, LOOKS_COMPLETE), LOOKS_COMPLETE),
        (template(LOOKS_COMPLETE, LOOKS_COMPLETE, f"{LOOKS_COMPLETE}-??????"), None),
        (template(f"{COMPLETE}x", f"{LOOKS_COMPLETE}s-631cfd"), None),
        (template(COMPLETE, f"{LOOKS_COMPLETE}-aaaaaa"), None),
        (None, None),
    ],
)
@pytest.mark.parametrize("denied", [True, False])
def test_a_secret_that_is_gone_or_may_not_be_looked_up_stays_as_it_is_deployed(
    deployed: object, expected: str | None, denied: bool
) -> None:
    named = InMemoryNamed(denied={LOOKS_COMPLETE} if denied else set())
    made, told = completed(definition(A=f"{LOOKS_COMPLETE}:key::"), named, deployed)
    assert made.secrets == {"A": f"{expected or LOOKS_COMPLETE}:key::"}
    assert made.complete_secret_arns == (expected is not None)
    assert len(told) == denied


@pytest.mark.parametrize(
    ("deployed", "also"),
    [
        (template(LOOKS_COMPLETE), {"A": LOOKS_COMPLETE}),
        (template(LOOKS_COMPLETE, LOOKS_COMPLETE, f"{LOOKS_COMPLETE}-??????"), {}),
        (template(LOOKS_COMPLETE, LOOKS_COMPLETE, f"{LOOKS_COMPLETE}-??????"), {"A": LOOKS_COMPLETE}),
        (template(COMPLETE, COMPLETE), {}),
    ],
)
def test_a_secret_that_is_not_known_is_never_taken_for_another_one_whose_name_is_longer(
    deployed: object, also: dict[str, str]
) -> None:
    short = f"{PREFIX}shop/api"
    made, _ = completed(definition(B=short, **also), InMemoryNamed(denied={short, LOOKS_COMPLETE}), deployed)
    assert made.secrets["B"] == short


def test_without_secrets_of_secrets_manager_nothing_is_asked() -> None:
    def unasked() -> Any:
        raise TargetError("asked", "asked", "asked")

    for given in (definition(), definition(C=PARAMETER)):
        assert with_complete_arns(given, secrets=unasked, deployed=unasked, progress=lambda _: None) is given


def test_deploying_synthesizes_with_the_arns_that_were_looked_up() -> None:
    app = World()
    app.definition = {"secrets": {"A": LOOKS_COMPLETE}}
    app.named.complete = {LOOKS_COMPLETE: COMPLETE}
    app.named.there = {COMPLETE: SecretFact(SecretReference("Main", "A", COMPLETE), "present")}
    app.deploy()
    assert [one.secrets for one in app.synthesized] == [{"A": COMPLETE}]
