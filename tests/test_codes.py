"""Every code of an error or a finding stands in its catalogue once, and everything in the catalogues is in use."""

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

import pytest

from expressway import errors
from expressway.diagnose.catalog import CATALOG, HADOLINT, finding_codes
from expressway.diagnose.finding import ANY_CAUSE, FindingCode
from expressway.error_codes import ERRORS, error_codes

SOURCE = Path(errors.__file__).parent.parent
CATALOGUES = {SOURCE / "expressway/error_codes.py", *(SOURCE / "expressway/diagnose/catalog").glob("*.py")}
KINDS = {name for name, one in vars(errors).items() if isinstance(one, type) and issubclass(one, Exception)}
FINDING_MAKERS = {"Finding", "make_finding", "message_rule", "_rule", "Cut", "_Outcome", "_gone"}
"""What takes the code of a finding, as `code` or as its first argument."""
ERROR_MAKERS = {*KINDS, "Decision", "refuse_wrong_types"}
"""What takes the code of an error: the same, behind whether it is allowed for a decision."""
FINDING_TABLES = {"EXIT_CODES", "_STATES"}
ERROR_TABLES = {"_BY_CODE", "_BY_TYPE", "_BY_HTTP_STATUS"}
"""Tables whose rows hold a code as their first plain word in snake case."""


@cache
def parsed() -> Sequence[tuple[Path, ast.Module]]:
    return [(path, ast.parse(path.read_text())) for path in sorted(SOURCE.rglob("*.py")) if path not in CATALOGUES]


def called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def texts(node: ast.AST | None) -> list[str]:
    """The literal values that an expression can have."""
    if isinstance(node, ast.IfExp):
        return [*texts(node.body), *texts(node.orelse)]
    return [node.value] if isinstance(node, ast.Constant) and isinstance(node.value, str) else []


def code_argument(node: ast.Call) -> ast.AST | None:
    by_name = next((one.value for one in node.keywords if one.arg == "code"), None)
    place = {"Decision": 1, "_gone": 1}.get(called(node), 0)
    return by_name or (node.args[place] if len(node.args) > place else None)


def literals(makers: set[str], tables: set[str]) -> dict[str, list[str]]:
    """Every literal code in the source, with the places where it stands and the class that is made with it."""
    found: dict[str, list[str]] = {}
    for path, tree in parsed():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and called(node) in makers:
                for code in texts(code_argument(node)):
                    found.setdefault(code, []).append(f"{called(node)} at {path.name}:{node.lineno}")
            for code in rows_of(node, tables):
                found.setdefault(code, []).append(f"a table at {path.name}:{getattr(node, 'lineno', 0)}")
    return found


def rows_of(node: ast.AST, tables: set[str]) -> Iterator[str]:
    targets = [node.target] if isinstance(node, ast.AnnAssign) else node.targets if isinstance(node, ast.Assign) else []
    if not any(isinstance(one, ast.Name) and one.id in tables for one in targets):
        return
    value = getattr(node, "value", None)
    rows = value.values if isinstance(value, ast.Dict) else value.elts if isinstance(value, ast.Tuple) else []
    for row in rows:
        words = [*texts(row), *(text for one in getattr(row, "elts", ()) for text in texts(one))]
        yield from (word for word in words[:1] if word.isidentifier())


def compared(tree: ast.AST) -> Iterator[str]:
    """Literals that something's `code` is compared with; AWS's own are in other letters."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and isinstance(node.left, ast.Attribute) and node.left.attr == "code":
            right = node.comparators[0]
            yield from (text for one in getattr(right, "elts", [right]) for text in texts(one) if "_" in text)


def without(found: Mapping[str, Iterable[str]], known: Iterable[str]) -> dict[str, list[str]]:
    return {code: list(places) for code, places in found.items() if code not in {*known}}


def test_every_code_of_a_finding_is_catalogued() -> None:
    found = literals(FINDING_MAKERS, FINDING_TABLES)
    assert len(found) > 100
    assert without(found, CATALOG) == {}


def test_every_code_of_an_error_is_catalogued_with_its_kind() -> None:
    found = literals(ERROR_MAKERS, ERROR_TABLES)
    assert len(found) > 150
    assert without(found, ERRORS) == {}
    kinds = {(code, place.split()[0]) for code, places in found.items() for place in places}
    wrong = {(code, kind) for code, kind in kinds if kind in KINDS and kind not in ERRORS[code].kinds}
    assert wrong == set()


def test_every_code_that_is_asked_for_is_catalogued() -> None:
    asked = {code: [path.name] for path, tree in parsed() for code in compared(tree)}
    assert asked
    assert without(asked, {*CATALOG, *ERRORS}) == {}


def test_every_catalogued_code_is_in_use() -> None:
    constants = {
        node.value
        for _, tree in parsed()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    built = {"profile_not_allowed", HADOLINT}  # f"{word}_not_allowed", f"hadolint_{rule}"
    assert {*CATALOG, *ERRORS} - constants - built == set()


def test_no_code_is_catalogued_twice() -> None:
    for tables in ([one.code for one in finding_codes()], [one.code for one in error_codes()]):
        assert sorted(tables) == sorted(set(tables))
    for path in CATALOGUES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Dict):
                keys = [text for key in node.keys for text in texts(key)]
                assert sorted(keys) == sorted(set(keys))
            if isinstance(node, ast.Tuple) and len(node.elts) > 20:
                codes = [text for row in node.elts if isinstance(row, ast.Call) for text in texts(row.args[0])]
                assert sorted(codes) == sorted(set(codes))


@pytest.mark.parametrize("entry", finding_codes(), ids=lambda one: one.code)
def test_an_entry_names_only_other_entries(entry: FindingCode) -> None:
    named = entry.superseded_by | entry.follows_from | entry.omitted_beside
    assert named - {ANY_CAUSE} <= CATALOG.keys() - {entry.code}
    assert entry.title
    assert not entry.title.endswith(".")
    assert list(entry.severities) == sorted(entry.severities, key=("critical", "warning", "info").index)


def test_every_error_has_a_title_and_a_kind_of_the_tree() -> None:
    for one in error_codes():
        assert one.title
        assert {*one.kinds} <= KINDS
