"""What ECS says about tasks whose images could not be pulled or run, beside what was looked up."""

from collections.abc import Sequence
from dataclasses import replace

from expressway.aws.values.dependencies import DependencyFacts, ImageFact
from expressway.aws.values.service import TaskState
from expressway.diagnose.catalog import entry_of
from expressway.diagnose.dependencies.rules import role_findings, secret_findings
from expressway.diagnose.finding import Finding, ranked
from expressway.diagnose.image.rules import image_findings, names_repository
from expressway.diagnose.merge import merged
from expressway.diagnose.messages.rules import finding_of_message
from expressway.diagnose.service.facts import Statement
from expressway.diagnose.tasks.exit_rules import images_fit, with_platform


def pull_findings(facts: DependencyFacts, tasks: Sequence[TaskState]) -> tuple[Finding, ...]:
    """Why the images of one task definition cannot be pulled or run, ranked: looked up, and told by ECS."""
    looked_up = (*image_findings(facts), *secret_findings(facts), *role_findings(facts))
    told = _told(tasks)
    texts = {finding.resource: text for finding, text in told}
    findings = merged((*looked_up, *with_platform((one for one, _ in told), images_fit=images_fit(facts))))
    return ranked(_about_its_image(one, texts.get(one.resource, ""), facts.images) for one in findings)


def _told(tasks: Sequence[TaskState]) -> tuple[tuple[Finding, str], ...]:
    """One finding for each kind of thing that ECS says of these tasks; a hundred tasks tell it a hundred times."""
    first: dict[str, tuple[Finding, str]] = {}
    for task in tasks:
        if task.running:
            continue
        for text in (*(one.reason for one in task.containers), task.stopped_reason):
            cause = finding_of_message(Statement(text, task.arn)) if text else None
            if cause is not None and "image_on_task" in entry_of(cause.code).marks:
                first.setdefault(cause.code, (cause, text))
    return tuple(first.values())


def _about_its_image(finding: Finding, text: str, images: Sequence[ImageFact]) -> Finding:
    """What a task's words tell of an image is about the one whose repository they name, or the only one there is."""
    if not text or "about_image" not in entry_of(finding.code).marks:
        return finding
    every = [one.reference.image for one in images]
    named = [image for image in every if names_repository(text, _repository(image))] or (
        every if len(every) == 1 else []
    )
    return replace(finding, resource=named[0]) if named else finding


def _repository(image: str) -> str:
    path = image.partition("@")[0]
    return path.rpartition(":")[0] if ":" in path.rpartition("/")[2] else path
