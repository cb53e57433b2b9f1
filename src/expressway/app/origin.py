"""Where an app is deployed from, as its stacks record it: so that two folders of one name do not undo each other.

It is the value of a template parameter, which is part of no comparison, plan or digest; `cdk deploy` keeps the value
and `cdk diff` does not compare it. Folders are known by hashes alone: parameters are read by others.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from expressway.cloudformation.stack import StackState
from expressway.errors import RefusedError
from expressway.hints import option
from expressway.privacy.untrusted import cleaned, quoted

ORIGIN_PARAMETER = "Origin"
_LONGEST_HINT = 120


@dataclass(frozen=True, slots=True)
class Origin:
    """A folder that deploys an app.

    Attributes:
        remote: hash of the Git remote and the folder's place in that repository; empty without a remote.
        folder: hash of the folder's absolute path.
        hint: how people recognize it: the remote and place, or the folder's own name.
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
        recorded: Any = json.loads(stack.parameters.get(ORIGIN_PARAMETER, "")) if stack is not None else None
    except (ValueError, RecursionError):
        return None
    if not isinstance(recorded, Mapping):
        return None
    texts = [
        value if isinstance(value := recorded.get(name), str) else "" for name in ("Remote", "Folder", "Hint", "By")
    ]
    return Origin(texts[0], texts[1], texts[2][:_LONGEST_HINT], texts[3][:_LONGEST_HINT])


def origin_parameter(document: Mapping[str, Any], origin: Origin | None) -> dict[str, str]:
    """The parameter that records `origin`, where there is one and the template takes it."""
    if origin is None or ORIGIN_PARAMETER not in document.get("Parameters", {}):
        return {}
    recorded = {"Remote": origin.remote, "Folder": origin.folder, "Hint": origin.hint, "By": origin.by}
    present = {name: value for name, value in recorded.items() if value}
    return {ORIGIN_PARAMETER: json.dumps(present, ensure_ascii=False, separators=(",", ":"))}


def without_origin(parameters: Mapping[str, str]) -> dict[str, str]:
    """A stack's parameters as they are compared."""
    return {name: value for name, value in parameters.items() if name != ORIGIN_PARAMETER}


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def refuse_other_origin(app_name: str, origin: Origin | None, stacks: Sequence[StackState | None]) -> None:
    """Leave an app alone that was last deployed from another folder or repository, by the first stack that records it.

    Raises:
        RefusedError: ``deployed_from_elsewhere``.
    """
    stack, last = _elsewhere(origin, stacks)
    if origin is None or stack is None or last is None:
        return
    by = f" by {quoted(last.by, public=True)}" if last.by else ""
    when = f" at {stack.updated_at.isoformat(timespec='minutes')}" if stack.updated_at else ""
    here = quoted(origin.hint, public=True) or "a folder without a name"
    raise RefusedError(
        "deployed_from_elsewhere",
        f"The app {app_name} was last deployed from {quoted(last.hint, public=True) or 'another place'}{by}{when}; "
        f"this is {here}, another folder or repository. Nothing was changed.",
        f"Choose another app name, or pass {option('adopt')} if this is where the app is deployed from now on. (Where "
        "each build has a folder of its own without .git, EXPRESSWAY_ORIGIN names the repository.)",
        {"stack": stack.name, "last_origin": quoted(last.hint, public=True), "this_origin": here},
    )


def still_elsewhere(app_name: str, origin: Origin | None, service: StackState | None) -> str:
    """What to know of a service stack that was adopted and needed no change; empty where its origin is `origin`.

    A plan without a change is carried out without an update of the stack.
    """
    stack, last = _elsewhere(origin, [service])
    if stack is None or last is None:
        return ""
    return (
        f"{stack.name} needed no change, so it remembers {quoted(last.hint, public=True) or 'another place'} as where "
        f"{app_name} is deployed from: pass {option('adopt')} with the next change too, which will be remembered."
    )


def _elsewhere(
    origin: Origin | None, stacks: Sequence[StackState | None]
) -> tuple[StackState, Origin] | tuple[None, None]:
    """The first of the app's stacks that knows where it is from, and that place, if it is another one."""
    known = ((stack, last) for stack in stacks if stack is not None and (last := origin_of(stack)) is not None)
    stack, last = next(known, (None, None))
    if origin is None or stack is None or last is None or last.is_same(origin):
        return None, None
    return stack, last
