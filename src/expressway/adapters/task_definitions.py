"""Task definitions as what they need around them: images, secrets by name, log groups, roles, platform."""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from expressway.adapters.aws_errors import aws_error_code, map_aws_error
from expressway.adapters.ecs_calls import EcsCalls
from expressway.adapters.session import AwsSession
from expressway.model.task_requirements import (
    ContainerImage,
    LogGroupReference,
    SecretReference,
    TaskRequirements,
)

Raw = Mapping[str, Any]


class TaskDefinitions:
    """The task definitions of one account and region. Safe to share between threads."""

    def __init__(self, session: AwsSession) -> None:
        self._client = session.client("ecs")
        self._calls = EcsCalls(self._client)

    def requirements(self, task_definition: str) -> TaskRequirements | None:
        """What a task definition needs, by ARN, ``family:revision``, or family (its newest active revision).

        None when ECS knows none of that name.

        Raises:
            TargetError: ``access_denied`` without ecs:DescribeTaskDefinition, and the like.
        """
        doing = f"describe the task definition {task_definition}"
        try:
            answer = self._client.describe_task_definition(taskDefinition=task_definition)
        except ClientError as exc:
            if aws_error_code(exc) == "ClientException":  # "Unable to describe task definition."
                return None
            raise map_aws_error(exc, doing) from exc
        except BotoCoreError as exc:
            raise map_aws_error(exc, doing) from exc
        return task_requirements(answer["taskDefinition"])

    def families(self, family_prefix: str, *, limit: int) -> tuple[str, ...]:
        """The families with an active task definition whose names begin with `family_prefix`."""
        pages = self._calls.pages(
            f"list the task definition families of {family_prefix}",
            "list_task_definition_families",
            "families",
            familyPrefix=family_prefix,
            status="ACTIVE",
        )
        return tuple(islice(pages, limit))


def task_requirements(raw: Raw) -> TaskRequirements:
    """A DescribeTaskDefinition.taskDefinition."""
    platform: Raw = raw.get("runtimePlatform") or {}
    containers: list[Raw] = raw.get("containerDefinitions", [])
    return TaskRequirements(
        arn=raw.get("taskDefinitionArn", ""),
        family=raw.get("family", ""),
        execution_role_arn=raw.get("executionRoleArn", ""),
        task_role_arn=raw.get("taskRoleArn", ""),
        cpu_architecture=platform.get("cpuArchitecture") or "X86_64",
        operating_system=platform.get("operatingSystemFamily") or "LINUX",
        launch_types=frozenset([*raw.get("requiresCompatibilities", []), *raw.get("compatibilities", [])]),
        cpu_units=_number(raw.get("cpu")),
        images=tuple(
            ContainerImage(one.get("name", ""), one.get("image", ""), _credentials(one)) for one in containers
        ),
        secrets=tuple(dict.fromkeys(reference for one in containers for reference in _secrets(one))),
        log_groups=tuple(group for one in containers for group in _log_groups(one)),
    )


def _number(text: object) -> int:
    """``256`` or ``.25 vCPU``: ECS stores either form."""
    words = str(text or "").split()
    if not words:
        return 0
    amount = float(words[0])
    return int(amount * 1024) if len(words) > 1 else int(amount)


def _credentials(container: Raw) -> str:
    return str((container.get("repositoryCredentials") or {}).get("credentialsParameter", ""))


def _secrets(container: Raw) -> Iterator[SecretReference]:
    name = container.get("name", "")
    for secret in container.get("secrets", []):
        yield SecretReference(name, secret.get("name", ""), secret.get("valueFrom", ""))
    for option in (container.get("logConfiguration") or {}).get("secretOptions", []):
        yield SecretReference(name, option.get("name", ""), option.get("valueFrom", ""))
    if _credentials(container):
        yield SecretReference(name, "", _credentials(container))


def _log_groups(container: Raw) -> Iterator[LogGroupReference]:
    logs: Raw = container.get("logConfiguration") or {}
    options: Raw = logs.get("options") or {}
    if logs.get("logDriver") == "awslogs" and options.get("awslogs-group"):
        yield LogGroupReference(
            container=container.get("name", ""),
            name=options["awslogs-group"],
            region=options.get("awslogs-region", ""),
            creates_group=str(options.get("awslogs-create-group", "")).lower() == "true",
        )
