"""Answers that fit: an answer cut to a number of bytes, the least telling first, with what was left out counted."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard, cast

from expressway.aws.values.service import ClusterState, ServiceState
from expressway.aws.values.task_definition import TaskDefinition
from expressway.core.text import shortened
from expressway.privacy.untrusted import QuotingText, TrustedText

SUMMARY_BYTES = 3_000
"""Leaves room under 4 kB for what a face adds: links, notes, marks around text that others wrote."""
FULL_BYTES = 100_000
"""What a model can still be given at once."""
_FIRST_TO_GO = ("raw_data", "data", "log_groups", "failure_categories", "events", "log_entries", "failed_tasks")


@dataclass(frozen=True, slots=True)
class _Limits:
    """How much is kept in one attempt: findings, pieces of evidence, elements of the lists that were asked for and of
    other lists, characters of texts.

    Of a list that an answer promises, an element is kept in any case: empty, it would say that there are none.
    """

    findings: int
    evidence: int
    asked: int
    others: int
    characters: int

    def of(self, path: str) -> int:
        """Elements kept of the list at `path`; none of one that is raw data."""
        parent, _, key = path.rpartition(".")
        is_promised = not parent or parent in _LISTS_BY_NAME or key in _ASKED_FOR
        own = {"findings": self.findings, "evidence": self.evidence, **_SHORT}
        count = self.asked if key in _ASKED_FOR else own.get(key, self.others)
        return max(count, 1) if is_promised else count


_SHORT = {"gaps": 6, "off": 12, "understood_as": 5, "named_services": 5}
"""Lists that cost little and say how to read the rest."""
_ASKED_FOR = frozenset(
    {"events", "log_entries", "failed_tasks", "containers", "pattern_summary", "image_issues", "failure_reasons"}
)
_LISTS_BY_NAME = frozenset({"failure_categories"})
_ATTEMPTS = (
    _Limits(20, 6, 100, 40, 600),
    _Limits(20, 6, 60, 10, 600),
    _Limits(20, 5, 30, 5, 400),
    _Limits(12, 4, 20, 2, 400),
    _Limits(12, 3, 12, 1, 400),
    _Limits(12, 3, 10, 0, 300),
    _Limits(10, 2, 8, 0, 300),
    _Limits(8, 2, 6, 0, 300),
    _Limits(6, 2, 5, 0, 240),
    _Limits(5, 1, 4, 0, 240),
    _Limits(4, 1, 3, 0, 200),
    _Limits(3, 1, 3, 0, 160),
    _Limits(2, 1, 1, 0, 160),
)
"""Raw data is dropped first, then further evidence, then less severe findings."""


def size_of(answer: object) -> int:
    """Bytes of an answer as compact JSON."""
    return len(json.dumps(answer, ensure_ascii=False, separators=(",", ":"), default=str).encode())


def summarised(answer: Mapping[str, Any], limit_bytes: int = SUMMARY_BYTES) -> dict[str, Any]:
    """The answer in at most `limit_bytes`; ``omitted`` counts what was cut, by the path of its list.

    A list that has elements is never shown empty: one at least is kept, or the list is left out with its name.

    An answer that fits comes back as it is. Findings, assessment and gaps outlive raw data; of a list the first
    elements are kept, except of events and log entries (``log_entries`` are in order of time: the newest are kept).
    """
    if size_of(answer) <= limit_bytes:
        return dict(answer)
    for limits in _ATTEMPTS:
        omitted: dict[str, int] = {}
        shown = _cut(answer, limits, omitted)
        if omitted:
            shown["omitted"] = omitted
        if size_of(shown) <= limit_bytes:
            return shown
    return _bare(answer, limit_bytes)


def _cut(answer: Mapping[str, Any], limits: _Limits, omitted: dict[str, int], path: str = "") -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for key, value in answer.items():
        inside = f"{path}.{key}" if path else key
        if _is_list(value) and value and not limits.of(inside):
            _count(omitted, inside, len(value))
        else:
            shown[key] = _cut_value(value, limits, omitted, inside)
    return shown


def _cut_value(value: Any, limits: _Limits, omitted: dict[str, int], path: str) -> Any:
    if isinstance(value, str):
        whole = len(value) <= limits.characters or " " not in value  # an identifier is shown whole or not at all
        if whole:
            return value
        short = shortened(value, limits.characters - 1)
        return type(value)(short) if isinstance(value, TrustedText | QuotingText) else short
    if isinstance(value, Mapping):
        return _cut(cast("Mapping[str, Any]", value), limits, omitted, path)
    return _cut_list(value, limits, omitted, path) if _is_list(value) else value


def _cut_list(items: Sequence[Any], limits: _Limits, omitted: dict[str, int], path: str) -> list[Any]:
    count = limits.of(path)
    if len(items) > count and not path.endswith(".evidence"):
        _count(omitted, path, len(items) - count)
    kept = (items[-count:] if path == "log_entries" else items[:count]) if count else []
    return [_cut_value(one, limits, omitted, path) for one in kept]


def _is_list(value: object) -> TypeGuard[Sequence[Any]]:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _count(omitted: dict[str, int], path: str, more: int) -> None:
    omitted[path] = omitted.get(path, 0) + more


def _bare(answer: Mapping[str, Any], limit_bytes: int) -> dict[str, Any]:
    """The plain values, the first finding, and the first element of as many lists as fit; without these always."""
    limits = _Limits(1, 1, 1, 0, 160)
    kept, gone, shown = dict(answer), dict[str, int](), dict[str, Any]()
    for key in ("", *_FIRST_TO_GO):
        if value := kept.pop(key, None):
            gone[key] = len(value)
        omitted: dict[str, int] = {}
        shown = _cut(kept, limits, omitted)
        shown["omitted"] = {**omitted, **gone}
        if size_of(shown) <= limit_bytes:
            break
    return shown


def shown_cluster(cluster: ClusterState | None) -> list[Mapping[str, Any]]:
    if cluster is None:
        return []
    return [
        {
            "name": cluster.name,
            "arn": cluster.arn,
            "status": cluster.status,
            "runningTasksCount": cluster.running_tasks,
            "pendingTasksCount": cluster.pending_tasks,
            "activeServicesCount": cluster.active_services,
            "registeredContainerInstancesCount": cluster.container_instances,
        }
    ]


def shown_service(service: ServiceState) -> Mapping[str, Any]:
    shape = {
        "name": service.name,
        "arn": service.arn,
        "status": service.status,
        "taskDefinition": service.task_definition_arn,
        "desiredCount": service.desired_count,
        "runningCount": service.running_count,
        "pendingCount": service.pending_count,
        "launchType": service.launch_type,
        "express": service.is_express,
    }
    return {key: value for key, value in shape.items() if value not in ("", False)}


def shown_definition(definition: TaskDefinition) -> Mapping[str, Any]:
    return {
        "taskDefinitionArn": definition.arn,
        "memory": definition.memory_mib or None,
        "containerDefinitions": [
            {"name": one.name, "image": one.image, "ports": [port.container_port for port in one.ports]}
            for one in definition.containers
        ],
    }
