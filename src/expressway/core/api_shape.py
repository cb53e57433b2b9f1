"""The shape of an AWS request or answer as AWS's own service model describes it; plain data."""

from collections.abc import Mapping
from dataclasses import dataclass, field

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
