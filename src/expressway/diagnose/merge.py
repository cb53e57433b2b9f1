"""One finding a cause: what AWS's text says and what the configuration shows are told together, the exacter winning."""

from collections.abc import Iterable
from dataclasses import replace

from expressway.diagnose.catalog import entry_of
from expressway.diagnose.finding import SEVERITY_ORDER, Finding

_EVIDENCE_KEPT = 6


def merged(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings about one service without two that tell the same cause; the evidence of both is kept.

    A finding gives way to one that supersedes it (`catalog`), and one about a task or the service as a whole to one of
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
    if one.code in entry_of(other.code).superseded_by:
        return True
    return one.code == other.code and _is_whole(other) and not _is_whole(one)


def _is_whole(finding: Finding) -> bool:
    """Whether it is about a task or a service, not about a thing that they depend on."""
    return ":task/" in finding.resource or ":service/" in finding.resource


def _with_evidence(finding: Finding, others: Iterable[Finding]) -> Finding:
    added = [text for one in others for text in one.evidence]
    gravest = min([finding.severity, *(one.severity for one in others)], key=SEVERITY_ORDER.__getitem__)
    evidence = tuple(dict.fromkeys((*finding.evidence, *added)))[:_EVIDENCE_KEPT]
    return replace(finding, evidence=evidence, severity=gravest)
