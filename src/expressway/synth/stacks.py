"""The two stacks of an app: its image repository, and its service."""

from collections.abc import Mapping
from functools import cache
from inspect import signature
from typing import TYPE_CHECKING, Any

import aws_cdk as cdk
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from expressway.app.origin import ORIGIN_PARAMETER
from expressway.cloudformation.stack import OWNERSHIP_KEY, repository_stack_name, service_stack_name
from expressway.errors import DefinitionError
from expressway_constructs.cdk_types import as_principal
from expressway_constructs.errors import ConstructError
from expressway_constructs.image_repository import ImageRepository
from expressway_constructs.push_pull_role import PushPullRole
from expressway_constructs.secret_permissions import CompleteArn
from expressway_constructs.service.gateway_service import ExpressGatewayService

if TYPE_CHECKING:
    from expressway.app.definition import AppDefinition

SCHEMA_VERSION = 1
PUSHER_PATTERN = r"^$|^arn:aws[a-z-]*:(iam::[0-9]{12}:(role|user)|sts::[0-9]{12}:assumed-role)/.+$"
PERMISSION_SET_PATTERN = r"^[A-Za-z0-9+=,.@_-]{0,32}$"
IMAGE_PATTERN = r"^[^\s]+$"


@cache
def _bootstrapless() -> cdk.BootstraplessSynthesizer:
    """One for all stacks: each stack binds a copy of it."""
    return cdk.BootstraplessSynthesizer()


class _AppStack(cdk.Stack):
    """A stack that needs no CDK bootstrap, carries the ownership mark, and has logical ids that never change."""

    def __init__(self, scope: Construct, name: str, *, app_name: str, description: str, protected: bool) -> None:
        super().__init__(
            scope,
            name,
            stack_name=name,
            description=description,
            synthesizer=_bootstrapless(),
            analytics_reporting=False,
            termination_protection=protected,
        )
        self.add_metadata(OWNERSHIP_KEY, {"App": app_name, "Schema": SCHEMA_VERSION})

    def _name_resources(self, names: Mapping[str, Construct | None]) -> None:
        """Logical ids are a contract: a changed one replaces the resource, so none is left to a hash of paths."""
        for logical_id, construct in names.items():
            element = construct if isinstance(construct, cdk.CfnElement) else construct and construct.node.default_child
            if isinstance(element, cdk.CfnElement):
                element.override_logical_id(logical_id)

    def _record_origin(self) -> None:
        """A parameter, since `cdk diff` would show metadata; and an output, so that the parameter is used."""
        origin = self._parameter(
            ORIGIN_PARAMETER,
            "Folder or repository that the app was last deployed from; a deployment sets it",
            max_length=1024,
        )
        self._output("DeployedFrom", origin, "Folder or repository of the last deployment")

    def _parameter(self, name: str, description: str, *, default: str | None = "", **limits: Any) -> str:
        return cdk.CfnParameter(
            self, name, type="String", default=default, description=description, **limits
        ).value_as_string

    def _output(self, name: str, value: str, description: str) -> None:
        cdk.CfnOutput(self, name, value=value, description=description)


class RepositoryStack(_AppStack):
    """Stack ``{app}-ecr-infrastructure``: the image repository and the role that pushes to it.

    Parameter ``PusherArn``: the IAM role or user that may assume the role, beside those that the definition
    names; or else ``PusherPermissionSet``: the permission set of IAM Identity Center whose holders may. With none
    of them, only principals of the account that carry the tag ``expressway:push`` = app may.
    """

    def __init__(self, scope: Construct, definition: "AppDefinition") -> None:
        name = definition.name
        super().__init__(
            scope,
            repository_stack_name(name),
            app_name=name,
            description=f"Image repository of {name}, and the role that pushes to it",
            protected=definition.termination_protection,
        )
        settings = definition.repository
        push_principal, permission_set = self._push_parameters()
        self.repository = ImageRepository(
            self,
            "Repository",
            repository_name=f"{name}-repo",
            immutable_tags=settings.immutable_tags,
            scan_on_push=settings.scan_on_push,
            encryption=_ENCRYPTION[settings.encryption],
            encryption_key=_key(self, settings.kms_key_arn),
            keep_tagged=settings.keep_tagged,
            expire_untagged=cdk.Duration.days(settings.expire_untagged_days),
            removal_policy=_removal_policy(definition),
        )
        self.push_pull_role = PushPullRole(
            self,
            "PushPullRole",
            repository=self.repository,
            principals=[as_principal(iam.ArnPrincipal(arn)) for arn in settings.push_principals],
            deployer_arn=push_principal,
            permission_set=permission_set,
            push_tag_value=name,
            role_name=f"{name}-ecr-push-pull-role",
            description=f"Pushes and pulls the images of {name}",
        )
        self._name_resources(
            {
                "Repository": self.repository,
                "PushPullRole": self.push_pull_role,
                "HasPusher": self.push_pull_role.deployer_condition,
                "HasPusherPermissionSet": self.push_pull_role.permission_set_condition,
            }
        )
        self._output("RepositoryUri", self.repository.repository_uri, "URI of the image repository")
        self._output("RepositoryArn", self.repository.repository_arn, "ARN of the image repository")
        self._output("PushPullRoleArn", self.push_pull_role.role_arn, "Role that pushes and pulls images")
        self._record_origin()

    def _push_parameters(self) -> tuple[str, str]:
        push_principal = self._parameter(
            "PusherArn",
            "IAM role or user that deploys, and so may assume the push/pull role",
            allowed_pattern=PUSHER_PATTERN,
            constraint_description="the ARN of an IAM role or user, or nothing; never an account's root",
        )
        permission_set = self._parameter(
            "PusherPermissionSet",
            "Permission set of IAM Identity Center that deploys, where PusherArn is empty",
            allowed_pattern=PERMISSION_SET_PATTERN,
            constraint_description="the name of a permission set, or nothing",
        )
        return push_principal, permission_set


class ServiceStack(_AppStack):
    """Stack ``{app}-express-service``: the Express service with its roles and log group.

    Parameter ``ImageUri``: the image to run, best by digest; its default is the definition's own image. There
    is none when the definition brings its own task definition.
    """

    def __init__(self, scope: Construct, definition: "AppDefinition") -> None:
        name = definition.name
        super().__init__(
            scope,
            service_stack_name(name),
            app_name=name,
            description=f"Amazon ECS Express Mode service of {name}",
            protected=definition.termination_protection,
        )
        settings = _service_settings(self, definition)
        if definition.task_definition_arn is not None:
            settings["task_definition"] = definition.task_definition_arn
        else:
            image = self._parameter(
                "ImageUri",
                "Image that the service runs, best by digest",
                default=definition.image,
                allowed_pattern=IMAGE_PATTERN,
                constraint_description="an image URI without whitespace",
            )
            settings |= _container_settings(self, definition, image)
        self.service = ExpressGatewayService(self, "Service", drop_stack_tags=True, **settings)
        own_roles = definition.roles
        self._name_resources(
            {
                "Service": self.service.resource,
                "InfrastructureRole": None if own_roles.infrastructure else self.service.infrastructure_role,
                "ExecutionRole": None if own_roles.execution else self.service.execution_role,
                "LogGroup": self.service.log_group,
            }  # pyright: ignore[reportArgumentType]
        )
        self._outputs()
        self._record_origin()

    def _outputs(self) -> None:
        service = self.service
        self._output("ServiceArn", service.service_arn, "ARN of the service")
        self._output("Endpoint", service.endpoint, "Host name of the HTTPS endpoint")
        self._output("Cluster", service.cluster_name, "Cluster of the service")
        self._output(
            "InfrastructureRoleArn", service.infrastructure_role.role_arn, "Role that provides the load balancer"
        )
        if service.execution_role is not None and service.log_group is not None:
            self._output("ExecutionRoleArn", service.execution_role.role_arn, "Role that starts the tasks")
            self._output("LogGroupName", service.log_group.log_group_name, "Log group of the tasks")


def new_app(outdir: str | None = None, *, context: Mapping[str, bool] | None = None) -> cdk.App:
    """An app whose templates depend on the definitions alone, whether made by us or by the CDK's command line."""
    known = signature(cdk.App.__init__).parameters
    off: dict[str, Any] = {name: False for name in _NEWER_OPTIONS if name in known}
    return cdk.App(
        outdir=outdir,
        analytics_reporting=False,
        tree_metadata=False,
        stack_traces=False,
        context=context,
        post_cli_context={"aws:cdk:enable-path-metadata": False, "aws:cdk:enable-asset-metadata": False},
        **off,
    )


_NEWER_OPTIONS = ("performance_reporting", "builtin_cloud_formation_validation")
"""Off where this release of the CDK has them. Validation takes half a second and 300 MB in Node; the linters do it."""


def add_app_stacks(app: cdk.App, definition: "AppDefinition") -> tuple[RepositoryStack | None, ServiceStack]:
    """Add the stacks of one app: the repository's only when the image is built here, and the service's.

    Raises:
        DefinitionError: what a construct refuses.
    """
    try:
        repository = RepositoryStack(app, definition) if definition.build is not None else None
        service = ServiceStack(app, definition)
    except ConstructError as exc:
        raise DefinitionError(exc.code, exc.message, exc.hint, exc.details) from exc
    if repository is not None:
        service.add_stack_dependency(repository)
    return repository, service


def _service_settings(scope: Construct, definition: "AppDefinition") -> dict[str, Any]:
    scaling, network, roles = definition.scaling, definition.network, definition.roles
    return {
        "service_name": definition.name,
        "cluster": definition.cluster,
        "infrastructure_role": _role(scope, "InfrastructureRole", roles.infrastructure),
        "infrastructure_role_name": f"{definition.name}-express-infrastructure",
        "health_check_path": definition.health_check_path,
        "min_task_count": scaling.min,
        "max_task_count": scaling.max,
        "scaling_metric": scaling.metric,
        "scaling_target": scaling.target,
        "subnets": network.subnets,
        "security_groups": network.security_groups,
    }


def _container_settings(scope: Construct, definition: "AppDefinition", image: str) -> dict[str, Any]:
    roles = definition.roles
    return {
        "image": image,
        "execution_role": _role(scope, "ExecutionRole", roles.execution),
        "execution_role_name": f"{definition.name}-express-execution",
        "task_role": _role(scope, "TaskRole", roles.task),
        "container_port": definition.container_port,
        "cpu": definition.cpu,
        "memory_limit_mib": definition.memory_mib,
        "environment": definition.environment,
        "secrets": _secrets(definition),
        "command": definition.command,
        "log_group_name": f"/expressway/{definition.name}",
        "log_retention": _RETENTION[definition.logs.retention_days],
        "removal_policy": _removal_policy(definition),
    }


def _secrets(definition: "AppDefinition") -> Mapping[str, str]:
    if not definition.complete_secret_arns:
        return definition.secrets
    return {name: CompleteArn(arn) for name, arn in definition.secrets.items()}


def _role(scope: Construct, construct_id: str, arn: str | None) -> iam.IRole | None:
    """A role of the user's, which is used as it is and never changed."""
    return iam.Role.from_role_arn(scope, construct_id, arn, mutable=False) if arn else None


def _key(scope: Construct, arn: str | None) -> Any:
    if arn is None:
        return None
    from aws_cdk import aws_kms as kms  # only those who bring a key pay for loading it

    return kms.Key.from_key_arn(scope, "RepositoryKey", arn)


def _removal_policy(definition: "AppDefinition") -> cdk.RemovalPolicy:
    return cdk.RemovalPolicy.DESTROY if definition.removal_policy == "destroy" else cdk.RemovalPolicy.RETAIN


_ENCRYPTION = {"AES256": ecr.RepositoryEncryption.AES_256, "KMS": ecr.RepositoryEncryption.KMS}

_RETENTION = {
    1: logs.RetentionDays.ONE_DAY,
    3: logs.RetentionDays.THREE_DAYS,
    5: logs.RetentionDays.FIVE_DAYS,
    7: logs.RetentionDays.ONE_WEEK,
    14: logs.RetentionDays.TWO_WEEKS,
    30: logs.RetentionDays.ONE_MONTH,
    60: logs.RetentionDays.TWO_MONTHS,
    90: logs.RetentionDays.THREE_MONTHS,
    120: logs.RetentionDays.FOUR_MONTHS,
    150: logs.RetentionDays.FIVE_MONTHS,
    180: logs.RetentionDays.SIX_MONTHS,
    365: logs.RetentionDays.ONE_YEAR,
    400: logs.RetentionDays.THIRTEEN_MONTHS,
    545: logs.RetentionDays.EIGHTEEN_MONTHS,
    731: logs.RetentionDays.TWO_YEARS,
    1096: logs.RetentionDays.THREE_YEARS,
    1827: logs.RetentionDays.FIVE_YEARS,
    2192: logs.RetentionDays.SIX_YEARS,
    2557: logs.RetentionDays.SEVEN_YEARS,
    2922: logs.RetentionDays.EIGHT_YEARS,
    3288: logs.RetentionDays.NINE_YEARS,
    3653: logs.RetentionDays.TEN_YEARS,
}
