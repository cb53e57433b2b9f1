"""What is asked of docker-py, which is loaded with this module: clients, base images pulled again, classic builds."""

import re
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import IO, Any

from docker import APIClient
from docker.errors import APIError, DockerException
from docker.tls import TLSConfig
from docker.types import CancellableStream
from docker.utils import parse_repository_tag

from expressway.core.progress import Cancellation, Progress, ProgressSink
from expressway.errors import ImageError
from expressway.image.engine.discovery import EngineAddress
from expressway.image.engine.errors import BuildFailure, build_error, engine_error, network_warning, plain_text
from expressway.image.engine.network import BuildNetwork
from expressway.image.engine.stream import CancellableFile, interruptible
from expressway.image.values import ImageBuild
from expressway.privacy.untrusted import quoted

Events = Iterator[dict[str, Any]]

_NEEDS_BUILDKIT = re.compile(
    r"requires? buildkit|(?:classic|legacy) builder.{0,200}(?:removed|not supported)", re.IGNORECASE
)
_STEP = re.compile(r"^Step (?P<done>\d{1,9})/(?P<all>\d{1,9}) : ")
_CACHE_VANISHED = re.compile(r'unable to find image "?sha256:[0-9a-f]{64}')
"""The classic builder reads every image that a step may reuse, and fails if another process removes one meanwhile."""
_NOISE = re.compile(r"^ ---> |^Removing intermediate container |^\[Warning\] One or more build-args ")
_TAIL_LINES = 400


class EngineClient(APIClient):
    """docker-py's client, which also remembers the response it streams from, so that a stream can be cut off."""

    latest_response: Any = None

    def post(self, url: str, *args: Any, **kwargs: Any) -> Any:
        if "/images/127.0.0.1:" in url:
            # Docker speaks plain HTTP to loopback by itself; Podman's interface has to be told, Docker ignores it.
            kwargs["params"] = {**(kwargs.get("params") or {}), "tlsVerify": "false"}
        self.latest_response = super().post(url, *args, **kwargs)
        return self.latest_response


def open_client(address: EngineAddress, *, timeout_seconds: int, api_version: str | None = None) -> EngineClient:
    """A client of the engine at `address`; the engine is asked for its version unless `api_version` says it.

    Raises docker-py's own exceptions.
    """
    tls: Any = False
    if folder := address.tls_directory:
        tls = TLSConfig(
            client_cert=(str(folder / "cert.pem"), str(folder / "key.pem")), ca_cert=str(folder / "ca.pem"), verify=True
        )
    return EngineClient(
        base_url=address.docker_host,
        version=api_version,
        timeout=timeout_seconds,
        tls=tls,
        use_ssh_client=address.docker_host.startswith("ssh://"),
    )


def follow(client: EngineClient, events: Iterator[Any], cancellation: Cancellation) -> Events:
    """What the engine streams; when cancelled, the connection is closed under a read that waits."""
    stream: Any = CancellableStream(events, client.latest_response)
    yield from interruptible(events, cancellation=cancellation, stop=lambda: _hang_up(stream))


def _hang_up(stream: Any) -> None:
    with suppress(OSError, AttributeError, DockerException):  # a stream that has ended has no connection to close
        stream.close()


def builder_pulls(
    client: EngineClient, build: ImageBuild, *, progress: ProgressSink, cancellation: Cancellation
) -> bool:
    """Whether the builder is to pull `build.renewed_images` itself, which it does best.

    It would fail on an image that was built in this engine and comes from no registry. Such an image is used as the
    engine has it, and the others are pulled here.

    Raises:
        ImageError: ``base_image_unavailable``.
    """
    built_here = [name for name in build.renewed_images if _is_built_here(client, name)]
    if not built_here:
        return bool(build.renewed_images)
    for name in built_here:
        text = f"{quoted(name, public=True)} was built in this engine and comes from no registry: it is used unchanged"
        progress(Progress("build", text))
    for name in build.renewed_images:
        if name not in built_here:
            _pull(client, name, build.platform, cancellation)
    return False


def _is_built_here(client: APIClient, name: str) -> bool:
    """Whether the engine has an image of that name that was neither pulled nor pushed."""
    try:
        image: dict[str, Any] = client.inspect_image(name)
    except APIError:
        return False  # not there, or no name of an image: the builder says what is wrong with it
    return not image.get("RepoDigests")


def _pull(client: EngineClient, name: str, platform: str, cancellation: Cancellation) -> None:
    repository, tag = parse_repository_tag(name)
    try:
        events = client.pull(repository, tag=tag or "latest", platform=platform, stream=True, decode=True)
        for event in follow(client, events, cancellation):
            if "error" in event:
                raise build_error(BuildFailure(str(event["error"]), f"FROM {name}", ()))
    except APIError as exc:
        raise build_error(BuildFailure(str(exc.explanation or exc), f"FROM {name}", ())) from exc


def build_classic(
    client: EngineClient,
    build: ImageBuild,
    archive: IO[bytes],
    *,
    network: BuildNetwork,
    pull: bool,
    progress: ProgressSink,
    cancellation: Cancellation,
) -> bool:
    """Build an image from `archive`, a tar of its context; False when the engine has no classic builder.

    With `pull`, base images are pulled, also where the engine has them.
    A build that fails because an image of its cache was removed meanwhile is repeated once, without the cache.

    Raises:
        ImageError: see `DockerEngine.build`.
    """
    settings: dict[str, Any] = {
        "custom_context": True,
        "dockerfile": build.context.dockerfile,
        "tag": build.name,
        "target": build.target or "",
        "buildargs": {**network.args, **build.args},
        "network_mode": network.mode or None,
        "platform": build.platform,
        "pull": pull,
        "rm": True,
        "forcerm": True,
        "decode": True,
    }
    for nocache in (False, True):
        archive.seek(0)
        upload: Any = CancellableFile(archive, cancellation)
        try:
            events = client.build(fileobj=upload, nocache=nocache, **settings)
            follow_build(follow(client, events, cancellation), progress)
        except APIError as exc:
            message = str(exc.explanation or exc)
            if _NEEDS_BUILDKIT.search(message):
                return False
            raise build_error(BuildFailure(message, "", ())) from exc
        except ImageError as exc:
            if _NEEDS_BUILDKIT.search(exc.message):
                return False
            if nocache or not _CACHE_VANISHED.search(exc.message):
                raise
        else:
            break
    return True


def follow_build(events: Events, progress: ProgressSink) -> None:
    """Relay the classic builder's stream; raises on its error, or when it ends without having built."""
    tail: deque[str] = deque(maxlen=_TAIL_LINES)
    step, fraction, built, unreached = "", None, False, ""
    started = time.monotonic()
    for event in events:
        if "error" in event:
            raise build_error(BuildFailure(str(event["error"]), step, tuple(tail), unreached=unreached))
        built = built or "ID" in (event.get("aux") or {})
        for line in _lines(event):
            match = _STEP.match(line)
            if match:
                tail.clear()  # what earlier steps said is no reason
                step, fraction = line, int(match["done"]) / max(1, int(match["all"]))
            built = built or line.startswith("Successfully built")
            if not _NOISE.match(line):
                tail.append(line)
                progress(Progress("build", quoted(line, public=True), time.monotonic() - started, fraction))
                unreached = unreached or network_warning(line, progress)
    if not built:
        raise engine_error(EOFError("the build's output ended early"), "build an image")


def _lines(event: Mapping[str, Any]) -> Iterator[str]:
    text = str(event.get("stream") or "")
    if not text and event.get("status") and not event.get("progressDetail"):
        text = " ".join(str(event[key]) for key in ("id", "status") if event.get(key))
    yield from filter(None, map(plain_text, text.splitlines()))
