"""The network's rule set: facts in, findings out, each with the path that fails."""

from dataclasses import replace

from expressway.aws.values.placement import ServicePlacement
from expressway.diagnose.finding import Finding, ranked
from expressway.diagnose.network.egress import egress_findings
from expressway.diagnose.network.facts import NetworkFacts
from expressway.diagnose.network.ingress import ingress_findings
from expressway.diagnose.network.placement import placement_findings


def network_findings(facts: NetworkFacts) -> tuple[Finding, ...]:
    """Everything that is wrong around all services, ranked; what several services share is told once.

    The evidence is paths of ids, names and ports: nothing in it was written by an application.
    """
    shared: dict[tuple[str, str], list[tuple[ServicePlacement, Finding]]] = {}
    for service in facts.services:
        for finding in service_network_findings(facts, service):
            shared.setdefault((finding.code, finding.resource), []).append((service, finding))
    return ranked(_told_once(found).in_own_words() for found in shared.values())


def service_network_findings(facts: NetworkFacts, service: ServicePlacement) -> tuple[Finding, ...]:
    """What is wrong around one of the services, ranked."""
    return ranked(
        (*placement_findings(facts, service), *ingress_findings(facts, service), *egress_findings(facts, service))
    )


def _told_once(found: list[tuple[ServicePlacement, Finding]]) -> Finding:
    _, finding = ranked_first(found)
    others = [service.service_name for service, one in found if one is not finding]
    names = list(dict.fromkeys(others))
    if not names:
        return finding
    return replace(finding, evidence=(*finding.evidence, f"the same holds for {', '.join(names)}"))


def ranked_first(found: list[tuple[ServicePlacement, Finding]]) -> tuple[ServicePlacement, Finding]:
    gravest = ranked(one for _, one in found)[0]
    return next((service, one) for service, one in found if one is gravest)
