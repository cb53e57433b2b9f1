"""What an operation would build, as text: two calls mean the same only where the folder says the same to both."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from expressway.adapters.given_path import given_path
from expressway.errors import ExpresswayError
from expressway.toolkit.app_source import build_request, source_of

if TYPE_CHECKING:
    from expressway.operations.publish_image import BuildRequest
    from expressway.toolkit.app_source import AppSource


def deployed_content(source: AppSource) -> str:
    """The content tag of the image that deploying `source` would build now; "" where it builds none.

    Reads the build context, so it may take as long as hashing 500 MiB. A folder that cannot be built says why instead:
    the operation itself raises that.
    """
    build = source.definition.build
    if build is None:
        return ""
    return _content(build_request(source.definition.name, source.base_dir, None, source))


def built_content(app_name: str, app_path: str) -> str:
    """Like `deployed_content` for building the image of a folder alone, with the definition that lies there."""
    try:
        path = given_path(app_path)
        source = source_of(app_name, path)
    except ExpresswayError as error:
        return _told(error)
    definition = source.definition.canonical_json() if source else ""
    return f"{definition}{_content(build_request(app_name, path, None, source))}"


def _content(request: BuildRequest) -> str:
    from expressway.operations.app_image import content_tag_of

    try:
        return content_tag_of(request)
    except ExpresswayError as error:
        return _told(error)


def _told(error: ExpresswayError) -> str:
    return json.dumps(error.to_dict(), sort_keys=True, default=str)
