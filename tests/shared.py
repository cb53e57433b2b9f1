"""What test processes of this machine share: the first one starts it, and the last one to leave stops it."""

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from expressway.image.engine.record import engine_directory, read_engine_record

if TYPE_CHECKING:
    from expressway_sandbox.lifecycle import SandboxInfo

MAY_INSTALL = os.environ.get("EXPRESSWAY_INSTALL") == "1"
"""Set by ``make test``: Debian packages that tests need may be installed where they are missing."""
_ENGINE = engine_directory(os.environ)
_PLACE = Path(tempfile.gettempdir()) / f"expressway-tests-{os.getuid()}"


@contextmanager
def one_at_a_time(subject: str) -> Generator[None]:
    """Let no other test process be in a block with this subject meanwhile; a process that is killed leaves it."""
    _PLACE.mkdir(mode=0o700, exist_ok=True)
    with (_PLACE / f"{subject}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def shared_engine() -> Generator[str]:
    """The address of a container engine; a private one is started where there is none.

    A private engine that a test process started runs as long as any test process is in such a block.
    """
    from expressway_sandbox.base_images.debian import find_program
    from expressway_sandbox.engine.private import provide_engine

    place = _engine_place()
    with ExitStack() as held:
        held.enter_context(one_at_a_time("engine"))
        if find_program("dockerd") is None:
            held.enter_context(one_at_a_time("packages"))
        users = (place / "users").open("w")
        fcntl.flock(users, fcntl.LOCK_SH)  # at once: whoever wants it alone holds the lock "engine", too
        engine = provide_engine(install=MAY_INSTALL)
        if engine.started:
            (place / "started").write_text(_running_engine())
    try:
        yield engine.docker_host
    finally:
        users.close()
        stop_unused_engine()


def stop_unused_engine() -> None:
    """Stop the private engine that a test process started, unless another one uses it."""
    from expressway_sandbox.engine.private import stop_private_engine

    started = _engine_place() / "started"
    if not started.exists():
        return
    with one_at_a_time("engine"), (_engine_place() / "users").open("w") as users:
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        if started.exists() and _running_engine() in ("", started.read_text()):
            stop_private_engine(_ENGINE)
        started.unlink(missing_ok=True)


def provide_images(docker_host: str, names: Sequence[str] | None = None) -> None:
    """Make the engine hold these base images of the examples; without names, all of them."""
    from expressway_sandbox.base_images.seed import BASE_IMAGES, seed_base_images

    with one_at_a_time("packages"):
        seed_base_images(docker_host, names=names or BASE_IMAGES, install=MAY_INSTALL)


def provide_programs(*packages: str) -> bool:
    """Whether the programs with the names of these Debian packages are there, installed where that is allowed."""
    from expressway_sandbox.base_images.debian import find_program, install_packages

    with one_at_a_time("packages"):
        missing = [name for name in packages if find_program(name) is None]
        if missing and MAY_INSTALL:
            install_packages(missing)
        return not missing or MAY_INSTALL


@contextmanager
def shared_sandbox(state_dir: Path, docker_host: str | None) -> Generator["SandboxInfo"]:
    """An embedded AWS for the tests of this process, which is stopped also when the process is killed."""
    from expressway_sandbox.lifecycle import start, stop

    notes = _folder("sandboxes")
    note = notes / hashlib.sha256(str(state_dir).encode()).hexdigest()[:16]
    with ExitStack() as held:
        with one_at_a_time("sandboxes"):
            used = held.enter_context(note.open("w"))
            fcntl.flock(used, fcntl.LOCK_SH)
            used.write(str(state_dir))
            used.flush()
        yield start(state_dir=state_dir, docker_host=docker_host)
        stop(state_dir)
        note.unlink()


def stop_left_sandboxes() -> None:
    """Stop the embedded AWS of each test process that was killed."""
    with one_at_a_time("sandboxes"):
        for note in _folder("sandboxes").iterdir():
            with note.open() as left, suppress(BlockingIOError):
                fcntl.flock(left, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _stop_sandbox(Path(left.read()))
                note.unlink()


def _stop_sandbox(state_dir: Path) -> None:
    from expressway_sandbox.lifecycle import stop

    if state_dir.is_dir():
        stop(state_dir)


def _folder(name: str) -> Path:
    folder = _PLACE / name
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _engine_place() -> Path:
    return _folder(f"engine-{hashlib.sha256(str(_ENGINE).encode()).hexdigest()[:8]}")


def _running_engine() -> str:
    record = read_engine_record(_ENGINE)
    return "" if record is None else f"{record.pid} {record.start_ticks}"
