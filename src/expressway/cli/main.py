"""The entry point of the ``expressway`` script: decides how much has to be loaded."""

import gc
import sys

_AFTER_LOADING = gc.get_threshold()


def main() -> None:
    """Run the command line, or serve MCP."""
    # Loading makes a quarter of a million objects that all stay; looking through them again and again is a sixth
    # of the time that a command takes.
    gc.set_threshold(100_000)
    if sys.argv[1:] == ["mcp"]:
        # A client waits for it, and it needs nothing of the command line's libraries (a tenth of the start).
        from expressway.mcp.server import main as serve

        gc.freeze()
        gc.set_threshold(*_AFTER_LOADING)
        serve()
        return
    from expressway.cli.application import app

    app()
