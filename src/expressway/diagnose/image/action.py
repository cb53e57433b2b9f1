"""Images that cannot be pulled: of a service, a task, a stack, or families of task definitions."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from expressway.aws.values.dependencies import DependencyFacts, ImageFact
from expressway.aws.values.service import TaskState
from expressway.aws.values.task_definition import SecretReference, TaskDefinition
from expressway.core.concurrent_reads import ConcurrentReads
from expressway.diagnose.catalog import deduplicate, entry_of, make_finding
from expressway.diagnose.dependencies.collect import gather_pull
from expressway.diagnose.dependencies.rules import role_findings
from expressway.diagnose.dependencies.start_rules import image_findings, names_repository, secret_findings
from expressway.diagnose.exits.rules import images_fit, with_platform
from expressway.diagnose.facts import AskedPlace
from expressway.diagnose.finding import Finding, ranked
from expressway.diagnose.image.subjects import PullSubject, PullSubjects
from expressway.diagnose.messages import Statement, finding_of_message
from expressway.diagnose.not_found import place_findings
from expressway.diagnose.ports import DependencyPorts, TroubleshootPorts
from expressway.diagnose.request import TroubleshootRequest
from expressway.diagnose.stack.rules import missing_stack_finding
from expressway.errors import UsageError

_THREADS = 6
_NAMED = 5
_MISSING = {"repository_missing", "tag_missing", "digest_missing", "invalid"}


@dataclass(frozen=True, slots=True)
class _Checked:
    facts: DependencyFacts
    findings: tuple[Finding, ...]


def detect_image_pull_failures(request: TroubleshootRequest, ports: TroubleshootPorts) -> Mapping[str, Any]:
    """Whether the images can be pulled and run, and why not. Images outside ECR are no failure by themselves.

    Returns:
        status: ``success``; assessment: one sentence; recommendations: what to do, one line each.
        image_issues: image, exists (``true``, ``false``, ``unknown``), repository_type (``ecr``, ``external``),
            error, task_definition and container_name of every image that something is wrong with.
        findings, gaps: see `expressway.diagnose.finding`; one of code ``nothing_wrong`` when all is well; gaps only
            where there are any.

    Raises:
        UsageError: ``invalid_arguments`` when none of the four is asked about.
        TargetError: no read is possible (``credentials_expired``, ``connection_failed``, …).
    """
    with ConcurrentReads(_THREADS, name="pulls") as reads:
        subjects = _subjects(request, PullSubjects(ports, reads))
        if not subjects:
            return _nothing_found(request, ports, reads, is_missing=subjects is None)
        dependencies = ports.dependencies()
        asked = [
            (one, reads.ask("task definition", lambda one=one: dependencies.task_definition(one.task_definition)))
            for one in subjects
        ]
        known = [(one, needed) for one, future in asked if (needed := reads.take(future, None)) is not None]
        pending = [
            reads.ask("images", lambda one=one, needed=needed: _check(one, needed, dependencies))
            for one, needed in known
        ]
        checked = [future.result() for future in pending]
        gaps = (*reads.gaps, *(gap for one in checked for gap in one.facts.gaps))
    return _answer(request, checked, tuple(dict.fromkeys(gaps)))


def _asked_name(request: TroubleshootRequest) -> str:
    of_cluster = (request.service or request.task_id) if request.cluster else ""
    return of_cluster or request.stack_name or request.family_prefix


def _described(request: TroubleshootRequest) -> str:
    if request.cluster and (request.service or request.task_id):
        what = f"the service {request.service}" if request.service else f"the task {request.task_id}"
        return f"{what} in the cluster {request.cluster}"
    return (
        f"the stack {request.stack_name}" if request.stack_name else f"families that begin with {request.family_prefix}"
    )


def _subjects(request: TroubleshootRequest, subjects: PullSubjects) -> tuple[PullSubject, ...] | None:
    if request.cluster and request.service:
        return subjects.of_service(request.cluster, request.service)
    if request.cluster and request.task_id:
        return subjects.of_task(request.cluster, request.task_id)
    if request.stack_name:
        return subjects.of_stack(request.stack_name)
    if request.family_prefix:
        return subjects.of_families(request.family_prefix)
    raise UsageError(
        "invalid_arguments",
        "Expected ecs_cluster_name with ecs_service_name or ecs_task_id, or cfn_stack_name, or family_prefix.",
        "Name the service, the task, the stack, or the beginning of the task definitions' family.",
    )


def _check(one: PullSubject, needed: TaskDefinition, ports: DependencyPorts) -> _Checked:
    subject = replace(one.subject, task_definition_arn=needed.arn)
    facts = gather_pull(needed, subject, ports=ports)
    return _Checked(facts, pull_findings(facts, one.tasks))


def _nothing_found(
    request: TroubleshootRequest, ports: TroubleshootPorts, reads: ConcurrentReads, *, is_missing: bool
) -> Mapping[str, Any]:
    """Nothing to check: the thing does not exist, has no task definitions, or may not be looked at."""
    if reads.gaps:
        return _shape(f"What {_described(request)} runs could not be read (see gaps).", (), (), tuple(reads.gaps))
    place = ports.target.describe()
    found = _missing(request, ports, reads) if is_missing else ()
    nothing = make_finding(
        code="task_definition_not_found",
        cause=f"No task definitions were found for {_described(request)} in {place}.",
        resource=_asked_name(request),
    )
    findings = found or (nothing,)
    return _shape(findings[0].cause, findings, (), tuple(reads.gaps))


def _missing(request: TroubleshootRequest, ports: TroubleshootPorts, reads: ConcurrentReads) -> tuple[Finding, ...]:
    """Of a stack, or a cluster and service, that is not there: what there is instead."""
    place = ports.target.describe()
    if request.stack_name and not request.cluster:
        names = reads.take(reads.ask("stacks", ports.stacks().names), ())
        return (missing_stack_finding(request.stack_name, place=place, names=names),)
    ecs = ports.ecs
    asked_cluster = reads.ask("cluster", lambda: ecs.cluster(request.cluster))
    asked_clusters = reads.ask("clusters", ecs.cluster_names)
    asked_services = reads.ask("services", lambda: ecs.service_names(request.cluster))
    cluster = reads.take(asked_cluster, None)
    if not reads.was_read("cluster"):
        return ()  # that it is missing does not follow
    asked_place = AskedPlace(
        place,
        request.cluster,
        request.service,
        cluster=cluster,
        service_exists=not request.service,
        cluster_names=reads.take(asked_clusters, ()),
        service_names=reads.take(asked_services, ()),
    )
    return place_findings(asked_place)


def _answer(request: TroubleshootRequest, checked: Sequence[_Checked], gaps: tuple[str, ...]) -> Mapping[str, Any]:
    findings = ranked(finding for one in checked for finding in one.findings)
    issues = [issue for one in checked for issue in _issues(one)]
    counted = sum(len(one.facts.images) for one in checked)
    if issues:
        assessment = f"Container images that cannot be pulled or run at present: {len(issues)} of {counted}."
    elif findings:
        assessment = "No image is missing; the findings say what keeps tasks from starting."
    elif gaps:
        assessment = "Nothing wrong was found, but not everything could be read (see gaps)."
    else:
        outside = sum(1 for one in checked for image in one.facts.images if image.presence == "elsewhere")
        note = f"; {outside} outside ECR, where only a pull can show it" if outside else ""
        assessment = f"Nothing is wrong with the container images ({counted} looked at{note})."
        images = dict.fromkeys(image.reference.image for one in checked for image in one.facts.images)
        of = {one.facts.subject.resource for one in checked}
        resource = of.pop() if len(of) == 1 else _asked_name(request)
        findings = (Finding("nothing_wrong", "info", assessment, tuple(images)[:_NAMED], resource=resource),)
    return _shape(assessment, findings, issues, gaps)


def _shape(
    assessment: str, findings: Sequence[Finding], issues: Sequence[Mapping[str, Any]], gaps: tuple[str, ...]
) -> Mapping[str, Any]:
    answer: dict[str, Any] = {
        "status": "success",
        "assessment": assessment,
        "findings": [one.to_dict() for one in findings],
        "image_issues": list(issues),
        "recommendations": list(dict.fromkeys(one.remedy for one in findings if one.remedy)),
    }
    return answer | {"gaps": list(gaps)} if gaps else answer


def _issues(checked: _Checked) -> Iterator[Mapping[str, Any]]:
    """The images that a finding is about, or whose credentials it is about, each with the most severe cause."""
    for image in checked.facts.images:
        reference = image.reference
        about = {reference.image, SecretReference(reference.container, "", reference.credentials).shown}
        finding = next((one for one in checked.findings if one.resource and one.resource in about), None)
        if finding is not None:
            yield {
                "image": image.reference.image,
                "exists": _exists(image),
                "repository_type": "ecr" if image.repository_arn else "external",
                "error": finding.cause,
                "task_definition": image.task_definition_arn,
                "container_name": image.reference.container,
            }


def _exists(image: ImageFact) -> str:
    if image.presence in _MISSING:
        return "false"
    return "true" if image.presence == "present" else "unknown"


def pull_findings(facts: DependencyFacts, tasks: Sequence[TaskState]) -> tuple[Finding, ...]:
    """Why the images of one task definition cannot be pulled or run, ranked: from lookups and from messages of ECS."""
    looked_up = (*image_findings(facts), *secret_findings(facts), *role_findings(facts))
    messages = _findings_of_messages(tasks)
    texts = {finding.resource: text for finding, text in messages}
    findings = deduplicate((*looked_up, *with_platform((one for one, _ in messages), images_fit=images_fit(facts))))
    return ranked(_about_its_image(one, texts.get(one.resource, ""), facts.images) for one in findings)


def _findings_of_messages(tasks: Sequence[TaskState]) -> tuple[tuple[Finding, str], ...]:
    """One finding, with its text, for each code that the messages of ECS about these tasks lead to."""
    first: dict[str, tuple[Finding, str]] = {}
    for task in tasks:
        if task.running:
            continue
        for text in (*(one.reason for one in task.containers), task.stopped_reason):
            finding = finding_of_message(Statement(text, task.arn)) if text else None
            if finding is not None and "image_on_task" in entry_of(finding.code).marks:
                first.setdefault(finding.code, (finding, text))
    return tuple(first.values())


def _about_its_image(finding: Finding, text: str, images: Sequence[ImageFact]) -> Finding:
    """Set the resource of a finding to the image that the text names, or to the only image."""
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
