"""The linters: they find what is wrong, run outside this process, and are asked once for each template."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from expressway.cloudformation.template import Template
from expressway.errors import SynthesisError
from expressway.synth.lint.linter import TemplateLinter

pytestmark = pytest.mark.process

CLEAN = Template("clean", json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}))
WRONG = Template(
    "wrong",
    json.dumps({"Resources": {"Group": {"Type": "AWS::Logs::LogGroup", "Properties": {"RetentionInDay": 7}}}}),
)


def test_a_clean_template_has_no_findings() -> None:
    assert TemplateLinter()([CLEAN], ["us-east-1"]) == ()


def test_both_tools_find_a_property_that_does_not_exist_and_name_its_place() -> None:
    findings = TemplateLinter()([WRONG, CLEAN], ["us-east-1", "eu-west-1"])
    errors = [finding for finding in findings if finding.severity == "error"]
    assert {finding.tool for finding in errors} == {"cfn-lint", "cloudformation-validate"}
    assert {finding.stack for finding in findings} == {"wrong"}
    assert all(finding.path.startswith("Resources/Group") for finding in errors)
    assert all("RetentionInDay" in finding.message for finding in errors)


def test_words_of_a_definition_are_no_template_text_but_anywhere_else_they_are() -> None:
    text = "${AWS::Region} of ${ImageUri}"
    container = {
        "Image": {"Ref": "ImageUri"},
        "Environment": [{"Name": "A", "Value": text}],
        "Command": ["run", text],
    }
    role = "arn:aws:iam::123456789012:role/made"
    service = {"InfrastructureRoleArn": role, "ExecutionRoleArn": role, "PrimaryContainer": container}
    template = Template(
        "words",
        json.dumps(
            {
                "Parameters": {"ImageUri": {"Type": "String"}},
                "Resources": {
                    "Service": {"Type": "AWS::ECS::ExpressGatewayService", "Properties": service},
                    "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": text}},
                },
            }
        ),
    )
    found = [finding for finding in TemplateLinter()([template], ["us-east-1"]) if finding.rule == "E1029"]
    assert {finding.tool for finding in found} == {"cfn-lint", "cloudformation-validate"}
    assert {finding.path for finding in found} == {"Resources/Topic/Properties/DisplayName"}


def test_what_was_found_is_kept_in_memory_and_on_disk(tmp_path: Path) -> None:
    linter = TemplateLinter(cache_dir=tmp_path)
    found = linter([WRONG], ["us-east-1"])
    assert found
    unable = TemplateLinter(cache_dir=tmp_path, timeout_seconds=0.0001)  # would fail if it had to run a tool
    assert unable([WRONG], ["us-east-1"]) == found
    for entry in tmp_path.iterdir():
        entry.unlink()
    assert linter([WRONG], ["us-east-1"]) == found


def test_a_damaged_entry_is_not_believed(tmp_path: Path) -> None:
    found = TemplateLinter(cache_dir=tmp_path)([WRONG], ["us-east-1"])
    for entry in tmp_path.iterdir():
        entry.write_text(entry.read_text().replace("RetentionInDay", "Something"))
    assert TemplateLinter(cache_dir=tmp_path)([WRONG], ["us-east-1"]) == found


def test_a_region_that_does_not_exist_is_a_finding() -> None:
    findings = TemplateLinter()([CLEAN], ["xx-north-9"])
    assert [finding.rule for finding in findings] == ["region"]
    assert "xx-north-9" in findings[0].message


def test_a_tool_that_does_not_run_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "cfnlint.py").write_text("raise ImportError('no linter in here')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(SynthesisError, match="no linter in here") as caught:
        TemplateLinter()([CLEAN], ["us-east-1"])
    assert caught.value.code == "lint_failed"


@pytest.mark.parametrize("tool", ["cfn-lint", "cloudformation-validate"])
def test_a_linter_that_is_not_installed_is_named_before_anything_runs(tool: str, tmp_path: Path) -> None:
    script = f"""
import importlib.metadata as metadata
find = metadata.version
def version(name):
    if name == {tool!r}:
        raise metadata.PackageNotFoundError(name)
    return find(name)
metadata.version = version
from expressway.synth.lint.linter import TemplateLinter
from expressway.errors import SynthesisError
from expressway.cloudformation.template import Template
try:
    TemplateLinter()([Template("shop", "{{}}")], ["us-east-1"])
except SynthesisError as error:
    print(error.code, error.hint)
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("linter_missing Install cfn-lint and cloudformation-validate ")


def test_a_tool_that_takes_too_long_is_told() -> None:
    with pytest.raises(SynthesisError) as caught:
        TemplateLinter(timeout_seconds=0.0001)([CLEAN], ["us-east-1"])
    assert caught.value.code == "lint_failed"
    assert "no answer within 0.0001 s" in caught.value.message
    assert "EXPRESSWAY_LINT_TIMEOUT" in caught.value.hint
    assert "--no-lint" not in caught.value.hint  # most commands have no such option
