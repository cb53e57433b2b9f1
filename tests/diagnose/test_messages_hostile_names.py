"""An application may be called image, a command pull, a role denied: what they are called changes no diagnosis."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expressway.aws.values.service import ContainerState, ServiceEvent
from expressway.diagnose.exits.rules import category_of, what_failed
from expressway.diagnose.facts import killed_for_memory
from expressway.diagnose.image.action import pull_findings
from expressway.diagnose.messages import Statement, finding_of_message, mask_user_identifiers
from tests.diagnose.dependencies.samples import FAILING, HEALTHY, IMAGE
from tests.diagnose.hostile_names import EVENTS, RESOURCES, SPOKEN, TASKS, WORDS, Message
from tests.diagnose.service.situations import (
    START,
    codes,
    exited,
    failed_deployment,
    first,
    situation,
    task,
    unhealthy,
)

EVERY = (*TASKS, *EVENTS, *RESOURCES)
names = st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map("-".join)
paths = st.lists(names, min_size=2, max_size=3).map("/".join)


def code_of(text: str) -> str:
    cause = finding_of_message(Statement(text))
    return cause.code if cause else ""


@pytest.mark.parametrize("message", EVERY, ids=lambda one: one.text[:60])
@settings(max_examples=25)
@given(name=names, path=paths)
def test_what_a_message_is_about_does_not_depend_on_the_names_in_it(message: Message, name: str, path: str) -> None:
    assert code_of(message.naming("web")) == message.code
    assert code_of(message.naming(name, path)) == message.code


@pytest.mark.parametrize("word", WORDS)
def test_each_word_of_another_message_is_a_name_like_any_other(word: str) -> None:
    told = {message.text: code_of(message.naming(word, f"{word}/{word}")) for message in EVERY}

    assert told == {message.text: message.code for message in EVERY}


@pytest.mark.parametrize("spoken", SPOKEN)
def test_a_command_may_say_anything(spoken: str) -> None:
    quoted = spoken.replace('"', '\\"')
    commands = [message for message in EVERY if message.is_spoken]

    assert [code_of(message.naming(quoted)) for message in commands] == [message.code for message in commands]


@given(st.text())
def test_hiding_names_moves_nothing(text: str) -> None:
    assert len(mask_user_identifiers(text)) == len(text)


@given(name=names, path=paths)
def test_names_are_told_as_they_are_though_no_rule_sees_them(name: str, path: str) -> None:
    image = f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/{path.lower()}:{name}"
    text = f"CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref {image}"

    cause = finding_of_message(Statement(f"{text}: {image}: not found"))
    command = finding_of_message(Statement(f'CannotStartContainerError: exec: "{name}": executable file not found'))

    assert cause is not None
    assert cause.sentence == f"The image {image} does not exist in its registry."
    assert command is not None
    assert f"its command ⟦{name}⟧ is not" in command.sentence


@pytest.mark.parametrize("word", WORDS)
def test_no_name_changes_the_category_of_a_task(word: str) -> None:
    def categories(name: str) -> list[str]:
        texts = [message.naming(name, f"{name}/{name}") for message in TASKS]
        return [
            category_of(exited(exit_code=None, stop_code="TaskFailedToStart", stopped_reason=text)) for text in texts
        ]

    assert categories(word) == categories("web") == [message.category for message in TASKS]


def test_no_name_is_taken_for_the_name_of_an_error() -> None:
    started = exited(exit_code=None, stop_code="TaskFailedToStart")

    assert what_failed(started, "(service CannotPullContainerError) went its way") == "A task could not start"


@pytest.mark.parametrize(
    "command", ["oom-killer", "oomkill", "OutOfMemory", "out of memory", "killed due to memory usage"]
)
def test_a_command_called_after_memory_was_not_killed_for_it(command: str) -> None:
    assert not killed_for_memory(f'CannotStartContainerError: exec: "{command}": executable file not found in $PATH')


@pytest.mark.parametrize(
    "said",
    [
        "OutOfMemoryError: Container killed due to memory usage",
        "container init was OOM-killed (memory limit too low?)",
    ],
)
def test_a_container_that_was_killed_for_its_memory_is_told(said: str) -> None:
    assert killed_for_memory(said)


@pytest.mark.parametrize("name", ["unhealthy", "unhealthy-timeout", "health-check"])
def test_a_steady_service_whose_name_speaks_of_health_fails_no_check(name: str) -> None:
    steady = ServiceEvent(START, f"(service {name}) has reached a steady state.")

    assert codes(situation(events=(steady,))) == []


@pytest.mark.parametrize("name", ["timeout-test", "refused", "timed-out", "status"])
def test_a_check_without_an_answer_is_told_alike_whatever_the_load_balancer_is_called(name: str) -> None:
    def told(called: str) -> tuple[str, str]:
        group = f"arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/{called}/404"
        failed = unhealthy(stopped_reason=f"Task failed ELB health checks in (target-group {group})")
        event = ServiceEvent(START, f"(service {called}) (task 1) (port 8080) is unhealthy in (target-group {group}).")
        finding = first(situation(failed, deployment=failed_deployment(), targets=(), events=(event,)))
        return finding.code, finding.cause

    assert told(name) == told("web")


@pytest.mark.parametrize("name", ["timeout", "timed-out"])
def test_a_container_may_be_called_like_the_reason_for_which_checks_fail(name: str) -> None:
    sick = task(health="UNHEALTHY", containers=(ContainerState(name, "RUNNING", health="UNHEALTHY"),))

    assert "in time" not in first(situation(sick)).cause


def test_what_an_application_writes_is_no_answer_to_a_health_check() -> None:
    log = {1: ("GET /healthz", "error: upstream answered status 503")}
    finding = first(situation(unhealthy(), deployment=failed_deployment(), targets=(), logs=log))

    assert finding.code != "health_check_server_error"


def test_an_image_is_not_taken_for_one_whose_name_begins_like_it() -> None:
    repository = IMAGE.partition("@")[0].rpartition(":")[0]
    images = [
        replace(HEALTHY.images[0], reference=replace(HEALTHY.images[0].reference, image=f"{repository}{rest}"))
        for rest in (":v1", "-admin:v1")
    ]
    missing = f"{repository}-admin:v1"
    said = f"CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref {missing}"
    failed = exited(exit_code=None, stop_code="TaskFailedToStart", stopped_reason=f"{said}: {missing}: not found")

    (finding,) = pull_findings(replace(HEALTHY, subject=FAILING, images=tuple(images)), [failed])

    assert (finding.code, finding.resource) == ("image_not_found", missing)
