"""hadolint is asked on standard input, without anybody's configuration; its absence is told by one error."""

import stat
from pathlib import Path

import pytest

from expressway.containerize.review.hadolint import Hadolint, lint_finding
from expressway.errors import EngineError


def test_findings_come_with_rule_level_and_line() -> None:
    found = Hadolint()("FROM python\nRUN cd /tmp\n")
    assert {(each.rule, each.level, each.line) for each in found} >= {
        ("DL3006", "warning", 1),
        ("DL3003", "warning", 2),
    }
    finding = lint_finding(found[0], "Dockerfile")
    assert finding.resource.startswith("Dockerfile:")
    assert finding.remedy.startswith("https://")


def test_a_clean_dockerfile_has_none() -> None:
    assert Hadolint()('FROM debian:bookworm-slim\nUSER 1:1\nCMD ["true"]\n') == ()


def test_a_dockerfile_without_end_is_not_given_to_it() -> None:
    with pytest.raises(EngineError) as caught:
        Hadolint()("FROM debian\n" + "RUN true\n" * 10_000)
    assert caught.value.code == "dockerfile_too_long"


def test_the_configuration_of_the_folder_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".hadolint.yaml").write_text("ignored: [DL3006]\n")
    monkeypatch.chdir(tmp_path)
    assert [each.rule for each in Hadolint()("FROM python\n")] == ["DL3006"]


def test_a_linter_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(EngineError) as caught:
        Hadolint(tmp_path / "hadolint")("FROM python\n")
    assert caught.value.code == "hadolint_missing"


@pytest.mark.parametrize("script", ["echo no json", "exit 3", 'echo \'[{"code": "DL1"}]\''])
def test_a_linter_that_answers_something_else_is_an_error(script: str, tmp_path: Path) -> None:
    program = tmp_path / "hadolint"
    program.write_text(f"#!/bin/sh\ncat >/dev/null\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    with pytest.raises(EngineError) as caught:
        Hadolint(program)("FROM python\n")
    assert caught.value.code == "hadolint_failed"
