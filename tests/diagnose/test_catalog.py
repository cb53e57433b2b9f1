"""What AWS's text says and what the configuration shows become one finding."""

from expressway.diagnose.catalog import deduplicate
from expressway.diagnose.finding import Finding, Severity

TASK = "arn:aws:ecs:us-east-1:000000000000:task/default/t1"
IMAGE = "registry.example/web:1"


def finding(code: str, resource: str, *evidence: str, severity: Severity = "critical") -> Finding:
    return Finding(code, severity, "It is so.", evidence, resource=resource)


def test_the_exacter_code_wins_and_keeps_both_evidences() -> None:
    (only,) = deduplicate(
        [
            finding("image_not_found", TASK, "CannotPull…"),
            finding("image_tag_not_found", IMAGE, "tags: 2", severity="warning"),
        ]
    )
    assert (only.code, only.resource, only.severity) == ("image_tag_not_found", IMAGE, "critical")
    assert only.evidence == ("tags: 2", "CannotPull…")


def test_of_the_same_code_the_one_about_the_thing_itself_wins() -> None:
    (only,) = deduplicate([finding("secret_denied", TASK, "said"), finding("secret_denied", "arn:secret", "policy")])
    assert only.resource == "arn:secret"


def test_two_things_that_are_both_missing_stay_two() -> None:
    assert len(deduplicate([finding("secret_not_found", "arn:a"), finding("secret_not_found", "arn:b")])) == 2


def test_unrelated_findings_are_left_alone() -> None:
    given = (finding("container_exited", TASK), finding("subnet_full", "subnet-1"))
    assert deduplicate(given) == given


def test_a_secret_that_could_not_be_had_gives_way_to_why() -> None:
    (only,) = deduplicate(
        [finding("secret_unavailable", TASK, "said"), finding("secret_not_found", "arn:a", "looked up")]
    )
    assert (only.code, only.evidence) == ("secret_not_found", ("looked up", "said"))
