"""The definition of one app: a frozen value, and the rules between its fields."""

import json
from collections.abc import Callable, Iterator
from typing import Literal

from pydantic import Field, ValidationInfo, model_validator
from pydantic_core import PydanticCustomError

from expressway.app.sections import (
    AppName,
    Argument,
    Cluster,
    Flag,
    HealthPath,
    ImageUri,
    Integer,
    LogSettings,
    NetworkSettings,
    OptionalBuild,
    PlainText,
    Region,
    RepositorySettings,
    RoleSettings,
    ScalingSettings,
    SecretArn,
    Section,
    TaskDefinitionArn,
    VariableName,
)
from expressway.aws.values.service import DEFAULT_HEALTH_PATH
from expressway.core.problems import Problem
from expressway.privacy.untrusted import echoed

_GIB = 1024

MEMORY_MIB_BY_CPU: dict[int, tuple[int, ...]] = {
    256: (512, 1 * _GIB, 2 * _GIB),
    512: tuple(range(1 * _GIB, 4 * _GIB + 1, _GIB)),
    1024: tuple(range(2 * _GIB, 8 * _GIB + 1, _GIB)),
    2048: tuple(range(4 * _GIB, 16 * _GIB + 1, _GIB)),
    4096: tuple(range(8 * _GIB, 30 * _GIB + 1, _GIB)),
    8192: tuple(range(16 * _GIB, 60 * _GIB + 1, 4 * _GIB)),
    16384: tuple(range(32 * _GIB, 120 * _GIB + 1, 8 * _GIB)),
}
"""CPU units (1024 = one vCPU) to the memory sizes, in MiB, that a task of that CPU may have."""


def is_valid_size(cpu: int, memory_mib: int) -> bool:
    """True when Fargate runs tasks of this size."""
    return memory_mib in MEMORY_MIB_BY_CPU.get(cpu, ())


def describe_memory(cpu: int) -> str:
    """The memory sizes of one CPU size as a phrase: ``512, 1024 or 2048 MiB`` or ``1024 to 4096 MiB in steps of 1024``.

    Raises:
        KeyError: when Fargate has no such CPU size.
    """
    sizes = MEMORY_MIB_BY_CPU[cpu]
    if cpu == 256:
        return f"{', '.join(str(size) for size in sizes[:-1])} or {sizes[-1]} MiB"
    return f"{sizes[0]} to {sizes[-1]} MiB in steps of {sizes[1] - sizes[0]}"


COLLECTING = "collecting"


class AppDefinition(Section):
    """One deployable app of Amazon ECS Express Mode."""

    name: AppName = Field(examples=["hello"])
    """Name of the app, of its service and, with suffixes, of its stacks, repository and roles: 1 to 20 of a-z, 0-9 and
    single hyphens, starting with a letter and not ending with a hyphen, as CloudFormation and ECR want it."""
    build: OptionalBuild = Field(default=None, examples=["./app", {"context": ".", "target": "runtime"}])
    """Folder that the image is built from, alone or with further settings. Exactly one of build, image and
    task_definition_arn."""
    image: ImageUri | None = Field(default=None, examples=["public.ecr.aws/docker/library/httpd:2.4"])
    """Image that exists already; one named by its digest never changes under you."""
    container_port: Integer = Field(default=8080, ge=1, le=65535)
    """TCP port on which the container answers HTTP."""
    health_check_path: HealthPath = Field(default=DEFAULT_HEALTH_PATH, examples=["/health"])
    """Path that answers 200 while the container is well."""
    cpu: Literal[256, 512, 1024, 2048, 4096, 8192, 16384] = 256
    """CPU units of a task; 1024 are one vCPU."""
    memory_mib: Integer = Field(default=512, ge=512, le=122880)
    """Memory of a task in MiB. Fargate offers certain sizes for each size of CPU."""
    scaling: ScalingSettings = Field(default_factory=ScalingSettings)
    environment: dict[VariableName, PlainText] = Field(default_factory=dict, examples=[{"LOG_LEVEL": "info"}])
    """Environment variables, passed on letter by letter. They can be read in the console: use secrets for what is
    secret."""
    secrets: dict[VariableName, SecretArn] = Field(default_factory=dict)
    """Environment variables whose values come from Secrets Manager or SSM, by ARN."""
    complete_secret_arns: Flag = False
    """Every ARN of a secret ends in the six characters that AWS adds to its name, so that exactly these may be read.
    Deploying looks that up by itself; a name may end alike (`api-secret`), which the text cannot tell."""
    command: tuple[Argument, ...] = Field(default=(), examples=[["gunicorn", "app:app"]])
    """Command that replaces the image's own."""
    cluster: Cluster = "default"
    """Cluster of the service. A change of it replaces the service and its URL."""
    network: NetworkSettings = Field(default_factory=NetworkSettings)
    roles: RoleSettings = Field(default_factory=RoleSettings)
    task_definition_arn: TaskDefinitionArn | None = None
    """Your own task definition for Fargate, with a container named Main that maps one named TCP port."""
    logs: LogSettings = Field(default_factory=LogSettings)
    repository: RepositorySettings = Field(default_factory=RepositorySettings)
    removal_policy: Literal["destroy", "retain"] = "destroy"
    """Whether images and logs go with the app or stay."""
    termination_protection: bool = Field(default=False, strict=True)
    """Refuse to delete the app's stacks."""
    regions: tuple[Region, ...] = Field(default=("us-east-1",), min_length=1, max_length=50)
    """Regions that the app is meant for: its templates are linted against each."""

    @model_validator(mode="after")
    def _hold_the_rules_between_fields(self, info: ValidationInfo) -> "AppDefinition":
        if info.context != COLLECTING:
            problems = find_problems(self)
            if problems:
                text = " ".join(problem.message for problem in problems)
                raise PydanticCustomError("rules", "{problems}", {"problems": text})
        return self

    def canonical_json(self) -> str:
        """The one text of this definition: sorted keys, no defaults, no spaces. Equal definitions, equal text."""
        return json.dumps(self.model_dump(mode="json", exclude_defaults=True), sort_keys=True, separators=(",", ":"))


def _problem(path: str, expected: str, got: str, *reads: str) -> Problem:
    message = f"{path}: expected {expected}, got {got}."
    return Problem(path, expected, got, message, frozenset({path, *reads}))


def find_problems(definition: "AppDefinition") -> tuple[Problem, ...]:
    """Every broken rule of a definition whose single fields are all valid, in the order of the rules."""
    return tuple(problem for rule in _RULES for problem in rule(definition))


_SOURCES = ("build", "image", "task_definition_arn")


def _source(definition: "AppDefinition") -> Iterator[Problem]:
    given = [name for name in _SOURCES if getattr(definition, name) is not None]
    if not given:
        yield _problem("build", "one of build (a folder), image or task_definition_arn", "none of them", *_SOURCES)
    for extra in given[1:]:
        expected = "exactly one of build, image and task_definition_arn"
        yield _problem(extra, expected, " and ".join(given), *_SOURCES)


_EXCLUDED_BY_TASK_DEFINITION = ("container_port", "cpu", "memory_mib", "environment", "secrets", "command", "logs")


def _task_definition(definition: "AppDefinition") -> Iterator[Problem]:
    """ECS refuses a task definition together with what the task definition itself says."""
    if definition.task_definition_arn is None:
        return
    for name in _EXCLUDED_BY_TASK_DEFINITION:
        if getattr(definition, name) != type(definition).model_fields[name].get_default(call_default_factory=True):
            expected = "nothing together with task_definition_arn, which determines it"
            yield _problem(name, expected, "a value", "task_definition_arn")
    for role in ("execution", "task"):
        if getattr(definition.roles, role) is not None:
            expected = "nothing together with task_definition_arn, which names its own"
            yield _problem(f"roles.{role}", expected, "a role ARN")


def _repository(definition: "AppDefinition") -> Iterator[Problem]:
    repository = definition.repository
    if definition.build is None and repository != type(repository)():
        yield _problem("repository", "nothing without build, since no repository is made", "settings", *_SOURCES)
    if repository.kms_key_arn is not None and repository.encryption != "KMS":
        got = f"encryption: {repository.encryption}"
        yield _problem("repository.kms_key_arn", "encryption: KMS together with a key", got, "repository.encryption")
    yield from _duplicates("repository.push_principals", repository.push_principals)


def _task_size(definition: "AppDefinition") -> Iterator[Problem]:
    if definition.task_definition_arn is not None:
        return  # it decides the size
    cpu, memory_mib = definition.cpu, definition.memory_mib
    if memory_mib not in MEMORY_MIB_BY_CPU[cpu]:
        expected = f"{describe_memory(cpu)} for {cpu} CPU units"
        is_given = "memory_mib" in definition.model_fields_set
        got = str(memory_mib) if is_given else f"none, and the default is {memory_mib}"
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
