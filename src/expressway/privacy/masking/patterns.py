"""Kinds of secrets that detect-secrets 1.5 does not know, or of which it finds only a part: a table.

Each pattern names the part to mask ``secret``; a pattern without it is masked whole. Prefixes are those that the
issuers document, so that what has none (an id, a digest, a name) is left alone.
"""

import re

MASK = "[masked]"
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
    r"glsa_[A-Za-z0-9_]{20,255}",
    r"glc_[A-Za-z0-9+/=]{32,400}",
    r"dp\.(?:pt|st|ct|sa|scim|audit)\.[A-Za-z0-9_.-]{20,255}",
    r"lin_api_[A-Za-z0-9]{20,255}",
    r"sntry[su]_[A-Za-z0-9_+/=.-]{20,1024}",
    r"sbp_[A-Za-z0-9]{30,255}",
    r"sb_secret_[A-Za-z0-9_-]{20,255}",
    r"key-[a-z0-9]{32}",
    r"[a-f0-9]{32}-[a-f0-9]{8}-[a-f0-9]{8}",
    r"pscale_(?:tkn|pw|oauth)_[A-Za-z0-9_.-]{20,255}",
    r"[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_-]{40,255}",
    r"SG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{16,64}",
)

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
    """Whether `FOREIGN_KINDS` may find something, told ten times as fast: most of a text that is asked about has none
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
