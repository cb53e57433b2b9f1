"""A finding: one thing that is wrong or worth knowing, what shows it, and what to do."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from expressway.privacy.untrusted import TrustedText, closed, own_words

Severity = Literal["critical", "warning", "info"]
"""`critical`: it keeps the service from serving, or the version that was to serve: a deployment that failed in the last
day is critical although an earlier version serves. `warning`: it will, or it costs, or it follows from something
critical. `info`: worth knowing."""
Confidence = Literal["high", "medium", "low"]
"""`high`: AWS or the log says it. `medium`: it follows from the configuration. `low`: the likeliest of several."""

SEVERITY_ORDER: Mapping[str, int] = {"critical": 0, "warning": 1, "info": 2}
_CONFIDENCES: Mapping[str, int] = {"high": 0, "medium": 1, "low": 2}


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding.

    Attributes:
        code: stable snake_case word, such as ``image_not_found`` (agents branch on it).
        severity, confidence: see the types.
        resource: the ARN, logical id or name of what is wrong; empty when there is no single one.
        cause: the cause in one sentence of our own; it names resources, and quotes no text that an application wrote.
        evidence: AWS's own words, log lines and rules that the sentence rests on, most relevant first. Untrusted text,
            but for an `TrustedText`.
        remedy: what to do about it.
        quoting: the cause with what it quotes of others, marked (`model.quotation`); empty where it quotes nothing.
        gaps: facts that could not be read, so that nothing is concluded from them; only where a finding stands alone.
    """

    code: str
    severity: Severity
    cause: str
    evidence: tuple[str, ...] = ()
    remedy: str = ""
    resource: str = ""
    confidence: Confidence = "high"
    quoting: str = ""
    gaps: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """The cause for views that show no evidence: with what it quotes of others, marked."""
        is_current = closed(own_words(self.quoting)) == closed(own_words(self.cause))
        return self.quoting if self.quoting and is_current else self.cause

    def in_own_words(self) -> "Finding":
        """The finding as one whose evidence is all of our own making: nothing in it was written by others."""
        return replace(self, evidence=tuple(TrustedText(one) for one in self.evidence))

    def to_dict(self) -> Mapping[str, Any]:
        """The shape in which every face shows a finding; empty parts are left out."""
        parts: dict[str, Any] = {
            "code": self.code,
            "severity": self.severity,
            "resource": self.resource,
            "cause": self.cause,
            "evidence": list(self.evidence),
            "remedy": self.remedy,
            "confidence": self.confidence,
            "gaps": list(self.gaps),
        }
        return {key: value for key, value in parts.items() if value}


def ranked(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings by severity and confidence; of two with one code and resource, the more confident."""
    best: dict[tuple[str, str], Finding] = {}
    for finding in findings:
        known = best.setdefault((finding.code, finding.resource), finding)
        if _rank(finding) < _rank(known):
            best[finding.code, finding.resource] = finding
    return tuple(sorted(best.values(), key=_rank))


def _rank(finding: Finding) -> tuple[int, int]:
    return SEVERITY_ORDER[finding.severity], _CONFIDENCES[finding.confidence]
