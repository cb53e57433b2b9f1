"""Values are shown whole: between tabs in pipes, readable at a terminal; and nothing is said that is not known."""

import ast
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from expressway.cli.views.output import print_error
from expressway.cli.views.views import show_apps, show_plan
from expressway.deploy.status.list_apps import AppList, ListedApp
from expressway.errors import ImageError, SynthesisError, TargetError
from expressway.plan.diff import PropertyChange, ResourceChange, StackChange
from expressway.plan.plan import Plan
from tests.cli.terminal import at_terminal
from tests.cli.test_main import run

pytestmark = pytest.mark.process

ENDPOINT = f"ex-{'0123456789abcdef' * 4}.ecs.us-east-1.on.aws"
STACKS = {f"shop-{'x' * 60}-ecr-infrastructure": "UPDATE_COMPLETE", "shop-express-service": "UPDATE_COMPLETE"}
APP = ListedApp("shop", "us-east-1", STACKS, ENDPOINT)
REFUSED = TargetError("access_denied", "AWS did not list the stacks: not authorized.", "Ask for the permission.")


def test_piped_the_list_has_a_line_of_whole_values_for_each_app(capsys: pytest.CaptureFixture[str]) -> None:
    without = ListedApp("new", "eu-west-1", {"new-ecr-infrastructure": "CREATE_IN_PROGRESS"})
    show_apps(AppList((APP, without), ("us-east-1", "eu-west-1"), {}), as_json=False)
    first, second = capsys.readouterr().out.splitlines()
    assert first.split("\t") == ["shop", "us-east-1", ", ".join(f"{k} {v}" for k, v in STACKS.items()), ENDPOINT]
    assert second.split("\t") == ["new", "eu-west-1", "new-ecr-infrastructure CREATE_IN_PROGRESS", ""]


@pytest.mark.parametrize("columns", [60, 80])
def test_at_a_terminal_the_list_cuts_no_value(columns: int) -> None:
    code = (
        "from expressway.cli.views.views import show_apps; "
        "from expressway.deploy.status.list_apps import AppList, ListedApp; "
        f"show_apps(AppList((ListedApp('shop', 'us-east-1', {STACKS!r}, {ENDPOINT!r}),), ('us-east-1',), {{}}), "
        "as_json=False)"
    )
    with at_terminal(["-c", code], columns=columns) as terminal:
        assert terminal.end() == 0
    assert "…" not in terminal.text
    last_column = "".join(line[-30:].strip() for line in terminal.text.splitlines())
    assert "on.aws" in last_column.replace(" ", "")


@pytest.mark.parametrize(
    ("failed", "said", "not_said"),
    [
        ((), ["No app of Expressway's in us-east-1, eu-west-1."], ["could not be read"]),
        (("eu-west-1",), ["No app of Expressway's in us-east-1.", "eu-west-1 could not be read"], []),
        (("us-east-1", "eu-west-1"), ["us-east-1 could not be read", "eu-west-1 could not be read"], ["No app"]),
    ],
)
def test_that_there_is_no_app_is_said_only_of_regions_that_were_read(
    failed: tuple[str, ...], said: list[str], not_said: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    show_apps(AppList((), ("us-east-1", "eu-west-1"), dict.fromkeys(failed, REFUSED)), as_json=False)
    told = capsys.readouterr()
    assert told.out == ""
    assert all(text in told.err for text in said)
    assert not any(text in told.err for text in not_said)


def test_piped_a_plan_is_a_key_and_a_whole_value_on_each_line(capsys: pytest.CaptureFixture[str]) -> None:
    long, odd = "v" * 3000, "two\nlines\tand a tab \x1b[2J"
    changes = (
        PropertyChange("PrimaryContainer.Image", "old", long, requires_replacement=True),
        PropertyChange("Tags", odd, [{"Key": "a"}]),
    )
    stack = StackChange("shop-express-service", False, (ResourceChange("update", "Service", "AWS::X::Y", changes),))
    plan = Plan("shop", "target", (stack,), None, {}, unused_stacks=("shop-ecr",))
    show_plan(plan, as_json=False)
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert all(len(line) == 2 for line in lines)
    assert lines[:4] == [
        ["shop-express-service", "update"],
        ["shop-express-service.Service", "update AWS::X::Y"],
        ["shop-express-service.Service.PrimaryContainer.Image", f"old → {long} (forces replacement)"],
        ["shop-express-service.Service.Tags", f'{json.dumps(odd)} → [{{"Key": "a"}}]'],
    ]
    assert ["plan", plan.digest] == lines[-1]
    assert lines[4][0] == "unused"


NESTED = (
    "from expressway.cli.views.views import show_mapping; "
    "show_mapping({'app': 'shop', 'stacks': {'a': 'DONE', 'b': 'GONE'}, "
    "'revisions': [{'arn': 'r1', 'weights': [1, 2]}, {'arn': 'r2'}], 'errors': [], 'operation': None}, as_json=False)"
)


def test_at_a_terminal_nested_values_are_lines_and_no_json() -> None:
    with at_terminal(["-c", NESTED], columns=80) as terminal:
        assert terminal.end() == 0
    assert not set("{}[]\"'") & set(terminal.text)
    words = [line.split() for line in terminal.text.splitlines()]
    assert ["stacks", "a:", "DONE"] in words
    assert ["b:", "GONE"] in words
    assert ["revisions", "-", "arn:", "r1"] in words
    assert ["-", "1"] in words
    assert ["errors", "\N{EN DASH}"] in words


OUTPUT = [f"line {number}" for number in range(40)]


@pytest.mark.parametrize("details", [{"output": OUTPUT}, {"log": OUTPUT}, {"trace": "\n".join(OUTPUT)}])
def test_people_see_the_end_of_what_a_failed_program_said(
    details: dict[str, object], capsys: pytest.CaptureFixture[str]
) -> None:
    print_error(ImageError("build_failed", "The build failed.", "Correct it.", details), as_json=False)
    told = capsys.readouterr().err.splitlines()
    assert told == [
        "error build_failed The build failed.",
        *(f"  │ {line}" for line in OUTPUT[-15:]),
        "  → Correct it.",
    ]


def test_people_see_what_linters_found(capsys: pytest.CaptureFixture[str]) -> None:
    finding = {"stack": "s", "tool": "cfn-lint", "severity": "warning", "rule": "W1", "path": "", "message": "odd"}
    print_error(SynthesisError("lint_errors", "Errors.", "Correct.", {"findings": [finding]}), as_json=False)
    assert "  │ s cfn-lint warning W1 odd" in capsys.readouterr().err.splitlines()


def test_no_hint_sends_people_to_details_that_they_are_not_shown() -> None:
    source = Path(__file__).parents[3] / "src"
    for path in source.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                texts = [part.value for part in ast.walk(node) if isinstance(part, ast.Constant)]
                assert not any("in the details" in str(text) or "he details hold" in str(text) for text in texts), path


class _Refusing(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = b"<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>"
        self.send_response(403)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


def test_a_list_of_nothing_that_could_be_read_exits_with_4() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Refusing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        done = run("list", EXPRESSWAY_SANDBOX=f"http://127.0.0.1:{server.server_port}")
    finally:
        server.shutdown()
        server.server_close()
    assert done.returncode == 4
    assert done.stdout == ""
    assert "us-east-1 could not be read" in done.stderr
    assert "No app" not in done.stderr
