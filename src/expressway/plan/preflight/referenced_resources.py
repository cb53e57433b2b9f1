"""What a definition names and AWS must have already: cluster, roles, network, secrets, key and principals.

CloudFormation finds out what is missing when it has made half of a stack, and ECS when it starts a task. Here it is
looked up before anything is changed, all at the same time, and only where the plan requires it to exist.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

from expressway.app.definition import AppDefinition
from expressway.aws.values.dependencies import role_name_of
from expressway.aws.values.network import Subnet
from expressway.aws.values.target import Target, parse_arn
from expressway.aws.values.task_definition import SecretReference
from expressway.cloudformation.stack import DEFAULT_CLUSTER, EXPRESS_TYPE
from expressway.core.concurrent_reads import ConcurrentReads
from expressway.core.problems import Problem
from expressway.core.progress import Progress, ProgressSink
from expressway.errors import DefinitionError
from expressway.plan.diff import ResourceChange, StackChange
from expressway.plan.ports import Identities, Networks, Secrets, Services
from expressway.plan.preflight.rules import (
    RoleOf,
    cluster_problems,
    group_problems,
    key_problems,
    principal_problems,
    role_problems,
    secret_problems,
    subnet_problems,
)

_MADE = frozenset({"create", "replace", "restore"})


@dataclass(frozen=True, slots=True)
class AffectedNames:
    """`service`: new tasks start, which need all that the service names. `key`: the repository is made with its key.
    `principals`: who may push is written into a trust policy."""

    service: bool = False
    key: bool = False
    principals: bool = False

    @property
    def any(self) -> bool:
        return self.service or self.key or self.principals


def affected_names(stacks: Iterable[StackChange]) -> AffectedNames:
    """What these changes need of the names in the definition."""
    changes = [change for stack in stacks for change in stack.resources]
    return AffectedNames(
        service=any(_starts_tasks(change) for change in changes if change.resource_type == EXPRESS_TYPE),
        key=any(change.action in _MADE for change in changes if change.resource_type == "AWS::ECR::Repository"),
        principals=any(_writes_trust(change) for change in changes if change.logical_id == "PushPullRole"),
    )


def _starts_tasks(change: ResourceChange) -> bool:
    """Another number of tasks makes no new revision, and attributes of the resource are CloudFormation's alone."""
    if change.action == "update":
        return any(not item.path.startswith(("ScalingTarget", "@")) for item in change.properties)
    return change.action in _MADE


def _writes_trust(change: ResourceChange) -> bool:
    if change.action == "update":
        return any(item.path.startswith("AssumeRolePolicyDocument") for item in change.properties)
    return change.action in _MADE


T = TypeVar("T")
_THREADS = 8


@dataclass(frozen=True, slots=True)
class ReferenceReads:
    """The reads behind the checks; each is got when a definition names something of its kind."""

    clusters: Callable[[], Services]
    identities: Callable[[], Identities]
    networks: Callable[[], Networks]
    secrets: Callable[[], Secrets]


def check_referenced_resources(
    definition: AppDefinition, affected: AffectedNames, *, reads: ReferenceReads, target: Target, progress: ProgressSink
) -> None:
    """Refuse what is missing or cannot be used, everything in one error. What may not be read is a warning.

    Raises:
        DefinitionError: ``prerequisites_missing``; ``details["problems"]`` has path, expected, got and message of each.
        TargetError: ``credentials_expired`` and what else would meet every read.
    """
    with ConcurrentReads(_THREADS, name="named") as concurrent:
        looks = tuple(_Looks(definition, reads, target, concurrent).begin(affected))
        problems = [problem for look in looks for problem in look()]
    for gap in concurrent.gaps:
        progress(Progress("plan", f"not verified before deploying: {gap}", level="warning"))
    if problems:
        raise _missing(problems, target)


Look = Callable[[], tuple[Problem, ...]]
"""Waits for a read that has begun, and judges what it found."""


@dataclass(frozen=True, slots=True)
class _Found(Generic[T]):
    """What was read, also where it is None: a read that was refused finds nothing at all."""

    value: T


class _Looks:
    """Begins every read at once; the answers are judged when all have begun."""

    def __init__(
        self, definition: AppDefinition, reads: ReferenceReads, target: Target, concurrent: ConcurrentReads
    ) -> None:
        self._definition = definition
        self._reads = reads
        self._target = target
        self._concurrent = concurrent

    def begin(self, affected: AffectedNames) -> Iterator[Look]:
        if affected.service:
            yield from self._cluster()
            yield from self._roles()
            yield from self._network()
            yield from self._secrets()
        if affected.key:
            yield from self._key()
        if affected.principals:
            yield from self._principals()

    def _cluster(self) -> Iterator[Look]:
        """Express Mode makes the default cluster where it is missing; any other must be there."""
        named, target = self._definition.cluster, self._target
        place = parse_arn(named)
        if place is not None and not place.is_in(target):
            yield lambda: cluster_problems(named, None, target)
        elif (place.name if place else named) != DEFAULT_CLUSTER:
            yield self._look(
                f"cluster {named}",
                lambda: self._reads.clusters().cluster(named),
                lambda found: cluster_problems(named, found, target),
            )

    def _roles(self) -> Iterator[Look]:
        roles = self._definition.roles
        named: tuple[tuple[RoleOf, str | None], ...] = (
            ("execution", roles.execution),
            ("task", roles.task),
            ("infrastructure", roles.infrastructure),
        )
        return (self._role(purpose, arn) for purpose, arn in named if arn)

    def _role(self, purpose: RoleOf, arn: str) -> Look:
        return self._look(
            f"role {arn}",
            lambda: self._reads.identities().role(role_name_of(arn)),
            lambda found: role_problems(purpose, arn, found, self._target),
        )

    def _network(self) -> Iterator[Look]:
        """Groups are judged with the subnets, in whose VPC they must be, and alone where those may not be read."""
        network = self._definition.network
        seen: list[Subnet] = []

        def judge_subnets(found: tuple[Subnet, ...]) -> tuple[Problem, ...]:
            seen.extend(found)
            return subnet_problems(network.subnets, found)

        if network.subnets:
            yield self._look("subnets", lambda: self._reads.networks().subnets(network.subnets), judge_subnets)
        if network.security_groups:
            yield self._look(
                "security groups",
                lambda: self._reads.networks().security_groups(network.security_groups),
                lambda found: group_problems(network.security_groups, found, vpcs={one.vpc_id for one in seen}),
            )

    def _secrets(self) -> Iterator[Look]:
        """Each secret once: several variables often come from one."""
        first: dict[tuple[str, str], SecretReference] = {}
        for variable, arn in self._definition.secrets.items():
            reference = SecretReference("Main", variable, arn)
            first.setdefault((reference.secret_id, reference.version_stage), reference)
        return (self._secret(reference) for reference in first.values())

    def _secret(self, reference: SecretReference) -> Look:
        judge = partial(secret_problems, own_role=self._definition.roles.execution is None)
        return self._look(f"secret {reference.shown}", lambda: self._reads.secrets().fact(reference), judge)

    def _key(self) -> Iterator[Look]:
        arn = self._definition.repository.kms_key_arn
        if arn:
            region = arn.split(":")[3]
            yield self._look(f"key {arn}", lambda: self._reads.secrets().key(arn, region=region), key_problems)

    def _principals(self) -> Iterator[Look]:
        """IAM takes no principal that does not exist; those of other accounts cannot be looked up from here."""
        named = enumerate(self._definition.repository.push_principals)
        return (self._principal(at, arn) for at, arn in named if arn.split(":")[4] == self._target.account_id)

    def _principal(self, index: int, arn: str) -> Look:
        def found_arn() -> str | None:
            identities, name = self._reads.identities(), arn.rsplit("/", 1)[-1]
            if ":user/" in arn:
                return identities.user_arn(name)
            role = identities.role(name)
            return role.arn if role else None

        return self._look(f"principal {arn}", found_arn, lambda found: principal_problems(index, arn, found))

    def _look(self, name: str, read: Callable[[], T], judge: Callable[[T], tuple[Problem, ...]]) -> Look:
        """Begin a read; what may not be read has no problems, and is a gap called `name`."""

        def reading() -> _Found[T] | None:
            return _Found(read())

        asked = self._concurrent.ask(name, reading)

        def judged() -> tuple[Problem, ...]:
            found = self._concurrent.take(asked, None)
            return () if found is None else judge(found.value)

        return judged


def _missing(problems: Sequence[Problem], target: Target) -> DefinitionError:
    what = "something" if len(problems) == 1 else f"{len(problems)} things"
    listed = " ".join(f"({number}) {problem.message}" for number, problem in enumerate(problems, 1))
    return DefinitionError(
        "prerequisites_missing",
        f"The definition names {what} that {target.describe()} does not have or that an Express service cannot use, "
        f"and nothing was changed: {listed}",
        "Create what is missing, or correct the definition; names and ARNs differ between accounts and regions.",
        {"problems": [problem.to_dict() for problem in problems]},
    )
