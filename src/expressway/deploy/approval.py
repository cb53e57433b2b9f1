"""Whether what deploying would do now is what was approved."""

from collections.abc import Callable

from expressway.deploy.ports import OperationLog
from expressway.deploy.stack.approval_guard import LOOK_AGAIN
from expressway.errors import RefusedError
from expressway.image.values import PlannedImage
from expressway.plan.plan import Plan


def check_approval(plan: Plan, approved: str | None, operation: OperationLog) -> None:
    """Record that `plan` was approved, or recognise it as what an approved run that was cut short has left to do.

    Without an `approved` digest nothing is asked.

    Raises:
        RefusedError: ``plan_changed``.
    """
    if approved == plan.digest:
        operation.record(approved=plan.approval())
    elif approved is not None and not _continues(approved, plan, operation):
        raise RefusedError(
            "plan_changed",
            f"The plan {approved} was approved, but deploying now would carry out {plan.digest}.",
            LOOK_AGAIN,
            {"approved": approved, "current": plan.digest},
        )


def _continues(approved: str, plan: Plan, operation: OperationLog) -> bool:
    approval = operation.current.approved
    return approval is not None and approval.get("plan") == approved and plan.continues(approval)


def image_that_went(planned: PlannedImage, approved: str | None, warn: Callable[[str], None]) -> PlannedImage:
    """The image as one that must be built, since it went from the repository after it was planned.

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
