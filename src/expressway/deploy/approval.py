"""Whether what deploying would do now is what was approved."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from expressway.cloudformation.change_set import ChangeSet
from expressway.cloudformation.stack import StackState
from expressway.cloudformation.template import Template
from expressway.deploy.ports import OperationLog
from expressway.errors import RefusedError
from expressway.hints import command
from expressway.image.values import PlannedImage
from expressway.plan.approval import differences, is_approved, unshown_changes
from expressway.plan.diff import StackChange
from expressway.plan.plan import Plan
from expressway.plan.planner import deployed_stack, stack_change
from expressway.privacy.redaction import is_plain_name


def check_approval(plan: Plan, approved: str | None, operation: OperationLog) -> None:
    """Record that `plan` was approved, or recognise it as what an approved run that was cut short has left to do.

    Without an `approved` digest nothing is checked.

    Raises:
        RefusedError: ``plan_changed``.
    """
    if approved is None:
        return
    if approved == plan.digest:
        operation.record(approved=plan.approval())
        return
    approval = operation.current.approved
    if approval is None or approval.get("plan") != approved or not plan.continues(approval):
        raise RefusedError(
            "plan_changed",
            f"The plan {approved} was approved, but deploying now would carry out {plan.digest}.",
            LOOK_AGAIN,
            {"approved": approved, "current": plan.digest},
        )


def rebuild_missing_image(planned: PlannedImage, approved: str | None, warn: Callable[[str], None]) -> PlannedImage:
    """The image as one that must be built, since it was removed from the repository after it was planned.

    Raises:
        RefusedError: ``plan_changed`` where the plan that named its digest was approved.
    """
    message = f"The image {planned.uri} was in the repository when this was planned, and no longer is"
    if approved is not None:
        raise RefusedError(
            "plan_changed",
            f"{message}; the service was not changed.",
            LOOK_AGAIN,
            {"approved": approved, "image": planned.uri},
        )
    warn(f"{message}: it is built and pushed again")
    return PlannedImage("to_build", None, planned.tag)


def remember_rebuilt(image_uri: str, operation: OperationLog) -> None:
    """Note it under the approval, so that a run that continues this one knows the image as its own."""
    approval = operation.current.approved
    if approval is not None:
        operation.record(approved={**approval, "rebuilt": image_uri})


def rebuilt_sentence(image_uri: str, *, running: str) -> str:
    """Whether it is another image than the one that ran."""
    again = "The image was built again with its base images pulled again"
    if image_uri == running:
        return f"{again}, and is the one that runs."
    return f"{again}: {image_uri} is another one than ran before."


LOOK_AGAIN = (
    f"Look at the new plan ({command('diff')}, with the same adoption and replacement allowed) and approve its digest."
)


@dataclass(frozen=True, slots=True)
class ApprovedStackPlan:
    """What a plan says of one stack, checked against the stack and its change set right before they are changed.

    Between a plan and its execution an image is built and other operations are waited for. Who approved a plan approved
    what it showed, not whatever the stack has become in the meantime.

    Attributes:
        change: what the plan of this run says of the stack.
        approval: what was approved (`Plan.approval`); None where nobody approved a plan, so that nothing is refused.
        warn: called where the stack was changed meanwhile and the deployment goes on all the same.
    """

    template: Template
    change: StackChange
    approval: Mapping[str, Any] | None
    warn: Callable[[str], None]

    def check_not_stale(self, stack: StackState | None, parameters: Mapping[str, str]) -> StackChange:
        """What deploying changes in the stack as it is now.

        Raises:
            RefusedError: ``plan_changed`` when that is neither nothing nor what was approved.
        """
        now = stack_change(self.template, deployed_stack(stack), parameters)
        now = now.importing({change.logical_id for change in self.change.imports})
        now = now.restoring(self.change.restorations)
        if self.approval is None:
            self._warn_of(now)
        elif not is_approved(now, self.approval):
            raise self._refused("It was changed meanwhile", _named(differences(self.change, now)))
        return now

    def check_not_in_progress(self, stack: StackState | None, parameters: Mapping[str, str]) -> None:
        """The same of a stack that was changed while its change set was made.

        Raises:
            RefusedError: ``plan_changed``.
        """
        if self.approval is not None and stack is not None and stack.in_progress:
            raise self._refused(f"Another operation began on it ({stack.status})", ())
        self.check_not_stale(stack, parameters)

    def check_change_set(self, change_set: ChangeSet, now: StackChange) -> None:
        """Refuse a change set that does more than `now`, the change that was checked before.

        Raises:
            RefusedError: ``plan_changed`` with the resources and properties that it would change beyond that.
        """
        unshown = unshown_changes(now, change_set) if self.approval is not None else ()
        if unshown:
            raise self._refused("CloudFormation would change more", _named(unshown))

    def _warn_of(self, now: StackChange) -> None:
        changed = () if now.without_protection().is_empty else _named(differences(self.change, now))
        if changed:
            self.warn(
                f"{now.stack_name} was changed by someone else after it was compared; the deployment brings it to the "
                f"definition all the same ({_listed(changed)})."
            )

    def _refused(self, why: str, changed: tuple[str, ...]) -> RefusedError:
        name = self.template.stack_name
        approved = str((self.approval or {}).get("plan", ""))
        what = f": {_listed(changed)}" if changed else ""
        return RefusedError(
            "plan_changed",
            f"The plan {approved} no longer says what deploying would do to {name}. {why}{what}. "
            "Nothing of it was carried out there.",
            LOOK_AGAIN,
            {"approved": approved, "stack": name, "changed": list(changed)},
        )


def _named(changed: tuple[str, ...]) -> tuple[str, ...]:
    """The paths, each cut before the first step that is no plain name: somebody else chose the names of variables."""

    def plain(path: str) -> str:
        first, *others = path.split(".")
        steps = [first, *takewhile(is_plain_name, others)]
        return ".".join(steps) if len(steps) == len(others) + 1 else f"{'.'.join(steps)}.…"

    return tuple(dict.fromkeys(map(plain, changed)))


def _listed(names: tuple[str, ...], most: int = 8) -> str:
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")
