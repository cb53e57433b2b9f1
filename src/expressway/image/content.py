"""What an operation would build: two calls mean the same only where the folder says the same to both."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from expressway.app.given_path import given_path
from expressway.app.source import AppSource, source_of
from expressway.errors import ExpresswayError

if TYPE_CHECKING:
    from expressway.app.source import AppSource
    from expressway.image.check import BuildRequest
    from expressway.image.context.values import BuildContext


def build_request(app_name: str, path: Path, tag: str | None, source: AppSource | None) -> BuildRequest:
    """How the image of the folder `path` is to be built: as its definition says, or with the defaults."""
    from expressway.app.definition import BuildSettings
    from expressway.image.check import BuildRequest

    named = source.definition.build if source else None
    build = named or BuildSettings()
    return BuildRequest(
        app_name=app_name,
        context=source.base_dir / build.context if source and named else path,
        dockerfile=build.dockerfile,
        target=build.target,
        args=build.args,
        platform=build.platform,
        tag=tag,
    )


@dataclass(frozen=True, slots=True)
class AppContent:
    """`text` is what two calls are compared by; `context` the folder as it was read, for the build that follows."""

    text: str
    context: BuildContext | None = None


def deployed_content(source: AppSource) -> AppContent:
    """The content tag of the image that deploying `source` would build now; "" where it builds none.

    Reads the build context, so it may take as long as hashing 500 MiB. A folder that cannot be built says why instead:
    the operation itself raises that.
    """
    build = source.definition.build
    if build is None:
        return AppContent("")
    return _content(build_request(source.definition.name, source.base_dir, None, source))


def built_content(app_name: str, app_path: str) -> AppContent:
    """Like `deployed_content` for building the image of a folder alone, with the definition that lies there."""
    try:
        path = given_path(app_path)
        source = source_of(app_name, path)
    except ExpresswayError as error:
        return _refusal(error)
    definition = source.definition.canonical_json() if source else ""
    content = _content(build_request(app_name, path, None, source))
    return replace(content, text=f"{definition}{content.text}")


def _content(request: BuildRequest) -> AppContent:
    from expressway.image.check import check_build

    try:
        checked = check_build(request, engine=None)
    except ExpresswayError as error:
        return _refusal(error)
    return AppContent(checked.content_tag, checked.context)


def _refusal(error: ExpresswayError) -> AppContent:
    return AppContent(json.dumps(error.to_dict(), sort_keys=True, default=str))
