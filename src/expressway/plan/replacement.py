"""What replacing a resource takes, and which replacements CloudFormation cannot make.

It makes the new resource before it deletes the old one. So a resource whose name is fixed can only be replaced if
that name changes as well. Source: CloudFormation user guide, "Name type". The type of a resource cannot change at
all ("Update of resource type is not permitted").
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from expressway.cloudformation.change_set import ChangeSet, ChangeSetChange, ChangeSetDetail
from expressway.cloudformation.resource_kinds import RESOURCE_KINDS, ResourceKind, kind_of
from expressway.cloudformation.stack import DEFAULT_CLUSTER, EXPRESS_TYPE
from expressway.cloudformation.template import RETAINING, Template
from expressway.errors import RefusedError
from expressway.hints import option
from expressway.plan.diff import PropertyChange, ResourceChange, StackChange


def loss_of(change: ResourceChange) -> str:
    """What replacing this resource means, by its type and by what replaces it: half a sentence."""
    cluster = next((item.after for item in change.properties if item.path == "Cluster"), None)
    if change.resource_type == EXPRESS_TYPE and isinstance(cluster, str):
        return f"created again in the cluster {cluster.rsplit('/', 1)[-1]}, with another URL"
    return kind_of(change.resource_type).replaced or "the old one is deleted"


@dataclass(frozen=True, slots=True)
class Replacement:
    """A resource that would be replaced because these properties change.

    Attributes:
        obstacle: why CloudFormation cannot do it, as half a sentence; empty where nothing stands in the way.
        retained: the old one would be kept, by its deletion policy, also when its stack is deleted.
    """

    logical_id: str
    resource_type: str
    properties: tuple[str, ...] = ()
    obstacle: str = ""
    retained: bool = False


def planned_replacements(change: StackChange, template: Template) -> tuple[Replacement, ...]:
    """The replacements among the changes that a plan makes of a stack."""
    return tuple(_planned(resource, template) for resource in change.replacements)


def _planned(change: ResourceChange, template: Template) -> Replacement:
    decisive = [item for item in change.properties if item.requires_replacement]
    changed = {_root(item.path) for item in decisive if not _is_same_cluster(item)}
    return _replacement(change, [item.path for item in decisive], changed, template)


def expected_replacements(change_set: ChangeSet, template: Template) -> tuple[Replacement, ...]:
    """Those that CloudFormation announces in a change set; one that it gives no reason for may be possible."""
    return tuple(_expected(change, template) for change in change_set.replacements)


def _expected(change: ChangeSetChange, template: Template) -> Replacement:
    decisive = [detail for detail in change.details if detail.requires_recreation != "Never"]
    changed = {_property(detail) for detail in decisive} or set(kind_of(change.resource_type).named_by)
    return _replacement(change, [detail.path for detail in decisive], changed, template)


def _replacement(
    change: ResourceChange | ChangeSetChange, paths: Iterable[str], changed: set[str], template: Template
) -> Replacement:
    resource: Mapping[str, Any] = template.document.get("Resources", {}).get(change.logical_id, {})
    return Replacement(
        change.logical_id,
        change.resource_type,
        tuple(dict.fromkeys(paths)),
        _obstacle(resource, changed),
        resource.get("DeletionPolicy") in RETAINING,
    )


def _obstacle(resource: Mapping[str, Any], renamed: set[str]) -> str:
    if "Type" in renamed:
        return "CloudFormation does not change the type of a resource"
    naming = kind_of(resource.get("Type")).named_by
    name = resource.get("Properties", {}).get(naming[0]) if naming else None
    if name is None or renamed & set(naming):
        return ""
    shown = name if isinstance(name, str) else "the same"
    return f"CloudFormation makes the new one before it deletes the old one, and both would be called {shown}"


def _is_same_cluster(item: PropertyChange) -> bool:
    """A cluster is the same by its name and by its ARN, and one that is not named is the default cluster."""
    before, after = (DEFAULT_CLUSTER if value is None else value for value in (item.before, item.after))
    texts = isinstance(before, str) and isinstance(after, str)
    return item.path == "Cluster" and texts and before.rsplit("/", 1)[-1] == after.rsplit("/", 1)[-1]


def _property(detail: ChangeSetDetail) -> str:
    """The property that ``/Properties/Name/…`` speaks of, or the attribute of the resource, such as ``Tags``."""
    steps = detail.path.removeprefix("/").split("/")
    return steps[1] if steps[0] == "Properties" and len(steps) > 1 else steps[0]


def _root(path: str) -> str:
    return path.partition(".")[0].partition("[")[0]


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
