"""What each operation of ECS and ECR does, judged for the whole of botocore's models: a new one shows up here."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expressway.ecs_api.effects import decide_operation, effect_of, is_repeatable, named_operation, replaces, verb_of
from expressway.privacy.gates import Gates
from tests.privacy.aws_shapes import SERVICES, operations

GOLDEN = Path(__file__).with_name("operation_effects.txt")
OPEN = Gates(allow_write=True, allow_sensitive_data=True)


def effects() -> str:
    lines: list[str] = []
    for service in SERVICES:
        for name in operations(service):
            effect = effect_of(service, name)
            word = "opens" if effect.opens else "writes" if effect.writes else "reads"
            lines.append(f"{service} {name} {word}{' repeatable' if is_repeatable(service, name, {}) else ''}")
    return "\n".join(lines) + "\n"


def test_every_operation_of_the_models_is_judged_as_a_person_has_read_it() -> None:
    assert effects() == GOLDEN.read_text(encoding="utf-8"), f"look at what is new, then write it into {GOLDEN.name}"


KNOWN_READS = {
    "Describe": "CapacityProviders Clusters ContainerInstances ExpressGatewayService ServiceDeployments "
    "ServiceRevisions Services TaskDefinition Tasks TaskSets",
    "List": "AccountSettings Attributes Clusters ContainerInstances ExpressGatewayServices ServiceDeployments "
    "Services ServicesByNamespace TagsForResource TaskDefinitionFamilies TaskDefinitions Tasks",
}


def test_what_agents_know_as_reads_are_reads() -> None:
    known = [f"{verb}{noun}" for verb, nouns in KNOWN_READS.items() for noun in nouns.split()]
    assert [name for name in known if effect_of("ecs", name).writes] == []


@pytest.mark.parametrize("service", SERVICES)
def test_however_an_operation_is_written_it_is_judged_the_same(service: str) -> None:
    for name in operations(service):
        snake = "".join(f"_{one.lower()}" if one.isupper() else one for one in name).lstrip("_")
        for written in (
            name,
            f"{name[0].lower()}{name[1:]}",
            snake,
            snake.replace("_", "-"),
            name.lower(),
            name.upper(),
        ):
            assert effect_of(*named_operation(f"{service}:{written}")) == effect_of(service, name), written
            assert effect_of(*named_operation(f" {service.upper()}.{written} ")) == effect_of(service, name), written


@given(st.from_regex(r"[A-Z][a-z]{2,10}[A-Z][a-z]{2,10}", fullmatch=True))
def test_an_unknown_operation_changes_something_unless_its_verb_reads(name: str) -> None:
    reads = verb_of(name) in {"Describe", "List", "Get"}
    assert effect_of("ecs", name).writes or reads
    assert reads or not decide_operation(name, effect_of("ecs", name), Gates()).allowed


@pytest.mark.parametrize("name", ["FrobnicateCluster", "Getaway", "Listen", "DescriberStart", "describeServices", ""])
def test_a_name_that_only_looks_like_a_read_is_none(name: str) -> None:
    assert effect_of("ecs", name).writes


@pytest.mark.parametrize("name", ["GetSessionToken", "GetTaskCredentials", "DescribeAgentPassword", "ListSecretValues"])
def test_an_operation_of_tomorrow_whose_name_speaks_of_a_door_needs_both_gates(name: str) -> None:
    effect = effect_of("ecs", name)
    assert not decide_operation(name, effect, Gates(allow_write=True)).allowed
    assert not decide_operation(name, effect, Gates(allow_sensitive_data=True)).allowed
    assert decide_operation(name, effect, OPEN).allowed


@pytest.mark.parametrize(
    ("service", "name"),
    [
        ("ecs", "ExecuteCommand"),
        ("ecs", "DiscoverPollEndpoint"),
        ("ecs", "SubmitTaskStateChange"),
        ("ecr", "GetAuthorizationToken"),
        ("ecr", "GetDownloadUrlForLayer"),
    ],
)
def test_what_opens_a_door_needs_both_gates_and_says_which_door(service: str, name: str) -> None:
    effect = effect_of(service, name)
    for gates in (Gates(), Gates(allow_write=True), Gates(allow_sensitive_data=True)):
        decision = decide_operation(name, effect, gates)
        assert not decision.allowed
        assert effect.opens in decision.message
        for variable, allowed in (
            ("ALLOW_WRITE", gates.allow_write),
            ("ALLOW_SENSITIVE_DATA", gates.allow_sensitive_data),
        ):
            assert (f"{variable}=true" in decision.hint) is not allowed
    assert decide_operation(name, effect, OPEN).allowed


def test_a_refused_change_names_what_it_would_have_touched() -> None:
    decision = decide_operation("StopTask", effect_of("ecs", "StopTask"), Gates(), touches=["task a in cluster b"])
    assert decision.code == "write_not_allowed"
    assert "task a in cluster b" in decision.message


def test_reads_need_no_gate() -> None:
    assert decide_operation("ListTasks", effect_of("ecs", "ListTasks"), Gates()).allowed


def test_only_what_aws_does_once_is_sent_again_by_itself() -> None:
    assert is_repeatable("ecs", "DescribeTasks", {})
    assert is_repeatable("ecs", "DeleteService", {})
    assert not is_repeatable("ecs", "RunTask", {})
    assert is_repeatable("ecs", "RunTask", {"clientToken": "t"})
    assert not is_repeatable("ecs", "RegisterTaskDefinition", {})
    assert not is_repeatable("ecs", "UpdateService", {"forceNewDeployment": True})
    assert not is_repeatable("ecr", "GetAuthorizationToken", {})


def test_deleting_and_updating_replace_what_is_there_and_running_and_stopping_do_not() -> None:
    assert all(replaces(name) for name in ("DeleteService", "UpdateService", "TagResource", "FrobnicateService"))
    assert not any(replaces(name) for name in ("RunTask", "StopTask", "CreateService", "StopServiceDeployment"))
