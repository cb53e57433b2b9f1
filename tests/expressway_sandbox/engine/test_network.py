"""The networks of private engines keep out of each other's way, and those of killed engines go."""

import os
import shutil
import subprocess
import sys
from collections.abc import Generator
from contextlib import closing, contextmanager
from ipaddress import IPv4Network
from pathlib import Path

import docker
import pytest

from expressway.image.engine.record import read_engine_record
from expressway_sandbox.engine.network import add_bridge, one_at_a_time, remove_abandoned_bridges, remove_bridge
from expressway_sandbox.engine.private import start_private_engine, stop_private_engine

INTERFACES = Path("/sys/class/net")
may_make_bridges = pytest.mark.skipif(
    os.geteuid() != 0 or not INTERFACES.is_dir(), reason="only root makes network bridges, on Linux"
)
needs_dockerd = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("dockerd"), reason="needs root and Debian's docker.io"
)


@contextmanager
def bridge_in_use(mark: str) -> Generator[str]:
    """A bridge that the command line of a process names, as that of an engine does."""
    with one_at_a_time():
        name, _ = add_bridge(mark)
        waits = [sys.executable, "-c", "print(flush=True); input()", f"--bridge={name}"]
        user = subprocess.Popen(waits, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert user.stdout is not None
        user.stdout.readline()  # the kernel shows a command line a moment after the start
    try:
        yield name
    finally:
        user.kill()
        user.communicate()
        remove_bridge(name)


@pytest.fixture
def mark() -> str:
    return f"{os.getpid():08x}"[-8:]


@may_make_bridges
def test_a_bridge_goes_when_no_engine_has_it(mark: str) -> None:
    with bridge_in_use(mark) as name:
        with one_at_a_time():
            remove_abandoned_bridges()
        assert (INTERFACES / name).exists()
        assert add_bridge(mark) == (name, False)
    with one_at_a_time():
        name, is_new = add_bridge(mark)
        assert is_new
        remove_abandoned_bridges()
    assert not (INTERFACES / name).exists()


@needs_dockerd
@pytest.mark.engine
@pytest.mark.usefixtures("engine_host")  # beside another engine, a private one has a bridge of its own
def test_an_engine_keeps_out_of_a_subnet_that_became_anothers(engine_directory: Path, mark: str) -> None:
    before = subnet_of(engine_directory)
    with bridge_in_use(mark):  # takes the first subnet that is free: the one of before
        now = subnet_of(engine_directory)
    assert not before.overlaps(now)


def subnet_of(directory: Path) -> IPv4Network:
    """The subnet of a private engine that is started and stopped."""
    engine = start_private_engine(directory)
    try:
        record = read_engine_record(directory)
        assert record is not None
        assert record.bridge
        with closing(docker.APIClient(base_url=engine.docker_host)) as client:
            return IPv4Network(client.inspect_network("bridge")["IPAM"]["Config"][0]["Subnet"])
    finally:
        stop_private_engine(directory)
