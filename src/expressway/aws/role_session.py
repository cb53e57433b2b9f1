"""Role sessions that tell who they are: the name that CloudTrail shows for what an assumed role did."""

from __future__ import annotations

import getpass
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    import botocore.session

CALLER_VARIABLE = "EXPRESSWAY_CALLER"
_LONGEST = 64
_DEFAULT = "default"
_FORBIDDEN = re.compile(r"[^\w+=,.@-]", re.ASCII)


def role_session_name(*parts: str) -> str:
    """`parts` as one name that STS takes: 2 to 64 of its characters, the front kept.

    Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html (RoleSessionName).
    """
    return _FORBIDDEN.sub("-", "-".join(part for part in parts if part))[:_LONGEST].ljust(2, "-")


def caller_name(variables: Mapping[str, str]) -> str:
    """Who runs this: EXPRESSWAY_CALLER where it is set, else the user of the operating system."""
    named = variables.get(CALLER_VARIABLE, "").strip()
    if named:
        return named
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user id without a name, as in many containers
        return "unknown"


def name_role_sessions(core: botocore.session.Session, caller: str) -> None:
    """Let every role that a profile or the environment assumes, and that names no session, be named after the caller.

    A role of the environment (AWS_ROLE_ARN with AWS_WEB_IDENTITY_TOKEN_FILE, as in Kubernetes and pipelines) takes
    a name that AWS_ROLE_SESSION_NAME does not set from the profile in use, also from a default that no file has.
    Acts on the configuration as it was read, never on the file.
    """
    known = cast("dict[str, dict[str, dict[str, Any]]]", core.full_config).setdefault("profiles", {})
    in_use = core.profile or _DEFAULT
    if in_use == _DEFAULT:  # another name that no file has is a mistake, and must stay one
        known.setdefault(_DEFAULT, {})
    for name, profile in known.items():
        if "role_arn" in profile or name == in_use:
            profile.setdefault("role_session_name", role_session_name("expressway", caller))
