"""Withhold what is sensitive in an answer of AWS's, decided by its type in the service model and never by its text.

A value is withheld whole or shown whole, so no identifier is ever damaged. Ask before anything is cut or queried.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from expressway.privacy.gates import SENSITIVE_VARIABLE
from expressway.privacy.sensitive_members import (
    HARMLESS_MEMBERS,
    HARMLESS_NAMES,
    MEMBERS,
    NAMING_MEMBERS,
    PUBLIC_KINDS,
    SHOWN_OPTIONS,
    SUSPECT_ENDINGS,
    UNTRUSTED_KINDS,
    Kind,
)
from expressway.privacy.untrusted import quoted

ApiType = str
"""``structure``, ``list``, ``map``, ``string``, ``integer``, ``timestamp``, ``document`` …, in the model's words."""


@dataclass(frozen=True, slots=True)
class ApiShape:
    """One shape; others are meant by their names, so that a shape may contain itself.

    Attributes:
        members: of a structure: the name of each member's shape.
        element: of a list: the name of its items' shape; of a map: of its values' shape.
        sensitive: the service model says that it holds something secret.
        is_enum: one of a few words of AWS's own.
        required: of a structure: the members that a request must have.
        words: of an enum: the words that the model knows.
        minimum, maximum: of a number, or of the length of a text or list, where the model says so.
    """

    type: ApiType
    members: Mapping[str, str] = field(default_factory=dict[str, str])
    element: str = ""
    sensitive: bool = False
    is_enum: bool = False
    required: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None


@dataclass(frozen=True, slots=True)
class ShapeTree:
    """All shapes that a request or answer of one operation is made of; `root` is empty where it has nothing."""

    service: str
    operation: str
    root: str
    shapes: Mapping[str, ApiShape]


_PLAIN_NAME = re.compile(r"[!-~]{0,256}")


@dataclass(frozen=True, slots=True)
class Redacted:
    """An answer as it may be shown, and how many values of each kind (in words) were withheld."""

    content: dict[str, Any]
    withheld: Mapping[str, int] = field(default_factory=dict[str, int])

    @property
    def note(self) -> str:
        """What was withheld and how to see it, in one sentence; empty when all is shown."""
        if not self.withheld:
            return ""
        listed = ", ".join(f"{count} {_counted(kind, count)}" for kind, count in self.withheld.items())
        return f"Withheld: {listed}; {SENSITIVE_VARIABLE}=true in the server's environment shows them."


def redact(answer: Mapping[str, Any], shapes: ShapeTree, *, allow_sensitive_data: bool) -> Redacted:
    """The `answer` (or request) that has these `shapes`, as it may be shown; the original stays as it is.

    Withheld values become ``[withheld: environment value]`` and the like; plain names of variables, labels and tags
    stay, others are text like any other (`is_plain_name`).
    With `allow_sensitive_data` nothing is withheld, and free text of events and tags is marked as a quotation.
    Members that the model does not know are withheld: nothing tells what they are.
    """
    walk = _Walk(shapes, allow_sensitive_data)
    content = walk.value(dict(answer), shapes.root, None)
    return Redacted(content, dict(walk.withheld))


def marker(kind: Kind) -> str:
    """What stands in the place of a withheld value."""
    return f"[withheld: {kind.value}]"


def is_plain_name(text: str) -> bool:
    """Whether a name that somebody chose is but a name: printable ASCII without white space; else it is text."""
    return _PLAIN_NAME.fullmatch(text) is not None


@dataclass(slots=True)
class _Walk:
    tree: ShapeTree
    shows_all: bool
    withheld: Counter[str] = field(default_factory=Counter[str])

    def value(self, value: Any, name: str, kind: Kind | None) -> Any:
        shape = self.tree.shapes.get(name)
        if value is None or shape is None:
            return self._withhold(value, kind or Kind.UNKNOWN) if value is not None else None
        if shape.sensitive:
            kind = kind or Kind.TOKEN
        if shape.type == "structure" and isinstance(value, Mapping):
            return self._structure(cast("Mapping[str, Any]", value), name, shape, kind)
        if shape.type == "list" and isinstance(value, Sequence) and not isinstance(value, str):
            return self._list(cast("Sequence[Any]", value), shape, kind)
        if shape.type == "map" and isinstance(value, Mapping):
            return self._map(cast("Mapping[str, Any]", value), shape, kind)
        return self._leaf(value, shape, kind)

    def _structure(self, value: Mapping[str, Any], name: str, shape: ApiShape, kind: Kind | None) -> dict[str, Any]:
        shown: dict[str, Any] = {}
        for member, item in value.items():
            target = shape.members.get(member, "")
            shown[member] = self.value(item, target, self._kind(name, member, target, kind))
        return shown

    def _kind(self, structure: str, member: str, target: str, inherited: Kind | None) -> Kind | None:
        table = MEMBERS.get(self.tree.service, {})
        if (structure, member) in table:
            return table[structure, member]
        if inherited is not None:
            return Kind.NAME if member in NAMING_MEMBERS else inherited
        if member in HARMLESS_NAMES or (structure, member) in HARMLESS_MEMBERS:
            return None
        shape = self.tree.shapes.get(target)
        if shape is None or shape.type != "string" or shape.is_enum:
            return None
        lowered = member.lower()
        return next((kind for ending, kind in SUSPECT_ENDINGS if lowered.endswith(ending)), None)

    def _list(self, value: Sequence[Any], shape: ApiShape, kind: Kind | None) -> list[Any]:
        if kind is Kind.COMMAND and not self.shows_all:  # one value, however many words it has
            return [self._withhold(value, kind)] if value else []
        return [self.value(item, shape.element, kind) for item in value]

    def _map(self, value: Mapping[str, Any], shape: ApiShape, kind: Kind | None) -> dict[str, Any]:
        shown: dict[str, Any] = {}
        for key, item in value.items():
            item_kind = None if kind is Kind.OPTION and key in SHOWN_OPTIONS else kind
            shown[self._key(key, shown)] = self.value(item, shape.element, item_kind)
        return shown

    def _key(self, key: str, taken: Mapping[str, Any]) -> str:
        """A map's key as it may be shown; several that are withheld are numbered, so that none is lost."""
        name = self._name(key)
        return name if name not in taken else f"{name} ({len(taken) + 1})"

    def _leaf(self, value: Any, shape: ApiShape, kind: Kind | None) -> Any:
        if kind is None or value == "" or isinstance(value, bool) or shape.is_enum:
            return value
        if kind is Kind.NAME and isinstance(value, str):
            return self._name(value)
        if not self.shows_all and kind not in PUBLIC_KINDS:
            return self._withhold(value, kind)
        if kind in UNTRUSTED_KINDS and isinstance(value, str):
            return quoted(value, public=kind in PUBLIC_KINDS)
        return value

    def _name(self, value: str) -> str:
        if is_plain_name(value):
            return value
        return quoted(value) if self.shows_all else str(self._withhold(value, Kind.NAME))

    def _withhold(self, value: Any, kind: Kind) -> Any:
        if self.shows_all:
            return value
        self.withheld[kind.value] += 1
        return marker(kind)


def _counted(kind: str, count: int) -> str:
    if count == 1:
        return kind
    first, value, rest = kind.partition("value")
    return f"{first}values{rest}" if value else f"{kind}s"
