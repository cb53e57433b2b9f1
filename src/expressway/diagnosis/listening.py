"""Where an application says it listens: addresses and ports in the lines of its log."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

_VERB = r"(?:listen\w*|running|started|serving|server|bound|binding|ready|local|available)\b"
_HOST = r"(?P<host>\d{1,3}(?:\.\d{1,3}){3}|localhost|\[[0-9a-f:.]*\]|\*|::1?|0)"
_ADDRESS = re.compile(rf"{_VERB}.*?(?:\w+://)?(?<![\w.]){_HOST}:(?P<port>\d{{2,5}})\b", re.IGNORECASE)
_ANY_INTERFACE = re.compile(r"all (?:addresses|interfaces)|0\.0\.0\.0|\[::\]|(?<![\w:]):::\d", re.IGNORECASE)
_PORT = re.compile(rf"{_VERB}.*?(?:port[s]?(?:\(s\))?[ =:]*|:)(?P<port>\d{{2,5}})\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Listener:
    """One address that a log line names; `host` is empty where the line names only a port."""

    port: int
    host: str
    line: str

    @property
    def is_loopback(self) -> bool:
        """Reachable only from inside its own container."""
        return self.host.startswith("127.") or self.host in {"localhost", "[::1]", "::1"}


def listeners(lines: Sequence[str]) -> tuple[Listener, ...]:
    """Every address that the lines say is listened on, the last line last."""
    return tuple(found for line in lines if (found := _listener(line)) is not None)


def loopback_listener(lines: Sequence[str]) -> Listener | None:
    """The listener of an application that only listens on loopback.

    None when any line names another interface: servers that listen on all of them often print one line for each.
    The word ``localhost`` alone tells little, since many print it while they listen everywhere: it does not count.
    """
    found = listeners(lines)
    if any(_ANY_INTERFACE.search(line) for line in lines):
        return None
    if any(one.host and not one.is_loopback for one in found):
        return None
    return next((one for one in reversed(found) if one.is_loopback and one.host != "localhost"), None)


def _listener(line: str) -> Listener | None:
    match = _ADDRESS.search(line)
    if match is not None and _is_port(match["port"]):
        return Listener(int(match["port"]), match["host"].lower(), line)
    match = _PORT.search(line)
    return Listener(int(match["port"]), "", line) if match is not None and _is_port(match["port"]) else None


def _is_port(text: str) -> bool:
    return 0 < int(text) < 65536
