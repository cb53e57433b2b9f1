"""Everything that can be said about what a service depends on: every room's rules over one set of facts."""

from expressway.aws.values.dependencies import DependencyFacts
from expressway.diagnose.dependencies.alarms import alarm_findings
from expressway.diagnose.dependencies.log_groups import log_group_findings
from expressway.diagnose.dependencies.roles import role_findings
from expressway.diagnose.dependencies.scaling import scaling_findings
from expressway.diagnose.dependencies.secrets import secret_findings
from expressway.diagnose.finding import Finding, ranked
from expressway.diagnose.image.rules import image_findings


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
