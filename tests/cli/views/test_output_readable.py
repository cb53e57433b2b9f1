"""What the operator sees: what others wrote is shown, without marks, terminal escapes and known secrets."""

import json

import pytest

from expressway.cli.views.output import data_console, escape, message_console, print_error, print_json
from expressway.cli.views.progress import ProgressLines, ProgressPrinter
from expressway.cli.views.views import show_mapping
from expressway.core.progress import Progress
from expressway.errors import StackError
from expressway.privacy.untrusted import quoted
from tests.secret_samples import SecretSource

URL, SECRET = SecretSource(5).of_kind("postgres url")
LINE = f"\x1b[2J{URL} [bold]"
SENTENCE = f"The container Main exited with code 1: {quoted(LINE)} (shop ended in ROLLBACK_COMPLETE.)"
FAILED = StackError("deployment_failed", SENTENCE, "Correct it.", {"evidence": [LINE, "exit code 1"]})


@pytest.mark.parametrize("as_json", [True, False])
def test_an_error_tells_the_line_of_the_log_and_no_secret(capsys: pytest.CaptureFixture[str], as_json: bool) -> None:
    print_error(FAILED, as_json=as_json)
    told = capsys.readouterr()
    text = told.out if as_json else " ".join(told.err.split())
    assert "exited with code 1: cannot reach postgres://[masked]@db.internal:5432/web [bold] (shop ended" in text
    assert SECRET not in text
    assert not any(mark in text for mark in ("⟦", "⟧", "\x1b[2J", "\\u001b"))


@pytest.mark.parametrize("as_json", [True, False])
def test_so_does_an_answer(capsys: pytest.CaptureFixture[str], as_json: bool) -> None:
    show_mapping({"last_error": {"message": SENTENCE}}, as_json=as_json)
    text = capsys.readouterr().out
    assert "exited with code 1: cannot reach postgres://[masked]@" in text
    assert SECRET not in text
    assert "⟦" not in text


@pytest.mark.parametrize("printer", [ProgressPrinter(), ProgressLines()])
def test_so_does_a_line_of_progress(
    capsys: pytest.CaptureFixture[str], printer: ProgressPrinter | ProgressLines
) -> None:
    printer(Progress("service", SENTENCE, level="warning"))
    text = capsys.readouterr().err
    assert SECRET not in text
    assert "⟦" not in text
    assert "exited with code 1" in text


def test_no_word_between_colons_becomes_a_picture(capsys: pytest.CaptureFixture[str]) -> None:
    arn = "arn:aws:secretsmanager:us-east-1:000000000000:secret:web-AbCdEf"
    show_mapping({"value": arn}, as_json=False)
    data_console().print(f"{escape(arn)} :warning:")
    message_console().print(f"{escape(arn)} :warning:")
    told = capsys.readouterr()
    assert told.out.count(arn) == 2
    assert told.err.strip() == f"{arn} :warning:"
    assert f"{arn} :warning:" in told.out


def test_what_is_to_be_used_again_is_printed_to_the_letter(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"value": LINE}, exact=True)
    assert json.loads(capsys.readouterr().out) == {"value": LINE}
    assert escape(URL, exact=True) == URL
