"""A container engine, spoken to with docker-py: is it there, build, find, push, remove."""

import os
import re
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from expressway.aws.values.image import RegistryLogin
from expressway.core.progress import Cancellation, ProgressSink
from expressway.errors import EngineError, ImageError
from expressway.image.context.archive import open_context_archive
from expressway.image.context.values import CONTENT_TAG
from expressway.image.engine.buildkit import build_with_buildkit, buildkit_missing, find_buildkit_command, usual_folders
from expressway.image.engine.discovery import EngineAddress, find_engine, ping_engine
from expressway.image.engine.errors import engine_error, push_error
from expressway.image.engine.network import BuildNetwork, build_network
from expressway.image.engine.stream import PushProgress
from expressway.image.values import LOCAL_PREFIX, EngineFacts, ImageBuild, LocalImage

if TYPE_CHECKING:
    from expressway.image.engine.docker_api import EngineClient

_LOOPBACK = "127.0.0.1:"


def names_of_app(
    images: Sequence[Mapping[str, Any]], app_name: str, *, repository_name: str, registry_host: str | None
) -> tuple[str, ...]:
    """The names among an engine's `images` (as it lists them) that belong to an app.

    These are the builds' own names, and those in the `repository_name` of `registry_host`, or of any private
    registry; the loopback registries of sandboxes count as one, since their ports change. An image was built
    here when one of its names has a content tag. (A label would say so too, but it is a step more to build.)
    """

    def is_of_app(name: str) -> bool:
        repository = name.partition("@")[0] if "@" in name else name.rpartition(":")[0]
        host, _, path = repository.partition("/")
        pushed = path == repository_name and _is_registry(host, registry_host)
        return "<none>" not in name and (pushed or repository == f"{LOCAL_PREFIX}/{app_name}")

    own: set[str] = set()
    for image in images:
        names = set(filter(is_of_app, (*(image.get("RepoTags") or ()), *(image.get("RepoDigests") or ()))))
        if any(CONTENT_TAG.fullmatch(name.rpartition(":")[2]) for name in names):
            own |= names
    return tuple(sorted(own))


def _is_registry(host: str, registry_host: str | None) -> bool:
    if host.startswith(_LOOPBACK):
        return registry_host is None or registry_host.startswith(_LOOPBACK)
    return ".dkr.ecr" in host if registry_host is None else host == registry_host


_TIMEOUT_SECONDS = 600


class DockerEngine:
    """One engine. docker-py is loaded at the first call that needs more than a ping.

    `environ` and `command_folders` say with what, and where, the docker command is looked for that BuildKit needs.
    """

    def __init__(
        self,
        address: EngineAddress,
        *,
        environ: Mapping[str, str] | None = None,
        command_folders: Sequence[str] | None = None,
    ) -> None:
        self.address = address
        self._environ = dict(os.environ if environ is None else environ)
        self._folders = usual_folders(self._environ, Path.home()) if command_folders is None else command_folders
        self._facts: EngineFacts | None = None
        self._api_version: str | None = None

    def check(self) -> None:
        """Ask whether the engine is there.

        Raises:
            EngineError: ``engine_unreachable``.
        """
        problem = ping_engine(self.address, timeout_seconds=5)
        if problem is not None:
            place = f"{self.address.docker_host} ({self.address.source})"
            message = f"The container engine at {place} does not answer: {problem}."
            raise EngineError("engine_unreachable", message, "Start it, or set DOCKER_HOST to another one.")

    def check_build(self, build: ImageBuild) -> None:
        """Find out, before anything is changed, whether this engine can build it.

        Raises:
            EngineError: ``engine_unreachable``.
            ImageError: ``buildkit_required`` with the Dockerfile's line.
        """
        self.check()
        if build.buildkit_reasons and not self._builds_everything():
            self._buildkit(build)

    def facts(self) -> EngineFacts:
        """What the engine is; asked once."""
        if self._facts is None:
            with self._client("tell its version") as client:
                answer: dict[str, Any] = client.version()
            components = answer.get("Components") or [{}]
            self._facts = EngineFacts(
                docker_host=self.address.docker_host,
                source=self.address.source,
                product=str(components[0].get("Name", "Engine")),
                version=str(answer.get("Version", "")),
                platform=f"{answer.get('Os', '')}/{answer.get('Arch', '')}",
            )
        return self._facts

    def find_image(self, name: str) -> LocalImage | None:
        """The image of that name or id, or None when the engine does not hold it."""
        from docker.errors import ImageNotFound

        with self._client("inspect an image") as client:
            try:
                found: dict[str, Any] = client.inspect_image(name)
            except ImageNotFound:
                return None
        return LocalImage(found["Id"], f"{found['Os']}/{found['Architecture']}", int(found.get("Size", 0)))

    def build(self, build: ImageBuild, *, progress: ProgressSink, cancellation: Cancellation) -> LocalImage:
        """Build an image and keep it under `build.name`.

        The classic builder does it, through docker-py; what only BuildKit can build, or an engine that has no
        classic builder any more, goes to the engine's own command.

        Raises:
            ImageError: ``build_failed`` (step, exit code and last lines in the details),
                ``base_image_unavailable``, ``build_frontend_unavailable``, ``buildkit_required``,
                ``platform_mismatch``, ``context_changed``, ``disk_full``.
            EngineError: ``engine_unreachable`` when the engine goes away.
        """
        pull = self._builder_pulls(build, progress=progress, cancellation=cancellation)
        by_command = bool(build.buildkit_reasons) and not self._builds_everything()
        with closing(open_context_archive(build.context, cancellation=cancellation)) as archive:
            if by_command or not self._build_classic(
                build, archive, pull=pull, progress=progress, cancellation=cancellation
            ):
                archive.seek(0)
                command, environment = self._buildkit(build)
                build_with_buildkit(
                    command,
                    environment,
                    build,
                    archive,
                    network=self._network(),
                    pull=pull,
                    progress=progress,
                    cancellation=cancellation,
                )
        image = self.find_image(build.name)
        if image is None:
            message = f"The build ended without an error, but the engine does not hold {build.name}."
            raise ImageError("build_failed", message, "Repeat the command; if it stays so, look at the engine's log.")
        if image.platform != "/".join(build.platform.split("/")[:2]):
            raise ImageError(
                "platform_mismatch",
                f"Expected an image for {build.platform}, but the engine built one for {image.platform}.",
                "Use an engine that can build for that platform (BuildKit with QEMU), and base images that exist "
                "for it.",
            )
        return image

    def push(
        self,
        image_id: str,
        *,
        repository: str,
        tag: str,
        login: RegistryLogin,
        progress: ProgressSink,
        cancellation: Cancellation,
    ) -> str:
        """Push an image to `repository` (``host/path``) under `tag`, and return the digest of its manifest.

        Raises:
            ImageError: ``login_expired``, ``push_interrupted``, ``tag_immutable``, ``push_denied``,
                ``repository_missing``, ``disk_full``, ``push_failed``.
            EngineError: ``engine_unreachable``.
        """
        from expressway.image.engine.docker_api import follow

        destination = f"{repository}:{tag}"
        relay = PushProgress(progress)
        digest = ""
        with self._client("push an image") as client:
            client.tag(image_id, repository, tag)
            events = client.push(
                repository,
                tag=tag,
                stream=True,
                decode=True,
                auth_config={"username": login.username, "password": login.password},
            )
            for event in follow(client, events, cancellation):
                if "error" in event:
                    raise push_error(str(event["error"]), destination)
                digest = str((event.get("aux") or {}).get("Digest") or digest)
                relay.tell(event)
        if not digest:
            raise push_error("the stream ended unexpectedly: unexpected EOF", destination)
        return digest

    def remove_app_images(self, app_name: str, *, repository_name: str, registry_host: str | None = None) -> int:
        """Take the images built for an app out of the engine, name by name (see `app_image_names`).

        An image goes with its last name; one that a container still uses stays. Returns how many names went.
        """
        from docker.errors import APIError

        removed = 0
        with self._client("remove images") as client:
            for name in self.app_image_names(app_name, repository_name=repository_name, registry_host=registry_host):
                try:
                    client.remove_image(name)
                except APIError:
                    continue  # gone with another name, or in use
                removed += 1
        return removed

    def app_image_names(
        self, app_name: str, *, repository_name: str, registry_host: str | None = None
    ) -> tuple[str, ...]:
        """The names under which the engine holds the images that were built for an app; see `names_of_app`."""
        with self._client("list images") as client:
            found: list[dict[str, Any]] = client.images()
        return names_of_app(found, app_name, repository_name=repository_name, registry_host=registry_host)

    def _builder_pulls(self, build: ImageBuild, *, progress: ProgressSink, cancellation: Cancellation) -> bool:
        if not build.renewed_images:
            return False
        from expressway.image.engine.docker_api import builder_pulls

        with self._client("pull the base images") as client:
            return builder_pulls(client, build, progress=progress, cancellation=cancellation)

    def _build_classic(
        self, build: ImageBuild, archive: IO[bytes], *, pull: bool, progress: ProgressSink, cancellation: Cancellation
    ) -> bool:
        """Build with the classic builder; False when the engine says that it has none."""
        from expressway.image.engine.docker_api import build_classic

        network = self._network()
        with self._client("build an image") as client:
            return build_classic(
                client, build, archive, network=network, pull=pull, progress=progress, cancellation=cancellation
            )

    def _network(self) -> BuildNetwork:
        return build_network(self.address.docker_host, self._environ)

    def _builds_everything(self) -> bool:
        """Podman and Finch build through Buildah and BuildKit behind the same interface."""
        product = self.facts().product.lower()
        return "podman" in product or "finch" in product or "nerdctl" in product

    def _buildkit(self, build: ImageBuild) -> tuple[tuple[str, ...], Mapping[str, str]]:
        major = re.match(r"\d+", self.facts().version)
        late = tuple(r for r in build.buildkit_reasons if major and r.engine_major > int(major.group()))
        if late:
            raise buildkit_missing(late, self.facts())
        found = find_buildkit_command(self.address, environ=self._environ, folders=self._folders)
        if found is None:
            raise buildkit_missing(build.buildkit_reasons)
        return found

    @contextmanager
    def _client(self, doing: str) -> Generator["EngineClient"]:
        """A client for one call, whose failures to reach the engine become ours."""
        from docker.errors import DockerException
        from requests.exceptions import RequestException
        from urllib3.exceptions import HTTPError

        from expressway.image.engine.docker_api import open_client

        try:
            client = open_client(self.address, timeout_seconds=_TIMEOUT_SECONDS, api_version=self._api_version)
            self._api_version = client.api_version
            with closing(client):
                yield client
        except (DockerException, RequestException, HTTPError, OSError) as exc:
            raise engine_error(exc, doing) from exc


def open_engine(environ: Mapping[str, str] | None = None, home: Path | None = None) -> DockerEngine:
    """The engine of this machine.

    Raises:
        EngineError: ``engine_missing``, ``engine_unreachable``.
    """
    return DockerEngine(find_engine(environ, home), environ=environ)
