"""The errors of Expressway: one tree, each leaf a situation that a caller can act on.

    ExpresswayError
    ├── UsageError             an unknown operation or action, or arguments that do not fit
    ├── DefinitionError        the definition of an app is wrong (every problem at once)
    ├── RefusedError           a gate, a policy or an ownership rule says no
    ├── TargetError            no usable credentials, region, endpoint or permission
    ├── EngineError            no container engine, or one that cannot do what is asked
    ├── ImageError             building, pushing or verifying an image failed
    ├── SynthesisError         the CDK or a linter rejected the templates
    ├── StackError             CloudFormation cannot do, or did not do, what was asked
    ├── ServiceError           the service is missing, unhealthy or in the way
    ├── StillRunning           the work goes on; ask again with the operation id
    └── SandboxError           the local AWS sandbox cannot start or is not running

`code` is a stable snake_case word of `error_codes` (a contract: agents branch on it), `message` says what was
expected and what came, `hint` says what to do next.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from expressway.hints import for_people


class ExpresswayError(Exception):
    """A failure that a person or an agent can act on.

    Args:
        code: stable snake_case identifier of the situation, such as ``dockerfile_missing``.
        message: one or two sentences: what was expected and what came.
        hint: what to do next; empty only when nothing can be done.
        details: further JSON-serialisable facts (resource names, problems, log lines).
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, code: str, message: str, hint: str = "", details: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.details: dict[str, Any] = dict(details or {})

    def __str__(self) -> str:
        return for_people(f"{self.message} {self.hint}".strip())

    def to_dict(self) -> dict[str, Any]:
        """The one shape in which every face shows an error: code, message, hint and, if any, details."""
        shape: dict[str, Any] = {"code": self.code, "message": self.message, "hint": self.hint}
        if self.details:
            shape["details"] = self.details
        return shape


class UsageError(ExpresswayError):
    """An unknown operation, action or tool, or arguments that do not fit (``details["problems"]``)."""

    exit_code = 2


class DefinitionError(ExpresswayError):
    """The definition of an app is wrong; ``details["problems"]`` lists every problem with its path."""

    exit_code = 2


class RefusedError(ExpresswayError):
    """A gate (ALLOW_WRITE), a policy, or an ownership rule refused the call; nothing was changed."""

    exit_code = 3


class TargetError(ExpresswayError):
    """No usable credentials, region, endpoint or permission to reach the target account."""

    exit_code = 4


class EngineError(ExpresswayError):
    """No container engine answers, or the one that does cannot do what is asked."""

    exit_code = 4


class SandboxError(ExpresswayError):
    """The local AWS sandbox cannot start, is not running, or does not fit this version."""

    exit_code = 4


class ImageError(ExpresswayError):
    """Building, pushing or verifying a container image failed."""

    exit_code = 5


class SynthesisError(ExpresswayError):
    """The CDK could not synthesize the stacks, or a linter found errors in the templates."""

    exit_code = 5


class StackError(ExpresswayError):
    """CloudFormation cannot do, or did not do, what was asked of a stack."""

    exit_code = 5


class ServiceError(ExpresswayError):
    """The ECS service is missing, unhealthy, or in the way."""

    exit_code = 5


class StillRunning(ExpresswayError):  # noqa: N818 - a state, not a fault
    """Work goes on, this caller's own or another's on the same app; ``details["operation_id"]`` picks it up."""

    exit_code = 6


STOPPED = ExpresswayError("stopped", "Stopped by Ctrl-C.", "Nothing is lost: repeat the command and it continues.")
"""What a command says that Ctrl-C ended, at whatever moment."""
