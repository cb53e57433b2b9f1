"""The health of every service's targets: a service may run all its tasks and still answer nobody."""

from __future__ import annotations

from collections.abc import Sequence

from expressway.aws.values.service import DeploymentState, ServiceState
from expressway.core.concurrent_reads import ConcurrentReads
from expressway.diagnose.ports import TroubleshootPorts

_REVISIONS_A_CALL = 20


def target_states(
    cluster: str, services: Sequence[ServiceState], ports: TroubleshootPorts, reads: ConcurrentReads
) -> dict[str, tuple[str, ...]]:
    """The states of the targets of each service, by its name; what may not be read becomes a gap.

    A plain service names its target groups itself. An Express one's are those of its revision, so that its newest
    deployments and, twenty at a time, their revisions are read before.
    """
    groups = {one.name: one.target_group_arns for one in services if one.target_group_arns}
    groups |= _groups_of_revisions(cluster, [one.name for one in services if one.name not in groups], ports, reads)
    asked = {
        name: reads.ask("target health", lambda arns=arns: ports.targets.health(arns)) for name, arns in groups.items()
    }
    return {name: tuple(one.state for one in reads.take(future, ())) for name, future in asked.items()}


def _groups_of_revisions(
    cluster: str, names: Sequence[str], ports: TroubleshootPorts, reads: ConcurrentReads
) -> dict[str, tuple[str, ...]]:
    briefs = ports.cluster.deployment_briefs
    asked = {name: reads.ask("deployments", lambda name=name: briefs(cluster, name)) for name in names}
    serving = {name: _serving_revision(reads.take(future, ())) for name, future in asked.items()}
    arns = list(dict.fromkeys(arn for arn in serving.values() if arn))
    batches = [arns[at : at + _REVISIONS_A_CALL] for at in range(0, len(arns), _REVISIONS_A_CALL)]
    asked_revisions = [reads.ask("revisions", lambda some=some: ports.express.revisions(some)) for some in batches]
    revisions = {one.arn: one for future in asked_revisions for one in reads.take(future, ())}
    return {name: revisions[arn].target_group_arns for name, arn in serving.items() if arn in revisions}


def _serving_revision(newest_first: Sequence[DeploymentState]) -> str:
    """The revision of the newest deployment that succeeded; of the newest one where none is remembered."""
    succeeded = (one for one in newest_first if one.successful)
    chosen = next(succeeded, next(iter(newest_first), None))
    return chosen.target_revision_arn if chosen else ""
