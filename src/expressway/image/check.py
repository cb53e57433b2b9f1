"""Check a build before anything is changed: name, tag, folder, Dockerfile, size, engine.

Two calls ask for the same only where the folder has the same content for both, which `AppContent` tells.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path

from expressway.app.given_path import given_path
from expressway.app.names import check_app_name
from expressway.app.sections import BuildSettings
from expressway.app.source import AppSource, source_of
from expressway.core.problems import MOST_SHOWN
from expressway.core.progress import Cancellation, NeverCancelled
from expressway.errors import DefinitionError, ExpresswayError, ImageError
from expressway.image.context.excluded import ExcludedFiles
from expressway.image.context.protected_files import protection_warning
from expressway.image.context.reader import read_build_context, resolve_context
from expressway.image.context.values import (
    CONTENT_TAG_PREFIX,
    DEFAULT_LIMIT_BYTES,
    BuildContext,
    content_tag,
    context_digest,
)
from expressway.image.dockerfile.parser import Dockerfile, parse_dockerfile
from expressway.image.lifecycle_policy import PROTECTED_PATTERN
from expressway.image.ports import ContainerEngine
from expressway.image.values import LOCAL_PREFIX, ImageBuild
from expressway.privacy.untrusted import echoed

_TAG = re.compile(r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$")
_SECRET_ARG = re.compile(r"passw|secret|token|credential|private_?key|api_?key|access_?key", re.IGNORECASE)
_NEVER = NeverCancelled()


@dataclass(frozen=True, slots=True)
class BuildRequest:
    """What to build. `dockerfile` is relative to `context`; without a `tag` the content names itself.

    With `rebuild` its base images are pulled again, and it is built also where an image of this content exists.
    `read` is the folder where this call has read it already: it is not read and hashed again.
    """

    app_name: str
    context: Path
    dockerfile: str = "Dockerfile"
    target: str | None = None
    args: Mapping[str, str] = field(default_factory=dict[str, str])
    platform: str = "linux/amd64"
    tag: str | None = None
    rebuild: bool = False
    read: BuildContext | None = None


@dataclass(frozen=True, slots=True)
class CheckedBuild:
    """A build that can start: everything that can be checked before AWS is changed is valid.

    Attributes:
        content_tag: the tag that the content itself gives; equal content has an equal tag on any machine.
        tag: the tag that was asked for, else `content_tag`.
    """

    request: BuildRequest
    context: BuildContext
    dockerfile: Dockerfile
    content_tag: str
    tag: str
    build: ImageBuild
    warnings: tuple[str, ...] = ()

    @property
    def excluded_files(self) -> ExcludedFiles:
        """The files kept out of the image, so that a crash they cause is recognized."""
        return ExcludedFiles(self.context.excluded_files, self.context.ignore_file)


def check_build(
    request: BuildRequest,
    *,
    engine: ContainerEngine | None,
    limit_bytes: int = DEFAULT_LIMIT_BYTES,
    cancellation: Cancellation = _NEVER,
) -> CheckedBuild:
    """Check name, tag, folder, Dockerfile and size, and whether `engine` can build it; touches no AWS service.

    Raises:
        DefinitionError: ``invalid_app_name``, ``invalid_tag``.
        ImageError: ``context_missing``, ``context_not_a_folder``, ``context_refused``, ``context_unreadable``,
            ``context_too_large``, ``dockerfile_missing``, ``dockerfile_outside``, ``ignore_file_outside``,
            ``ignore_file_invalid``, ``dockerfile_invalid``, ``target_missing``, ``buildkit_required``.
        EngineError: ``engine_unreachable``.
    """
    check_app_name(request.app_name, is_new=True)
    if request.tag is not None and not _TAG.fullmatch(request.tag):
        raise _invalid_tag(request.tag, "letters, digits, _ . - are allowed, 128 at most, not starting with . or -")
    root = resolve_context(request.context)
    context = request.read or read_build_context(
        root, request.dockerfile, limit_bytes=limit_bytes, cancellation=cancellation
    )
    dockerfile = parse_dockerfile(context.dockerfile_text)
    _check_dockerfile(request, context, dockerfile)
    digest = context_digest(context, target=request.target, args=request.args, platform=request.platform)
    own_tag = content_tag(digest)
    if request.tag is not None and request.tag.startswith(CONTENT_TAG_PREFIX) and request.tag != own_tag:
        raise _invalid_tag(request.tag, f"tags that start with {CONTENT_TAG_PREFIX} are made from the content")
    if request.tag is not None and fnmatchcase(request.tag, PROTECTED_PATTERN):
        raise _invalid_tag(request.tag, f"tags {PROTECTED_PATTERN} mark the images that deployments run")
    build = ImageBuild(
        name=f"{LOCAL_PREFIX}/{request.app_name}:{own_tag}",
        context=context,
        platform=request.platform,
        target=request.target,
        args=dict(request.args),
        buildkit_reasons=dockerfile.buildkit_reasons,
        renewed_images=dockerfile.outside_images(request.args) if request.rebuild else (),
    )
    if engine is not None:
        engine.check_build(build)
    return CheckedBuild(
        request, context, dockerfile, own_tag, request.tag or own_tag, build, tuple(_warnings(request, context))
    )


def _invalid_tag(tag: str, why: str) -> DefinitionError:
    return DefinitionError(
        "invalid_tag",
        f"{echoed(tag)} cannot be an image tag here: {why}.",
        "Choose another tag, or leave it out to have one made from the content.",
    )


def _check_dockerfile(request: BuildRequest, context: BuildContext, dockerfile: Dockerfile) -> None:
    if dockerfile.problems:
        shown = dockerfile.problems[:MOST_SHOWN]
        listed = "; ".join(f"line {problem.line}: {problem.message}" for problem in shown)
        more = len(dockerfile.problems) - len(shown)
        raise ImageError(
            "dockerfile_invalid",
            f"{echoed(context.dockerfile)} cannot be built: {listed}{f'; and {more} more' if more else ''}.",
            "Correct these lines.",
            {"problems": [{"line": problem.line, "message": problem.message} for problem in shown]},
        )
    if dockerfile.stage(request.target) is None:
        names = ", ".join(echoed(stage.name or str(stage.index)) for stage in dockerfile.stages[:MOST_SHOWN])
        raise ImageError(
            "target_missing",
            f"Expected a stage named {echoed(str(request.target))} in {echoed(context.dockerfile)}; it has: {names}.",
            "Correct build.target, or leave it out to build the last stage.",
        )


def _warnings(request: BuildRequest, context: BuildContext) -> Iterator[str]:
    if context.excluded_files:
        yield protection_warning(context.excluded_files, context.ignore_file)
    if context.ignored_special:
        yield f"Sockets, pipes and devices are no part of an image: {echoed(', '.join(context.ignored_special[:5]))}"
    if context.outside_links:
        yield (
            "These links lead out of the build context. They are packed as links, as docker build does, and lead "
            f"nowhere in an image that lacks what they name: {echoed(', '.join(context.outside_links[:5]), 300)}"
        )
    secret = sorted(name for name in request.args if _SECRET_ARG.search(name))
    if secret:
        yield f"Build arguments stay readable in the image's history; these look secret: {', '.join(secret)}"


def build_request(app_name: str, path: Path, tag: str | None, source: AppSource | None) -> BuildRequest:
    """How the image of the folder `path` is to be built: as its definition says, or with the defaults."""
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
    try:
        checked = check_build(request, engine=None)
    except ExpresswayError as error:
        return _refusal(error)
    return AppContent(checked.content_tag, checked.context)


def _refusal(error: ExpresswayError) -> AppContent:
    return AppContent(json.dumps(error.to_dict(), sort_keys=True, default=str))
