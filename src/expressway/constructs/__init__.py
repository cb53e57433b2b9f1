"""CDK constructs for Amazon ECS Express Mode: usable in any CDK app, and the two stacks made of them.

What is named here is loaded when it is first used, since loading the CDK takes half a second. Where no Node is on the
PATH, the CDK runs on the one that comes with Expressway, if this package is imported before ``aws_cdk``.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from expressway.bundled_node import use_bundled_node

if TYPE_CHECKING:
    from expressway.constructs.express_gateway_service import ExpressGatewayService
    from expressway.constructs.express_image import ExpressImage
    from expressway.constructs.image_repository import ImageRepository
    from expressway.constructs.push_pull_role import PushPullRole
    from expressway.constructs.stacks import RepositoryStack, ServiceStack, add_app_stacks

use_bundled_node()

__all__ = [
    "ExpressGatewayService",
    "ExpressImage",
    "ImageRepository",
    "PushPullRole",
    "RepositoryStack",
    "ServiceStack",
    "add_app_stacks",
]

_MODULES = {
    "ExpressGatewayService": "express_gateway_service",
    "ExpressImage": "express_image",
    "ImageRepository": "image_repository",
    "PushPullRole": "push_pull_role",
    "RepositoryStack": "stacks",
    "ServiceStack": "stacks",
    "add_app_stacks": "stacks",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
