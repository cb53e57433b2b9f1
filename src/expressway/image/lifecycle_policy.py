"""Lifecycle policies of ECR repositories, evaluated as ECR does, and the tags that keep images from them.

An image that matches the tagging requirements of a rule cannot be expired by a rule with a lower priority, and a rule
with several patterns takes the images that match all of them. Source: Amazon ECR user guide, "Automate the cleanup of
images by using lifecycle policies" and "Lifecycle policy properties in Amazon ECR".
"""

import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from expressway.aws.values.image import RegistryImage

PROTECTED_PATTERN = "expressway-*"
"""What the policy's first rule, and the exclusion from immutability, match."""

RUNNING_TAG = "expressway-running"
PREVIOUS_TAG = "expressway-previous"
NEXT_TAG = "expressway-next"
UNPROVEN_TAG = "expressway-unproven"
"""The image of the last deployment that became ready, the one before it, the one that is being deployed, and one that
the stack names although it never became ready."""

_OLDEST = datetime.min.replace(tzinfo=UTC)
_BY_COUNT = "imageCountMoreThan"


@dataclass(frozen=True, slots=True)
class LifecycleRule:
    """One rule.

    Attributes:
        tag_status: ``tagged``, ``untagged`` or ``any``.
        patterns: what tags of an image must match, each of them; a prefix is a pattern that ends with ``*``.
        count_type: ``imageCountMoreThan``, or the days since something: pushed, pulled, archived.
        action: ``expire`` deletes an image; others remove it as well (an archived one cannot be pulled).
    """

    priority: int
    tag_status: str
    patterns: tuple[str, ...]
    count_type: str
    count: int
    action: str = "expire"

    def selects(self, tags: Collection[str]) -> bool:
        """Whether an image with these tags meets the rule's tagging requirements."""
        if self.tag_status == "any":
            return True
        if self.tag_status == "untagged" or not tags:
            return self.tag_status == "untagged" and not tags
        return all(any(_matches(tag, pattern) for tag in tags) for pattern in self.patterns)

    @property
    def counts_images(self) -> bool:
        """Whether it removes images by their number, and not by their age."""
        return self.count_type == _BY_COUNT

    def describe(self) -> str:
        """When it removes an image, in words."""
        if self.counts_images:
            return f"once {self.count} newer image{'s have' if self.count != 1 else ' has'} been pushed"
        return f"{self.count} days after it was {_SINCE.get(self.count_type, 'pushed')}"


_SINCE = {"sinceImagePulled": "last pulled", "sinceImageTransitioned": "archived"}


def parse_lifecycle_policy(text: str) -> tuple[LifecycleRule, ...]:
    """The rules of a policy, those that are applied first in front.

    Raises:
        ValueError: the text is no lifecycle policy.
    """
    try:
        rules: list[Mapping[str, Any]] = json.loads(text)["rules"]
        return tuple(sorted((_rule(rule) for rule in rules), key=lambda rule: rule.priority))
    except (KeyError, TypeError, AttributeError) as exc:
        raise ValueError("Expected a lifecycle policy with rules.") from exc


def _rule(raw: Mapping[str, Any]) -> LifecycleRule:
    selection: Mapping[str, Any] = raw["selection"]
    prefixes = [f"{prefix}*" for prefix in selection.get("tagPrefixList", [])]
    return LifecycleRule(
        priority=int(raw["rulePriority"]),
        tag_status=str(selection["tagStatus"]),
        patterns=(*(str(pattern) for pattern in selection.get("tagPatternList", [])), *prefixes),
        count_type=str(selection["countType"]),
        count=int(selection["countNumber"]),
        action=str(raw.get("action", {}).get("type", "expire")),
    )


def deciding_rule(rules: Iterable[LifecycleRule], tags: Collection[str]) -> LifecycleRule | None:
    """The only rule that can remove an image with these tags; None when none can."""
    return next((rule for rule in rules if rule.selects(tags)), None)


def expired_images(
    rules: Iterable[LifecycleRule], images: Collection[RegistryImage], *, now: datetime
) -> frozenset[str]:
    """The digests of the images that a policy removes now; every rule also counts what another one removes."""
    expired: set[str] = set()
    ordered = tuple(rules)
    for rule in ordered:
        selected = [image for image in images if rule.selects(image.tags)]
        decided = {image.digest for image in selected if deciding_rule(ordered, image.tags) is rule}
        expired |= decided & {image.digest for image in _beyond(rule, selected, now)}
    return frozenset(expired)


def _beyond(rule: LifecycleRule, selected: list[RegistryImage], now: datetime) -> list[RegistryImage]:
    if rule.counts_images:
        return sorted(selected, key=lambda image: image.pushed_at or _OLDEST, reverse=True)[rule.count :]
    return [image for image in selected if now - (image.pushed_at or _OLDEST) > timedelta(days=rule.count)]


def _matches(tag: str, pattern: str) -> bool:
    """Whether a tag matches a pattern, whose only wildcard is ``*``: four at most, so this takes no time."""
    return re.fullmatch(".*".join(re.escape(part) for part in pattern.split("*")), tag) is not None
