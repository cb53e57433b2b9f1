"""Protect the images that run, are about to run, or are needed for a rollback from their lifecycle policy.

A lifecycle policy counts pushes, and deploying an older image is no push: without a tag that a first rule keeps, newer
pushes expire the running image.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from expressway.cloudformation.stack import StackState
from expressway.cloudformation.template import IMAGE_PARAMETER
from expressway.core.progress import Progress, ProgressSink
from expressway.errors import ExpresswayError
from expressway.image.lifecycle_policy import (
    NEXT_TAG,
    PREVIOUS_TAG,
    PROTECTED_PATTERN,
    RUNNING_TAG,
    UNPROVEN_TAG,
    deciding_rule,
    parse_lifecycle_policy,
)
from expressway.image.ports import ImageRegistry
from expressway.image.values import PlannedImage


def running_image(service: StackState | None) -> str:
    """The URI of the image that the service's stack names; "" for none."""
    return service.parameters.get(IMAGE_PARAMETER, "") if service is not None else ""


_PREFIX = PROTECTED_PATTERN.removesuffix("*")
_PROTECTED_IMAGES = 4
"""As many images have protected tags at a time."""


@dataclass(frozen=True, slots=True)
class ImageProtection:
    """The protected images of one repository. A failure is a warning: it does not stop the deployment."""

    registry: ImageRegistry
    repository_name: str
    progress: ProgressSink
    warned: list[str] = field(default_factory=list[str])

    def protect(self, *, starting: str, running: str) -> None:
        """Before the service is changed: protect the image it is to run and the one it runs, by URI ("" for none)."""
        place, _, digest = starting.partition("@")
        ran_from, _, ran = running.partition("@")
        if ran_from == place:  # an image of another repository is not kept here
            self._attempt(lambda: self._keep_running(ran, digest))
        self._attempt(lambda: self._keep_starting(digest))

    def settle(self, running: str) -> None:
        """After the service is ready: tag the image it runs as running, and the one before it for a rollback."""
        self._attempt(lambda: self._settle(running.rpartition("@")[2]))

    def _keep_running(self, running: str, starting: str) -> None:
        if not running or running == starting:
            return
        proved = self.registry.find_image(self.repository_name, tag=RUNNING_TAG)
        if proved is None or proved.digest != running:
            self._tag(running, UNPROVEN_TAG if proved else RUNNING_TAG)

    def _keep_starting(self, starting: str) -> None:
        image = self.registry.find_image(self.repository_name, digest=starting)
        if image is not None and RUNNING_TAG in image.tags:
            return
        self._tag(starting, NEXT_TAG)
        # A repository that was adopted, or whose policy was changed, may ignore the tags.
        policy = self.registry.lifecycle_policy(self.repository_name)
        sentence = expiring_sentence(policy, (RUNNING_TAG,), where=f"the repository {self.repository_name}")
        if sentence:
            self._warn(sentence)

    def _settle(self, digest: str) -> None:
        before = self.registry.find_image(self.repository_name, tag=RUNNING_TAG)
        if before is not None and before.digest == digest:
            return
        if before is not None:
            self._tag(before.digest, PREVIOUS_TAG)
        self._tag(digest, RUNNING_TAG)

    def _tag(self, digest: str, tag: str) -> None:
        self.registry.tag_image(self.repository_name, digest=digest, tag=tag)

    def _attempt(self, act: Callable[[], None]) -> None:
        try:
            act()
        except ExpresswayError as error:
            self._warn(f"the image is not protected from the lifecycle of {self.repository_name}: {error.message}")

    def _warn(self, message: str) -> None:
        if message not in self.warned:
            self.warned.append(message)
            self.progress(Progress("push", message, level="warning"))


def expiring_sentence(policy: str | None, tags: tuple[str, ...], *, where: str) -> str | None:
    """What a lifecycle policy will do to an image with these tags; None where it keeps the image."""
    if policy is None:
        return None
    try:
        rule = deciding_rule(parse_lifecycle_policy(policy), tags)
    except ValueError:
        return f"the lifecycle policy of {where} cannot be read, so it is not known whether the image stays"
    if rule is None:
        return None
    only_protected = any(pattern.startswith(_PREFIX) for pattern in rule.patterns)
    if only_protected and rule.counts_images and rule.count >= _PROTECTED_IMAGES:
        return None
    return (
        f"rule {rule.priority} of the lifecycle policy of {where} takes the image away {rule.describe()}, also while "
        "it runs: a task that starts then cannot pull it. Keep it by a rule of a higher priority for a tag that it has"
    )


def protect_before_service(
    protection: ImageProtection | None, planned: PlannedImage | None, service: StackState | None
) -> None:
    """Protect the image that the service is to run, and the one that its stack names."""
    if protection is None or planned is None:
        return
    protection.protect(starting=planned.uri or "", running=running_image(service))
