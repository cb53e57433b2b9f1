"""The physical names of what an app owns; they are a contract that documents and policies rely on."""

from dataclasses import dataclass

from expressway.model.stack import repository_stack_name, service_stack_name


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
