"""How the settings of JavaScript's package managers sign in to registries: with credentials, or by a variable's name.

A file that only names a variable holds no secret (npm: ``${NAME}`` in .npmrc; Yarn: ``${NAME}``, ``${NAME:-other}`` in
.yarnrc.yml). But Yarn refuses to run where the variable does not exist, so that a build without it has to set it empty.
"""

import re
from collections.abc import Iterator

from expressway.containerize.files import AppFiles
from expressway.diagnose.catalog import make_finding
from expressway.diagnose.finding import Finding
from expressway.privacy.untrusted import named

_FILES = (".npmrc", ".yarnrc", ".yarnrc.yml")
# What is looked for up to an end is bounded, so that the time a text takes grows with its length.
_SETTING = re.compile(
    r"(?m)^[^#;\n]*?(?:_authToken|_auth|_password|npmAuthToken|npmAuthIdent|(?<![\w-])key)[\"']?"
    r"(?:[ \t]*+[=:][ \t]*+|[ \t]++)"
    # YAML's block, or a value on the next line, further in than its name; but not another setting or a remark.
    r"(?:(?:[>|][-+\d]{0,2}+|(?=[ \t\r]*+\n[ \t]++(?![#;]|[^\n]*(?:=[ \t]*+[^=\s]|:[\s\"]))))"
    r"[ \t\r]*+(?:#[^\n]*+)?(?:\n[ \t\r]*+)++(?P<block>[^\n]*)|"
    r"\"(?P<double>[^\"\n]*)|'(?P<single>[^'\n]*)|(?P<bare>(?:\$\{[^}\n]{0,200}\}|<[^>\n]{0,200}>|[^\s,;#}])*))"
)
_ADDRESS = re.compile(
    r"(?m)^[^#;\n]*?://(?:\$\{[^}\n]{0,200}\}|[^\s/@:]){0,200}+:(?P<password>(?:\$\{[^}\n]{0,200}\}|[^\s/@]){1,200}+)@"
)
"""A registry or a proxy with a password in its address: ``https://user:password@host``."""
_PRIVATE_KEY = re.compile(r"(?m)^[^#;\n]*?-----BEGIN (?P<kind>[A-Z ]{0,30}PRIVATE KEY)")
_REFERENCE = re.compile(r"\$\{(?P<name>[^{}:?-]{1,200})(?P<otherwise>:?[-?][^}]{0,200})?\}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PLACEHOLDER = re.compile(r"\$\w+|%\w+%|<[^>]{0,200}>")
_SHORTEST_TOKEN = 16
"""A shorter default of a variable, such as ``none``, is no credential."""


def credential_files(files: AppFiles) -> tuple[str, ...]:
    """The files at the top of the folder that hold a token, a password or a private key themselves."""
    return tuple(name for name in _FILES if any(map(_is_credential, _values(files.text(name)))))


def harmless_files(files: AppFiles) -> frozenset[str]:
    """Files that often hold credentials, and hold none here."""
    return frozenset(name for name in _FILES if name in files.texts) - {*credential_files(files)}


def sign_in_variables(files: AppFiles) -> tuple[str, ...]:
    """Names of the variables that hold the credentials, of files that hold none; without those that may be missing."""
    values = (value for name in sorted(harmless_files(files)) for value in _values(files.text(name)))
    required = (found["name"] for value in values for found in _REFERENCE.finditer(value) if not found["otherwise"])
    return tuple(dict.fromkeys(name for name in required if _NAME.fullmatch(name)))


def credential_findings(files: AppFiles) -> tuple[Finding, ...]:
    """One finding for each file that holds a token or password; none of them is quoted."""
    return tuple(
        make_finding(
            code="registry_credentials",
            cause=f"The file {named(name)} holds a token or a password; only a .dockerignore that names it keeps it "
            "out of images.",
            remedy=f"Keep the token in your own {named(f'~/{name}')}, or let the file here name a variable only. The "
            ".dockerignore among the files keeps it out, and private packages with it.",
            resource=name,
        )
        for name in credential_files(files)
    )


def _values(text: str) -> Iterator[str]:
    for found in _SETTING.finditer(text):
        yield found["block"] or found["double"] or found["single"] or found["bare"] or ""
    yield from (found["password"] for found in _ADDRESS.finditer(text))
    yield from (found["kind"] for found in _PRIVATE_KEY.finditer(text))


def _is_credential(value: str) -> bool:
    written = _PLACEHOLDER.sub("", _REFERENCE.sub(_otherwise, value))
    return any(character.isalnum() for character in written)


def _otherwise(reference: re.Match[str]) -> str:
    other = (reference["otherwise"] or "").lstrip(":-?")
    return other if len(other) >= _SHORTEST_TOKEN else ""
