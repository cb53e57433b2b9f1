"""Where an app is deployed from, as its stacks record it: so that two folders of one name do not undo each other.

It is the value of a template parameter, which is part of no comparison, plan or digest; `cdk deploy` keeps the value
and `cdk diff` does not compare it. Folders are known by hashes alone: parameters are read by others.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from expressway.cloudformation.stack import StackState
from expressway.privacy.untrusted import cleaned

ORIGIN_PARAMETER = "Origin"
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
    """Where the stack's parameter says that it was deployed from; None where it says nothing that can be read."""
    try:
        told: Any = json.loads(stack.parameters.get(ORIGIN_PARAMETER, "")) if stack is not None else None
    except (ValueError, RecursionError):
        return None
    if not isinstance(told, Mapping):
        return None
    texts = [value if isinstance(value := told.get(name), str) else "" for name in ("Remote", "Folder", "Hint", "By")]
    return Origin(texts[0], texts[1], texts[2][:_LONGEST_HINT], texts[3][:_LONGEST_HINT])


def origin_parameter(document: Mapping[str, Any], origin: Origin | None) -> dict[str, str]:
    """The parameter that records `origin`, where there is one and the template takes it."""
    if origin is None or ORIGIN_PARAMETER not in document.get("Parameters", {}):
        return {}
    told = {"Remote": origin.remote, "Folder": origin.folder, "Hint": origin.hint, "By": origin.by}
    present = {name: value for name, value in told.items() if value}
    return {ORIGIN_PARAMETER: json.dumps(present, ensure_ascii=False, separators=(",", ":"))}


def without_origin(parameters: Mapping[str, str]) -> dict[str, str]:
    """A stack's parameters as they are compared."""
    return {name: value for name, value in parameters.items() if name != ORIGIN_PARAMETER}


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]
