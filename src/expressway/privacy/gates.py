"""The two gates of the server: what may change AWS, and what may show text that applications wrote."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from expressway.privacy.untrusted import named

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
        code, variable = "write_not_allowed", WRITE_VARIABLE
        message = f"{tool} changes AWS, and this server was started without {variable}; nothing was changed."
    elif sensitive and not gates.allow_sensitive_data:
        code, variable = "sensitive_data_not_allowed", SENSITIVE_VARIABLE
        message = f"{tool} shows what applications wrote, and this server was started without {variable}."
    else:
        return _ALLOWED
    hint = f"A person can allow it: set {variable}=true in the server's environment and restart it."
    return Decision(False, code, message, hint)


def _opens(variables: Mapping[str, str], name: str) -> bool:
    return _says_yes(variables[name] if name in variables else variables.get(f"{PREFIX}{name}"))


def _says_yes(value: str | None) -> bool:
    return (value or "").strip().lower() in _YES


def decide_folder_write(tool: str, gates: Gates, *, asked: bool) -> Decision:
    """Whether `tool` may write files; it may always be called without asking for that.

    Codes of a refusal: ``write_not_allowed``.
    """
    if not asked or gates.allow_write:
        return _ALLOWED
    return Decision(
        False,
        "write_not_allowed",
        f"{tool} was asked to write files, and this server was started without {WRITE_VARIABLE}; nothing was written.",
        f"Call it without write and write the files yourself; or a person sets {WRITE_VARIABLE}=true and restarts it.",
    )


PROFILES_VARIABLE = "EXPRESSWAY_PROFILES"
REGIONS_VARIABLE = "EXPRESSWAY_REGIONS"


@dataclass(frozen=True, slots=True)
class TargetRules:
    """What may be asked for besides the environment's own profile and region; None where nothing is said.

    Patterns as in file names: ``eu-*`` allows every region of Europe, ``*`` all.
    """

    profiles: tuple[str, ...] | None = None
    regions: tuple[str, ...] | None = None


def target_rules(variables: Mapping[str, str]) -> TargetRules:
    """The rules that EXPRESSWAY_PROFILES and EXPRESSWAY_REGIONS (comma-separated) set."""
    return TargetRules(_listed(variables.get(PROFILES_VARIABLE)), _listed(variables.get(REGIONS_VARIABLE)))


def decide_target(
    rules: TargetRules, *, profile: str | None, region: str | None, own: tuple[str | None, str | None], strict: bool
) -> Decision:
    """Whether a call may act with `profile` in `region`; None means the environment's own, which always may.

    Args:
        own: the environment's profile and region, which may also be asked for by name.
        strict: where no list is given, allow nothing but the environment's own (a server that agents use);
            otherwise anything (a person's command line).

    Codes of a refusal: ``profile_not_allowed``, ``region_not_allowed``.
    """
    asked = (
        ("profile", profile, own[0], rules.profiles, PROFILES_VARIABLE),
        ("region", region, own[1], rules.regions, REGIONS_VARIABLE),
    )
    for word, name, own_name, allowed, variable in asked:
        if name is None or name == own_name or _allows(allowed, name, strict=strict):
            continue
        listed = ", ".join(filter(None, [own_name and f"{own_name} (the default)", *(allowed or ())]))
        return Decision(
            False,
            f"{word}_not_allowed",
            f"The {word} {named(name)} is not among those that the operator allows: {listed or 'only the default'}.",
            f"Leave {word} out to use the default. A person can allow more: {variable}={named(name)} (comma-separated, "
            "* as wildcard) in the environment, and a restart.",
        )
    return _ALLOWED


def decide_elsewhere(rules: TargetRules, region: str, *, own: Collection[str | None], strict: bool) -> Decision:
    """Whether something may be read in `region` since an ARN or an image's address of the answer names it.

    The same rule as for what is asked for: the list holds for whatever leads there. `own` are the regions that are
    asked anyhow: the call's, and the environment's. Code of a refusal: ``region_not_allowed``.
    """
    if region in own or _allows(rules.regions, region, strict=strict):
        return _ALLOWED
    listed = ", ".join(dict.fromkeys([*filter(None, own), *(rules.regions or ())]))
    return Decision(
        False,
        "region_not_allowed",
        f"{region} is outside the allowed regions ({listed}), and was not asked. "
        f"A person can allow it: {REGIONS_VARIABLE}={region}.",
        f"Go on without it, or have {region} added to {REGIONS_VARIABLE} (comma-separated) and restart.",
    )


def allowed_regions(rules: TargetRules, known: tuple[str, ...], own: str) -> tuple[str, ...]:
    """The regions of `known` that may be asked for, the environment's own first."""
    others = (name for name in known if name != own and _allows(rules.regions, name, strict=True))
    return (own, *others)


def _allows(patterns: tuple[str, ...] | None, name: str, *, strict: bool) -> bool:
    if patterns is None:
        return not strict
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _listed(value: str | None) -> tuple[str, ...] | None:
    names = tuple(name.strip() for name in (value or "").split(",") if name.strip())
    return names or None
