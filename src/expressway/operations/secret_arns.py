"""Complete the ARNs of the secrets that a definition names: their text does not tell whether they are complete."""

from collections.abc import Callable
from typing import Protocol

from expressway.model.definition import AppDefinition
from expressway.model.progress import Progress, ProgressSink
from expressway.model.task_requirements import SecretReference
from expressway.operations.concurrent_reads import ConcurrentReads

_THREADS = 8


class SecretArns(Protocol):
    """Secrets by ARN, complete or not (adapters.secrets.Secrets)."""

    def complete_arn(self, reference: SecretReference) -> str | None: ...


def with_complete_arns(
    definition: AppDefinition, *, secrets: Callable[[], SecretArns], progress: ProgressSink
) -> AppDefinition:
    """The definition with the secrets' ARNs as Secrets Manager tells them, which the service and its role then name.

    A secret that may not be looked up, or does not exist, keeps the ARN that was written; its role may then read it
    under both ARNs that this may stand for.

    Raises:
        TargetError: ``credentials_expired`` and what else would meet every read.
    """
    references = [SecretReference("Main", name, arn) for name, arn in definition.secrets.items()]
    wanted = {one.secret_id: one for one in references if not one.is_parameter}
    if not wanted or definition.complete_secret_arns:
        return definition
    with ConcurrentReads(_THREADS, name="secrets") as reads:
        asked = {
            secret_id: reads.ask(f"secret {one.shown}", lambda one=one: secrets().complete_arn(one))
            for secret_id, one in wanted.items()
        }
        complete = {secret_id: reads.take(future, None) for secret_id, future in asked.items()}
    for gap in reads.gaps:
        text = f"the complete ARN is not known, so the role may read the secret with and without a suffix: {gap}"
        progress(Progress("plan", text, level="warning"))
    named = {one.variable: _named(one, complete.get(one.secret_id)) for one in references}
    return definition.model_copy(update={"secrets": named, "complete_secret_arns": all(complete.values())})


def _named(reference: SecretReference, complete: str | None) -> str:
    """The reference by the complete ARN, with the JSON key, stage and version that it names."""
    if not complete:
        return reference.value_from
    return complete + reference.value_from.removeprefix(reference.secret_id)
