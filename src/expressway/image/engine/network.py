"""What a build in Expressway's engine gets of this machine's network, so that it reaches what the machine does.

Without network rules a bridge leads nowhere, and on no bridge does a loopback address lead to this machine: then builds
use the machine's own network. Proxies travel as Docker's predefined build arguments, which no image's history shows;
package indexes only where their address holds no credentials, since a declared argument stays in the history.
"""

import configparser
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

NETWORK_FILE = "network"
"""Beside the socket of a private engine: how its containers reach the outside."""
WITHOUT_RULES = "without network rules"
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
_RESOLVED_STUB = "127.0.0.53"
_UNREACHABLE = re.compile(
    r"temporary failure (?:in name resolution|resolving)|could not resolve (?:host|proxy|')|name or service not known|"
    r"\b(?:EAI_AGAIN|ENOTFOUND|ENETUNREACH)\b|network is unreachable|no such host|bad address '|"
    r"failed to establish a new connection",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class BuildNetwork:
    """The network mode of a build ("" leaves it to the engine) and the build arguments that tell of the network."""

    mode: str = ""
    args: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)


def build_network(
    docker_host: str, environ: Mapping[str, str], *, root: Path = Path("/"), home: Path | None = None
) -> BuildNetwork:
    """What builds in the engine at `docker_host` get; nothing in an engine that is not Expressway's own.

    Args:
        root: where ``etc`` is, with the machine's configuration.
    """
    marker = Path(docker_host.removeprefix("unix://")).parent / NETWORK_FILE
    try:
        network = marker.read_text(encoding="utf-8").strip()
    except OSError:
        return BuildNetwork()
    names = {name for proxy in _PROXIES for name in (proxy, proxy.lower())}
    proxies = {name: environ[name] for name in sorted(names) if environ.get(name)}
    indexes = dict(_indexes(environ, root, home or Path.home()))
    addresses = [value for name, value in proxies.items() if name.upper() != "NO_PROXY"] + list(indexes.values())
    needs_host = network == WITHOUT_RULES or any(map(_is_on_loopback, addresses)) or _asks_loopback_for_names(root)
    return BuildNetwork("host" if needs_host else "", proxies | indexes)


def unreachable(line: str) -> bool:
    """Whether a line of a build's output says that something in the network was not reached."""
    return _UNREACHABLE.search(line[:2000]) is not None


def _indexes(environ: Mapping[str, str], root: Path, home: Path) -> Iterator[tuple[str, str]]:
    pip, npm = _pip_settings(root, home), _npm_settings(root, home)
    configured = {
        "PIP_INDEX_URL": pip.get("index-url"),
        "PIP_EXTRA_INDEX_URL": pip.get("extra-index-url"),
        "NPM_CONFIG_REGISTRY": npm.get("registry"),
        "UV_DEFAULT_INDEX": None,
    }
    for name, setting in configured.items():
        value = environ.get(name) or environ.get(name.lower()) or setting or ""
        usable = [url for url in value.split() if _is_public(url)]
        if usable:
            yield name, " ".join(usable)


def _is_public(url: str) -> bool:
    """An address that means the same in a container, and that may be seen in an image's history."""
    parts = urlsplit(url)
    return parts.scheme in ("http", "https") and "@" not in parts.netloc and not parts.query


def _pip_settings(root: Path, home: Path) -> dict[str, str]:
    parser = configparser.RawConfigParser(strict=False)
    for path in (root / "etc/pip.conf", home / ".pip/pip.conf", home / ".config/pip/pip.conf"):
        try:
            parser.read_string(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, configparser.Error):
            continue
    return dict(parser["global"]) if parser.has_section("global") else {}


def _npm_settings(root: Path, home: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for path in (root / "etc/npmrc", home / ".npmrc"):
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, ValueError):
            continue
        pairs = (line.partition("=") for line in lines if not line.lstrip().startswith((";", "#")))
        found |= {name.strip(): value.strip().strip("\"'") for name, equals, value in pairs if equals}
    return found


def _is_on_loopback(address: str) -> bool:
    try:
        host = urlsplit(address if "://" in address else f"//{address}").hostname or ""
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _asks_loopback_for_names(root: Path) -> bool:
    """Whether names are looked up at a loopback address that Docker does not replace by what is behind it."""
    try:
        lines = (root / "etc/resolv.conf").read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return False
    servers = [words[1] for words in map(str.split, lines) if len(words) > 1 and words[0] == "nameserver"]
    known = _RESOLVED_STUB in servers and (root / "run/systemd/resolve/resolv.conf").is_file()
    return (
        bool(servers)
        and not known
        and all(map(_is_on_loopback, (f"[{server}]" if ":" in server else server for server in servers)))
    )
