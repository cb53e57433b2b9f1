"""Lifecycle policies take away what ECR's documents say, and never an image with a protected tag."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expressway.aws.values.image import RegistryImage
from expressway.image.lifecycle_policy import deciding_rule, expired_images, parse_lifecycle_policy

NOW = datetime(2026, 11, 1, tzinfo=UTC)


def image(name: str, *tags: str, days: float) -> RegistryImage:
    return RegistryImage("repo", name, tags, 1, NOW - timedelta(days=days))


def count(priority: int, number: int, **selection: Any) -> dict[str, Any]:
    return rule(priority, countType="imageCountMoreThan", countNumber=number, **selection)


def rule(priority: int, **selection: Any) -> dict[str, Any]:
    return {"rulePriority": priority, "selection": selection, "action": {"type": "expire"}}


def tagged(*prefixes: str) -> dict[str, Any]:
    return {"tagStatus": "tagged", "tagPrefixList": list(prefixes)}


def like(*patterns: str) -> dict[str, Any]:
    return {"tagStatus": "tagged", "tagPatternList": list(patterns)}


UNTAGGED, ANY = {"tagStatus": "untagged"}, {"tagStatus": "any"}


def expired(rules: list[dict[str, Any]], images: list[RegistryImage]) -> set[str]:
    policy = parse_lifecycle_policy(json.dumps({"rules": rules}))
    return set(expired_images(policy, images, now=NOW))


DOCUMENTED = [
    image("A", "beta-1", "prod-1", days=10),
    image("B", "beta-2", "prod-2", days=9),
    image("C", "beta-3", days=8),
]


def test_the_documented_examples_of_several_rules_and_tags() -> None:
    """Source: Amazon ECR user guide, "Examples of lifecycle policies", filtering on multiple rules, A to C."""
    prod, beta = tagged("prod"), tagged("beta")
    assert expired([count(1, 1, **prod), count(2, 1, **beta)], DOCUMENTED) == {"A"}
    assert expired([count(1, 1, **beta), count(2, 1, **prod)], DOCUMENTED) == {"A", "B"}
    aged = [count(1, 1, **prod), rule(2, **beta, countType="sinceImagePushed", countNumber=9)]
    assert expired(aged, DOCUMENTED) == {"A"}


@pytest.mark.parametrize(
    ("rules", "gone"),
    [
        ([count(1, 1, **ANY)], {"old", "untagged", "both"}),
        ([count(1, 1, **UNTAGGED)], set()),
        ([rule(1, **UNTAGGED, countType="sinceImagePushed", countUnit="days", countNumber=3)], {"untagged"}),
        ([rule(1, **UNTAGGED, countType="sinceImagePushed", countUnit="days", countNumber=4)], set()),
        ([count(1, 1, **like("*"))], {"old", "both"}),
        ([count(1, 0, **like("v*", "*-x"))], {"both"}),  # a rule wants all of its patterns
        ([count(1, 9, **like("w-x")), count(2, 1, **like("*"))], {"old"}),
        ([count(2, 1, **like("*")), count(1, 9, **like("w-x"))], {"old"}),  # by priority, not as written
        ([count(1, 9, **like("*")), count(2, 1, **like("v*"))], set()),
    ],
)
def test_rules_select_by_tags_and_the_first_that_selects_an_image_decides(rules: list[Any], gone: set[str]) -> None:
    images = [
        image("old", "v1", days=5),
        image("untagged", days=4),
        image("both", "v2", "w-x", days=2),
        image("new", "v3", days=1),
    ]
    assert expired(rules, images) == gone


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"rules": [{}]}', '{"rules": 3}', '{"rules": [{"rulePriority": "x"}]}']
)
def test_what_is_no_policy_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        parse_lifecycle_policy(text)


TAGS = st.sampled_from(["v1", "v2", "ctx-1", "expressway-running", "expressway-next", "latest"])
IMAGES = st.lists(st.tuples(st.frozensets(TAGS, max_size=3), st.integers(0, 4000)), max_size=12)
RULES = st.lists(
    st.builds(
        lambda number, selection: {"countType": "imageCountMoreThan", "countNumber": number, **selection},
        st.integers(1, 5),
        st.sampled_from([like("*"), like("v*"), tagged("ctx", "v"), UNTAGGED, tagged("expressway")]),
    ),
    max_size=4,
)


@given(IMAGES, RULES)
def test_an_image_with_a_protected_tag_never_expires_whatever_other_rules_say(images: Any, rules: Any) -> None:
    held = [image(str(number), *sorted(tags), days=days) for number, (tags, days) in enumerate(images)]
    policy = [count(1, 1000, **like("expressway-*")), *(rule(2 + at, **each) for at, each in enumerate(rules))]
    gone = expired(policy, held)
    assert not {one.digest for one in held if any(tag.startswith("expressway-") for tag in one.tags)} & gone
    parsed = parse_lifecycle_policy(json.dumps({"rules": policy}))
    assert all(deciding_rule(parsed, one.tags) is not None for one in held if one.digest in gone)
