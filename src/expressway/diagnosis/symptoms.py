"""Symptoms in words: what they most likely are about, and which findings are to be told first.

A table: a topic, the words that point to it, and the codes that belong to it. Order counts: topics named first
among equals are looked at first.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from expressway.model.finding import Finding, ranked

_SEVERITIES = {"critical": 0, "warning": 1, "info": 2}


@dataclass(frozen=True, slots=True)
class Topic:
    """One thing that symptoms may be about; a code belongs to it by its name, or by the beginning of its name."""

    name: str
    words: re.Pattern[str]
    codes: tuple[str, ...]

    def covers(self, code: str) -> bool:
        return any(code == one or (one.endswith("_") and code.startswith(one)) for one in self.codes)


def _topic(name: str, words: str, *codes: str) -> Topic:
    return Topic(name, re.compile(words, re.IGNORECASE), codes)


TOPICS: tuple[Topic, ...] = (
    _topic(
        "image pull",
        r"\b(?:image|pull|ecr|registry|repository|tag|manifest|digest|cannotpull\w*)\b",
        *("image_", "repository_", "tag_", "registry_", "wrong_architecture", "no_route_"),
    ),
    _topic(
        "health check and load balancer",
        r"\b(?:50[234]|40[134]|30[12]|health\w*|unhealthy|targets?|[ae]lb|load.?balancer|(?:bad )?gateway)\b",
        *(
            "health_check_",
            "port_mismatch",
            "listens_on_loopback",
            "slow_start",
            "load_balancer_",
            "target_",
            "security_group_",
        ),
        *("error_rate_alarm",),
    ),
    _topic(
        "crash",
        r"\b(?:crash\w*|exit\w*|restart\w*|loop\w*|exception|traceback|stops?|stopped|stopping|dies|died|137|139|143|segfault)\b",
        *("crash_loop", "container_", "command_", "out_of_memory", "killed_at_stop", "wrong_architecture"),
        *("script_", "interpreter_", "working_directory_", "user_not_found"),
    ),
    _topic(
        "memory",
        r"\b(?:memory|oom\w*|out.of.memory|137|killed|heap)\b",
        *("out_of_memory", "container_memory_limit", "container_killed", "killed_at_stop"),
    ),
    _topic(
        "secrets and permissions",
        r"\b(?:secret\w*|password|credential\w*|permission\w*|denied|access.?denied|forbidden|unauthori[sz]ed|role|iam|kms|ssm|parameter)\b",
        *("secret_", "kms_", "permission_", "role_", "image_pull_denied", "log_denied", "parameter_", "trust_"),
        *("infrastructure_", "registry_credentials_"),
    ),
    _topic(
        "network",
        r"\b(?:network\w*|connect\w*|reach\w*|unreachable|time.?out\w*|timed|dns|subnet\w*|security.?groups?|vpc|route\w*|nat|endpoint)\b",
        *("no_route_", "security_group_", "subnet_", "subnets_", "network_", "load_balancer_", "registry_unreachable"),
        *("endpoint_", "vpc_", "route_", "listens_on_loopback", "port_mismatch"),
    ),
    _topic(
        "deployment",
        r"\b(?:deploy\w*|roll(?:ed|s|ing)?.?back|stuck|pending|provisioning|circuit.?breaker|hangs?|never finish\w*)\b",
        *(
            "deployment_",
            "circuit_breaker_",
            "error_rate_alarm",
            "infrastructure_",
            "stack_",
            "permission_",
            "tasks_missing",
        ),
    ),
    _topic(
        "scaling and capacity",
        r"\b(?:scal\w*|capacity|slow|latency|overload\w*|quota|limit|vcpus?|fargate|throttl\w*|desired|cpu)\b",
        *("scaling_", "capacity_", "quota_", "scaled_to_zero", "tasks_missing", "subnet_full", "slow_start"),
    ),
    _topic(
        "logs",
        r"\b(?:logs?|logging|cloudwatch|awslogs)\b",
        *("log_",),
    ),
    _topic(
        "stack",
        r"\b(?:cloudformation|stack|changeset|template|cdk)\b",
        *("stack_", "resource_", "hook_"),
    ),
)


@dataclass(frozen=True, slots=True)
class Symptoms:
    """What a description is about, the surest topic first."""

    description: str
    topics: tuple[Topic, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(topic.name for topic in self.topics)

    def place_of(self, code: str) -> int:
        """The place of the first topic that covers the code; after all of them when none does."""
        return next((place for place, topic in enumerate(self.topics) if topic.covers(code)), len(self.topics))


def understood(description: str) -> Symptoms:
    """The topics that the words point to, the one with the most words first."""
    counted = [(len(topic.words.findall(description)), topic) for topic in TOPICS]
    named = sorted((one for one in counted if one[0]), key=lambda one: -one[0])
    return Symptoms(description, tuple(topic for _, topic in named))


def steered(findings: Iterable[Finding], symptoms: Symptoms) -> tuple[Finding, ...]:
    """The findings, those that fit the symptoms first among the equally grave; without symptoms, as ranked."""
    in_order: Sequence[Finding] = ranked(findings)
    return tuple(sorted(in_order, key=lambda one: (_SEVERITIES[one.severity], symptoms.place_of(one.code))))


def spread(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings so that among the equally grave every resource is told of once before one is told of again."""
    seen: dict[tuple[str, str], int] = {}
    turns: list[tuple[int, int, Finding]] = []
    for finding in findings:
        key = (finding.severity, finding.resource)
        seen[key] = seen.get(key, 0) + 1
        turns.append((_SEVERITIES[finding.severity], seen[key], finding))
    return tuple(finding for _, _, finding in sorted(turns, key=lambda one: one[:2]))


def across_services(
    findings: Iterable[Finding], symptoms: Symptoms, named: Collection[Finding] = ()
) -> tuple[Finding, ...]:
    """Findings about many services: what is wrong with those that the symptoms name (`named`) before all others; then
    as steered, every resource told of once before one is told of again."""
    ordered = steered(findings, symptoms)
    first = [one for one in ordered if one.severity != "info" and one in named]
    return (*spread(first), *spread(one for one in ordered if one not in first))
