"""At a terminal: questions before changes, whole values however narrow it is, Ctrl-C with a word of comfort."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.cli.terminal import LONG, MuteAws, at_terminal

pytestmark = pytest.mark.process

URL = "http://ex-0123456789abcdef0123456789abcdef.ecs.us-east-1.localhost:45678/a/rather/long/path"
SHOW = (
    "from expressway.cli.views.views import show_mapping; "
    f"show_mapping({{'url': {URL!r}, 'tasks': [1, 2]}}, as_json=False)"
)
DELETE = ["-m", "expressway", "delete", "shop"]


@pytest.fixture
def mute_aws() -> Iterator[MuteAws]:
    aws = MuteAws()
    yield aws
    aws.close()


def test_deleting_asks_first_and_a_no_changes_nothing(mute_aws: MuteAws) -> None:
    with at_terminal(DELETE, columns=200, EXPRESSWAY_SANDBOX=mute_aws.url) as terminal:
        terminal.read_until(f"Delete shop on sandbox {mute_aws.url}")
        terminal.type("n\n")
        assert terminal.end() == 3
    assert "not_confirmed" in terminal.text
    assert not mute_aws.was_called


def test_an_answer_that_is_none_is_asked_for_again(mute_aws: MuteAws) -> None:
    with at_terminal(DELETE, columns=200, EXPRESSWAY_SANDBOX=mute_aws.url) as terminal:
        terminal.read_until("[y/N]")
        terminal.type("perhaps\n")
        terminal.read_until("Please answer y or n.")
        terminal.type("\n")
        assert terminal.end() == 3
    assert terminal.text.count("[y/N]") == 2


def test_the_end_of_the_input_is_a_stop(mute_aws: MuteAws) -> None:
    with at_terminal(DELETE, columns=200, EXPRESSWAY_SANDBOX=mute_aws.url) as terminal:
        terminal.read_until("[y/N]")
        terminal.type("\x04")
        assert terminal.end() == 130
    assert not mute_aws.was_called


def test_a_yes_goes_on_to_aws(mute_aws: MuteAws) -> None:
    with at_terminal(DELETE, columns=200, EXPRESSWAY_SANDBOX=mute_aws.url) as terminal:
        terminal.read_until("[y/N]")
        terminal.type("y\n")
        mute_aws.await_call()


def test_yes_as_an_option_is_not_asked_again(mute_aws: MuteAws) -> None:
    with at_terminal([*DELETE, "--yes"], columns=200, EXPRESSWAY_SANDBOX=mute_aws.url) as terminal:
        mute_aws.await_call()
    assert "Delete shop" not in terminal.text


def test_json_is_not_asked_for_at_a_terminal_either_but_needs_a_yes(mute_aws: MuteAws) -> None:
    with at_terminal([*DELETE, "--json"], columns=200, EXPRESSWAY_SANDBOX=mute_aws.url) as terminal:
        assert terminal.end() == 3
    assert json.loads(terminal.text)["error"]["code"] == "confirmation_required"
    assert not mute_aws.was_called


def test_leaving_the_question_with_ctrl_c_is_a_stop(mute_aws: MuteAws) -> None:
    with at_terminal(DELETE, columns=200, EXPRESSWAY_SANDBOX=mute_aws.url) as terminal:
        terminal.read_until("[y/N]")
        terminal.process.send_signal(signal.SIGINT)
        assert terminal.end() == 130
    assert not mute_aws.was_called


@pytest.mark.parametrize("columns", [20, 40, 80])
def test_a_table_never_cuts_its_values(columns: int) -> None:
    with at_terminal(["-c", SHOW], columns=columns) as terminal:
        assert terminal.end() == 0
    assert "…" not in terminal.text
    assert URL in "".join(line.removeprefix("url").removeprefix("tasks").strip() for line in terminal.text.splitlines())
    assert max(len(line) for line in terminal.text.splitlines()) <= columns


def test_piped_a_table_is_a_key_and_a_whole_value_on_each_line() -> None:
    done = subprocess.run([sys.executable, "-c", SHOW], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [f"url\t{URL}", "tasks\t[1, 2]"]


@pytest.mark.parametrize("as_json", [False, True])
def test_ctrl_c_exits_with_130_and_says_that_repeating_continues(mute_aws: MuteAws, as_json: bool) -> None:
    process = subprocess.Popen(
        [sys.executable, *DELETE, "--yes", *(["--json"] if as_json else [])],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "EXPRESSWAY_SANDBOX": mute_aws.url},
    )
    mute_aws.await_call()
    process.send_signal(signal.SIGINT)
    mute_aws.close()  # what is in progress in other threads comes to its end
    output, messages = process.communicate(timeout=LONG)
    assert process.returncode == 130
    assert "repeat the command and it continues" in messages
    assert "Traceback" not in messages
    assert (json.loads(output)["error"]["code"] == "stopped") if as_json else output == ""


@pytest.mark.parametrize(("terminal", "boxes"), [(True, True), (False, False)])
def test_help_has_boxes_where_somebody_sees_them(terminal: bool, boxes: bool) -> None:
    if terminal:
        with at_terminal(["-m", "expressway", "--help"]) as screen:
            assert screen.end() == 0
        text = screen.text
    else:
        command = [sys.executable, "-m", "expressway", "--help"]
        text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert ("╭" in text) is boxes
    assert "deploy" in text
