"""How long this machine's own work may take, which whoever has a slow one may change."""

import math
from collections.abc import Mapping

from expressway.errors import UsageError

SYNTH_VARIABLE, SYNTH_SECONDS = "EXPRESSWAY_SYNTH_TIMEOUT", 60.0
"""One synthesis, the start of the CDK kernel included."""
LINT_VARIABLE, LINT_SECONDS = "EXPRESSWAY_LINT_TIMEOUT", 120.0
"""One run of one linter."""


def time_limit(environ: Mapping[str, str], variable: str, default: float) -> float:
    """The seconds that a variable allows, or the default where it is not set.

    Raises:
        UsageError: ``invalid_setting`` for anything but a number of seconds above 0.
    """
    text = environ.get(variable, "").strip()
    if not text:
        return default
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise UsageError(
            "invalid_setting",
            f"Expected a number of seconds above 0 in {variable}, got {text[:40]!r}.",
            f"Set it to one, such as {2 * default:g}, or unset it for {default:g}.",
        )
    return seconds
