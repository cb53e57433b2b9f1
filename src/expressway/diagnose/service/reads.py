"""The reads about one service: each once, as early as it is known or can be guessed that it is needed."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from expressway.aws.values.service import (
    DeploymentState,
    ExpressService,
    RevisionState,
    ServiceState,
    TargetHealth,
    TaskState,
)
from expressway.aws.values.task_definition import TaskDefinition
from expressway.core.clock import not_before
from expressway.core.concurrent_reads import ConcurrentReads
from expressway.diagnose.ports import TASKS_A_CALL, ServiceFactPorts, batches
from expressway.diagnose.service.log_tail import ExpiredTaskLogs, ServiceLogs, express_log_place, log_place
from expressway.diagnose.service_cache import ENDED_DEPLOYMENT_STATUSES, NOT_CACHED, CachedService, is_over


@dataclass(frozen=True, slots=True)
class KnownService:
    """What was read of the service before, so that it is not read again."""

    state: ServiceState
    stopped_tasks: tuple[TaskState, ...] | None = None


@dataclass(frozen=True, slots=True)
class InitialSnapshot:
    """What can be read by the service's name alone; `briefs` are its deployments, newest first.

    `looks_closer`: a failure is to be explained, so that even a service that serves is read completely.
    """

    service: ServiceState | None
    briefs: tuple[DeploymentState, ...]
    running_arns: tuple[str, ...]
    stopped_arns: tuple[str, ...]
    looks_closer: bool = False

    @property
    def is_steady_state(self) -> bool:
        """All wanted tasks run and every deployment that ECS remembers succeeded: it needs no closer look."""
        service = self.service
        if self.looks_closer or service is None or service.status != "ACTIVE":
            return False
        serves = 0 < service.desired_count <= service.running_count
        return serves and bool(self.briefs) and all(one.successful for one in self.briefs)


T = TypeVar("T")


class SpeculativeReads(Generic[T]):
    """Reads of one kind by id, `at_most` ids a call. A right guess saves a round trip.

    Where a guess was wrong or refused, what is wanted is read by itself, so that a guess never changes a result.
    """

    def __init__(
        self,
        reads: ConcurrentReads,
        name: str,
        read: Callable[[Sequence[str]], tuple[T, ...]],
        *,
        id_of: Callable[[T], str],
        at_most: int = 100,
    ) -> None:
        self._reads = reads
        self._name = name
        self._read = read
        self._id_of = id_of
        self._at_most = at_most
        self._guesses: list[tuple[frozenset[str], Future[tuple[T, ...]]]] = []
        self._wanted: dict[str, None] = {}
        self._asked: list[Future[tuple[T, ...]]] = []

    def guess(self, ids: Iterable[str]) -> None:
        """Begin to read what may be wanted; before anything is asked for."""
        self._guesses = [(frozenset(some), future) for some, future in self._begun(list(dict.fromkeys(ids)))]

    def ask(self, ids: Iterable[str]) -> None:
        """Begin to read what is wanted and was not guessed."""
        guessed = frozenset[str]().union(*(some for some, _ in self._guesses))
        new = [one for one in dict.fromkeys(ids) if one and one not in self._wanted]
        self._wanted.update(dict.fromkeys(new))
        self._asked.extend(future for _, future in self._begun([one for one in new if one not in guessed]))

    @property
    def wanted(self) -> tuple[str, ...]:
        """The ids that were asked for."""
        return tuple(self._wanted)

    def take(self) -> tuple[T, ...]:
        """All that is wanted; what was refused is left out, and a gap."""
        for guess in [one for one in self._guesses if one[1].exception() is not None]:
            self._guesses.remove(guess)
            self._asked.extend(future for _, future in self._begun([one for one in self._wanted if one in guess[0]]))
        guessed = (one for _, future in self._guesses for one in future.result())
        asked = (one for future in self._asked for one in self._reads.take(future, ()))
        return (*(one for one in guessed if self._id_of(one) in self._wanted), *asked)

    def _begun(self, ids: Sequence[str]) -> list[tuple[list[str], Future[tuple[T, ...]]]]:
        return [
            (some, self._reads.ask(self._name, lambda some=some: self._read(some)))
            for some in batches(ids, self._at_most)
        ]


_DEFINITIONS_READ = 3


class ServiceReads:
    """What is asked about one service; ``ask_…`` begin reads, the nouns wait for them.

    `targets`, `logs` and `expired_logs` are asked and taken by themselves.
    """

    def __init__(
        self,
        cluster: str,
        service_name: str,
        ports: ServiceFactPorts,
        reads: ConcurrentReads,
        *,
        known: KnownService | None,
        now: datetime,
        looks_closer: bool = False,
    ) -> None:
        self._cluster = cluster
        self._name = service_name
        self._ports = ports
        self._reads = reads
        self._known = known
        self._now = now
        self._looks_closer = looks_closer
        self._seen = ports.cache.get(cluster, service_name)
        self._definitions: dict[str, Future[TaskDefinition | None]] = {}
        self._compared: frozenset[str] = frozenset()
        self._guessed_definition: Future[TaskDefinition | None] | None = None
        self._guessed_express: tuple[str, Future[ExpressService | None]] | None = None
        self._express: Future[ExpressService | None] | None = None
        self._deployments: Future[tuple[DeploymentState, ...]] | None = None
        self.logs = ServiceLogs(reads, ports.logs)
        self.expired_logs = ExpiredTaskLogs(reads, ports.logs)
        self._tasks = SpeculativeReads(
            reads, "tasks", lambda arns: ports.ecs.tasks(cluster, arns), id_of=lambda one: one.arn
        )
        self._revisions = SpeculativeReads(reads, "revisions", ports.ecs.revisions, id_of=lambda one: one.arn)
        health = ports.targets.health if ports.targets else _no_targets
        self.targets = SpeculativeReads(
            reads, "target health", health, id_of=lambda one: one.target_group_arn, at_most=1
        )

        self._begin()

    # -- rounds ---------------------------------------------------------------------------------------------
    def _begin(self) -> None:
        """Ask for all that the name leads to, and for what was read last time; reads that others wait for go first."""
        ecs, known = self._ports.ecs, self._known
        knows_stopped = known is not None and known.stopped_tasks is not None
        self._stopped = None if knows_stopped else self._ask_task_arns("STOPPED")
        self._running = self._ask_task_arns("RUNNING")
        self._service = None
        if known is None and not self._seen.definitions:
            family = f"{self._cluster}-{self._name}"  # as ECS calls those that it makes for Express services
            self._guessed_definition = self._reads.ask("task definition", lambda: ecs.task_definition(family))
        if known is None:
            self._service = self._reads.ask("service", lambda: ecs.services(self._cluster, [self._name]))
        self._briefs = self._reads.ask("deployments", lambda: ecs.deployment_briefs(self._cluster, self._name))
        self._guess()

    def initial_snapshot(self) -> InitialSnapshot:
        """Wait for it; tasks are described while the rest is still on its way.

        Raises:
            TargetError: no read is possible (``credentials_expired``, ``connection_failed``, …).
        """
        running = self._taken_arns(self._running)
        stopped = self._taken_arns(self._stopped) if self._stopped else ()
        self._ask_tasks((*running, *stopped))
        service = self._known.state if self._known else None
        if self._service is not None:
            service = next(iter(self._reads.take_or_stop(self._service, ())), None)
        if service is None or service.created_at != self._seen.created_at:
            self._seen = NOT_CACHED  # that was another service of this name
        if self._looks_closer and not stopped and (service is None or service.status == "INACTIVE"):
            stopped = self._taken_arns(self._ask_task_arns("STOPPED", of_service=False))  # ECS filters by no such name
            self._ask_tasks(stopped)
        self.logs.know(self._seen.logs)
        briefs = self._reads.take(self._briefs, ())
        return InitialSnapshot(service, briefs, running, stopped, self._looks_closer)

    def begin_second_round(self, first: InitialSnapshot) -> None:
        """Ask for what the first round named; for less where the service serves."""
        service, steady = first.service, first.is_steady_state
        groups = service.target_group_arns if service else ()
        self._ask_tasks((*first.running_arns, *first.stopped_arns))
        self.targets.ask(groups)
        self._ask_deployments(first.briefs)
        self._revisions.ask(() if steady and groups else (one.target_revision_arn for one in first.briefs))
        self.ask_definitions([service.task_definition_arn] if service else [])
        if not steady:
            self.ask_express(service)
            self._guess_logs(first)

    # -- single reads ---------------------------------------------------------------------------------------
    def ask_express(self, service: ServiceState | None) -> None:
        if self._express is not None or service is None or not service.is_express:
            return
        if self._guessed_express is not None and self._guessed_express[0] == service.arn:
            self._express = self._guessed_express[1]
            return
        read = self._ports.ecs.express_service
        self._express = self._reads.ask("express service", lambda: read(service.arn))

    def express(self) -> ExpressService | None:
        return self._reads.take(self._express, None) if self._express else None

    def ask_definitions(self, arns: Iterable[str]) -> None:
        """Of a few task definitions at most: the newest tasks' and the service's own."""
        for arn in dict.fromkeys(arns):
            wanted = arn and arn not in self._definitions and arn not in self._seen.definitions
            if wanted and len(self._definitions) < _DEFINITIONS_READ:
                self._definitions[arn] = self._definition(arn)

    def compared_definitions(self, arns: Sequence[str]) -> Mapping[str, TaskDefinition | None]:
        """Waits for these; none of them is left out."""
        if not arns:
            return {}
        self._compared |= frozenset(arns)
        for arn in arns:
            if arn not in self._definitions and arn not in self._seen.definitions:
                self._definitions[arn] = self._definition(arn)
        return self.definitions()

    def definitions(self) -> dict[str, TaskDefinition | None]:
        asked = {arn: self._reads.take(future, None) for arn, future in self._definitions.items()}
        return {**self._seen.definitions, **asked}

    def tasks(self, first: InitialSnapshot) -> tuple[TaskState, ...]:
        """Every task of the service that ECS remembers, newest first; none of a deleted service of the same name."""
        known = (self._known.stopped_tasks if self._known else None) or ()
        over = self._seen.stopped_tasks
        seen = (over[arn] for arn in first.stopped_arns if arn in over)
        found = {task.arn: task for task in (*known, *seen, *self._tasks.take())}
        since = first.service.created_at if first.service else None
        named = (task for task in found.values() if task.service_name in {self._name, ""})
        mine = (task for task in named if not_before(task.created_at, since))
        return tuple(sorted(mine, key=lambda one: one.created_at.timestamp() if one.created_at else 0.0, reverse=True))

    def deployments(self, first: InitialSnapshot) -> dict[str, DeploymentState]:
        """The deployments that did not simply succeed, by ARN."""
        asked = self._reads.take(self._deployments, ()) if self._deployments else ()
        seen = (self._seen.deployment(one) for one in first.briefs)
        return {one.arn: one for one in (*seen, *asked) if one is not None}

    def revisions(self) -> dict[str, RevisionState]:
        return {one.arn: one for one in self._revisions.take()}

    def ask_expired_task_log(self, deployment: DeploymentState, task_definition_arn: str) -> None:
        """Waits for the task definition, which names the log group of the expired tasks."""
        definition = self.compared_definitions([task_definition_arn]).get(task_definition_arn)
        self.expired_logs.ask(deployment, definition, self._now)

    def _taken_arns(self, asked: "Future[tuple[str, ...]]") -> tuple[str, ...]:
        return self._reads.take(asked, ())[:TASKS_A_CALL]

    def _ask_tasks(self, arns: Iterable[str]) -> None:
        self._tasks.ask(arn for arn in arns if arn not in self._seen.stopped_tasks)

    def _definition(self, arn: str) -> "Future[TaskDefinition | None]":
        guessed = self._guessed_definition
        if guessed is not None and guessed.exception() is None:
            found = guessed.result()
            if found is not None and found.arn == arn:
                return guessed
        return self._reads.ask("task definition", lambda: self._ports.ecs.task_definition(arn))

    def _ask_task_arns(self, desired_status: str, *, of_service: bool = True) -> "Future[tuple[str, ...]]":
        read, name = self._ports.ecs.task_arns, self._name if of_service else ""
        return self._reads.ask("tasks", lambda: read(self._cluster, desired_status, service_name=name))

    def _ask_deployments(self, briefs: Sequence[DeploymentState]) -> None:
        arns = [one.arn for one in briefs if not one.successful and self._seen.deployment(one) is None]
        if arns:
            self._deployments = self._reads.ask("deployments", lambda: self._ports.ecs.deployments(arns))

    # -- guesses, and what is kept for them -----------------------------------------------------------------
    def _guess(self) -> None:
        """Begin to read what the second round would most likely ask for."""
        self._tasks.guess(self._seen.task_arns)
        self.logs.guess_again(self._seen.log_keys)
        self._revisions.guess(self._seen.revision_arns)
        self.targets.guess(self._seen.target_group_arns)
        if self._ports.target is not None and self._known is None and not self._seen.was_steady_state:
            target = self._ports.target
            account = f"arn:{target.partition}:ecs:{target.region}:{target.account_id}"
            arn = f"{account}:service/{self._cluster}/{self._name}"
            read = self._ports.ecs.express_service
            self._guessed_express = arn, self._reads.ask("express service", lambda: read(arn))

    def _guess_logs(self, first: InitialSnapshot) -> None:
        """The log place comes from the task definition, or the Express service, where either was guessed."""
        arn = first.service.task_definition_arn if first.service else ""
        guessed = self._guessed_definition is not None and self._definitions.get(arn) is self._guessed_definition
        place = log_place(self._guessed_definition.result()) if guessed and self._guessed_definition else None
        if place is None and self._guessed_express is not None and self._express is self._guessed_express[1]:
            place = express_log_place(self.express(), next(iter(first.briefs), None))
        if place is not None:
            self.logs.guess(place, stopped=first.stopped_arns, running=first.running_arns[:1])

    def remember(self, first: InitialSnapshot) -> None:
        """Keep what cannot change, and the ids of what may; all reads must have been waited for."""
        if first.service is None:
            return
        tasks = self.tasks(first)
        over = {task.arn: task for task in tasks if is_over(task, self._now)}
        used = {first.service.task_definition_arn, *(task.task_definition_arn for task in tasks), *self._compared}
        ended = (one for one in self.deployments(first).values() if one.status in ENDED_DEPLOYMENT_STATUSES)
        logs = self.logs.complete(frozenset(task.task_id for task in over.values()))
        seen = CachedService(
            created_at=first.service.created_at,
            was_steady_state=first.is_steady_state,
            stopped_tasks=over,
            deployments={one.arn: one for one in ended},
            definitions={arn: one for arn, one in self.definitions().items() if one is not None and arn in used},
            logs=logs,
            task_arns=tuple(task.arn for task in tasks if task.arn not in over),
            log_keys=tuple(key for key in self.logs.keys if key not in logs),
            revision_arns=self._revisions.wanted,
            target_group_arns=self.targets.wanted,
        )
        self._ports.cache.keep(self._cluster, self._name, seen)


def _no_targets(group_arns: Sequence[str]) -> tuple[TargetHealth, ...]:
    del group_arns
    return ()
