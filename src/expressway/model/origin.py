"""Where an app is deployed from, as its stacks remember it: so that two folders of one name do not undo each other.

It is written into the template that CloudFormation gets, beside the ownership mark, and is part of no comparison, plan
or digest. Folders are known by hashes alone: templates are read by others.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from expressway.model.quotation import cleaned
from expressway.model.stack import OWNERSHIP_KEY, StackState

_KEY = "Origin"
_LONGEST_HINT = 120


@dataclass(frozen=True, slots=True)
class Origin:
    """A folder that deploys an app.

    Attributes:
        remote: hash of the Git remote and the folder's place in that repository; empty without a remote.
        folder: hash of the folder's absolute path.
        hint: what tells people which one it is: the remote and place, or the folder's own name.
        by: who deployed from it, as AWS calls them.
    """

    remote: str
    folder: str
    hint: str
    by: str = ""

    def is_same(self, other: "Origin") -> bool:
        """Whether both are one place: checkouts of one repository are, wherever they lie."""
        if self.remote and other.remote:
            return self.remote == other.remote
        return self.folder == other.folder


def make_origin(*, path: str, remote: str, place: str, by: str = "") -> Origin:
    """The origin of an absolute `path`, which is `place` (relative) in a checkout of `remote`, if it is in one."""
    name = f"{remote}/{place}".rstrip("/") if remote else path.rstrip("/").rsplit("/", 1)[-1]
    whole = f"{remote.lower()}#{place}"  # hosts take the names of their repositories in either case
    hint = " ".join(cleaned(name).split())[:_LONGEST_HINT]  # a folder's name may hold what no template can
    return Origin(_hash(whole) if remote else "", _hash(path), hint, by[:_LONGEST_HINT])


def origin_of(stack: StackState | None) -> Origin | None:
    """Where the deployed template says that it came from; None where it says nothing that can be read."""
    try:
        document: Any = json.loads(stack.template) if stack is not None and stack.template else None
    except ValueError:
        return None
    told = _mark(document).get(_KEY)
    if not isinstance(told, Mapping):
        return None
    texts = [value if isinstance(value := told.get(name), str) else "" for name in ("Remote", "Folder", "Hint", "By")]
    return Origin(texts[0], texts[1], texts[2][:_LONGEST_HINT], texts[3][:_LONGEST_HINT])


def with_origin(body: str, origin: Origin | None) -> str:
    """The template's text with the origin in it, if it is a template of ours."""
    document: Any = json.loads(body)
    mark = _mark(document)
    if origin is None or not mark:
        return body
    told = {"Remote": origin.remote, "Folder": origin.folder, "Hint": origin.hint, "By": origin.by}
    marked = {**mark, _KEY: {name: value for name, value in told.items() if value}}
    whole = {**document, "Metadata": {**document["Metadata"], OWNERSHIP_KEY: marked}}
    layout: dict[str, Any] = {"indent": 1} if "\n" in body else {"separators": (",", ":")}
    return json.dumps(whole, ensure_ascii=False, **layout)


def without_origin(document: Any) -> Any:
    """A template's document as it is compared."""
    mark = _mark(document)
    if _KEY not in mark:
        return document
    bare = {name: value for name, value in mark.items() if name != _KEY}
    return {**document, "Metadata": {**document["Metadata"], OWNERSHIP_KEY: bare}}


def _mark(document: Any) -> Mapping[str, Any]:
    metadata = document.get("Metadata") if isinstance(document, Mapping) else None
    mark = metadata.get(OWNERSHIP_KEY) if isinstance(metadata, Mapping) else None
    return mark if isinstance(mark, Mapping) else {}


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]
