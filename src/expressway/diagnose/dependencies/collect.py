"""Read what a service depends on in parallel, in about three round trips.

What may not be read becomes a named gap, and is ``unread`` among the facts, so that nothing is concluded from it.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from expressway.aws.values.dependencies import (
    AlarmFact,
    DependencyFacts,
    DependencySubject,
    ImageFact,
    KeyFact,
    LogGroupFact,
    RoleFact,
    ScalingFact,
    SecretFact,
    role_name_of,
)
from expressway.aws.values.image import ImageReference, parse_image_reference
from expressway.aws.values.service import LogConfiguration
from expressway.aws.values.target import Target
from expressway.aws.values.task_definition import ContainerImage, SecretReference, TaskDefinition
from expressway.core.concurrent_reads import ConcurrentReads
from expressway.core.progress import ReadPool
from expressway.diagnose.dependencies.rules import CREATE_GROUP, log_group_arn
from expressway.diagnose.dependencies.start_rules import is_aws_owned
from expressway.diagnose.ports import DependencyPorts
from expressway.errors import DefinitionError, ImageError, TargetError
from expressway.iam.evaluation import account_of, needs_simulation
from expressway.iam.required import LOG_ACTIONS, PULL_ACTIONS

T = TypeVar("T")


class ImageLookup:
    """Looks images up, and collects in `gaps` what could not be read of them."""

    def __init__(self, ports: DependencyPorts) -> None:
        self._ports = ports
        self.gaps: list[str] = []

    def fact(self, container: ContainerImage, requirements: TaskDefinition) -> ImageFact:
        """The image of one container: there or not, its platforms, and its repository's policy."""
        blank = ImageFact(container, requirements.arn, "elsewhere", wanted_platform=requirements.platform)
        try:
            reference = parse_image_reference(container.image)
        except DefinitionError as error:
            return replace(blank, presence="invalid", detail=error.message)
        if not reference.is_private_ecr:
            return blank
        blank = replace(
            blank,
            presence="unread",
            repository_arn=_repository_arn(reference, self._ports.target),
            account_id=reference.account_id or "",
            region=reference.region or "",
        )
        with ReadPool(2, thread_name_prefix="image") as pool:
            asked_policy = pool.submit(self._policy, blank, reference)
            pinned = reference.digest
            asked_platforms = pool.submit(self._platforms, blank, reference, pinned) if pinned else None
            found = self._looked_up(blank, reference)
            if found.presence == "present":
                platforms = (
                    asked_platforms.result() if asked_platforms else self._platforms(found, reference, found.digest)
                )
                found = replace(found, platforms=platforms)
            if found.presence == "repository_missing":
                return found
            policy, policy_read = asked_policy.result()
            return replace(found, repository_policy=policy, policy_read=policy_read)

    def _looked_up(self, blank: ImageFact, reference: ImageReference) -> ImageFact:
        place = {"registry_id": blank.account_id, "region": blank.region}
        tag = None if reference.digest else reference.tag
        try:
            found = self._ports.images.find_image(reference.repository, tag=tag, digest=reference.digest, **place)
        except ImageError as error:
            return replace(blank, presence="repository_missing", detail=error.message)
        except TargetError as error:
            self._gap(f"image {reference.uri}", error)
            return blank
        if found is not None:
            return replace(blank, presence="present", digest=found.digest)
        if tag is None:
            return replace(blank, presence="digest_missing")
        tags = self._read("tags", lambda: self._ports.repositories.tags(reference.repository, **place), ())
        return replace(blank, presence="tag_missing", tags=tags)

    def _platforms(self, fact: ImageFact, reference: ImageReference, digest: str) -> tuple[str, ...]:
        place = {"registry_id": fact.account_id, "region": fact.region}
        read = self._ports.repositories.platforms
        return self._read("platforms", lambda: read(reference.repository, digest=digest, **place), ())

    def _policy(self, fact: ImageFact, reference: ImageReference) -> tuple[Mapping[str, Any] | None, bool]:
        """The repository's policy, which matters where the role's own denies the pull; and whether it was read."""
        place = {"registry_id": fact.account_id, "region": fact.region}

        def read() -> tuple[Mapping[str, Any] | None, bool]:
            return self._ports.repositories.policy(reference.repository, **place), True

        return self._read(f"policy of the repository {reference.repository}", read, (None, False))

    def _read(self, name: str, read: Callable[[], T], default: T) -> T:
        try:
            return read()
        except TargetError as error:
            self._gap(name, error)
            return default

    def _gap(self, name: str, error: TargetError) -> None:
        gap = f"{name}: {error.message}"
        if gap not in self.gaps:
            self.gaps.append(gap)


def _repository_arn(reference: ImageReference, target: Target) -> str:
    return f"arn:{target.partition}:ecr:{reference.region}:{reference.account_id}:repository/{reference.repository}"


_THREADS = 12
_SIMULATIONS = 5


def gather_dependencies(subject: DependencySubject, *, ports: DependencyPorts) -> DependencyFacts:
    """The images, secrets, keys, roles, log groups, scaling, alarms and quotas of one service.

    Reads only, and of secrets only the metadata. Raises nothing for what is refused: see `DependencyFacts.gaps`.
    """
    with ConcurrentReads(_THREADS, name="dependencies") as reads:
        return _Gathering(subject, ports, reads).gather()


def gather_pull(needed: TaskDefinition, subject: DependencySubject, *, ports: DependencyPorts) -> DependencyFacts:
    """Only what pulling the images of one task definition takes: images, execution role, registry credentials."""
    with ConcurrentReads(_THREADS, name="pull") as reads:
        return _Gathering(subject, ports, reads).gather_pull(needed)


@dataclass(frozen=True, slots=True)
class _Asked:
    """Reads of one task definition's needs that have begun."""

    images: tuple[Future[ImageFact], ...] = ()
    secrets: tuple[tuple[SecretReference, Future[SecretFact | None]], ...] = ()
    log_groups: tuple[tuple[LogConfiguration, Future[LogGroupFact | None]], ...] = ()
    execution_role: Future[RoleFact] | None = None
    task_role: Future[RoleFact] | None = None


class _Gathering:
    def __init__(self, subject: DependencySubject, ports: DependencyPorts, reads: ConcurrentReads) -> None:
        self._subject = subject
        self._ports = ports
        self._reads = reads
        self._lookup = ImageLookup(ports)

    def gather(self) -> DependencyFacts:
        subject, ports, reads = self._subject, self._ports, self._reads
        asked_scaling = reads.ask("scaling", lambda: ports.scaling(subject.cluster, subject.service_name))
        asked_infrastructure = self._ask_role("infrastructure role", subject.infrastructure_role_arn)
        asked_triggered = self._ask_alarms(subject.triggered_alarms)
        asked_quotas = reads.ask("quotas", lambda: ports.quotas() if subject.names_a_quota else ())
        asked_needs = reads.ask("task definition", self._requirements)
        needed = reads.take(asked_needs, None)
        asked = self._ask_needs(needed) if needed else _Asked()
        scaling: ScalingFact | None = reads.take(asked_scaling, None)
        asked_alarms = self._ask_alarms(self._scaling_alarms(scaling))
        facts = self._taken(needed, asked)
        return replace(
            facts,
            infrastructure_role=self._take_role(asked_infrastructure, subject.infrastructure_role_arn),
            scaling=scaling,
            alarms=tuple(reads.take(asked_triggered, ())) + tuple(reads.take(asked_alarms, ())),
            quotas=reads.take(asked_quotas, ()),
            gaps=self._gaps(facts),
        )

    def gather_pull(self, needed: TaskDefinition) -> DependencyFacts:
        """Only what pulling the images of one task definition takes."""
        credentials = tuple(one for one in needed.secrets if not one.variable)
        pulled = replace(needed, secrets=credentials, log_configurations=(), task_role_arn="")
        facts = self._taken(needed, self._ask_needs(pulled))
        return replace(facts, gaps=self._gaps(facts))

    def _taken(self, needed: TaskDefinition | None, asked: _Asked) -> DependencyFacts:
        """What was asked for a task definition, with the keys of its secrets and IAM's decisions about its role."""
        reads = self._reads
        secrets = tuple(
            reads.take(future, None) or SecretFact(reference, "unread") for reference, future in asked.secrets
        )
        asked_keys = self._ask_keys(secrets)
        facts = DependencyFacts(
            subject=self._subject,
            account_id=self._ports.target.account_id,
            region=self._ports.target.region,
            requirements=needed,
            images=tuple(future.result() for future in asked.images),
            secrets=secrets,
            keys=tuple(key for future in asked_keys if (key := reads.take(future, None)) is not None),
            execution_role=self._take_role(asked.execution_role, needed.execution_role_arn if needed else ""),
            task_role=self._take_role(asked.task_role, needed.task_role_arn if needed else ""),
            log_groups=tuple(
                reads.take(future, None) or LogGroupFact(reference, "unread") for reference, future in asked.log_groups
            ),
        )
        return replace(facts, execution_role=self._simulated(facts))

    def _gaps(self, facts: DependencyFacts) -> tuple[str, ...]:
        of_secrets = (
            f"policy of the secret {one.reference.shown}: {one.policy_gap}" for one in facts.secrets if one.policy_gap
        )
        of_keys = (f"policy of the key {one.key_id}: {one.policy_gap}" for one in facts.keys if one.policy_gap)
        return tuple(dict.fromkeys((*self._reads.gaps, *self._lookup.gaps, *of_secrets, *of_keys)))

    def _requirements(self) -> TaskDefinition | None:
        arn = self._subject.task_definition_arn
        return self._ports.task_definition(arn) if arn else None

    def _ask_needs(self, needed: TaskDefinition) -> _Asked:
        """Begin everything that the task definition names, each thing once."""
        return _Asked(
            images=tuple(
                self._reads.ask("image", lambda image=image: self._lookup.fact(image, needed))
                for image in dict.fromkeys(needed.images)
            ),
            secrets=tuple((one, self._ask_secret(one)) for one in _once(needed.secrets)),
            log_groups=tuple((one, self._ask_log_group(one)) for one in dict.fromkeys(needed.log_configurations)),
            execution_role=self._ask_role("execution role", needed.execution_role_arn),
            task_role=self._ask_role("task role", needed.task_role_arn),
        )

    def _ask_secret(self, reference: SecretReference) -> Future[SecretFact | None]:
        return self._reads.ask(f"secret {reference.shown}", lambda: self._ports.secrets.fact(reference))

    def _ask_log_group(self, reference: LogConfiguration) -> Future[LogGroupFact | None]:
        def read() -> LogGroupFact:
            if reference.region not in {"", self._ports.target.region}:
                return LogGroupFact(reference, "elsewhere")
            found = self._ports.log_groups.group(reference.log_group)
            return LogGroupFact(reference, "missing" if found is None else "present")

        return self._reads.ask(f"log group {reference.log_group}", read)

    def _ask_role(self, purpose: str, role_arn: str) -> Future[RoleFact] | None:
        if not role_arn:
            return None

        def read() -> RoleFact:
            if account_of(role_arn) not in {"", self._ports.target.account_id}:
                return RoleFact(role_arn, "elsewhere")
            role = self._ports.roles.role(role_name_of(role_arn))
            if role is None or (role_arn.startswith("arn:") and role.arn != role_arn):
                return RoleFact(role_arn, "missing")
            return RoleFact(role.arn, "present", role)

        return self._reads.ask(purpose, read)

    def _take_role(self, future: Future[RoleFact] | None, role_arn: str) -> RoleFact | None:
        return None if future is None else self._reads.take(future, RoleFact(role_arn, "unread"))

    def _ask_alarms(self, names: Sequence[str]) -> "Future[tuple[AlarmFact, ...]]":
        return self._reads.ask("alarms", lambda: self._ports.alarms(names) if names else ())

    def _scaling_alarms(self, scaling: ScalingFact | None) -> tuple[str, ...]:
        """The alarms that drive the scaling, where they can say something: at the maximum, or held back."""
        if scaling is None or not (scaling.scaling_out_suspended or self._subject.running_count >= scaling.maximum > 0):
            return ()
        return tuple(name for policy in scaling.policies for name in policy.alarm_names)

    def _ask_keys(self, secrets: Sequence[SecretFact]) -> tuple[Future[KeyFact | None], ...]:
        customers = (one for one in secrets if one.kms_key_id and not is_aws_owned(one.kms_key_id))
        wanted = {one.kms_key_id: one.reference.region for one in customers}
        return tuple(
            self._reads.ask(
                f"key {key_id}", lambda key_id=key_id, region=region: self._ports.secrets.key(key_id, region=region)
            )
            for key_id, region in wanted.items()
        )

    def _simulated(self, facts: DependencyFacts) -> RoleFact | None:
        """The execution role with IAM's own decisions, where its policies alone are not enough to decide."""
        fact = facts.execution_role
        if fact is None or fact.role is None:
            return fact
        role_arn, pairs = fact.arn, needs_simulation(fact.role, _wanted(facts))
        by_resource: dict[str, list[str]] = {}
        for action, resource in pairs:
            by_resource.setdefault(resource, []).append(action)
        asked = [
            self._reads.ask(
                "simulation of the execution role",
                lambda actions=actions, resource=resource: self._ports.roles.simulate(role_arn, actions, resource),
            )
            for resource, actions in list(by_resource.items())[:_SIMULATIONS]
        ]
        decisions = {pair: one for future in asked for pair, one in self._reads.take(future, {}).items()}
        return replace(fact, simulated=decisions)


def _wanted(facts: DependencyFacts) -> list[tuple[str, str]]:
    """What the execution role has to be allowed, as (action, resource)."""
    repositories = dict.fromkeys(image.repository_arn for image in facts.images if image.repository_arn)
    pulls = [(action, "*" if action == PULL_ACTIONS[0] else arn) for arn in repositories for action in PULL_ACTIONS]
    reads = [(one.reference.read_action, one.arn) for one in facts.secrets if one.presence == "present" and one.arn]
    keys = [("kms:Decrypt", one.arn) for one in facts.keys if one.is_customer_managed and one.arn]
    logs = [
        (action, log_group_arn(group, facts))
        for group in facts.log_groups
        for action in ((*LOG_ACTIONS, CREATE_GROUP) if group.reference.creates_group else LOG_ACTIONS)
    ]
    return list(dict.fromkeys((*pulls, *reads, *keys, *logs)))


def _once(references: Sequence[SecretReference]) -> tuple[SecretReference, ...]:
    """One reference for each secret and version stage: several variables often come from one secret."""
    first: dict[tuple[str, str], SecretReference] = {}
    for one in references:
        first.setdefault((one.secret_id, one.version_stage), one)
    return tuple(first.values())
