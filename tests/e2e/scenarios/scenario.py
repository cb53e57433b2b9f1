"""What a scenario is, and how an answer about it is judged; the same for whoever answered."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

GUIDANCE = "get_ecs_troubleshooting_guidance"
TOP = 3
_GRAVE = ("critical", "warning")


@dataclass(frozen=True, slots=True)
class Question:
    """One call of the troubleshooting tool."""

    action: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Scenario:
    """A situation, the question that is asked about it, and what is true of it.

    Attributes:
        name: one word for the scenario.
        title: what is wrong, for the table.
        cluster, service: what is asked about.
        finds: codes of which each tells the true cause; empty where nothing is wrong.
        also: codes that are true besides: consequences, and facts that the situation brings with it.
        words: a pattern that an answer in words matches when it names the true cause.
        symptoms: what the user has seen; empty where nothing is told.
        more: further questions, for causes that belong to a tool action of their own; asked of everybody.
    """

    name: str
    title: str
    cluster: str
    service: str
    finds: frozenset[str]
    also: frozenset[str]
    words: re.Pattern[str]
    symptoms: str = ""
    more: tuple[Question, ...] = ()

    @property
    def is_healthy(self) -> bool:
        return not self.finds

    @property
    def guidance(self) -> Question:
        parameters = {"ecs_cluster_name": self.cluster}
        if self.service:
            parameters["ecs_service_name"] = self.service
        if self.symptoms:
            parameters["symptoms_description"] = self.symptoms
        return Question(GUIDANCE, parameters)

    @property
    def every_question(self) -> tuple[Question, ...]:
        """What somebody who follows every hint of the tool would ask: guidance first, then each action that fits."""
        cluster = {"ecs_cluster_name": self.cluster}
        service = {**cluster, "ecs_service_name": self.service}
        of_service = (
            Question("fetch_service_events", service),
            Question("detect_image_pull_failures", service),
        )
        of_cluster = (
            Question("fetch_task_failures", cluster),
            Question("fetch_task_logs", cluster),
            Question("fetch_network_configuration", cluster),
        )
        return (self.guidance, *(of_service if self.service else ()), *of_cluster, *self.more)


@dataclass(frozen=True, slots=True)
class Verdict:
    """How an answer did: `found` the true cause, and what it claimed that is not so."""

    found: bool
    false: tuple[str, ...] = field(default=())


def judge_findings(scenario: Scenario, findings: Sequence[Mapping[str, Any]]) -> Verdict:
    """Judge a ranked list of findings: the true cause must be among the first three, and no grave one be untrue.

    Where nothing is wrong, nothing grave may be found.
    """
    false = tuple(
        f"{one['code']}: {one['cause']}"
        for one in findings
        if one["severity"] in _GRAVE and one["code"] not in scenario.finds | scenario.also
    )
    top = {one["code"] for one in findings[:TOP]}
    return Verdict(not false if scenario.is_healthy else bool(top & scenario.finds), false)


def codes(words: str) -> frozenset[str]:
    """A set of codes, written with blanks between them."""
    return frozenset(words.split())


def pattern(words: str) -> re.Pattern[str]:
    return re.compile(words, re.IGNORECASE | re.DOTALL)
