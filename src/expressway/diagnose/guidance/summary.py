"""What the answer to "what is wrong?" says in words, and the shapes of its parts."""

from collections.abc import Mapping, Sequence
from typing import Any

from expressway.aws.values.service import ServiceState
from expressway.diagnose.finding import Finding
from expressway.diagnose.guidance.cluster import ClusterScan
from expressway.diagnose.guidance.symptoms import Symptoms
from expressway.diagnose.service.health_status import (
    DOWN,
    EARLIER,
    PARTLY,
    SERVES,
    STARTING,
    UNCHECKED,
    ServiceHealth,
    is_cut_off,
)

NOTHING_WRONG = "nothing_wrong"
_SAID: Mapping[int, tuple[str, str]] = {
    DOWN: ("does not serve", "do not serve"),
    PARTLY: ("serves only in part", "serve only in part"),
    EARLIER: ("serves, but its newest deployment failed", "serve, but their newest deployments failed"),
    STARTING: ("is being deployed", "are being deployed"),
}
_LISTED = 5
_UNTIL_ASKED = "no sign of a problem there; pass symptoms_description or detail: full to examine them"


def assessment(headline: str, findings: Sequence[Finding], gaps: Sequence[str]) -> str:
    """A few sentences: the headline (whether it serves, see below), how much was found, and what was not read."""
    grave = sum(one.severity == "critical" for one in findings)
    warnings = sum(one.severity == "warning" for one in findings)
    unread = f"{_count(len(gaps), 'read')} failed (see gaps), so that this may not be all." if gaps else ""
    if not grave and not warnings:
        told = next((one.cause for one in findings if one.code != NOTHING_WRONG), "")
        found = "Nothing wrong was found in what could be read." if gaps else _all_well(findings)
        return " ".join(part for part in (headline, found, told, unread) if part)
    counted = " and ".join(part for part in (_count(grave, "critical finding"), _count(warnings, "warning")) if part)
    return " ".join(part for part in (headline, f"{counted}.", unread) if part)


def not_looked_into(names: Sequence[str] = (), number: int = 0) -> str:
    """What was left out, and how to get it: around the one service, or around those of `number` that are named."""
    of = f" of {_listed(names)} ({len(names)} of {number} services)" if names else ""
    return f"{UNCHECKED}{of}: {_UNTIL_ASKED}"


def _all_well(findings: Sequence[Finding]) -> str:
    sure = all(one.confidence == "high" for one in findings if one.code == NOTHING_WRONG)
    return "Nothing is wrong." if sure else f"Nothing wrong was found; {UNCHECKED} were not examined."


def service_headline(name: str, health: ServiceHealth | None, findings: Sequence[Finding]) -> str:
    """Whether the service serves, what its newest deployment did, and the first cause."""
    first = next((one for one in findings if one.severity != "info"), None)
    if health is None:
        return first.cause if first else f"The health of the service {name} could not be read."
    return f"The service {_stands(health, first)}"


def _stands(health: ServiceHealth, first: Finding | None) -> str:
    told = f"{health.name} {health.verdict}{f'; {health.deployment_note}' if health.deployment_note else ''}"
    if first is None:
        return f"{told}."
    return f"{told}: {_lowered(first.cause)}" if health.failing else f"{told}. {first.cause}"


def cluster_headline(scan: ClusterScan, name: str, findings: Sequence[Finding]) -> str:
    """How many services there are, which of them do not serve, worst first, and the first cause.

    A service that the symptoms name comes first: what is wrong with it, or else that it serves.
    """
    names = {one.arn: one.name for one in scan.services}
    healths, number = scan.healths, len(scan.services)
    first = next((one for one in findings[:1] if one in scan.of_named), _of_the_worst(findings, healths, names))
    cause = f" {_of_service(first, names)}" if first else ""
    whole = not any(gap.startswith("services:") for gap in scan.gaps)
    if not number:
        return f"The cluster {name} has no service.{cause}" if whole else f"No service of {name} could be read.{cause}"
    if number == 1 and healths and whole:
        return f"The cluster {name} has one service: {_stands(healths[0], first)}"
    off = [
        f"{len(named)} {one_is if len(named) == 1 else more_are}: {_listed(named)}"
        for rank, (one_is, more_are) in _SAID.items()
        if (named := [one.name for one in healths if one.rank == rank])
    ]
    going = number - len(healths)
    off += [f"{going} {'is' if going == 1 else 'are'} being deleted"] if going else []
    services = f"{number} service{'' if number == 1 else 's'} in the cluster {name}"
    services = services if whole else f"{services} that could be read"
    if off:
        well = sum(one.rank == SERVES for one in healths)
        off += [f"{well} {'serves' if well == 1 else 'serve'}"] if well else []
        asked = [f" {_stands(one, None)}" for one in healths if one.name in scan.named and one.rank == SERVES]
        return f"Of {services}, {'; '.join(off)}.{''.join(asked[:_LISTED])}{cause}"
    return f"All {services} {'run all their tasks' if is_cut_off(findings) else 'serve'}.{cause}"


def nothing_wrong(what: str, looked_at: str, evidence: Sequence[str], resource: str, *, around: bool) -> Finding:
    """The finding that there is nothing to find; sure only where what is `around` was looked into too.

    `looked_at` says, as half a sentence, that what was examined is well.
    """
    rest = "" if around else f"; {UNCHECKED} were not examined"
    return Finding(
        code=NOTHING_WRONG,
        severity="info",
        cause=f"Nothing is wrong with {what}: {looked_at}{rest}.",
        evidence=tuple(evidence),
        resource=resource,
        confidence="high" if around else "medium",
    ).in_own_words()


def how_well(services: Sequence[ServiceState], targets: Sequence[str]) -> str:
    """That the services are well, as half a sentence; `targets` are the states of their targets."""
    one = len(services) == 1
    if not services:
        return "there is no service in it"
    if not any(each.running_count for each in services):
        return f"{'it is' if one else 'they are'} there, with a desired count of 0"
    its = "its" if one else "their"
    healthy = bool(targets) and all(state == "healthy" for state in targets)
    return f"{its} tasks run and {its} targets are healthy" if healthy else f"{its} tasks run"


def shown_symptoms(symptoms: Symptoms, named: Sequence[str] = ()) -> Mapping[str, Any] | None:
    """How a description was understood, which services of a cluster it names, and that it ordered the findings."""
    if not symptoms.description:
        return None
    if named:
        note = "Findings about these services, and then about these things, come first."
        return {"understood_as": list(symptoms.topics), "named_services": list(named), "note": note}
    if not symptoms.topics:
        return {"understood_as": [], "note": "The words match no topic; the order of the findings is unchanged."}
    return {"understood_as": list(symptoms.topics), "note": "Findings about these come first."}


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}" if number else ""


def _of_the_worst(
    findings: Sequence[Finding], healths: Sequence[ServiceHealth], names: Mapping[str, str]
) -> Finding | None:
    """The first finding about the services with the worst health."""
    grave = [one for one in findings if one.severity != "info"]
    ranks = {one.name: one.rank for one in healths}
    worst = min(ranks.values(), default=SERVES)
    placed = [one for one in grave if ranks.get(names.get(one.resource, ""), worst) == worst]
    return next(iter(placed or grave), None)


def _of_service(finding: Finding, names: Mapping[str, str]) -> str:
    name = names.get(finding.resource, "")
    return finding.cause if not name or name in finding.cause else f"{name}: {_lowered(finding.cause)}"


def _lowered(cause: str) -> str:
    """The sentence so that it can follow a colon; names keep their capitals."""
    article = cause.partition(" ")[0] in {"The", "A", "An", "Nothing", "Nobody", "No"}
    return f"{cause[0].lower()}{cause[1:]}" if article else cause


def _listed(names: Sequence[str]) -> str:
    rest = len(names) - _LISTED
    return f"{', '.join(names[:_LISTED])}{f' and {rest} more' if rest > 0 else ''}"
