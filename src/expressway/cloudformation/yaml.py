"""Templates that others wrote in YAML, as JSON: so that a stack which is taken over can be compared."""

import json
from typing import Any

import yaml

_OWN_NAMES = {"Ref", "Condition"}


class _TemplateLoader(yaml.SafeLoader):
    """YAML as CloudFormation reads it: short forms of functions, and dates that stay text."""


def json_of_yaml(text: str) -> str:
    """The JSON form of a YAML template; `text` itself when it is no template that YAML can express."""
    try:
        document: Any = yaml.load(text, _TemplateLoader)  # noqa: S506 - a SafeLoader with text-only additions
        return json.dumps(document) if isinstance(document, dict) else text
    except (yaml.YAMLError, TypeError, ValueError):
        return text


def _function(loader: _TemplateLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)  # pyright: ignore[reportArgumentType]
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in _OWN_NAMES else f"Fn::{suffix}": value}


_TemplateLoader.add_multi_constructor("!", _function)
_TemplateLoader.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for letter, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
