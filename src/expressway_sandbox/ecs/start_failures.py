"""Why the engine did not make or start a task's container, in ECS's words.

ministack tells every such reason as "unable to pull image or start container", with the client's own words around the
engine's. ECS names the error by the step that failed and quotes the engine (ECS developer guide, "CannotStartContainer
errors", "CannotCreateContainer errors"; the agent adds "Error response from daemon").
"""

from collections.abc import Generator
from contextlib import contextmanager
from urllib.parse import urlsplit

from expressway_sandbox.ecs import images

_STEPS = {"start": "CannotStartContainerError", "create": "CannotCreateContainerError"}
_OF_MINISTACK = "ResourceInitializationError: unable to pull image or start container: "
OF_A_CONTAINER = ("CannotPullContainerError", *_STEPS.values())
"""How the reasons begin that ECS gives to the containers of a task too."""


class ContainerRefusedError(Exception):
    """The engine did not make or start a container; the text is ECS's."""


@contextmanager
def told_in_ecs_words() -> Generator[None]:
    """Turn the engine's refusal of a container into ECS's error.

    Raises:
        ContainerRefusedError: instead of the engine client's error for one of the two steps.
    """
    try:
        yield
    except images.docker_error() as exc:
        response = getattr(exc, "response", None)
        step = urlsplit(str(getattr(response, "url", ""))).path.rpartition("/")[2]
        said = str(getattr(exc, "explanation", None) or "")
        if step not in _STEPS or not said:
            raise
        raise ContainerRefusedError(f"{_STEPS[step]}: Error response from daemon: {said}") from exc


def reason_of_ecs(reason: str) -> str:
    """The reason why a task stopped, without ministack's words before an error of ECS's."""
    said = reason.removeprefix(_OF_MINISTACK)
    return said if said.startswith(OF_A_CONTAINER) else reason
