"""Hints in the words of the face that shows them."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import expressway
from expressway.errors import ExpresswayError, RefusedError
from expressway.hints import TOOLS, command, for_agents, for_people, on_faces, option
from expressway.privacy.render import RedactionPolicy, redact_response
from expressway.privacy.untrusted import quoted

SOURCE = Path(expressway.__file__).parent
FACES = {"cli", "mcp"}
COMMANDS = "|".join([*TOOLS, "schema", "restart"])
OF_PEOPLE = re.compile(
    rf"\bexpressway (?:{COMMANDS})\b"
    r"|(?<![\w-])--(?:adopt|allow-replacement|continue-rollback|region|sandbox|yes|plan|wait|no-lint)\b"
)
OF_AGENTS = re.compile(
    rf"\b(?:{'|'.join(TOOLS.values())}|wait_for_service_ready|approved_plan|api_params|fetch_\w+|get_app_status)\b"
)
NAMES_OF_CODE = {"diagnose/actions.py", "mcp/audit/record.py", "hints.py"}
"""Where the names of tools, actions and parameters are values."""


def sentences() -> Iterator[tuple[str, str]]:
    """Every text with a space in it in the code below the faces, docstrings left out."""
    for path in sorted(SOURCE.rglob("*.py")):
        name = path.relative_to(SOURCE).as_posix()
        if name.partition("/")[0] in FACES or name in NAMES_OF_CODE:
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        calls = [
            one for one in ast.walk(tree) if isinstance(one, ast.Call) and getattr(one.func, "id", "") == "on_faces"
        ]
        other = {id(part) for call in calls for part in ast.walk(call)}
        other |= {id(one.value) for one in ast.walk(tree) if isinstance(one, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and id(node) not in other and " " in str(node.value):
                yield f"{name}:{node.lineno}", str(node.value)


def test_no_sentence_below_the_faces_is_in_the_words_of_one_of_them() -> None:
    wrong = [place for place, text in sentences() if OF_PEOPLE.search(text) or OF_AGENTS.search(text)]
    assert wrong == [], "\n".join(wrong)


@pytest.mark.parametrize(
    "hint", [f"Pass {option('adopt')}.", f"See {command('status', 'shop')}.", f"{command('diff')}"]
)
def test_a_hint_is_shown_in_the_words_of_each_face(hint: str) -> None:
    people, agents = for_people(hint), for_agents(hint)
    assert OF_PEOPLE.search(people)
    assert not OF_AGENTS.search(people)
    assert not OF_PEOPLE.search(agents)
    assert not set("⦅⦙⦆") & set(people + agents)
    error = RefusedError("a", "b.", hint)
    assert redact_response(error.to_dict(), RedactionPolicy(allow_sensitive_data=False, mask=str))["hint"] == agents
    assert str(error) == f"b. {people}"


def test_text_of_others_chooses_no_face() -> None:
    hostile = quoted(on_faces(command_line="a", mcp="b"), public=True)
    assert for_agents(hostile) == hostile
    assert isinstance(ExpresswayError("c", hostile), Exception)
