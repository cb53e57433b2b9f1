"""Kinds of secrets that detect-secrets 1.5 does not know, or of which it finds only a part: a table.

Each pattern names the part to mask ``secret``; a pattern without it is masked whole.
"""

import re
import tomllib
from pathlib import Path

MASK = "[masked]"
_END = r"(?![A-Za-z0-9_-])"
_START = r"(?<![A-Za-z0-9_-])"

_PREFIXED = tuple(
    str(rule["regex"])
    for rule in tomllib.loads(Path(__file__).with_name("prefixed.toml").read_text(encoding="utf-8"))["rules"]
)
"""Known by a prefix or a fixed shape: see the rules there."""

_OPTIONS = r"pass(?:word|wd|phrase)?|pwd|token|secret|api-key|auth-token|secret-key|access-key"

_COMMANDS = (
    # --db-password value, "--password", "value"; -p alone is too short to tell.
    re.compile(
        rf"(?<![\w-])--(?:[a-z0-9]{{1,20}}-){{0,3}}(?:{_OPTIONS})(?:=|[\"'], {{0,4}}+|[ \t]{{1,8}}+)[\"']?+"
        r"(?!\[masked|\$\{|<)(?P<secret>[^\s\"'-][^\s\"']{0,4095})",
        re.IGNORECASE,
    ),
    re.compile(r"\bcurl\b[^\n]{0,300}?\s(?:-u|--user[= ]) {0,4}[\"']?(?P<secret>[^\s\"':\[]{0,128}:[^\s\"']{1,512})"),
    re.compile(
        r"\b(?:(?:mysql|mariadb)[a-z-]{0,12}|sshpass)\b[^\n]{0,300}?\s-p(?!\[masked)[\"']?(?P<secret>[^\s\"']{1,512})"
    ),
)

_HEADERS = (
    re.compile(
        r"\bauthorization[\"']?[ \t]{0,4}[:=][ \t]{0,4}[\"']?(?:Basic|Bearer|Digest|Token|Negotiate|ApiKey)[ \t]{1,8}"
        r"(?!\[masked)(?P<secret>[^\s\"']{2,4096})",
        re.IGNORECASE,
    ),
    re.compile(
        r"(?<![\w-])(?:set-)?cookie[\"']?[ \t]{0,4}[:=][ \t]{0,4}[\"']?(?P<secret>[\w.-]{1,128}=[^\n\"']{1,4096})",
        re.IGNORECASE,
    ),
    re.compile(r"\b(?:Bearer|Basic|Token)[ \t]{1,8}(?P<secret>[A-Za-z0-9._~+/=-]{16,4096})", re.IGNORECASE),
)

OWN_PATTERNS: tuple[re.Pattern[str], ...] = (
    re.compile(
        r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?P<secret>.*?)"
        r"(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|\Z)",
        re.DOTALL,
    ),
    re.compile(rf"{_START}eyJ[A-Za-z0-9_-]{{8,}}+\.[A-Za-z0-9_-]{{8,}}+(?:\.[A-Za-z0-9_-]*+){{0,3}}"),
    *_HEADERS,
    re.compile(rf"{_START}(?:{'|'.join(_PREFIXED)}){_END}"),
    re.compile(r"(?<![A-Za-z0-9])(?:A3T[A-Z0-9]|ABIA|ACCA|AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9])"),
    re.compile(r"discord(?:app)?\.com/api/(?:v\d{1,2}/)?webhooks/\d{10,25}/(?P<secret>[\w-]{8,255})", re.IGNORECASE),
    re.compile(
        r"[?&](?:X-Amz-(?:Signature|Security-Token|Credential)|sig|Signature)=(?P<secret>[^\s&\"']{8,4096})",
        re.IGNORECASE,
    ),
    *_COMMANDS,
)

FOREIGN_KINDS = re.compile(
    "|".join(
        (
            r"(?:key|pwd|pw|pass|password|token)\W++[0-9a-zA-Z]{24}|[\"'][0-9a-zA-Z/+]{40}[\"']",
            r"AccountKey=|_authToken|T3BlbkFJ|GR1348941|sq0csp-|cloudant.com|softlayer.com|hooks.slack.com",
            r"(?:AKIA|ASIA|ABIA|ACCA|A3T[A-Z0-9])[A-Z0-9]{16}",
            r"gl[a-z]{2,6}-[\w-]{20}",
            r"gh[a-z]_\w{36}",
            r"[MNO][\w-]{23,25}\.[\w-]{6}\.[\w-]{27}",
            r"[0-9a-z]{32}-us\d",
            r"pypi-AgE",
            r"SG\.[\w-]{22}\.",
            r"xox[a-z]-\d",
            r"[rs]k_live_",
            r"\d{8,10}:[\w-]{35}",
            r"(?:AC|SK)[a-z0-9]{32}",
        )
    ),
    re.IGNORECASE,
)
"""What stands in every text in which detect-secrets finds something: its patterns, loosely. Ordinary text and
identifiers rarely have that, and loading detect-secrets takes a tenth of a second."""
_SIGNS_OF_FOREIGN_KINDS = (
    *("key", "pw", "pass", "token", "'", '"', "t3blbkfj", "gr1348941", "sq0csp-", "cloudant", "softlayer", "hooks"),
    *("akia", "asia", "abia", "acca", "a3t", "gl", "gh", "-us", "pypi-age", "sg.", "xox", "k_live_"),
)
_LONG_AFTER_COLON = re.compile(r"[0-9]{8}:[0-9A-Za-z_-]{35}")
_LONG_AFTER_SIGN = re.compile(r"(?:ac|sk)[a-z0-9]{32}")
_LONG_AFTER_DOTS = re.compile(r"\.[\w-]{6}\.[\w-]{27}")


def may_hold_foreign_kinds(text: str) -> bool:
    """Whether `FOREIGN_KINDS` may find something, ten times as fast: most of a text that is asked about has none
    of the signs that each of its patterns takes."""
    if not text.isascii():
        return True
    lowered = text.lower()
    if any(sign in lowered for sign in _SIGNS_OF_FOREIGN_KINDS):
        return True
    return any(form.search(lowered) for form in (_LONG_AFTER_COLON, _LONG_AFTER_DOTS, _LONG_AFTER_SIGN))


KEY_LINE = re.compile(r"(?=.*[a-z])(?=.*[A-Z])[A-Za-z0-9+/]{64,76}={0,2}")
"""A line of a private key by itself, such as a log shows when it begins within one: base64 as OpenSSL (64), OpenSSH
(70) and MIME (76) break it."""
KEY_BODY = re.compile(r"[A-Za-z0-9+/]{16,}")
KEY_TAIL = re.compile(r"[A-Za-z0-9+/]+={0,2}")
"""Lines of a key of which the first or the last line is shown, however it is broken, or not at all."""
KEY_HEADER = re.compile(r"(?:Proc-Type|DEK-Info|Version|Comment|Hash): .*|")
KEY_BEGINS = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
KEY_ENDS = re.compile(r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
