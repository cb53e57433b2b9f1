"""The rules between the fields of a definition: what neither a type, cfn-lint nor CloudFormation catches."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from expressway.model.fargate import MEMORY_MIB_BY_CPU, describe_memory
from expressway.model.quotation import echoed

if TYPE_CHECKING:
    from expressway.model.definition import AppDefinition


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a definition.

    `reads` holds the paths that the rule looked at, so that a value that is already reported for another
    reason is not judged again. `known_keys`, of a key that nobody knows: the section, and the keys that it has.
    """

    path: str
    expected: str
    got: str
    message: str
    reads: frozenset[str] = frozenset()
    known_keys: tuple[str, tuple[str, ...]] | None = None

    def to_dict(self) -> dict[str, str]:
        return {"path": self.path, "expected": self.expected, "got": self.got, "message": self.message}


def _problem(path: str, expected: str, got: str, *reads: str) -> Problem:
    message = f"{path}: expected {expected}, got {got}."
    return Problem(path, expected, got, message, frozenset({path, *reads}))


def find_problems(definition: "AppDefinition") -> tuple[Problem, ...]:
    """Every broken rule of a definition whose single fields are all valid, in the order of the rules."""
    return tuple(problem for rule in _RULES for problem in rule(definition))


def _source(definition: "AppDefinition") -> Iterator[Problem]:
    sources = {
        "build": definition.build,
        "image": definition.image,
        "task_definition_arn": definition.task_definition_arn,
    }
    given = [name for name, value in sources.items() if value is not None]
    if not given:
        yield _problem(
            "build", "one of build (a folder), image or task_definition_arn", "none of them", *sources.keys()
        )
    for extra in given[1:]:
        yield _problem(
            extra, "exactly one of build, image and task_definition_arn", f"{' and '.join(given)}", *sources.keys()
        )


_EXCLUDED_BY_TASK_DEFINITION = ("container_port", "cpu", "memory_mib", "environment", "secrets", "command", "logs")


def _task_definition(definition: "AppDefinition") -> Iterator[Problem]:
    """ECS refuses a task definition together with what the task definition itself says."""
    if definition.task_definition_arn is None:
        return
    for name in _EXCLUDED_BY_TASK_DEFINITION:
        if getattr(definition, name) != type(definition).model_fields[name].get_default(call_default_factory=True):
            yield _problem(
                name, "nothing beside task_definition_arn, which decides it", "a value", "task_definition_arn"
            )
    for role in ("execution", "task"):
        if getattr(definition.roles, role) is not None:
            yield _problem(f"roles.{role}", "nothing beside task_definition_arn, which names its own", "a role ARN")


def _repository(definition: "AppDefinition") -> Iterator[Problem]:
    repository = definition.repository
    if definition.build is None and repository != type(repository)():
        yield _problem("repository", "nothing without build, since no repository is made", "settings", *_ORIGIN)
    if repository.kms_key_arn is not None and repository.encryption != "KMS":
        got = f"encryption: {repository.encryption}"
        yield _problem("repository.kms_key_arn", "encryption: KMS beside a key", got, "repository.encryption")
    yield from _duplicates("repository.push_principals", repository.push_principals)


_ORIGIN = ("build", "image", "task_definition_arn")


def _task_size(definition: "AppDefinition") -> Iterator[Problem]:
    if definition.task_definition_arn is not None:
        return  # it decides the size
    cpu, memory_mib = definition.cpu, definition.memory_mib
    if memory_mib not in MEMORY_MIB_BY_CPU[cpu]:
        expected = f"{describe_memory(cpu)} for {cpu} CPU units"
        got = (
            str(memory_mib) if "memory_mib" in definition.model_fields_set else f"none, and the default is {memory_mib}"
        )
        yield _problem("memory_mib", expected, got, "cpu", "task_definition_arn")


_REQUESTS = "REQUEST_COUNT_PER_TARGET"
_PERCENT = 100


def _scaling(definition: "AppDefinition") -> Iterator[Problem]:
    scaling = definition.scaling
    if scaling.min > scaling.max:
        yield _problem("scaling.min", f"at most scaling.max, which is {scaling.max}", str(scaling.min), "scaling.max")
    if scaling.metric != _REQUESTS and scaling.target > _PERCENT:
        expected = f"1 to {_PERCENT} percent for {scaling.metric}"
        yield _problem("scaling.target", expected, str(scaling.target), "scaling.metric")


def with_metric_for_target(problem: Problem, definition: "AppDefinition") -> Problem:
    """The problem of a metric that does not exist, naming the only one that the target in sight fits."""
    target = definition.scaling.target
    if problem.path != "scaling.metric" or target <= _PERCENT:
        return problem
    expected = f"{_REQUESTS} (percentages end at {_PERCENT}, and scaling.target is {target})"
    return _problem(problem.path, expected, problem.got)


def _variables(definition: "AppDefinition") -> Iterator[Problem]:
    for name in sorted(definition.environment.keys() & definition.secrets.keys()):
        expected = "a name that environment does not use"
        reads = (f"secrets.{name}", f"environment.{name}")
        yield _problem(f"secrets.{echoed(name)}", expected, "the same name in both", *reads)


def _network(definition: "AppDefinition") -> Iterator[Problem]:
    subnets = definition.network.subnets
    if len(set(subnets)) == 1:
        yield _problem("network.subnets", "two or more subnets in two zones, or none for the default VPC", "one subnet")
    yield from _duplicates("network.subnets", subnets)
    yield from _duplicates("network.security_groups", definition.network.security_groups)


def _regions(definition: "AppDefinition") -> Iterator[Problem]:
    yield from _duplicates("regions", definition.regions)


def _duplicates(path: str, values: tuple[str, ...]) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, value in enumerate(values):
        if value in seen:
            yield _problem(f"{path}[{index}]", "each value once", f"{echoed(value)} again")
        seen.add(value)


_RULES: tuple[Callable[["AppDefinition"], Iterator[Problem]], ...] = (
    _source,
    _task_definition,
    _repository,
    _task_size,
    _scaling,
    _variables,
    _network,
    _regions,
)
