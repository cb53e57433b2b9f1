"""A finding (one thing that is wrong or worth knowing), and the catalogue entry of its code."""

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
            except `TrustedText`.
        remedy: what to do about it.
        quoting: the cause with what it quotes of others, marked (`privacy.untrusted.quoted`); else empty.
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


Topic = Literal[
    "image pull",
    "health check and load balancer",
    "crash",
    "memory",
    "secrets and permissions",
    "network",
    "deployment",
    "scaling and capacity",
    "logs",
    "stack",
]
"""What a description of symptoms can be about (`guidance.symptoms.TOPICS`)."""
Mark = Literal[
    "about_image", "cuts_clients_off", "image_on_task", "normal_end", "not_missing_file", "quotes_user", "unrecoverable"
]
"""about_image: what ECS says of it in a task's text is about the image that the text names.
cuts_clients_off: clients do not reach the load balancer, whose health checks pass all the same.
image_on_task: a text of AWS with this meaning says why an image did not get onto a task, or does not run there.
normal_end: tells of no task that failed of its own fault.
not_missing_file: an end that no missing file explains, whatever else the log names.
quotes_user: the name in its sentence is what somebody wrote into a Dockerfile, a command or a secret's reference.
unrecoverable: retries of ECS cannot succeed, so that waiting for the service ends at once."""

ANY_CAUSE = "*"
"""In `FindingCode.follows_from` and `omitted_beside`: any critical finding that is no consequence itself."""


SOFTENED: tuple[Severity, ...] = ("critical", "warning")
"""Severities of what is only a warning while the service serves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingCode:
    """What holds for every finding of one code.

    Attributes:
        code: stable snake_case word (a contract: agents branch on it).
        title: what is wrong, in a few words.
        subject: the table that it stands in: ``image``, ``tasks``, ``network``, …
        severities: those that it can have; the first where no rule says otherwise.
        topics: what symptoms it fits.
        superseded_by: codes that say the same more exactly; their finding takes over this one's evidence.
        follows_from: codes beside which it is only a warning, since they tell its cause.
        omitted_beside: codes beside which it says nothing new.
        waiting_helps: whether it can pass without anybody changing something.
        marks: see `Mark`.
        cause, remedy: the texts where they carry no values of their own; named groups of a message rule fill a cause.
    """

    code: str
    title: str
    subject: str
    severities: tuple[Severity, ...]
    topics: tuple[Topic, ...]
    superseded_by: frozenset[str]
    follows_from: frozenset[str]
    omitted_beside: frozenset[str]
    waiting_helps: bool
    marks: frozenset[Mark]
    cause: str
    remedy: str

    @property
    def is_consequence(self) -> bool:
        """Whether it follows from another cause, and is none itself."""
        return bool(self.follows_from or self.omitted_beside)


@dataclass(frozen=True, slots=True)
class Subject:
    """Makes the entries of one table. `topics` hold where an entry names none."""

    name: str
    topics: tuple[Topic, ...] = ()

    def code(
        self,
        code: str,
        title: str,
        *severities: Severity,
        topics: tuple[Topic, ...] | None = None,
        superseded_by: tuple[str, ...] = (),
        follows_from: tuple[str, ...] = (),
        omitted_beside: tuple[str, ...] = (),
        waiting_helps: bool = False,
        marks: tuple[Mark, ...] = (),
        cause: str = "",
        remedy: str = "",
    ) -> FindingCode:
        """One entry; critical where no severity is named."""
        return FindingCode(
            code=code,
            title=title,
            subject=self.name,
            severities=severities or ("critical",),
            topics=self.topics if topics is None else topics,
            superseded_by=frozenset(superseded_by),
            follows_from=frozenset(follows_from),
            omitted_beside=frozenset(omitted_beside),
            waiting_helps=waiting_helps,
            marks=frozenset(marks),
            cause=cause,
            remedy=remedy,
        )
