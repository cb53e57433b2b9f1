"""The two gates of the server: what may change AWS, and what may show text that applications wrote."""

from collections.abc import Mapping
from dataclasses import dataclass

WRITE_VARIABLE = "ALLOW_WRITE"
SENSITIVE_VARIABLE = "ALLOW_SENSITIVE_DATA"
COMPAT_VARIABLE = "COMPAT_TOOLS"
ENABLE_VARIABLE = "ENABLE_ECS_MCP"
PREFIX = "ECS_MCP_"
"""Agents of the field call the gates of their ECS server so."""
_YES = frozenset({"true", "1", "yes"})


@dataclass(frozen=True, slots=True)
class Gates:
    """What the person who started the server allows; both are closed unless opened."""

    allow_write: bool = False
    allow_sensitive_data: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a call may go on; when not, `code`, `message` and `hint` say why and how to allow it."""

    allowed: bool
    code: str = ""
    message: str = ""
    hint: str = ""


_ALLOWED = Decision(allowed=True)


def gates_of(variables: Mapping[str, str]) -> Gates:
    """The gates that environment variables open: ``true``, ``1`` or ``yes``, in any case.

    ``ECS_MCP_ALLOW_WRITE`` and ``ECS_MCP_ALLOW_SENSITIVE_DATA`` count where the name without the prefix is not set.
    """
    return Gates(
        allow_write=_opens(variables, WRITE_VARIABLE), allow_sensitive_data=_opens(variables, SENSITIVE_VARIABLE)
    )


def is_enabled(variables: Mapping[str, str]) -> bool:
    """Whether the operator wants this server at all: yes, unless ENABLE_ECS_MCP says something else than yes."""
    wanted = variables.get(ENABLE_VARIABLE, "").strip()
    return not wanted or _says_yes(wanted)


def offers_former_names(variables: Mapping[str, str]) -> bool:
    """Whether tools are offered by the names that earlier servers gave them as well: COMPAT_TOOLS, as the gates."""
    return _says_yes(variables.get(COMPAT_VARIABLE))


def decide(tool: str, gates: Gates, *, writes: bool, sensitive: bool) -> Decision:
    """Whether `tool`, which changes AWS (`writes`) or exists to show what applications wrote (`sensitive`), may run.

    Codes of a refusal: ``write_not_allowed``, ``sensitive_data_not_allowed``.
    """
    if writes and not gates.allow_write:
        return Decision(
            False,
            "write_not_allowed",
            f"{tool} changes AWS, and this server was started without {WRITE_VARIABLE}; nothing was changed.",
            f"A person can allow it: set {WRITE_VARIABLE}=true in the server's environment and restart it.",
        )
    if sensitive and not gates.allow_sensitive_data:
        return Decision(
            False,
            "sensitive_data_not_allowed",
            f"{tool} shows what applications wrote, and this server was started without {SENSITIVE_VARIABLE}.",
            f"A person can allow it: set {SENSITIVE_VARIABLE}=true in the server's environment and restart it.",
        )
    return _ALLOWED


def _opens(variables: Mapping[str, str], name: str) -> bool:
    return _says_yes(variables[name] if name in variables else variables.get(f"{PREFIX}{name}"))


def _says_yes(value: str | None) -> bool:
    return (value or "").strip().lower() in _YES


def decide_folder_write(tool: str, gates: Gates, *, asked: bool) -> Decision:
    """Whether `tool` may write files; it may always be called without asking for that.

    Codes of a refusal: ``write_not_allowed``.
    """
    if not asked or gates.allow_write:
        return Decision(allowed=True)
    return Decision(
        False,
        "write_not_allowed",
        f"{tool} was asked to write files, and this server was started without {WRITE_VARIABLE}; nothing was written.",
        f"Call it without write and write the files yourself; or a person sets {WRITE_VARIABLE}=true and restarts it.",
    )
