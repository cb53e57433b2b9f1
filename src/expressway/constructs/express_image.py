"""Where the image of an Express service comes from, and what the service needs in order to pull it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aws_cdk import aws_ecr as ecr
    from aws_cdk import aws_secretsmanager as secretsmanager


@dataclass(frozen=True, slots=True)
class ExpressImage:
    """An image URI, with the repository or the registry's credentials where pulling needs them.

    A plain URI serves as well; this class adds the permissions to pull.
    """

    uri: str
    repository: "ecr.IRepository | None" = None
    credentials: "secretsmanager.ISecret | None" = None

    @staticmethod
    def from_ecr_repository(repository: "ecr.IRepository", tag_or_digest: str) -> "ExpressImage":
        """An image of `repository` by tag, or better by digest (``sha256:…``); pulling is granted."""
        return ExpressImage(repository.repository_uri_for_tag_or_digest(tag_or_digest), repository)

    @staticmethod
    def from_registry(uri: str, *, credentials: "secretsmanager.ISecret | None" = None) -> "ExpressImage":
        """An image of any registry; `credentials` hold the user name and password of a private one."""
        return ExpressImage(uri, None, credentials)
