"""As whom an image is pushed: the caller, or the app's push/pull role when the definition asks for it."""

from collections.abc import Mapping

from expressway.app.definition import AppDefinition
from expressway.app.names import app_names
from expressway.errors import StackError
from expressway.image.ports import ImageRegistry

PUSH_ROLE_OUTPUT = "PushPullRoleArn"
"""Output of the repository stack."""


def registry_to_push(
    registry: ImageRegistry, definition: AppDefinition | None, stack_outputs: Mapping[str, str]
) -> ImageRegistry:
    """`registry`, through the role of the repository stack with `stack_outputs` where the definition asks for it.

    The role's session carries the app's name, so that the account's trail tells what was pushed.

    Raises:
        StackError: ``push_role_missing``.
    """
    if definition is None or not definition.repository.push_through_role:
        return registry
    role_arn = stack_outputs.get(PUSH_ROLE_OUTPUT, "")
    if not role_arn:
        stack_name = app_names(definition.name).repository_stack
        raise StackError(
            "push_role_missing",
            f"Expected the push/pull role in the output {PUSH_ROLE_OUTPUT} of {stack_name}; there is none.",
            "Deploy again to bring that stack up to date, or turn repository.push_through_role off.",
            {"stack": stack_name},
        )
    return registry.through_role(role_arn, session_name=f"expressway-{definition.name}")
