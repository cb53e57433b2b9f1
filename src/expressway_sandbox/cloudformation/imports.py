"""Change sets may take over a repository that exists already, which ministack can do for other types only.

AWS::ECR::Repository is among the types that CloudFormation can import (its user guide, "Resource type support").
"""

import json
from typing import Any

from expressway_sandbox import emulator

TYPE = "AWS::ECR::Repository"
_NAME = "RepositoryName"


def hook() -> None:
    """Put the type into ministack's tables of what can be found and imported."""
    changesets = emulator.module("services.cloudformation.changesets")
    changesets._IMPORT_LOOKUPS[TYPE] = ((_NAME,), _problem)
    handlers: Any = emulator.module("services.cloudformation.provisioners")._RESOURCE_HANDLERS
    handlers[TYPE] = {**handlers[TYPE], "import": _import}


def _problem(name: str) -> str | None:
    if name in emulator.module("services.ecr")._repositories:
        return None
    text: Any = emulator.module("services.cloudformation.changesets")._IMPORT_NOT_FOUND
    return str(text.format(type=TYPE, value=json.dumps({f"/properties/{_NAME}": name}, separators=(",", ":"))))


def _import(identifier: dict[str, str]) -> tuple[str, dict[str, Any]]:
    name = identifier[_NAME]
    repository: Any = emulator.module("services.ecr")._repositories[name]
    return name, {"Arn": repository["repositoryArn"], "RepositoryUri": repository["repositoryUri"]}
