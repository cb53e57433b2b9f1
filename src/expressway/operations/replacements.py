"""Whether a change may replace resources: only where that is allowed, and where CloudFormation can do it."""

from collections.abc import Iterable, Sequence

from expressway.errors import RefusedError
from expressway.faces import option
from expressway.model.replacement import Replacement
from expressway.model.service_location import EXPRESS_TYPE

_LOSSES = {
    EXPRESS_TYPE: "a replaced service gets another URL",
    "AWS::ECR::Repository": "a replaced repository starts without images",
    "AWS::Logs::LogGroup": "a replaced log group starts without logs",
}
_LOST_WITH_THE_APP = {
    EXPRESS_TYPE: "its URL changes",
    "AWS::ECR::Repository": "its images go",
    "AWS::Logs::LogGroup": "its logs go",
}


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
    types = {one.resource_type for one in impossible}
    lost = ", ".join(loss for resource_type, loss in _LOST_WITH_THE_APP.items() if resource_type in types)
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
    types = {one.resource_type for one in replacements}
    losses = [loss for resource_type, loss in _LOSSES.items() if resource_type in types]
    properties = _details(replacements)["properties"]
    what = f"This change replaces {', '.join(one.logical_id for one in replacements)} ({_listed(properties)})"
    return RefusedError(
        "replacement_refused",
        f"{what}; {', and '.join(losses)}." if losses else f"{what}.",
        f"Undo the change of those properties, or pass {option('allow_replacement')}. Nothing was changed.",
        _details(replacements),
    )


def _details(replacements: Iterable[Replacement]) -> dict[str, list[str]]:
    each = list(replacements)
    return {
        "resources": [one.logical_id for one in each],
        "properties": sorted({path for one in each for path in one.properties}),
    }


def _listed(properties: Iterable[str]) -> str:
    return ", ".join(properties) or "a create-only property changes"
