"""YAML or JSON text becomes data, strictly: one document, no key twice, errors with line and column."""

import json
from typing import Any

import yaml

from expressway.errors import DefinitionError

MAX_CHARACTERS = 200_000
_MERGE_TAG = "tag:yaml.org,2002:merge"


class _StrictLoader(yaml.SafeLoader):
    """Plain YAML data in which a key that is given twice is an error instead of a silent override."""


def _mapping_without_duplicates(loader: _StrictLoader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: set[Any] = set()
    for key_node, _ in node.value:
        if key_node.tag == _MERGE_TAG:
            continue
        key: Any = loader.construct_object(key_node, deep=True)  # pyright: ignore[reportUnknownMemberType]
        if isinstance(key, str | int | float | bool) and key in seen:
            raise yaml.constructor.ConstructorError(None, None, f"the key {key!r} is given twice", key_node.start_mark)
        if isinstance(key, str | int | float | bool):
            seen.add(key)
    loader.flatten_mapping(node)
    return loader.construct_mapping(node, deep=True)


_StrictLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping_without_duplicates)


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
    except ValueError:
        pass  # a flow mapping of YAML, or an error that the YAML loader tells with its place
    try:
        return yaml.load(text, Loader=_StrictLoader)  # noqa: S506 - a SafeLoader
    except yaml.MarkedYAMLError as exc:
        raise _invalid(exc.problem or str(exc), exc.problem_mark) from exc
    except (yaml.YAMLError, ValueError, RecursionError) as exc:
        raise _invalid(str(exc), None) from exc


def _pairs_without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    data = dict(pairs)
    if len(data) < len(pairs):
        raise ValueError("a key is given twice")
    return data


def _invalid(problem: str, mark: Any) -> DefinitionError:
    place = f" at line {mark.line + 1}, column {mark.column + 1}" if mark is not None else ""
    details = {"line": mark.line + 1, "column": mark.column + 1} if mark is not None else {}
    return DefinitionError(
        "invalid_yaml",
        f"Expected a YAML mapping, got {problem}{place}.",
        "Correct the text there; values with : or # need quotes, and indentation is by spaces.",
        details,
    )
