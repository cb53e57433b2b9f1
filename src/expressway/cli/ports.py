"""What the command line needs of the local AWS sandbox, a package of its own that it finds by an entry point."""

from collections.abc import Collection, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Protocol, cast

from expressway.core.progress import ProgressSink
from expressway.errors import SandboxError

SANDBOX_GROUP = "expressway.sandbox"
"""The entry point group; its one entry point names a module that has the functions of `Sandbox`."""


class SandboxInfo(Protocol):
    """A running sandbox."""

    @property
    def endpoint_url(self) -> str: ...
    @property
    def account_id(self) -> str: ...
    @property
    def region(self) -> str: ...
    @property
    def docker_host(self) -> str | None: ...
    def to_dict(self) -> dict[str, Any]:
        """What may be printed: everything but the key."""
        ...


class Stopped(Protocol):
    """How a stop went."""

    @property
    def was_running(self) -> bool: ...
    @property
    def removed_containers(self) -> int: ...


class Engine(Protocol):
    """A container engine to use."""

    @property
    def docker_host(self) -> str: ...
    @property
    def source(self) -> str: ...
    def close(self) -> None:
        """Stop the engine if it was started for this value."""
        ...


class BaseImage(Protocol):
    """A base image that the engine holds now."""

    @property
    def name(self) -> str: ...
    @property
    def origin(self) -> str: ...
    @property
    def seeded(self) -> bool: ...


class Sandbox(Protocol):
    """The local AWS sandbox. Each function is described where it is defined, in ``expressway_sandbox``."""

    def status(self, state_dir: Path | None = None) -> SandboxInfo | None: ...
    def start(
        self,
        *,
        port: int | None = None,
        state_dir: Path | None = None,
        docker_host: str | None = None,
        services: Collection[str] = (),
    ) -> SandboxInfo: ...
    def stop(self, state_dir: Path | None = None) -> Stopped: ...
    def reset(self, state_dir: Path | None = None) -> None: ...
    def environment(self, info: SandboxInfo) -> dict[str, str]: ...
    def container_names(self, info: SandboxInfo) -> list[str]: ...
    def check_installed(self) -> str: ...
    def check_port(self, port: int | None) -> None: ...
    def refuse_other_settings(self, running: SandboxInfo, port: int | None, services: Collection[str] = ()) -> None: ...
    def provide_engine(self, *, install: bool = False, progress: ProgressSink = ...) -> Engine: ...
    def revive_engine(self, docker_host: str, *, progress: ProgressSink = ...) -> Engine: ...
    def stop_unused_engine(self) -> bool: ...
    def seed_base_images(
        self, docker_host: str, progress: ProgressSink = ..., *, install: bool = False
    ) -> Sequence[BaseImage]: ...
    def prepare_example(
        self, folder: Path, docker_host: str, *, install: bool = False, progress: ProgressSink = ...
    ) -> Sequence[BaseImage]: ...


@cache
def installed_sandbox() -> Sandbox:
    """The local AWS sandbox of this installation.

    Raises:
        SandboxError: ``sandbox_not_installed``.
    """
    from importlib.metadata import entry_points

    for found in entry_points(group=SANDBOX_GROUP):
        return cast(Sandbox, found.load())
    raise SandboxError(
        "sandbox_not_installed",
        f"Expected a package with an entry point in the group {SANDBOX_GROUP} (the local AWS sandbox), found none.",
        "Install Expressway again with its extra `sandbox`; in a checkout of its source: make setup.",
    )
