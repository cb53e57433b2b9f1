"""The definition of one app: a frozen value, and how text or data becomes one, with every problem told at once."""

import json
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, ValidationError, ValidationInfo, model_validator
from pydantic_core import PydanticCustomError

from expressway.errors import DefinitionError
from expressway.model.bounded_data import why_too_large
from expressway.model.definition_problems import field_problems, without_faulty_values
from expressway.model.definition_rules import Problem, find_problems, with_metric_for_target
from expressway.model.definition_text import load_yaml
from expressway.model.definition_types import (
    SCHEMA,
    AppName,
    Argument,
    BuildSettings,
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
from expressway.model.quotation import plain
from expressway.model.service import DEFAULT_HEALTH_PATH

__all__ = [
    "AppDefinition",
    "BuildSettings",
    "LogSettings",
    "NetworkSettings",
    "RepositorySettings",
    "RoleSettings",
    "ScalingSettings",
    "definition_schema",
    "parse_definition",
    "parse_definition_text",
]

_COLLECTING = "collecting"
_MOST_SHOWN = 20
"""Problems in one answer; the rest is counted."""


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
        if info.context != _COLLECTING:
            problems = find_problems(self)
            if problems:
                text = " ".join(problem.message for problem in problems)
                raise PydanticCustomError("rules", "{problems}", {"problems": text})
        return self

    def canonical_json(self) -> str:
        """The one text of this definition: sorted keys, no defaults, no spaces. Equal definitions, equal text."""
        return json.dumps(self.model_dump(mode="json", exclude_defaults=True), sort_keys=True, separators=(",", ":"))


def parse_definition(data: object) -> AppDefinition:
    """The definition that `data` (the parsed YAML or JSON of one app) describes.

    Raises:
        DefinitionError: ``invalid_definition``; ``details["problems"]`` lists all of them, each with path,
            expected, got and message.
    """
    if reason := why_too_large(data, numbers=False):
        raise DefinitionError(
            "definition_too_large",
            f"Expected the definition of an app, got {reason}.",
            "Check that this is the definition of an app and not something else.",
        )
    if not isinstance(data, Mapping):
        got = "nothing" if data is None else f"a {type(data).__name__}"
        raise invalid_definition((Problem("", "a mapping of keys", got, f"Expected a mapping of keys, got {got}."),))
    try:
        definition = AppDefinition.model_validate(data, context=_COLLECTING)
    except ValidationError as exc:
        raise invalid_definition(_all_problems(data, exc)) from exc
    problems = find_problems(definition)
    if problems:
        raise invalid_definition(problems)
    return definition


def parse_definition_text(yaml_text: str) -> AppDefinition:
    """The definition that a YAML (or JSON) text describes; a key that is given twice is an error.

    Raises:
        DefinitionError: ``invalid_yaml`` with line and column, or ``invalid_definition``.
    """
    return parse_definition(load_yaml(yaml_text))


def invalid_definition(problems: tuple[Problem, ...]) -> DefinitionError:
    """The one error for all `problems` of a definition."""
    shown = problems[:_MOST_SHOWN]
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    more = len(problems) - len(shown)
    listed = " ".join(f"({number}) {problem.message}" for number, problem in enumerate(shown, 1))
    told = f"{listed} And {more} more." if more else listed
    known = dict(problem.known_keys for problem in shown if problem.known_keys)
    keys = [f" The keys {f'of {name}' if name else 'here'}: {', '.join(names)}." for name, names in known.items()]
    details: dict[str, Any] = {"problems": [problem.to_dict() for problem in shown]}
    return DefinitionError(
        "invalid_definition",
        f"The definition has {count}: {told}",
        f"Correct each path named above; {SCHEMA} has every key with its meaning.{''.join(keys)}",
        details | ({"more_problems": more} if more else {}),
    )


def _all_problems(data: Mapping[Any, Any], exc: ValidationError) -> tuple[Problem, ...]:
    """Problems of single fields, and those of the rules that only touch fields that are in order."""
    faults = field_problems(AppDefinition, exc)
    rest = without_faulty_values(data, exc)
    rest.setdefault("name", "unnamed")
    try:
        definition = AppDefinition.model_validate(rest, context=_COLLECTING)
    except ValidationError:
        return faults
    faulty = {plain(fault.path) for fault in faults}
    rules = [rule for rule in find_problems(definition) if not any(_touches(path, faulty) for path in rule.reads)]
    return (*(with_metric_for_target(fault, definition) for fault in faults), *rules)


def _touches(path: str, faulty: set[str]) -> bool:
    return any(_within(path, fault) or _within(fault, path) for fault in faulty)


def _within(path: str, outer: str) -> bool:
    return path == outer or path.startswith((f"{outer}.", f"{outer}["))


def definition_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of the definition file."""
    from expressway.model.definition_schema import make_schema  # it reads our source, which parsing need not

    return make_schema()
