"""What a stranger wrote: arguments held against its schema, its schema held against harm, its answer cut."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expressway.knowledge.schemas import argument_problems, is_listable, portable
from expressway.knowledge.values import characters_in, cut_content
from tests.mcp.model_apis import objections

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
SCHEMA = {
    "type": "object",
    "properties": {
        "phrase": {"type": "string", "minLength": 1, "maxLength": 10},
        "limit": {"type": "integer", "minimum": 1, "maximum": 10},
        "topics": {"type": "array", "maxItems": 2},
        "order": {"enum": ["new", "old"]},
        "exact": {"type": "boolean"},
        "odd": {"anyOf": [{"type": "string"}, {"type": "null"}]},
    },
    "required": ["phrase"],
}


def test_arguments_that_fit_have_no_problem() -> None:
    fitting = {"phrase": "x", "limit": 3, "topics": ["a"], "order": "new", "exact": True, "odd": None}
    assert argument_problems(SCHEMA, fitting) == []


def test_every_problem_is_told_at_once() -> None:
    wrong = {"limit": True, "topics": ["a", "b", "c"], "order": "odd", "exact": 1, "phrse": "x"}
    problems = {problem["path"]: problem["expected"] for problem in argument_problems(SCHEMA, wrong)}
    assert problems == {
        "phrase": "a value (it is required)",
        "limit": "a value of type integer",
        "topics": "at most 2 items",
        "order": "one of ⟪new⟫, ⟪old⟫",
        "exact": "a value of type boolean",
        "phrse": "phrase (was it meant?)",
    }


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"phrase": ""}, "at least 1 characters"),
        ({"phrase": "x" * 11}, "at most 10 characters"),
        ({"phrase": "x", "limit": 0}, "at least 1"),
        ({"phrase": "x", "limit": 11}, "at most 10"),
        ({"phrase": 7}, "a value of type string"),
    ],
)
def test_bounds_are_told(arguments: dict[str, Any], expected: str) -> None:
    assert [problem["expected"] for problem in argument_problems(SCHEMA, arguments)] == [expected]


@pytest.mark.parametrize(
    ("schema", "value", "expected"),
    [
        ({"type": ["integer", "null"]}, "x", ["a value of type integer or null"]),
        ({"type": ["integer", "null"]}, None, []),
        ({"type": "string", "minLength": "one", "maxLength": 2}, "abc", ["at most 2 characters"]),
        ({"type": "text", "enum": ["a"]}, "b", ["one of ⟪a⟫"]),
        ({"enum": "ab", "maximum": 3}, 4, ["at most 3"]),
        ({"maxLength": 2, "enum": ["ab"]}, "abc", ["one of ⟪ab⟫"]),
        ({"type": "integer"}, 2.0, []),
        ({"type": "integer"}, 2.5, ["a value of type integer"]),
    ],
)
def test_every_keyword_is_checked_by_itself(schema: dict[str, Any], value: Any, expected: list[str]) -> None:
    problems = argument_problems({"properties": {"a": schema}}, {"a": value})
    assert [problem["expected"] for problem in problems] == expected


def test_unknown_arguments_are_no_problem_where_the_schema_takes_them() -> None:
    assert argument_problems({"properties": {"a": {}}, "additionalProperties": True}, {"b": 1}) == []
    assert argument_problems({}, {"b": 1}) == []


@given(JSON, st.dictionaries(st.text(), JSON, max_size=4))
def test_no_schema_makes_the_check_fail(schema: Any, arguments: dict[str, Any]) -> None:
    wild = {"properties": schema, "required": schema, "additionalProperties": schema}
    for problem in argument_problems(wild, arguments) + argument_problems({"properties": {"a": wild}}, {"a": 1}):
        assert problem.keys() == {"path", "expected", "got"}


@given(JSON, st.integers(0, 200))
def test_what_is_cut_is_no_larger_and_what_fits_stays_whole(content: Any, most: int) -> None:
    total = characters_in(content)
    cut = cut_content(content, most)
    assert characters_in(cut) <= total
    assert type(cut) is type(content)
    if isinstance(content, str):
        assert cut == content[:most]
    assert cut_content(content, total + 1) == content


@given(st.lists(st.text(min_size=1), min_size=1), st.integers(1, 50))
def test_a_list_is_cut_to_the_size_asked_for(texts: list[str], most: int) -> None:
    assert characters_in(cut_content(texts, most)) == min(most, characters_in(texts))


def test_a_schema_that_is_an_objects_may_be_listed() -> None:
    assert is_listable(SCHEMA)
    assert is_listable({"type": "object", "properties": {"a": {"$ref": "#/$defs/A"}}, "$defs": {"A": {}}})
    assert is_listable({"type": "object"})


@given(st.dictionaries(st.text(), JSON))
def test_any_schema_is_judged(schema: dict[str, Any]) -> None:
    assert isinstance(is_listable({"type": "object", **schema}), bool)


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "string"},
        {"type": "object", "properties": {"": {}}},
        {"type": "object", "properties": {"x" * 65: {}}},
        {"type": "object", "properties": {str(number): {} for number in range(65)}},
        {"type": "object", "$ref": "#/$defs/A"},
        {"type": "object", "not": {}},
        {"type": "object", "properties": {"a": {"items": [{"$ref": "file:///etc/passwd"}]}}},
    ],
)
def test_a_schema_that_could_harm_the_list_may_not(schema: dict[str, Any]) -> None:
    assert not is_listable(schema)


@given(st.dictionaries(st.text(), JSON), JSON)
def test_any_schema_is_made_portable_or_is_not(properties: dict[str, Any], wild: Any) -> None:
    for schema in (properties, wild, {"type": "array", "items": wild}, {"type": "object", "properties": wild}):
        made = portable({"type": "object", "properties": {**properties, "a": schema}, "required": wild})
        tool = {"name": "a", "description": "d", "inputSchema": made or {"type": "object", "properties": {"a": TEXT}}}
        assert [one for one in objections(tool) if "the property" not in one] == []  # names are is_listable's


@pytest.mark.parametrize(
    ("told", "made"),
    [
        ({"type": "string", "title": "A", "format": "uri"}, {"type": "string"}),
        (
            {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}], "default": None},
            {"type": "integer", "minimum": 1},
        ),
        ({"type": ["string", "null"]}, {"type": "string"}),
        ({"type": "array", "items": {"type": "string"}}, {"type": "array", "items": {"type": "string"}}),
        ({"type": "string", "enum": ["a"]}, {"type": "string", "enum": ["a"]}),
        (
            {"type": "object", "properties": {"b": {"type": "number"}}},
            {"type": "object", "properties": {"b": {"type": "number"}}},
        ),
        ({"type": "object"}, None),
        ({"type": "array"}, None),
        ({"type": "string", "enum": [1]}, None),
        ({"anyOf": [{"type": "integer"}, {"type": "string"}]}, None),
        ({"type": ["integer", "string"]}, None),
        ({"$ref": "#/$defs/A"}, None),
        ({}, None),
        (True, None),
    ],
)
def test_a_schema_is_told_in_the_words_that_every_model_api_takes(told: Any, made: Any) -> None:
    found = portable({"type": "object", "properties": {"a": told}, "required": ["a", "b"]})
    assert found == (None if made is None else {"type": "object", "properties": {"a": made}, "required": ["a"]})


TEXT = {"type": "string"}


def test_a_schema_that_is_nested_without_sense_is_not_listed() -> None:
    nested: Any = []
    for _ in range(10_000):
        nested = [nested]
    assert not is_listable({"type": "object", "examples": nested})


def test_notes_on_headers_are_not_listed() -> None:
    noted = {"type": "array", "items": {"type": "string", "x-mcp-header": 1}, "x-mcp-header": "A"}
    listed = portable({"type": "object", "properties": {"a": noted}, "x-mcp-header": 2})
    assert listed == {"type": "object", "properties": {"a": {"type": "array", "items": {"type": "string"}}}}
