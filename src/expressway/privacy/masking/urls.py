"""Credentials in addresses: ``scheme://user:password@host`` and ``user:password@tcp(host)``.

A password may hold any character but spaces and quotes, so that where it ends is not told by the first ``@``; and an
``@`` in a path, a query or a digest is none. Every address is looked at within bounds, once.
"""

import re

from expressway.privacy.masking.patterns import MASK

_SCHEME = re.compile(r"(?<![A-Za-z0-9+.-])[A-Za-z][A-Za-z0-9+.-]{1,30}+://|(?<=[A-Za-z0-9])://")
_ADDRESS = re.compile(r"[^\s\"'<>`]{1,2048}+")
_DATABASES = re.compile(
    r"(?:postgres|mysql|mariadb|mongodb|redis|valkey|amqp|mssql|sqlserver|oracle|cockroach|clickhouse|neo4j|nats|kafka)"
    r"[a-z0-9+.]{0,20}://",
    re.IGNORECASE,
)
_HOST_AND_PORT = re.compile(r"(?:[\w.-]{0,253}+|\[[0-9a-fA-F:.%]{2,50}\]):(?:\d{1,5}+$|[${<%])")
_CERTAIN_HOST = re.compile(
    r"(?:localhost|(?:[\w-]{1,63}\.){1,12}[\w-]{1,63}|\[[0-9a-fA-F:.]{2,50}\]|[\w-]{1,63}(?=:\d))(?::\d{1,5})?(?=[/?#,;)\]}]|$)"
)
_HOST_BEGINS = re.compile(r"[\w\[$]")
_TOKEN_AS_USER = re.compile(r"(?=[^\d]*\d)(?=[^A-Za-z]*[A-Za-z])[A-Za-z0-9_.~-]{16,255}")
_DRIVER_ADDRESS = re.compile(r"@(?=(?:tcp|udp|unix)[46]?\()")
_DRIVER_USER = re.compile(r"(?:.*[\s\"'`<>]|[\w.-]+=)", re.DOTALL)
_LONGEST_USER = 300


def without_url_credentials(text: str) -> str:
    """The text with the credentials of every address in it masked; user names alone stay, tokens there do not."""
    return _without_driver_credentials(_without_credentials(text)) if "@" in text else text


def _without_credentials(text: str) -> str:
    kept: list[str] = []
    at = 0
    while (scheme := _SCHEME.search(text, at)) is not None:
        kept.append(text[at : scheme.end()])
        at = scheme.end()
        address = _ADDRESS.match(text, at)
        end = _end_of_credentials(scheme.group(), address.group()) if address else 0
        if end:
            kept.append(MASK)
            at += end
    return "".join((*kept, text[at:]))


def _end_of_credentials(scheme: str, address: str) -> int:
    """Where the ``@`` stands that ends the credentials; 0 where there is nothing to mask."""
    is_database = _DATABASES.fullmatch(scheme) is not None
    authority = re.split(r"[/?#]", address, maxsplit=1)[0]
    if "://" in address and not is_database:  # an address within an address is looked at by itself
        address = address[: max(address.find("://"), len(authority))]
    tells = "@" in (address.partition("?")[0] if is_database else authority)
    if not tells and (":" not in authority or _HOST_AND_PORT.match(authority)):
        return 0
    end = _last_at(address, is_database=is_database, authority=len(authority))
    user = address[:end]
    if end <= 0 or user == MASK:
        return 0
    return end if ":" in user or _TOKEN_AS_USER.fullmatch(user) else 0


def _last_at(address: str, *, is_database: bool, authority: int) -> int:
    """The last ``@`` before the host: of a database's address any, of others the first that surely begins a host."""
    found = 0
    at = address.find("@")
    while at >= 0:
        if _HOST_BEGINS.match(address, at + 1):
            found = at
            if not is_database and _CERTAIN_HOST.match(address, at + 1) and "@" not in address[at + 1 : authority]:
                break
        at = address.find("@", at + 1)
    return found


def _without_driver_credentials(text: str) -> str:
    kept: list[str] = []
    at = 0
    for mark in _DRIVER_ADDRESS.finditer(text):
        begin = max(at, mark.start() - _LONGEST_USER)
        before = text[begin : mark.start()]
        lead = _DRIVER_USER.match(before)
        user = before[lead.end() :] if lead else before
        if ":" in user:
            kept.extend((text[at : mark.start() - len(user)], MASK))
            at = mark.start()
    return "".join((*kept, text[at:]))
