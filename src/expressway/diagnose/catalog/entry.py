"""One entry of the catalogue of findings: what holds for every finding of a code, whoever finds it."""

from dataclasses import dataclass
from typing import Literal

from expressway.diagnose.finding import Severity

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
