"""The entry point of the ``expressway`` script: decides how much has to be loaded."""

import os
import sys
from collections.abc import Sequence

from expressway.cli.signals import INTERRUPTED, end_on_signals

_SYNTHESIZING = frozenset({"synth", "diff", "deploy", "build"})


def main() -> None:
    """Run the command line, or serve MCP."""
    arguments = sys.argv[1:]
    try:
        end_on_signals()
        _open_missing_streams()
        _run(arguments)
    except KeyboardInterrupt:  # before the command line itself is loaded, which tells it otherwise
        _tell_stopped(as_json="--json" in arguments)
        sys.exit(INTERRUPTED)


def _run(arguments: Sequence[str]) -> None:
    if arguments == ["mcp"]:
        # A server needs nothing of the command line's libraries.
        from expressway.mcp.server import main as serve

        serve()
        return
    if arguments and arguments[0] in _SYNTHESIZING and "--help" not in arguments:
        # The CDK takes half a second to load, and the command line's libraries a quarter: both at once.
        start_kernel_for(arguments[1:])
    from expressway.cli.application import app

    app()


def start_kernel_for(arguments: Sequence[str]) -> None:
    """Start the CDK kernel for the app that the arguments most likely name.

    A wrong guess costs or saves time only: whoever synthesizes starts a kernel where none waits, and reports then
    why none can be started.
    """
    from contextlib import suppress
    from pathlib import Path

    from expressway.core.directories import state_directory, template_cache_directory
    from expressway.errors import SynthesisError
    from expressway.synth.synthesizer import start_early

    with suppress(SynthesisError, OSError, ValueError):  # no path at all, or one that may not be looked at
        named = next((Path(each) for each in arguments if not each.startswith("-") and Path(each).exists()), Path())
        file = named / "expressway.yaml" if named.is_dir() else named
        start_early(file, template_cache_directory(state_directory()))


def _tell_stopped(*, as_json: bool) -> None:
    import json

    from expressway.errors import STOPPED

    print(f"stopped {STOPPED.hint}", file=sys.stderr)
    if as_json:
        print(json.dumps({"error": STOPPED.to_dict()}, indent=2))


def _open_missing_streams() -> None:
    """Let no other file take the number of a standard stream that was closed, as under cron or a supervisor.

    Nothing is read from a missing input, and what goes to a missing standard output fails like on a full disk.
    """
    for number, name, flags in ((0, "stdin", os.O_RDONLY), (1, "stdout", os.O_RDONLY), (2, "stderr", os.O_WRONLY)):
        if getattr(sys, name) is None:
            opened = os.open(os.devnull, flags)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
            setattr(sys, name, os.fdopen(number, "r" if name == "stdin" else "w", closefd=False))
