"""One finding a cause: what AWS's text says and what the configuration shows are told together, the exacter winning."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from expressway.model.finding import Finding

_EVIDENCE_KEPT = 6
_NO_WAY_OUT = frozenset(
    {"no_internet_route", "no_public_ip", "blackhole_route", "egress_blocked", "endpoint_blocked", "network_acl_denies"}
)
EXACTER: Mapping[str, frozenset[str]] = {
    "image_not_found": frozenset({"repository_not_found", "image_tag_not_found", "image_digest_not_found"}),
    "image_pull_denied": frozenset({"registry_credentials_refused", "registry_credentials_missing"}),
    "secret_denied": frozenset({"kms_denied", "kms_key_unusable"}),
    "secret_not_found": frozenset({"secret_deleted", "secret_version_missing"}),
    "role_not_assumable": frozenset({"role_not_found"}),
    "secret_unavailable": frozenset(
        {
            *("secret_not_found", "secret_denied", "secret_deleted", "secret_version_missing", "secret_key_missing"),
            *("kms_denied", "kms_key_unusable", "registry_credentials_missing", "registry_unreachable"),
            *_NO_WAY_OUT,
        }
    ),
    "script_without_interpreter": frozenset({"wrong_architecture"}),
    "log_denied": frozenset({"log_group_missing"}),
    "permission_denied": frozenset({"infrastructure_role_lacks_permission"}),
    "infrastructure_failed": frozenset({"infrastructure_role_lacks_permission"}),
    "error_rate_alarm": frozenset({"deployment_alarm"}),
    "registry_unreachable": _NO_WAY_OUT,
}
"""By the code of what a text suggests: the codes of what says the same more exactly."""


def merged(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings about one service without two that tell the same cause; the evidence of both is kept.

    A finding gives way to an exacter one (see `EXACTER`), and one about a task or the service as a whole to one of
    the same code about the very thing that is wrong.
    """
    given = list(findings)
    kept: list[Finding] = []
    for finding in given:
        better = next((one for one in given if one is not finding and _says_more(one, finding)), None)
        if better is None:
            kept.append(finding)
    return tuple(
        _with_evidence(one, [less for less in given if less is not one and _says_more(one, less)]) for one in kept
    )


def _says_more(one: Finding, other: Finding) -> bool:
    if one.code in EXACTER.get(other.code, ()):
        return True
    return one.code == other.code and _is_whole(other) and not _is_whole(one)


def _is_whole(finding: Finding) -> bool:
    """Whether it is about a task or a service, not about a thing that they depend on."""
    return ":task/" in finding.resource or ":service/" in finding.resource


def _with_evidence(finding: Finding, others: Iterable[Finding]) -> Finding:
    added = [text for one in others for text in one.evidence]
    gravest = min([finding.severity, *(one.severity for one in others)], key=("critical", "warning", "info").index)
    evidence = tuple(dict.fromkeys((*finding.evidence, *added)))[:_EVIDENCE_KEPT]
    return replace(finding, evidence=evidence, severity=gravest)
