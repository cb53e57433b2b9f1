"""Make the request for a build from a definition and a folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from expressway.app.source import AppSource

if TYPE_CHECKING:
    from expressway.image.publish import BuildRequest


def build_request(app_name: str, path: Path, tag: str | None, source: AppSource | None) -> BuildRequest:
    """How the image of the folder `path` is to be built: as its definition says, or with the defaults."""
    from expressway.app.definition import BuildSettings
    from expressway.image.publish import BuildRequest

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
