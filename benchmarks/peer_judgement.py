"""How the peer's answers are judged, so that nobody has to take our word for it.

It returns data with a few judgements among it; ours returns findings with stable codes. So:

* It has **found** the true cause when its answers contain words that name it, wherever they stand: in a judgement, an
  event, a reason of AWS's, a log line. The pattern of each scenario is beside its definition. A description of the
  network, say, in which an expert would notice that a route is missing names nothing, and counts as not found.
* It has claimed something **false** only where a field that is a judgement says so (the table below); data never does.
* Where nothing is wrong, it has found that when it makes no false claim.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from tests.e2e.scenarios.scenario import Scenario, Verdict, codes

from benchmarks.troubleshooters import Reply

_IMAGE_CODES = codes(
    "repository_not_found image_not_found image_tag_not_found wrong_architecture image_pull_denied "
    "registry_credentials_missing registry_unreachable no_internet_route no_public_ip egress_blocked blackhole_route"
)
_CATEGORY_CODES: Mapping[str, frozenset[str]] = {
    "out_of_memory": frozenset({"out_of_memory", "container_memory_limit"}),
    "image_pull_failure": _IMAGE_CODES,
    "segmentation_fault": frozenset({"container_crashed"}),
}
_ISSUE_CODES: Mapping[str, frozenset[str]] = {
    "port_mismatch": frozenset({"port_mismatch", "target_port_mismatch"}),
}

Shape = Mapping[str, Any]


def judge_replies(scenario: Scenario, replies: Sequence[Reply]) -> Verdict:
    """Found and false, over all the answers together."""
    false = tuple(claim for reply in replies for judge in _JUDGES for claim in judge(scenario, reply.shape))
    if scenario.is_healthy:
        return Verdict(not false, false)
    return Verdict(any(scenario.words.search(reply.text) for reply in replies), false)


def _images(scenario: Scenario, shape: Shape) -> Iterator[str]:
    """``image_issues`` are introduced as "may be causing pull failures"."""
    if not scenario.finds & _IMAGE_CODES:
        for issue in shape.get("image_issues") or ():
            yield f"image_issues: {issue.get('image')} ({issue.get('error') or issue.get('exists')})"


def _image_checks(scenario: Scenario, shape: Shape) -> Iterator[str]:
    """An ``error`` among the checks of guidance, such as "Repository … not found"."""
    if not scenario.finds & _IMAGE_CODES:
        for check in (shape.get("raw_data") or {}).get("image_check_results") or ():
            if check.get("error"):
                yield f"image_check_results: {check['error']}"


def _categories(scenario: Scenario, shape: Shape) -> Iterator[str]:
    """``failure_categories`` that are a diagnosis (application_error and other are none)."""
    for category in shape.get("failure_categories") or ():
        true = _CATEGORY_CODES.get(category)
        if true is not None and not (scenario.finds | scenario.also) & true:
            yield f"failure_categories: {category}"


def _issues(scenario: Scenario, shape: Shape) -> Iterator[str]:
    """``issues`` of a service that name a mismatch which is not there."""
    for issue in shape.get("issues") or ():
        for one in issue.get("issues", [issue]):
            true = _ISSUE_CODES.get(one.get("type", ""))
            if true is not None and not scenario.finds & true:
                yield f"issues: {one['type']}"


_JUDGES: tuple[Callable[[Scenario, Shape], Iterator[str]], ...] = (_images, _image_checks, _categories, _issues)
