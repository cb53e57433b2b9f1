"""Everything that can be said about what a service depends on: every room's rules over one set of facts."""

from expressway.diagnosis.alarm_rules import alarm_findings
from expressway.diagnosis.image_rules import image_findings
from expressway.diagnosis.log_group_rules import log_group_findings
from expressway.diagnosis.role_rules import role_findings
from expressway.diagnosis.scaling_rules import scaling_findings
from expressway.diagnosis.secret_rules import secret_findings
from expressway.model.finding import Finding, ranked
from expressway.model.service_dependencies import DependencyFacts


def dependency_findings(facts: DependencyFacts) -> tuple[Finding, ...]:
    """The findings about images, secrets, roles, log groups, scaling, alarms and quotas, ranked.

    For a service all of whose tasks run, what only the next task meets is a warning.
    """
    return ranked(
        (
            *image_findings(facts),
            *secret_findings(facts),
            *role_findings(facts),
            *log_group_findings(facts),
            *alarm_findings(facts),
            *scaling_findings(facts),
        )
    )
