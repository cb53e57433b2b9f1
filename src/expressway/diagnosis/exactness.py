"""The most exact finding of several that tell the same: a stopped task's words, and the thing itself looked up."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from expressway.model.finding import Finding

_EVIDENCE_KEPT = 6

MORE_EXACT: Mapping[str, frozenset[str]] = {
    "image_not_found": frozenset({"image_tag_not_found", "image_digest_not_found", "repository_not_found"}),
    "repository_not_found": frozenset({"repository_not_found"}),
    "image_pull_denied": frozenset(
        {"image_pull_denied", "registry_credentials_missing", "registry_credentials_refused"}
    ),
    "wrong_architecture": frozenset({"wrong_architecture"}),
    "secret_not_found": frozenset({"secret_not_found", "secret_deleted", "registry_credentials_missing"}),
    "secret_denied": frozenset({"secret_denied", "kms_denied"}),
    "kms_denied": frozenset({"kms_denied", "kms_key_unusable"}),
    "log_group_missing": frozenset({"log_group_missing"}),
    "log_denied": frozenset({"log_denied", "log_group_missing"}),
    "role_not_assumable": frozenset({"role_not_assumable", "role_not_found"}),
    "permission_denied": frozenset({"infrastructure_role_lacks_permission"}),
    "error_rate_alarm": frozenset({"error_rate_alarm", "deployment_alarm"}),
    "quota_exceeded": frozenset({"quota_exceeded"}),
}
"""Codes that AWS's words give, and the codes of findings about the very thing that say the same more exactly."""


def most_exact(told: Iterable[Finding], looked_up: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings of both, without those of `told` that one of `looked_up` makes more exact.

    What AWS said stays as evidence of the exact one, which it makes certain and as grave as it was.
    """
    exact = list(looked_up)
    kept: list[Finding] = []
    for finding in told:
        codes = MORE_EXACT.get(finding.code, frozenset())
        matching = [index for index, one in enumerate(exact) if one.code in codes]
        if not matching:
            kept.append(finding)
        for index in matching[:1]:
            exact[index] = _confirmed(exact[index], finding)
    return (*kept, *exact)


def _confirmed(exact: Finding, told: Finding) -> Finding:
    evidence = tuple(dict.fromkeys((*told.evidence, *exact.evidence)))[:_EVIDENCE_KEPT]
    return replace(exact, evidence=evidence, severity=told.severity, confidence=told.confidence)
