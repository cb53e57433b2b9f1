"""Whether an app is deployed from the place where it was deployed from before."""

from collections.abc import Sequence

from expressway.app.origin import Origin, origin_of
from expressway.cloudformation.stack import StackState
from expressway.errors import RefusedError
from expressway.hints import option
from expressway.privacy.untrusted import quoted


def refuse_other_origin(app_name: str, origin: Origin | None, stacks: Sequence[StackState | None]) -> None:
    """Leave an app alone that was last deployed from another folder or repository, as the first stack tells that knows.

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
    told = ((stack, last) for stack in stacks if stack is not None and (last := origin_of(stack)) is not None)
    stack, last = next(told, (None, None))
    if origin is None or stack is None or last is None or last.is_same(origin):
        return None, None
    return stack, last
