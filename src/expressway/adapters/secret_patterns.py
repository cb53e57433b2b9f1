"""Kinds of secrets that detect-secrets 1.5 does not know, or of which it finds only a part: a table.

Each pattern names the part to mask ``secret``; a pattern without it is masked whole. Prefixes are those that the
issuers document, so that what has none (an id, a digest, a name) is left alone.
"""

import re

_END = r"(?![A-Za-z0-9_-])"
_START = r"(?<![A-Za-z0-9_-])"

_PREFIXED = (
    r"github_pat_[A-Za-z0-9_]{22,255}",
    r"gh[pousr]_[A-Za-z0-9]{36,255}",
    r"sk-(?:proj|svcacct|admin|ant|or)-[A-Za-z0-9_-]{20,}",
    r"sk-[A-Za-z0-9]{40,}",
    r"AIza[A-Za-z0-9_-]{35}",
    r"ya29\.[A-Za-z0-9_-]{20,}",
    r"GOCSPX-[A-Za-z0-9_-]{20,}",
    r"npm_[A-Za-z0-9]{36,}",
    r"pypi-[A-Za-z0-9_-]{50,}",
    r"dckr_(?:pat|oat)_[A-Za-z0-9_-]{20,}",
    r"[sr]k_(?:test|live)_[A-Za-z0-9]{16,}",
    r"whsec_[A-Za-z0-9+/=]{20,}",
    r"xapp-\d-[A-Za-z0-9-]{20,}",
    r"xox[abeoprs](?:\.xox[bp])?-[A-Za-z0-9-]{10,}",
    r"hf_[A-Za-z0-9]{30,}",
    r"do[opr]_v1_[a-f0-9]{64}",
    r"shp(?:at|ca|pa|ss)_[A-Fa-f0-9]{32}",
    r"dapi[a-f0-9]{32}(?:-\d)?",
    r"ATATT3[A-Za-z0-9_=-]{50,}",
    r"hv[sbr]\.[A-Za-z0-9_-]{24,}",
    r"NRAK-[A-Z0-9]{27}",
    r"AKC[A-Za-z0-9]{60,}",
    r"AGE-SECRET-KEY-1[A-Z0-9]{58}",
    r"SG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{16,64}",
)

_URL = re.compile(
    r"(?P<scheme>\b[a-z][a-z0-9+.-]{1,30})://(?P<secret>[^\s/?#@\"'<>]*:[^\s\"'<>]*?)@(?=[\w\[])", re.IGNORECASE
)
"""``scheme://user:password@host``; a password may hold any character but spaces and quotes."""

_WORDS = (
    r"pass(?:word|wd|phrase)?|pwd|api[_-]?key|apikey|access[_-]?key|account[_-]?key|shared[_-]?access[_-]?key|"
    r"private[_-]?key|signing[_-]?key|encryption[_-]?key|secret[_-]?(?:access[_-]?)?key|client[_-]?secret|"
    r"(?:auth|access|refresh|session|security|bearer|id)[_-]?token|token|secret|credentials?"
)
_OPTIONS = r"pass(?:word|wd)?|pwd|token|secret|api-key|auth-token|secret-key|access-key"
_NAME = rf"(?<![\w:/.-])(?:\\*[\"'])?[A-Za-z0-9_.-]{{0,48}}(?:{_WORDS})(?:\\*[\"'])?"
_UNLESS_NONE = (
    r"(?!arn:|sha256:|\*{3}|\[(?:masked|withheld)|\$\{|\$\(|\{\{|<|%[sdr(]|"
    r"(?:true|false|null|none|nil|undefined|required|missing|invalid|expired|empty|unset|not)\b|\d{1,5}(?![\w.-]))"
)
"""A value that is no secret: a reference, a placeholder, a word about the value, a small number."""

_ASSIGNED = (
    # NAME="value", 'name': 'value', {"name":"value"}: quotation marks tell where the value ends.
    re.compile(
        rf"{_NAME}\s*(?::=|=>|[=:])\s*(?P<quote>\\*[\"']){_UNLESS_NONE}(?P<secret>[^\n]{{1,4096}}?)(?P=quote)",
        re.IGNORECASE,
    ),
    # NAME=value, ?name=value&…, ;Password=value; up to what ends such a value.
    re.compile(rf"{_NAME}=(?![=\"'\\]){_UNLESS_NONE}(?P<secret>[^\s\"'&;,|)}}\]]{{1,4096}})", re.IGNORECASE),
    # NAME: value in prose and YAML: only what looks made up, letters and digits together.
    re.compile(
        rf"(?<![\w:/.-])[A-Za-z0-9_.-]{{0,48}}(?:pass(?:word|wd|phrase)?|pwd|api[_ -]?key|token)\s*:\s+{_UNLESS_NONE}"
        r"(?P<secret>(?=[^\s\"']*\d)(?=[^\s\"']*[A-Za-z])[^\s\"',;)}\]]{8,})",
        re.IGNORECASE,
    ),
    # --password value; -p is too short to tell.
    re.compile(rf"(?<!\S)--(?:{_OPTIONS})[ =]{_UNLESS_NONE}(?P<secret>[^\s-]\S*)", re.IGNORECASE),
)

OWN_PATTERNS: tuple[re.Pattern[str], ...] = (
    re.compile(
        r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----(?P<secret>.*?)"
        r"(?:-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|\Z)",
        re.DOTALL,
    ),
    re.compile(rf"{_START}eyJ[A-Za-z0-9_-]{{8,}}\.[A-Za-z0-9_-]{{8,}}(?:\.[A-Za-z0-9_-]*){{0,3}}"),
    _URL,
    re.compile(r"\b(?:Bearer|Basic|Token)\s+(?P<secret>[A-Za-z0-9._~+/=-]{16,})", re.IGNORECASE),
    re.compile(rf"{_START}(?:{'|'.join(_PREFIXED)}){_END}"),
    re.compile(r"(?<![A-Za-z0-9])(?:A3T[A-Z0-9]|ABIA|ACCA|AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9])"),
    re.compile(
        r"[?&](?:X-Amz-(?:Signature|Security-Token|Credential)|sig|Signature)=(?P<secret>[^\s&\"']{8,})", re.IGNORECASE
    ),
    *_ASSIGNED,
)

MADE_UP = re.compile(
    r"(?<![A-Za-z0-9])(?=[A-Za-z0-9]*\d)(?=[A-Za-z0-9]*[G-Zg-z])[A-Za-z0-9]{16,}|\bgl[a-z]{2,5}-|cloudant|softlayer",
    re.IGNORECASE,
)
"""What every token that only detect-secrets knows has: 16 letters and digits in a row, not all hexadecimal, or the
name of its issuer. Ordinary text and identifiers rarely have that, and loading detect-secrets takes a tenth of a
second."""
KEY_LINE = re.compile(r"(?=.*[a-z])(?=.*[A-Z])[A-Za-z0-9+/]{64}={0,2}")
"""A line of a private key by itself, such as a log shows when it begins within one: 64 characters of base64."""
KEY_BODY = re.compile(r"[A-Za-z0-9+/]{60,76}")
KEY_TAIL = re.compile(r"[A-Za-z0-9+/]{1,76}={0,2}")
KEY_HEADER = re.compile(r"(?:Proc-Type|DEK-Info|Version|Comment|Hash): .*|")
KEY_BEGINS = re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----")
KEY_ENDS = re.compile(r"-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----")
