"""How AWS finds things: by id, by the thing they belong to, and by filters."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.e2e.scenarios.recorded.world import Record, World, tag_values


class RefusedCallError(Exception):
    """AWS's error: its code and its message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Listing:
    """An operation that lists or describes the records of one kind.

    Attributes:
        ids, keys: the parameter that names records, and the members of a record that it may mean.
        missing: the error's code for an id that no record has; empty where AWS leaves it out silently.
        within: pairs of a parameter and the member (a value or a list of them) that must be or contain it.
        prefix: a parameter, and the member that must begin with it.
    """

    kind: str
    output: str
    ids: str = ""
    keys: tuple[str, ...] = ()
    missing: str = ""
    within: tuple[tuple[str, str], ...] = ()
    prefix: tuple[str, str] = ("", "")

    def answer(self, world: World, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        found = self._named(world.all(self.kind), asked.get(self.ids) if self.ids else None)
        for parameter, member in self.within:
            if parameter in asked:
                found = [one for one in found if asked[parameter] in _values(one.get(member))]
        parameter, member = self.prefix
        if asked.get(parameter):
            found = [one for one in found if str(one.get(member, "")).startswith(asked[parameter])]
        for condition in asked.get("Filters") or asked.get("Filter") or asked.get("ParameterFilters") or ():
            found = [one for one in found if passes(one, condition)]
        return {self.output: found}

    def _named(self, records: list[Record], ids: list[str] | None) -> list[Record]:
        if not ids:
            return records
        found = [one for one in records if {one.get(key) for key in self.keys} & set(ids)]
        known = {one.get(key) for one in found for key in self.keys}
        absent = [one for one in ids if one not in known]
        if absent and self.missing:
            raise RefusedCallError(self.missing, f"The {self.output} '{', '.join(absent)}' does not exist")
        return found


def passes(record: Mapping[str, Any], condition: Mapping[str, Any]) -> bool:
    """Whether a record passes one filter; ``association.subnet-id`` means a member of the list Associations."""
    name = str(condition.get("Name") or condition.get("Key"))
    wanted = condition.get("Values") or ()
    if name.startswith("tag:"):
        return tag_values(record).get(name[4:]) in wanted
    found = {_text(value) for value in _members(record, name.split("."))}
    return any(_matches(pattern, found) for pattern in wanted)


def _matches(pattern: str, found: set[str]) -> bool:
    regex = re.compile(".*".join(re.escape(part) for part in pattern.split("*")))
    return any(regex.fullmatch(value) for value in found)


def _members(node: Any, path: list[str]) -> Iterable[Any]:
    if isinstance(node, list):
        for one in node:
            yield from _members(one, path)
    elif not path:
        yield node
    elif isinstance(node, Mapping):
        name = "".join(part[:1].upper() + part[1:] for part in path[0].split("-"))
        # EC2 says group-id for the members GroupId and Groups[].GroupId, state for State and State.Code …
        for candidate in (name, f"{name}s", f"{name}Set", "Is" + name, "Is" + name.removeprefix("Is")):
            if candidate in node:
                yield from _members(node[candidate], path[1:])


def _values(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
