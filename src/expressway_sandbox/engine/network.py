"""What a private engine must know of the machine's network so as not to disturb another engine."""

import fcntl
import hashlib
import os
import socket
import struct
import sys
from collections.abc import Generator, Iterable
from contextlib import contextmanager, suppress
from ipaddress import IPv4Interface, IPv4Network
from pathlib import Path

from expressway.errors import EngineError

# linux/sockios.h
_SIOCBRADDBR = 0x89A0
_SIOCBRDELBR = 0x89A1
_SIOCGIFFLAGS = 0x8913
_SIOCSIFFLAGS = 0x8914
_SIOCSIFADDR = 0x8916
_SIOCSIFNETMASK = 0x891C
_SIOCSIFHWADDR = 0x8924
_IFF_UP = 0x1
_ARPHRD_ETHER = 1
_NAME_BYTES = 16
_BRIDGE_PREFIX = "xpw"
_INTERFACES = Path("/sys/class/net")
_SUBNETS = (
    *(IPv4Network((f"172.{second}.0.0", 16)) for second in range(18, 32)),
    *IPv4Network("192.168.0.0/16").subnets(new_prefix=20),
)
"""Those that container engines usually take their networks from."""


@contextmanager
def one_at_a_time() -> Generator[None]:
    """Let no other start of a private engine on this machine look at bridges and subnets meanwhile."""
    interfaces = os.open(_INTERFACES, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(interfaces, fcntl.LOCK_EX)
        yield
    finally:
        os.close(interfaces)


def other_engine_runs() -> bool:
    """Whether some dockerd runs already: it owns the bridge docker0 and the iptables chains named DOCKER."""
    return any(name.strip() == b"dockerd" for name in _of_processes("comm"))


def _of_processes(file: str) -> Generator[bytes]:
    """What this file below /proc holds for each process."""
    for path in Path("/proc").glob(f"[0-9]*/{file}"):
        with suppress(OSError):  # the process has just ended
            yield path.read_bytes()


def add_bridge(mark: str) -> tuple[str, bool]:
    """Make the network bridge of the engine with this mark (at most 12 bytes): its name, and whether it is new.

    It has a subnet that nothing on this machine uses: an engine that chooses takes the one of its last start, which
    another engine may use by now.

    Raises:
        EngineError: ``engine_start_failed`` when the kernel refuses, or no subnet is free.
    """
    name = f"{_BRIDGE_PREFIX}{mark}"
    if (_INTERFACES / name).exists():
        return name, False
    try:
        _bridge_call(_SIOCBRADDBR, name)
        _pin_address(name)
        _give_subnet(name, _free_subnet())
    except OSError as exc:
        raise EngineError(
            "engine_start_failed",
            f"The kernel refused a network bridge for the private engine: {exc.strerror}.",
            "Use the engine that already runs, by setting DOCKER_HOST, or allow NET_ADMIN.",
        ) from exc
    return name, True


def remove_abandoned_bridges() -> None:
    """Remove the bridges of private engines that were killed: their subnets would be taken for used."""
    for interface in _INTERFACES.glob(f"{_BRIDGE_PREFIX}*"):
        ports = interface / "brif"
        own = f"--bridge={interface.name}".encode()
        is_used = any(own in command.split(b"\0") for command in _of_processes("cmdline"))
        if ports.is_dir() and not any(ports.iterdir()) and not is_used:
            remove_bridge(interface.name)


def _free_subnet() -> IPv4Network:
    taken = tuple(_routed(Path("/proc/net/route").read_text(encoding="ascii").splitlines()[1:]))
    for subnet in _SUBNETS:
        if not any(subnet.overlaps(other) for other in taken):
            return subnet
    raise EngineError(
        "engine_start_failed",
        "No subnet for the private engine's containers is free: this machine has routes for all of 172.18.0.0-"
        "172.31.255.255 and 192.168.0.0-192.168.255.255.",
        "Use the engine that already runs, by setting DOCKER_HOST, or remove unused networks.",
    )


def _routed(lines: Iterable[str]) -> Generator[IPv4Network]:
    """What the lines of /proc/net/route lead to, save by default; addresses are hexadecimal, in host byte order."""
    for line in lines:
        fields = line.split()
        address, mask = (int(fields[column], 16).to_bytes(4, sys.byteorder) for column in (1, 7))
        if any(mask):
            yield IPv4Network((address, socket.inet_ntoa(mask)))


def _give_subnet(name: str, subnet: IPv4Network) -> None:
    own = IPv4Interface((subnet[1], subnet.prefixlen))
    for request, value in ((_SIOCSIFADDR, own.ip), (_SIOCSIFNETMASK, own.netmask)):
        # struct sockaddr_in: family, port, address
        _ioctl(request, struct.pack("16sHH4s8x", name.encode(), socket.AF_INET, 0, value.packed))
    _set_up(name, up=True)  # the subnet's route shows others that it is taken


def _pin_address(name: str) -> None:
    """Give the bridge a hardware address of its own.

    Without one it takes the lowest of its ports', which changes as containers come and go, and a request in progress
    at that moment waits for a new ARP answer.
    """
    address = b"\x02" + hashlib.sha256(name.encode()).digest()[:5]  # locally administered
    _ioctl(_SIOCSIFHWADDR, struct.pack("16sH6s8x", name.encode(), _ARPHRD_ETHER, address))


def remove_bridge(name: str) -> None:
    """Remove a bridge that `add_bridge` made; harmless when it is gone."""
    try:
        _set_up(name, up=False)
        _bridge_call(_SIOCBRDELBR, name)
    except OSError:
        return  # already gone: an interface without containers holds nothing worth an error


def _set_up(name: str, *, up: bool) -> None:
    flags = struct.unpack("16sH14x", _ioctl(_SIOCGIFFLAGS, struct.pack("16sH14x", name.encode(), 0)))[1]
    flags = flags | _IFF_UP if up else flags & ~_IFF_UP
    _ioctl(_SIOCSIFFLAGS, struct.pack("16sH14x", name.encode(), flags))


def _bridge_call(request: int, name: str) -> None:
    _ioctl(request, name.encode().ljust(_NAME_BYTES, b"\0"))


def _ioctl(request: int, argument: bytes) -> bytes:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as handle:
        return fcntl.ioctl(handle, request, argument)
