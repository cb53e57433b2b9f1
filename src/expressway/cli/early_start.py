"""What is worth starting before the command line has read its arguments."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from expressway.core.directories import state_directory, template_cache_directory
from expressway.errors import SynthesisError
from expressway.synth.kernel.early import start_early


def start_kernel_for(arguments: Sequence[str]) -> None:
    """Start the CDK kernel for the app that the arguments most likely name.

    A wrong guess costs or saves time only: whoever synthesizes starts a kernel where none waits, and reports then
    why none can be started.
    """
    with suppress(SynthesisError, OSError, ValueError):  # no path at all, or one that may not be looked at
        named = next((Path(each) for each in arguments if not each.startswith("-") and Path(each).exists()), Path())
        file = named / "expressway.yaml" if named.is_dir() else named
        start_early(file, template_cache_directory(state_directory()))
