"""The physical names of what an app owns; they are a contract that documents and policies rely on."""

import re
from dataclasses import dataclass

from expressway.cloudformation.stack import repository_stack_name, service_stack_name
from expressway.errors import DefinitionError
from expressway.privacy.untrusted import named

NAME_PATTERN = r"^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$"
LONGEST_NAME = 20
NAME_RULE = "1 to 20 of a-z, 0-9 and single hyphens, starting with a letter and not ending with a hyphen"
_ANY_NAME = r"[a-z0-9-]+"
"""Wider than a definition's, since it must cover what other tools have made."""


@dataclass(frozen=True, slots=True)
class AppNames:
    """Every name that derives from an app's name."""

    repository: str
    push_pull_role: str
    infrastructure_role: str
    execution_role: str
    log_group: str
    repository_stack: str
    service_stack: str

    @property
    def roles(self) -> tuple[str, ...]:
        return (self.push_pull_role, self.infrastructure_role, self.execution_role)

    @property
    def stacks(self) -> tuple[str, ...]:
        return (self.service_stack, self.repository_stack)


def app_names(app_name: str) -> AppNames:
    """The names of `app_name`'s repository, roles, log group and stacks."""
    return AppNames(
        repository=f"{app_name}-repo",
        push_pull_role=f"{app_name}-ecr-push-pull-role",
        infrastructure_role=f"{app_name}-express-infrastructure",
        execution_role=f"{app_name}-express-execution",
        log_group=f"/expressway/{app_name}",
        repository_stack=repository_stack_name(app_name),
        service_stack=service_stack_name(app_name),
    )


def check_app_name(app_name: str, *, is_new: bool = False) -> None:
    """Refuse what no app can be called, such as the ARN of its service; with `is_new`, what no definition may say.

    Raises:
        DefinitionError: ``invalid_app_name``.
    """
    if not re.fullmatch(NAME_PATTERN if is_new else _ANY_NAME, app_name) or len(app_name) > LONGEST_NAME:
        raise DefinitionError(
            "invalid_app_name",
            f"Expected an app's name ({NAME_RULE}), got {named(app_name)}.",
            "Choose such a name." if is_new else "Give the name as in the definition.",
        )
