"""An application may be called image, a command pull, a role denied: what they are called changes no diagnosis."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expressway.diagnosis.facts import Statement
from expressway.diagnosis.foreign_names import names_hidden
from expressway.diagnosis.message_rules import cause_of_message
from tests.diagnosis.hostile_names import EVENTS, RESOURCES, SPOKEN, TASKS, WORDS, Message

EVERY = (*TASKS, *EVENTS, *RESOURCES)
names = st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map("-".join)
paths = st.lists(names, min_size=2, max_size=3).map("/".join)


def code_of(text: str) -> str:
    cause = cause_of_message(Statement(text))
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
    assert len(names_hidden(text)) == len(text)


@given(name=names, path=paths)
def test_names_are_told_as_they_are_though_no_rule_sees_them(name: str, path: str) -> None:
    image = f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/{path.lower()}:{name}"
    text = f"CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref {image}"

    cause = cause_of_message(Statement(f"{text}: {image}: not found"))
    command = cause_of_message(Statement(f'CannotStartContainerError: exec: "{name}": executable file not found'))

    assert cause is not None
    assert cause.sentence == f"The image {image} does not exist in its registry."
    assert command is not None
    assert f"its command ⟦{name}⟧ is not" in command.sentence
