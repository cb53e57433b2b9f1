"""Whether a change may replace resources: only where that is allowed, and where CloudFormation can do it."""

from collections.abc import Iterable, Sequence

from expressway.cloudformation.resource_kinds import RESOURCE_KINDS, ResourceKind
from expressway.errors import RefusedError
from expressway.hints import option
from expressway.plan.replacement import Replacement


def check_replacements(replacements: Sequence[Replacement], *, allowed: bool) -> None:
    """Refuse replacements that cannot be made, whether they are allowed or not, and those that are not allowed.

    Raises:
        RefusedError: ``replacement_impossible``, ``replacement_refused``; ``details`` lists the resources and the
            properties that cause it.
    """
    impossible = [one for one in replacements if one.obstacle]
    if impossible:
        raise _impossible(impossible)
    if replacements and not allowed:
        raise _refused(replacements)


def impossible_replacement(one: Replacement) -> str:
    """One replacement that cannot be made, and why, as a sentence without its full stop."""
    return f"{one.logical_id} would have to be replaced ({_listed(one.properties)}), but {one.obstacle}"


def _impossible(impossible: Sequence[Replacement]) -> RefusedError:
    lost = ", ".join(kind.lost_with_app for kind in _kinds(impossible) if kind.lost_with_app)
    kept = [one.logical_id for one in impossible if one.retained]
    also = f", with {', '.join(kept)}, which removal_policy: retain keeps," if kept else ""
    return RefusedError(
        "replacement_impossible",
        f"This change cannot be made: {'; '.join(map(impossible_replacement, impossible))}. Nothing was changed.",
        f"Undo the change of those properties; or delete the app{also} and deploy it again"
        + (f" ({lost} then)." if lost else "."),
        _details(impossible),
    )


def _refused(replacements: Sequence[Replacement]) -> RefusedError:
    losses = [f"a replaced {kind.noun} {kind.replaced}" for kind in _kinds(replacements) if kind.replaced]
    properties = _details(replacements)["properties"]
    what = f"This change replaces {', '.join(one.logical_id for one in replacements)} ({_listed(properties)})"
    return RefusedError(
        "replacement_refused",
        f"{what}; {', and '.join(losses)}." if losses else f"{what}.",
        f"Undo the change of those properties, or pass {option('allow_replacement')}. Nothing was changed.",
        _details(replacements),
    )


def _kinds(replacements: Iterable[Replacement]) -> list[ResourceKind]:
    """The kinds of the resources, each once, in the table's order."""
    types = {one.resource_type for one in replacements}
    return [kind for resource_type, kind in RESOURCE_KINDS.items() if resource_type in types]


def _details(replacements: Iterable[Replacement]) -> dict[str, list[str]]:
    each = list(replacements)
    return {
        "resources": [one.logical_id for one in each],
        "properties": sorted({path for one in each for path in one.properties}),
    }


def _listed(properties: Iterable[str]) -> str:
    return ", ".join(properties) or "a create-only property changes"
