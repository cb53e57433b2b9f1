"""Where the image of an Express service comes from, and what the service needs in order to pull it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aws_cdk import aws_iam as iam
from constructs import Construct

from expressway_constructs import setting_types as types

if TYPE_CHECKING:
    from aws_cdk import aws_ecs as ecs

    from expressway_constructs.cdk_types import AnyRepository, AnySecret

_TYPES = {
    "uri": types.one("an image URI", types.is_text, optional=False),
    "repository": types.one("an ecr.IRepository", types.REPOSITORY_KIND),
    "credentials": types.one("a secretsmanager.ISecret", types.SECRET_KIND),
}


@dataclass(frozen=True, slots=True)
class ExpressImage:
    """An image URI, with the repository or the registry's credentials where pulling needs them.

    A plain URI serves as well; this class adds the permissions to pull.

    Raises:
        ConstructError: ``invalid_image`` for values of other types.
    """

    uri: str
    repository: "AnyRepository | None" = None
    credentials: "AnySecret | None" = None

    def __post_init__(self) -> None:
        values = {"uri": self.uri, "repository": self.repository, "credentials": self.credentials}
        types.refuse_wrong_types("invalid_image", values, _TYPES)

    @staticmethod
    def from_ecr_repository(repository: "AnyRepository", tag_or_digest: str) -> "ExpressImage":
        """An image of `repository` by tag, or better by digest (``sha256:…``); pulling is granted."""
        values = {"repository": repository, "tag_or_digest": tag_or_digest}
        needed = {
            "repository": types.one("an ecr.IRepository", types.REPOSITORY_KIND, optional=False),
            "tag_or_digest": types.one("a tag or digest", types.is_text, optional=False),
        }
        types.refuse_wrong_types("invalid_image", values, needed)
        return ExpressImage(repository.repository_uri_for_tag_or_digest(tag_or_digest), repository)

    @staticmethod
    def from_registry(uri: str, *, credentials: "AnySecret | None" = None) -> "ExpressImage":
        """An image of any registry; `credentials` hold the user name and password of a private one."""
        return ExpressImage(uri, None, credentials)


@dataclass(frozen=True, slots=True)
class BoundImage:
    """What a container's properties say of its image: the URI, and the ARN of the registry's credentials."""

    uri: str
    credentials: str | None = None


def bind(image: "ExpressImage | ecs.ContainerImage", scope: Construct, role: iam.IRole) -> BoundImage:
    """The image for a service in `scope`; an image of aws_ecs grants pulling to `role`, and may build an asset.

    Such an image takes a container of a task definition, of which it uses the execution role alone. The container made
    here is removed again.
    """
    if isinstance(image, ExpressImage):
        return BoundImage(image.uri, None if image.credentials is None else image.credentials.secret_arn)
    from aws_cdk import aws_ecs as ecs  # whoever gives such an image has loaded it

    task = ecs.FargateTaskDefinition(scope, _SCRATCH, execution_role=role)
    container = task.add_container("Main", image=ecs.ContainerImage.from_registry("scratch"))
    config = image.bind(scope, container)
    scope.node.try_remove_child(_SCRATCH)
    credentials = config.repository_credentials
    if credentials is None:
        return BoundImage(config.image_name)
    return BoundImage(config.image_name, credentials.credentials_parameter)


_SCRATCH = "ImageScratch"
