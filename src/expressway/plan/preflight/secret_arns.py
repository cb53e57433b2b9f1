"""Complete the ARNs of the secrets that a definition names: their text does not tell whether they are complete."""

import re
from collections.abc import Callable

from expressway.app.definition import AppDefinition
from expressway.aws.values.task_definition import SecretReference
from expressway.cloudformation.stack import StackState
from expressway.core.concurrent_reads import ConcurrentReads
from expressway.core.progress import Progress, ProgressSink
from expressway.plan.ports import Secrets

_THREADS = 8


def with_complete_arns(
    definition: AppDefinition,
    *,
    secrets: Callable[[], Secrets],
    deployed: Callable[[], StackState | None],
    progress: ProgressSink,
) -> AppDefinition:
    """The definition with the secrets' ARNs as Secrets Manager returns them, which the service and its role then name.

    A secret that may not be looked up, or does not exist (any more), keeps the ARN that the deployed stack has for it,
    so that nothing changes by that alone. Without one it keeps what was written; the role may then read it under both
    ARNs that this may stand for.

    Args:
        deployed: reads the current service stack.

    Raises:
        TargetError: ``credentials_expired`` and what else would meet every read.
    """
    references = [SecretReference("Main", name, arn) for name, arn in definition.secrets.items()]
    wanted = {reference.secret_id: reference for reference in references if not reference.is_parameter}
    if not wanted or definition.complete_secret_arns:
        return definition
    with ConcurrentReads(_THREADS, name="secrets") as reads:
        asked = {
            secret_id: reads.ask(f"secret {one.shown}", lambda one=one: secrets().complete_arn(one))
            for secret_id, one in wanted.items()
        }
        complete = {secret_id: reads.take(future, None) for secret_id, future in asked.items()}
    for gap in reads.gaps:
        text = f"the complete ARN of a secret could not be looked up: {gap}"
        progress(Progress("plan", text, level="warning"))
    if not all(complete.values()):
        known = _deployed_arns(deployed())
        others = {one: wanted.keys() - {one} for one in wanted}  # written out as another secret, it is none of this one
        complete = {one: found or _deployed_as(one, known - others[one]) for one, found in complete.items()}
    named = {one.variable: _named(one, complete.get(one.secret_id)) for one in references}
    return definition.model_copy(update={"secrets": named, "complete_secret_arns": all(complete.values())})


def _deployed_arns(stack: StackState | None) -> frozenset[str]:
    """Every secret's ARN in the template of a stack, without what follows it, and with the patterns of policies."""
    return frozenset(_ARN.findall(stack.template)) if stack is not None else frozenset()


_ARN = re.compile(r'"(arn:[\w-]{1,32}:secretsmanager:[\w-]{1,32}:\d{12}:secret:[^:"]{1,600})[":]')


def _deployed_as(secret_id: str, known: frozenset[str]) -> str | None:
    """The complete ARN by which a deployed stack knows a secret; None where that stack does not know it either."""
    complete = {arn for arn in known if f"{arn}{_ANY_SUFFIX}" not in known}
    if secret_id in known:
        return secret_id if secret_id in complete else None
    longer = [arn for arn in complete if arn.startswith(f"{secret_id}-") and _SUFFIX.fullmatch(arn[len(secret_id) :])]
    return longer[0] if len(longer) == 1 else None


_ANY_SUFFIX = "-??????"
"""What a policy says in place of a suffix that is not known: the ARN before it is not known to be complete."""

_SUFFIX = re.compile("-[A-Za-z0-9]{6}")


def _named(reference: SecretReference, complete: str | None) -> str:
    """The reference by the complete ARN, with the JSON key, stage and version that it names."""
    if not complete:
        return reference.value_from
    return complete + reference.value_from.removeprefix(reference.secret_id)
