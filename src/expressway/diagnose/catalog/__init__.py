"""The catalogue of findings: every code once, with all that does not depend on what was read.

`make_finding` takes severity and remedy from here where a rule gives none of its own. The codes of errors stand in
`expressway.error_codes`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from expressway.diagnose.catalog.network import NETWORK_CODES
from expressway.diagnose.catalog.service import SERVICE_CODES
from expressway.diagnose.catalog.tasks import DOCKERFILE_CODES, TASK_CODES
from expressway.diagnose.finding import (
    SEVERITY_ORDER,
    Confidence,
    Finding,
    FindingCode,
    Mark,
    Severity,
)
from expressway.privacy.untrusted import closed, own_words

CATALOG: Mapping[str, FindingCode] = {
    one.code: one for one in (*TASK_CODES, *SERVICE_CODES, *NETWORK_CODES, *DOCKERFILE_CODES)
}
HADOLINT = "hadolint_*"
"""Stands for the codes of hadolint's rules, such as ``hadolint_dl3008``."""


def finding_codes() -> tuple[FindingCode, ...]:
    """Every entry, in the order of the tables."""
    return tuple(CATALOG.values())


def entry_of(code: str) -> FindingCode:
    """The entry of a finding's code.

    Raises:
        KeyError: there is none.
    """
    return CATALOG[HADOLINT if code.startswith(HADOLINT[:-1]) else code]


def codes_with(mark: Mark) -> frozenset[str]:
    """The codes that bear a mark."""
    return frozenset(one.code for one in CATALOG.values() if mark in one.marks)


def make_finding(
    code: str,
    *,
    cause: str = "",
    sentence: str = "",
    evidence: Iterable[str] = (),
    remedy: str = "",
    resource: str = "",
    severity: Severity | None = None,
    confidence: Confidence = "high",
) -> Finding:
    """A finding; what is not given is the catalogue's. A `sentence` is a cause that may quote others."""
    entry = CATALOG[code]
    return Finding(
        code=code,
        severity=severity or entry.severities[0],
        cause=cause or closed(own_words(sentence)) if cause or sentence else entry.cause,
        evidence=tuple(evidence),
        remedy=remedy or entry.remedy,
        resource=resource,
        confidence=confidence,
        quoting=sentence if own_words(sentence) != sentence else "",
    )


_EVIDENCE_KEPT = 6


def deduplicate(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings about one service, one for each cause; the evidence of dropped ones is kept.

    A finding gives way to one that supersedes it (`catalog`), and one about a task or the service as a whole to one of
    the same code about the very thing that is wrong.
    """
    given = list(findings)
    kept: list[Finding] = []
    for finding in given:
        better = next((one for one in given if one is not finding and _supersedes(one, finding)), None)
        if better is None:
            kept.append(finding)
    return tuple(
        _with_evidence(one, [less for less in given if less is not one and _supersedes(one, less)]) for one in kept
    )


def _supersedes(one: Finding, other: Finding) -> bool:
    if one.code in entry_of(other.code).superseded_by:
        return True
    return one.code == other.code and _is_whole(other) and not _is_whole(one)


def _is_whole(finding: Finding) -> bool:
    """Whether it is about a task or a service, not about what these depend on."""
    return ":task/" in finding.resource or ":service/" in finding.resource


def _with_evidence(finding: Finding, others: Iterable[Finding]) -> Finding:
    added = [text for one in others for text in one.evidence]
    most_severe = min([finding.severity, *(one.severity for one in others)], key=SEVERITY_ORDER.__getitem__)
    evidence = tuple(dict.fromkeys((*finding.evidence, *added)))[:_EVIDENCE_KEPT]
    return replace(finding, evidence=evidence, severity=most_severe)
