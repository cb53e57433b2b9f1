"""AWS Systems Manager Parameter Store: whether a parameter is there and how it is kept, never what it says."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from expressway.adapters.aws_errors import aws_error_code, map_aws_error
from expressway.adapters.session import AwsSession
from expressway.model.pages import pages
from expressway.model.service_dependencies import SecretFact
from expressway.model.task_requirements import SecretReference

_SECURE = "SecureString"


class Parameters:
    """The parameters of one account, in any region."""

    def __init__(self, session: AwsSession) -> None:
        self._session = session

    def fact(self, reference: SecretReference) -> SecretFact:
        """The metadata of a parameter (DescribeParameters); another account's cannot be looked up by name.

        Raises:
            TargetError: ``access_denied`` without ssm:DescribeParameters, and the like.
        """
        if reference.account_id and reference.account_id != self._session.target.account_id:
            return SecretFact(reference, "elsewhere")
        name = reference.secret_id
        found = self._describe(reference)
        if found is None:
            return SecretFact(reference, "missing")
        is_encrypted = found.get("Type") == _SECURE
        return SecretFact(
            reference,
            "present",
            arn=found.get("ARN", "") or self._arn(name, reference.region),
            kms_key_id=found.get("KeyId", "") if is_encrypted else "",
            is_encrypted=is_encrypted,
        )

    def _describe(self, reference: SecretReference) -> Mapping[str, Any] | None:
        name, region = reference.secret_id, reference.region or None
        doing = f"describe the parameter {reference.shown}"
        try:
            named = [{"Key": "Name", "Option": "Equals", "Values": [name]}]
            ask = partial(self._session.client("ssm", region=region).describe_parameters, ParameterFilters=named)
            found = pages(ask, doing=doing, by="NextToken")
            return next((one for page in found for one in page["Parameters"] if one["Name"] == name), None)
        except ClientError as exc:
            if aws_error_code(exc) == "InvalidFilterValue":
                return None  # no parameter can have such a name
            raise map_aws_error(exc, doing) from exc
        except BotoCoreError as exc:
            raise map_aws_error(exc, doing) from exc

    def _arn(self, name: str, region: str) -> str:
        target = self._session.target
        path = name.removeprefix("/")
        return f"arn:{target.partition}:ssm:{region or target.region}:{target.account_id}:parameter/{path}"
