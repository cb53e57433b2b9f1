"""Symptoms in words, and what they do to the order of findings."""

import pytest

from expressway.diagnose.finding import Finding, Severity
from expressway.diagnose.guidance.symptoms import across_services, spread, steered, understood


def finding(code: str, severity: Severity = "critical", resource: str = "web") -> Finding:
    return Finding(code, severity, "It is so.", resource=resource)


@pytest.mark.parametrize(
    ("description", "topic"),
    [
        ("ALB returning 503 errors", "health check and load balancer"),
        ("CannotPullContainerError: the image tag is gone", "image pull"),
        ("tasks keep restarting in a crash loop", "crash"),
        ("the container was OOMKilled, out of memory", "memory"),
        ("access denied for the secret", "secrets and permissions"),
        ("cannot reach the database, connection timed out", "network"),
        ("deployment is stuck in PROVISIONING", "deployment"),
        ("the service does not scale, no capacity", "scaling and capacity"),
        ("CloudFormation stack fails", "stack"),
    ],
)
def test_words_point_to_a_topic(description: str, topic: str) -> None:
    assert understood(description).topics[0] == topic


def test_other_words_point_nowhere() -> None:
    assert understood("it feels odd").topics == ()


def test_what_fits_the_symptoms_comes_first_among_the_equally_grave() -> None:
    given = [finding("image_not_found"), finding("health_check_failed"), finding("slow_start", "warning")]
    ordered = steered(given, understood("the load balancer answers 502, targets unhealthy"))
    assert [one.code for one in ordered] == ["health_check_failed", "image_not_found", "slow_start"]


def test_no_symptom_lifts_a_warning_above_what_is_critical() -> None:
    ordered = steered([finding("slow_start", "warning"), finding("image_not_found")], understood("slow, unhealthy"))
    assert ordered[0].severity == "critical"


def test_every_resource_is_told_of_once_before_one_is_told_of_again() -> None:
    given = [finding("a"), finding("b"), finding("c", resource="shop"), finding("d", "warning", "blog")]
    assert [one.code for one in spread(given)] == ["a", "c", "b", "d"]


def test_what_is_wrong_with_a_named_service_comes_before_what_is_graver_with_others() -> None:
    named = finding("slow_start", "warning")
    well = finding("tasks_missing", "info")
    given = [finding("image_not_found"), named, well]
    ordered = across_services(given, understood("image"), {named, well})
    assert [one.code for one in ordered] == ["slow_start", "image_not_found", "tasks_missing"]
