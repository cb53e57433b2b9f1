"""The image that a plan deploys."""

from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class PlannedImage:
    """The image that the service would run.

    `state` is ``given`` (the definition names it), ``published`` (this very content is in the repository
    already, `uri` has its digest), ``to_build`` (`tag` is derived from the content that will be built) or
    ``to_rebuild`` (the content is built again with its base images pulled again; only then is known whether another
    image comes of it).
    `warnings` say what its registry will do to it; they are no part of what is approved.
    """

    state: Literal["given", "published", "to_build", "to_rebuild"]
    uri: str | None = None
    tag: str | None = None
    warnings: tuple[str, ...] = ()

    def shape(self) -> dict[str, Any]:
        """What identifies it."""
        return {"state": self.state, "uri": self.uri, "tag": self.tag}

    @property
    def is_built(self) -> bool:
        """Whether it has to be built before its digest is known."""
        return self.state in {"to_build", "to_rebuild"}

    @property
    def identity(self) -> str | None:
        """What it is known by before and after it is built: the tag of its content, or its URI."""
        return f"{self.tag}, built again" if self.state == "to_rebuild" else self.tag or self.uri

    @property
    def parameter(self) -> str:
        """The value of the service's image parameter: the URI, or words for what has none yet."""
        again = " again with its base images pulled again" if self.state == "to_rebuild" else ""
        return self.uri or f"(built{again} from this folder, tag {self.tag})"
