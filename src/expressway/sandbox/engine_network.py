"""What a private engine must know of the machine's network so as not to disturb another engine."""

import fcntl
import hashlib
import socket
import struct
from pathlib import Path

from expressway.errors import EngineError

# linux/sockios.h
_SIOCBRADDBR = 0x89A0
_SIOCBRDELBR = 0x89A1
_SIOCGIFFLAGS = 0x8913
_SIOCSIFFLAGS = 0x8914
_SIOCSIFHWADDR = 0x8924
_IFF_UP = 0x1
_ARPHRD_ETHER = 1
_NAME_BYTES = 16


def other_engine_runs() -> bool:
    """Whether some dockerd runs already: it owns the bridge docker0 and the iptables chains named DOCKER."""
    for comm in Path("/proc").glob("[0-9]*/comm"):
        try:
            if comm.read_text(encoding="utf-8").strip() == "dockerd":
                return True
        except OSError:
            continue  # the process has just ended
    return False


def add_bridge(name: str) -> str:
    """Make a network bridge of this name (at most 15 bytes), if there is none yet, and return the name.

    Raises:
        EngineError: ``engine_start_failed`` when the kernel refuses.
    """
    if not Path(f"/sys/class/net/{name}").exists():
        try:
            _bridge_call(_SIOCBRADDBR, name)
            _pin_address(name)
        except OSError as exc:
            raise EngineError(
                "engine_start_failed",
                f"The kernel refused a network bridge for the private engine: {exc.strerror}.",
                "Use the engine that already runs, by setting DOCKER_HOST, or allow NET_ADMIN.",
            ) from exc
    return name


def _pin_address(name: str) -> None:
    """Give the bridge a hardware address of its own.

    Without one it takes the lowest of its ports', which changes as containers come and go, and a request under way
    at that moment waits for a new ARP answer.
    """
    address = b"\x02" + hashlib.sha256(name.encode()).digest()[:5]  # locally administered
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as handle:
        fcntl.ioctl(handle, _SIOCSIFHWADDR, struct.pack("16sH6s8x", name.encode(), _ARPHRD_ETHER, address))


def remove_bridge(name: str) -> None:
    """Remove a bridge that `add_bridge` made; harmless when it is gone."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as handle:
            request = struct.pack("16sH14x", name.encode(), 0)
            flags = struct.unpack("16sH14x", fcntl.ioctl(handle, _SIOCGIFFLAGS, request))[1]
            fcntl.ioctl(handle, _SIOCSIFFLAGS, struct.pack("16sH14x", name.encode(), flags & ~_IFF_UP))
        _bridge_call(_SIOCBRDELBR, name)
    except OSError:
        return  # already gone: an interface without containers holds nothing worth an error


def _bridge_call(request: int, name: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as handle:
        fcntl.ioctl(handle, request, name.encode().ljust(_NAME_BYTES, b"\0"))
