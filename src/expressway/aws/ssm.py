"""AWS Systems Manager Parameter Store: whether a parameter is there and how it is kept, never what it says."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from expressway.aws.errors import aws_error_code, map_aws_error
from expressway.aws.session import AwsSession
from expressway.aws.values.dependencies import SecretFact
from expressway.aws.values.task_definition import SecretReference
from expressway.core.pages import pages

_SECURE = "SecureString"


def _names(reference: SecretReference) -> tuple[str, ...]:
    """What a parameter may be called; only an ARN leaves it open."""
    name = reference.secret_id
    is_open = reference.value_from.startswith("arn:") and not name.startswith("/")
    return (name, f"/{name}") if is_open else (name,)


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
        found = self._describe(reference, names=_names(reference))
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

    def _describe(self, reference: SecretReference, *, names: tuple[str, ...]) -> Mapping[str, Any] | None:
        """The parameter of one of these names: an ARN does not tell whether a name of one level begins with a slash."""
        region = reference.region or None
        doing = f"describe the parameter {reference.shown}"
        try:
            named = [{"Key": "Name", "Option": "Equals", "Values": list(names)}]
            ask = partial(self._session.client("ssm", region=region).describe_parameters, ParameterFilters=named)
            found = {one["Name"]: one for page in pages(ask, doing=doing, by="NextToken") for one in page["Parameters"]}
            return next((found[name] for name in names if name in found), None)
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
