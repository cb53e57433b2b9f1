"""Any operation of ECS and ECR, called by its name; one round trip a call."""

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from expressway.aws.errors import aws_error_code, map_aws_error
from expressway.aws.session import RETRIES, AwsSession
from expressway.ecs_api.operations import ApiOperation
from expressway.errors import TargetError

_UNANSWERED = frozenset({"connection_failed", "service_unavailable", "aws_error"})
_NOT_FOUND = ("NotFoundException", "NotFoundFault")
_WRONG = frozenset({"InvalidParameterException", "ClientException", "ValidationException"})


class AwsApi:
    """The operations of one account and region. Safe to share between threads."""

    def __init__(self, session: AwsSession) -> None:
        self._session = session

    def call(self, operation: ApiOperation, parameters: Mapping[str, Any], *, repeatable: bool) -> Mapping[str, Any]:
        """AWS's answer to `parameters`, which fit the model. What is not `repeatable` is sent once and never again.

        Raises:
            TargetError: ``not_found``, ``invalid_parameters``, and what stands between us and AWS
                (``access_denied``, ``throttled``, ``connection_failed`` …).
        """
        client = self._session.client(operation.service, retries=RETRIES if repeatable else 0)
        try:
            answer: Mapping[str, Any] = getattr(client, operation.method)(**parameters)
        except (ClientError, BotoCoreError) as exc:
            raise _mapped(exc, operation, repeatable) from exc
        return {name: value for name, value in answer.items() if name != "ResponseMetadata"}


def _mapped(exc: ClientError | BotoCoreError, operation: ApiOperation, repeatable: bool) -> TargetError:
    error = map_aws_error(exc, f"carry out {operation.name}")
    code = aws_error_code(exc)
    if code.endswith(_NOT_FOUND):
        hint = "Names count in one cluster, account and region: list them with the matching List operation."
        return TargetError("not_found", error.message, hint, error.details)
    if code in _WRONG:
        return TargetError("invalid_parameters", error.message, "Correct what AWS names, and repeat it.", error.details)
    if not repeatable and error.code in _UNANSWERED and not (code and error.code == "aws_error"):
        hint = "It is not known whether AWS carried it out, so it was not sent again: look before you repeat it."
        return TargetError(error.code, error.message, hint, error.details)
    return error
