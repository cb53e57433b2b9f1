"""Which resource of a template comes before which, by the references that CloudFormation reads."""

import re
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from typing import Any

_VARIABLE = re.compile(r"\$\{([A-Za-z0-9.:]+)\}")


def references(value: Any) -> Iterator[str]:
    """Names in Ref, Fn::GetAtt and Fn::Sub anywhere in a value."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _named(key, inner)
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            yield from references(inner)


def _named(function: str, argument: Any) -> Iterator[str]:
    if function == "Ref":
        yield argument
    elif function == "Fn::GetAtt":
        yield argument[0] if isinstance(argument, list) else argument.partition(".")[0]
    elif function == "Fn::Sub":
        text = argument[0] if isinstance(argument, list) else argument
        yield from (name.partition(".")[0] for name in _VARIABLE.findall(text))


def graph(template: dict[str, Any]) -> dict[str, set[str]]:
    """Each resource with those that must be made before it."""
    resources = template["Resources"]
    found: dict[str, set[str]] = {}
    for name, resource in resources.items():
        depends = resource.get("DependsOn", [])
        named = {*references(resource), *([depends] if isinstance(depends, str) else depends)}
        found[name] = named & set(resources)
    return found


def circle(template: dict[str, Any]) -> list[str]:
    """The resources of a circular dependency, or none."""
    try:
        TopologicalSorter(graph(template)).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def before(template: dict[str, Any], name: str) -> set[str]:
    """All that must be made before one resource."""
    edges, seen, waiting = graph(template), set[str](), [name]
    while waiting:
        for each in edges[waiting.pop()] - seen:
            seen.add(each)
            waiting.append(each)
    return seen
