"""Symptoms in words: which topics they are about, and which findings come first.

The table has the words that point to each topic; the catalogue says which codes belong to it. Of topics with equally
many words, the first in the table comes first.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from expressway.diagnose.catalog import entry_of
from expressway.diagnose.finding import SEVERITY_ORDER, Finding, Topic, ranked
from expressway.diagnose.request import TroubleshootRequest


def _words(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


TOPICS: Mapping[Topic, re.Pattern[str]] = {
    "image pull": _words(r"\b(?:image|pull|ecr|registry|repository|tag|manifest|digest|cannotpull\w*)\b"),
    "health check and load balancer": _words(
        r"\b(?:50[234]|40[134]|30[12]|health\w*|unhealthy|targets?|[ae]lb|load.?balancer|(?:bad )?gateway)\b"
    ),
    "crash": _words(
        r"\b(?:crash\w*|exit\w*|restart\w*|loop\w*|exception|traceback|stops?|stopped|stopping|dies|died|137|139|143|segfault)\b"
    ),
    "memory": _words(r"\b(?:memory|oom\w*|out.of.memory|137|killed|heap)\b"),
    "secrets and permissions": _words(
        r"\b(?:secret\w*|password|credential\w*|permission\w*|denied|access.?denied|forbidden|unauthori[sz]ed|role|iam|kms|ssm|parameter)\b"
    ),
    "network": _words(
        r"\b(?:network\w*|connect\w*|reach\w*|unreachable|time.?out\w*|timed|dns|subnet\w*|security.?groups?|vpc|route\w*|nat|endpoint)\b"
    ),
    "deployment": _words(
        r"\b(?:deploy\w*|roll(?:ed|s|ing)?.?back|stuck|pending|provisioning|circuit.?breaker|hangs?|never finish\w*)\b"
    ),
    "scaling and capacity": _words(
        r"\b(?:scal\w*|capacity|slow|latency|overload\w*|quota|limit|vcpus?|fargate|throttl\w*|desired|cpu)\b"
    ),
    "logs": _words(r"\b(?:logs?|logging|cloudwatch|awslogs)\b"),
    "stack": _words(r"\b(?:cloudformation|stack|changeset|template|cdk)\b"),
}


@dataclass(frozen=True, slots=True)
class Symptoms:
    """What a description is about, the surest topic first."""

    description: str
    topics: tuple[Topic, ...]

    def place_of(self, code: str) -> int:
        """The place of the first topic that covers the code; after all of them when none does."""
        of_code = entry_of(code).topics
        return next((place for place, topic in enumerate(self.topics) if topic in of_code), len(self.topics))


def understood(description: str) -> Symptoms:
    """The topics that the words point to, the one with the most words first."""
    counted: list[tuple[int, Topic]] = [(len(words.findall(description)), topic) for topic, words in TOPICS.items()]
    named = sorted((one for one in counted if one[0]), key=lambda one: -one[0])
    return Symptoms(description, tuple(topic for _, topic in named))


def steered(findings: Iterable[Finding], symptoms: Symptoms) -> tuple[Finding, ...]:
    """The findings by severity, and within it those that fit the symptoms first."""
    in_order: Sequence[Finding] = ranked(findings)
    return tuple(sorted(in_order, key=lambda one: (SEVERITY_ORDER[one.severity], symptoms.place_of(one.code))))


def spread(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings by severity, and within it one of each resource before a second of any."""
    seen: dict[tuple[str, str], int] = {}
    turns: list[tuple[int, int, Finding]] = []
    for finding in findings:
        key = (finding.severity, finding.resource)
        seen[key] = seen.get(key, 0) + 1
        turns.append((SEVERITY_ORDER[finding.severity], seen[key], finding))
    return tuple(finding for _, _, finding in sorted(turns, key=lambda one: one[:2]))


def across_services(
    findings: Iterable[Finding], symptoms: Symptoms, named: Collection[Finding] = ()
) -> tuple[Finding, ...]:
    """Order findings about many services: first those about resources that the symptoms name (`named`).

    The rest follows in the order of `steered`, with one finding of each resource before a second of any.
    """
    ordered = steered(findings, symptoms)
    first = [one for one in ordered if one.severity != "info" and one in named]
    return (*spread(first), *spread(one for one in ordered if one not in first))


_EXPLAINED_BY_TASKS: frozenset[Topic] = frozenset({"crash", "memory"})


def checks_everything(request: TroubleshootRequest) -> bool:
    """Whether to check network and dependencies even where the service itself explains everything.

    Symptoms of crashes alone do not require that: tasks and their logs explain them.
    """
    topics = set(understood(request.symptoms).topics)
    return request.detail == "full" or (bool(request.symptoms) and not (topics and topics <= _EXPLAINED_BY_TASKS))
