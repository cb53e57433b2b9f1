"""YAML or JSON text becomes data, strictly: one document, no key twice, errors with line and column.

The text may be any file's, so no message repeats a part of it. What it may cost is bounded before it is constructed.
"""

import json
import re
from typing import Any, cast

import yaml

from expressway.core.bounded_data import DEEPEST
from expressway.errors import DefinitionError

MAX_CHARACTERS = 200_000
_MOST_VALUES = 10_000
"""PyYAML takes a second for these."""
_MERGE_TAG = "tag:yaml.org,2002:merge"
_WORDS: tuple[tuple[str, str], ...] = (
    ("is given twice", "a key that is given twice"),
    ("nested deeper", f"values nested deeper than {DEEPEST} levels"),
    ("more than", f"more than {_MOST_VALUES:,} values, each alias counted as its value"),
    ("recursive", "an alias within its own value"),
    ("second occurrence", "an anchor that is given twice"),
    ("undefined alias", "an alias without its anchor"),
    ("constructor for the tag", "a tag that no definition has"),
    ("undefined tag handle", "a tag that no definition has"),
    ("another document", "more than one document"),
    ("unhashable key", "a key that is a list or a mapping"),
    ("mapping values are not allowed", "a colon where no key is allowed"),
    ("cannot start any token", "a character that must be quoted"),
    ("expected ':'", "a line without a colon after its key"),
    ("block end", "a line that is indented otherwise than those around it"),
    ("end of stream", "an end in the middle of a value"),
)
"""What PyYAML's problems are called here; its own words quote the text."""


class _StrictLoader(yaml.SafeLoader):
    """Plain YAML data in which a key that is given twice is an error instead of a silent override.

    Numbers are those of JSON: what YAML 1.1 takes for one besides (``1:20``, ``0777``, ``1_000``) is a text.
    """

    depth = 0
    nodes = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        self.depth += 1
        self.nodes += 1
        if self.depth > DEEPEST or self.nodes > _MOST_VALUES:
            mark = cast("Any", self).peek_event().start_mark
            problem = "nested deeper" if self.depth > DEEPEST else "more than"
            raise yaml.constructor.ConstructorError(None, None, problem, mark)
        node = super().compose_node(parent, index)  # pyright: ignore[reportUnknownMemberType]
        self.depth -= 1
        return node

    def get_single_node(self) -> yaml.Node | None:
        node = super().get_single_node()  # pyright: ignore[reportUnknownMemberType]
        if node is not None:
            _Expansion().count(node)
        return node


class _Expansion:
    """How many values a document stands for when each alias is replaced by what it names."""

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}
        self._open: set[int] = set()

    def count(self, node: yaml.Node) -> int:
        key = id(node)
        if key in self._open:
            raise yaml.constructor.ConstructorError(None, None, "unconstructable recursive", node.start_mark)
        if key not in self._counts:
            self._open.add(key)
            self._counts[key] = 1 + sum(self.count(part) for part in _parts(node))
            self._open.discard(key)
        if self._counts[key] > _MOST_VALUES:
            raise yaml.constructor.ConstructorError(None, None, "more than", node.start_mark)
        return self._counts[key]


def _parts(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _mapping_without_duplicates(loader: _StrictLoader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: set[Any] = set()
    for key_node, _ in node.value:
        if key_node.tag == _MERGE_TAG:
            continue
        key: Any = loader.construct_object(key_node, deep=True)  # pyright: ignore[reportUnknownMemberType]
        if isinstance(key, str | int | float | bool) and key in seen:
            raise yaml.constructor.ConstructorError(None, None, "is given twice", key_node.start_mark)
        if isinstance(key, str | int | float | bool):
            seen.add(key)
    loader.flatten_mapping(node)
    return loader.construct_mapping(node, deep=True)


def _only_numbers_of_json() -> None:
    """Also where a tag says that something is a number: YAML 1.1 would multiply up what is between colons."""
    kinds = {"tag:yaml.org,2002:int", "tag:yaml.org,2002:float"}
    _StrictLoader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag not in kinds]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    for name, pattern in (
        ("int", r"^[-+]?(?:0|[1-9][0-9]*)$"),
        ("float", r"^[-+]?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?$"),
    ):
        resolver: Any = _StrictLoader.add_implicit_resolver  # pyright: ignore[reportUnknownMemberType]
        resolver(f"tag:yaml.org,2002:{name}", re.compile(pattern), list("-+0123456789"))
    _StrictLoader.add_constructor("tag:yaml.org,2002:int", lambda loader, node: int(_scalar(loader, node)))
    _StrictLoader.add_constructor("tag:yaml.org,2002:float", lambda loader, node: float(_scalar(loader, node)))


def _scalar(loader: Any, node: yaml.Node) -> str:
    return loader.construct_scalar(node)


_StrictLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping_without_duplicates)
_only_numbers_of_json()


def load_yaml(text: str) -> object:
    """The data of one YAML document. JSON is read as JSON, whose escapes YAML only knows in part.

    Raises:
        DefinitionError: ``invalid_yaml``, with ``line`` and ``column`` (from 1) in the details when known.
    """
    if len(text) > MAX_CHARACTERS:
        raise DefinitionError(
            "invalid_yaml",
            f"Expected a definition of at most {MAX_CHARACTERS} characters, got {len(text)}.",
            "Check that this is the definition of an app and not another file.",
        )
    try:
        if text.lstrip().startswith("{"):
            return json.loads(text, object_pairs_hook=_pairs_without_duplicates)
    except (ValueError, RecursionError):
        pass  # a flow mapping of YAML, or an error that the YAML loader tells with its place
    try:
        return yaml.load(text, Loader=_StrictLoader)  # noqa: S506 - a SafeLoader
    except yaml.MarkedYAMLError as exc:
        raise _invalid(exc.problem or "", exc.problem_mark) from exc
    except (yaml.YAMLError, ValueError, RecursionError, OverflowError) as exc:
        raise _invalid("", None) from exc


def _pairs_without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    data = dict(pairs)
    if len(data) < len(pairs):
        raise ValueError("a key is given twice")
    return data


def _invalid(problem: str, mark: Any) -> DefinitionError:
    got = next((words for sign, words in _WORDS if sign in problem), "text that is none")
    place = f" at line {mark.line + 1}, column {mark.column + 1}" if mark is not None else ""
    details = {"line": mark.line + 1, "column": mark.column + 1} if mark is not None else {}
    return DefinitionError(
        "invalid_yaml",
        f"Expected a YAML mapping, got {got}{place}.",
        "Correct the text there; values with : or # need quotes, and indentation is by spaces.",
        details,
    )
