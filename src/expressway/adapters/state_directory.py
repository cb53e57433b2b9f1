"""Where Expressway keeps what it must remember between runs."""

import os
from collections.abc import Mapping
from pathlib import Path


def state_directory(environ: Mapping[str, str] | None = None) -> Path:
    """$EXPRESSWAY_HOME, or the XDG state directory."""
    variables = os.environ if environ is None else environ
    if home := variables.get("EXPRESSWAY_HOME"):
        return Path(home)
    base = variables.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(base) / "expressway"


def template_cache_directory(state: Path) -> Path:
    """The folder of templates that were synthesized before."""
    return state / "cache" / "templates"
