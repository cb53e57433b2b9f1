"""Everything a user can ask for, wired to the real world: what both faces, and other programs, call.

    toolkit = Toolkit(region="eu-west-1")
    plan = toolkit.diff(app_source("./shop"))
    toolkit.deploy(app_source("./shop"), approved_plan=plan.digest)

Adapters are made on first use, so that asking for one thing does not load what another needs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from expressway.adapters.clock import SystemClock
from expressway.adapters.journal import Journal, state_directory
from expressway.model.definition import AppDefinition, parse_definition, parse_definition_text
from expressway.model.plan import Plan
from expressway.model.progress import Cancellation, NeverCancelled, ProgressSink, ignore_progress
from expressway.model.target import Target
from expressway.operations.deploy import DeployPorts, DeployRequest, DeployResult, deploy_app

_NEVER = NeverCancelled()


@dataclass(frozen=True, slots=True)
class AppSource:
    """A definition, and the folder that its build context is relative to."""

    definition: AppDefinition
    base_dir: Path


def app_source(path: Path | str) -> AppSource:
    """The app whose definition is `path`, or lies in the folder `path` as ``expressway.yaml``.

    Raises:
        DefinitionError: the file is missing, unreadable, no YAML, or wrong (every problem at once).
    """
    from expressway.adapters.definition_file import load_definition

    loaded = load_definition(path)
    return AppSource(loaded.definition, loaded.base_dir)


def inline_source(definition: Mapping[str, Any] | str, base_dir: Path) -> AppSource:
    """The app whose definition is given as a mapping or as YAML text."""
    parsed = parse_definition_text(definition) if isinstance(definition, str) else parse_definition(definition)
    return AppSource(parsed, base_dir)
