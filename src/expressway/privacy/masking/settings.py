"""Secrets that stand behind their names: ``DB_PASSWORD=…``, ``"clientSecret": "…"``, ``password: …``, ``password:…``.

The name says that it is one, the signs around it say where the value ends. In prose ("invalid token: …") a value
has to look made up. A colon without a space makes names of images, tasks, scopes and keys as well: there only passwords
count, keys whose value looks made up, and what is quoted in a list of such pairs. Each name and each value is looked at
once, and within bounds.
"""

import re
from dataclasses import dataclass

from expressway.privacy.masking.patterns import MASK

_SETTING = re.compile(
    r"(?<![A-Za-z0-9_.-])(?P<name>(?:[Aa][Pp][Ii] )?+[A-Za-z0-9_.-]++)(?P<closing>\\{0,4}+[\"'])?+"
    r"(?P<space>[ \t]{0,8}+)(?P<sign>:=|=>|=(?!=)|:)"
)
_LONGEST_NAME = 64
_SECRET_NAME = re.compile(
    r"(?:pass(?:word|wd|phrase)?|pwd|api[_. -]?key|access[_.-]?key|account[_.-]?key|private[_.-]?key|signing[_.-]?key|"
    r"encryption[_.-]?key|master[_.-]?key|fernet[_.-]?key|app[_.-]?key|secret[_.-]?key[_.-]?base|"
    r"secret[_.-]?(?:access[_.-]?)?key|client[_.-]?secret|token|secret|credentials?)\d{0,2}$",
    re.IGNORECASE,
)
_NO_SECRET_NAME = re.compile(
    r"(?:next|client|clientrequest|continuation|pagination|idempotency|starting|sequence|lock|"
    r"next[_.-]?(?:forward|backward|page|sequence)|upload[_.-]?sequence)[_.-]?token$",
    re.IGNORECASE,
)
_AWS_NAMES = frozenset({"RequestToken", "ChangeToken", "pageToken", "PageToken"})
"""Tokens of requests and pages in the spelling of APIs; others with such names may be credentials (OAuth's)."""
_PASSWORD = re.compile(r"(?:pass(?:word|wd|phrase)?|pwd)\d{0,2}$", re.IGNORECASE)
_PLAIN_WORDS = frozenset({"token", "secret", "credential", "credentials"})
_QUOTE = re.compile(r"[bBuUrRfF]{0,2}(?P<quote>\\{0,4}+[\"'`])")
_NO_VALUE = re.compile(
    r"arn:|sha256:|\*{3}|\[withheld|\$\{|\$\(|\{\{|<|%[sdr(]|"
    r"(?:true|false|null|none|nil|undefined|required|missing|invalid|expired|empty|unset|not|must|is|was|should|too|"
    r"incorrect|wrong|expected|unexpected|cannot|failed|ok|yes|no|set|found|field)(?=$|[\s\"'`,;:)}\].!])",
    re.IGNORECASE,
)
"""A value that is no secret: a reference, a placeholder, a word about the value."""
_NAME_GOES_ON = re.compile(
    r"(?:re)?set|reads?|writes?|updates?|changed?|creates?|deletes?|forg[oe]t(?:ten)?|confirm(?:ed)?|verif(?:y|ied)|"
    r"grants?|generate|hash(?:ed)?|rotate|expir(?:es?|ed|y)|polic(?:y|ies)|strength|validat(?:e|ion)|min|max|length|"
    r"latest|stable|v\d[\w.-]*|\d+\.\d[\w.-]*",
    re.IGNORECASE,
)
"""What follows the colon in the names of scopes, tasks and images: ``password:reset``, ``password:latest``."""
_KEY = re.compile(r"(?:key|key[_.-]?base|client[_.-]?secret)\d{0,2}$", re.IGNORECASE)
_LOGGER = re.compile(r"(?:^|\s)(?:DEBUG|INFO|WARN|WARNING|ERROR|CRITICAL|FATAL|TRACE):(?:[\w.-]{1,64}:)?$")
_LONGEST_LOGGER = 80
_NEXT_PAIR = re.compile(r"[&;,|](?=[A-Za-z][\w.-]{0,40}[:=])")
_SMALL_NUMBER = re.compile(r"\d{1,5}(?![\w.-])")
_WORD = re.compile(r"[^\s\"'`]{1,4096}+")
_JSON_SCALAR = re.compile(r"[^\s\"'`,}\]]{1,4096}+")
_NEXT_SETTING = re.compile(r"[&;,|](?:\s|$|[ ]?[A-Za-z][\w.%-]{0,40}=|[ ][A-Za-z])")
_NEXT_IN_QUERY = re.compile(r"[&;]")
_MADE_UP = re.compile(r"(?=[^\d]*\d)(?=[^A-Za-z]*[A-Za-z]).{8,}", re.DOTALL)
_CLOSERS = ",;)}]"
_LONGEST_VALUE = 4096
_LONGEST_ARN = 512


@dataclass(frozen=True, slots=True)
class _Setting:
    """A secret's name as it was found: `before` is the sign before it, `at` where its value may begin.

    `is_tight`: neither a space nor a quotation mark is about its colon.
    """

    name: str
    before: str
    sign: str
    is_quoted: bool
    at: int
    is_tight: bool

    @property
    def is_password(self) -> bool:
        return _PASSWORD.search(self.name) is not None


def without_settings(text: str) -> str:
    """The text with the value masked of every setting that is named as a secret is."""
    if ":" not in text and "=" not in text:
        return text
    kept: list[str] = []
    done = at = 0
    while (found := _SETTING.search(text, at)) is not None:
        at = found.end()
        setting = _secret_setting(text, found)
        span = _value(text, setting) if setting else None
        if span:
            kept.extend((text[done : span[0]], MASK))
            done = at = span[1]
    return "".join((*kept, text[done:])) if kept else text


def _secret_setting(text: str, found: re.Match[str]) -> _Setting | None:
    name = found["name"][-_LONGEST_NAME:]
    if not _SECRET_NAME.search(name) or _NO_SECRET_NAME.search(name) or name in _AWS_NAMES:
        return None
    start, at = found.start(), found.end()
    before = text[start - 1 : start]
    is_quoted, has_space = found["closing"] is not None, bool(found["space"])
    if before == ":" and _LOGGER.search(text[max(0, start - _LONGEST_LOGGER) : start]):
        before = ""
    if before == "/" or (before == ":" and found["sign"] == ":") or _is_in_arn(text, start):
        return None
    spaces = len(text[at : at + 8]) - len(text[at : at + 8].lstrip(" \t"))
    is_tight = found["sign"] == ":" and not (spaces or is_quoted)
    if found["sign"] == "=" and spaces and not (has_space or is_quoted):
        return None  # nothing is assigned here
    lead = text[max(0, start - 8) : start].rstrip(" \t")
    before = before if before.strip() else lead[-1:]
    if is_tight and before not in ("{", ",") and not (_PASSWORD.search(name) or _KEY.search(name)):
        return None
    return _Setting(name, before, found["sign"], is_quoted, at + spaces, is_tight)


def _is_in_arn(text: str, start: int) -> bool:
    begin = text.rfind("arn:", max(0, start - _LONGEST_ARN), start)
    return begin >= 0 and not re.search(r"[\s\"'`,;&?]", text[begin:start])


def _value(text: str, setting: _Setting) -> tuple[int, int] | None:
    """From where to where the value reaches; None where it is no secret."""
    quote = _QUOTE.match(text, setting.at)
    if quote is None:
        return _bare_value(text, setting)
    start = quote.end()
    end = _closing(text, start, quote["quote"])
    if end < 0 and (setting.sign != ":" or setting.is_quoted):
        end = _end_of_open(text, start)
    value = text[start : max(end, start)]
    return (start, end) if value.strip() and not _is_no_secret(value, setting) else None


def _closing(text: str, start: int, quote: str) -> int:
    """Where the quotation ends, on its line; an escaped quotation mark within it does not end it."""
    line_end = text.find("\n", start, start + _LONGEST_VALUE)
    limit = line_end if line_end >= 0 else start + _LONGEST_VALUE
    at = text.find(quote, start, limit)
    while at > start and len(quote) == 1 and text[at - 1] == "\\" and text[at - 2] != "\\":
        at = text.find(quote, at + 1, limit)
    return at


def _end_of_open(text: str, start: int) -> int:
    """Where a quotation ends that nothing closes: with the text where that is cut off within it, else with its word."""
    if text.endswith("…") and len(text) - start <= _LONGEST_VALUE and "\n" not in text[start:]:
        return len(text)
    word = _WORD.match(text, start)
    return word.end() if word else -1


def _bare_value(text: str, setting: _Setting) -> tuple[int, int] | None:
    form = _JSON_SCALAR if setting.is_quoted else _WORD
    word = form.match(text, setting.at)
    if word is None or text[setting.at] in "=\\":
        return None
    value = _own_part(word.group(), setting)
    if value.rstrip(_CLOSERS) == MASK.rstrip(_CLOSERS):
        return None
    value = value.rstrip(_CLOSERS)
    end = setting.at + len(value)
    if not value or _is_no_secret(value, setting):
        return None
    is_last = text[end : end + 1] in ("", "\n", "\r", "'", '"', "`") or text[end : end + 2] in (" \n", ",\n")
    if setting.sign == ":" and not setting.is_quoted and not _is_told(value, setting, is_last=is_last):
        return None
    return setting.at, end


def _own_part(value: str, setting: _Setting) -> str:
    """A value without the setting that follows it; one in capitals, as of an environment, goes on to the space."""
    if setting.sign == ":":
        return _NEXT_PAIR.split(value, maxsplit=1)[0] if setting.is_tight else value
    if setting.before in ("?", "&"):
        return _NEXT_IN_QUERY.split(value, maxsplit=1)[0]
    return value if setting.name.isupper() and setting.before != ";" else _NEXT_SETTING.split(value, maxsplit=1)[0]


def _is_no_secret(value: str, setting: _Setting) -> bool:
    if value == MASK or _NO_VALUE.match(value):
        return True
    return _SMALL_NUMBER.fullmatch(value) is not None and not (setting.is_password and len(value) > 3)


def _is_told(value: str, setting: _Setting, *, is_last: bool) -> bool:
    """Whether ``name: value`` tells a secret, and is no sentence about one."""
    if setting.is_tight:
        return _is_told_tightly(value, setting)
    if setting.is_password:
        return True
    is_made_up = _MADE_UP.match(value) is not None
    begins = setting.before in ("", "\n", "{", ",", "-", "(", "[", "|", '"', "'")
    if setting.name.lower() in _PLAIN_WORDS and not begins:
        return is_made_up and len(value) >= 16
    return is_made_up or is_last


def _is_told_tightly(value: str, setting: _Setting) -> bool:
    """Whether ``name:value`` tells a secret, and is no name itself."""
    if setting.is_password:
        goes_on = _NAME_GOES_ON.match(value)
        is_name = goes_on is not None and value[goes_on.end() : goes_on.end() + 1] in ("", *":.-_/@[")
        is_folder = value[0] == "/" and setting.name.lower().endswith("pwd")
        return not is_name and not is_folder and value[0] != ":"
    return _KEY.search(setting.name) is not None and _MADE_UP.match(value) is not None


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
