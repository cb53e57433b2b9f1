"""The entry point of the ``expressway`` script: decides how much has to be loaded."""

import sys

_SYNTHESIZING = frozenset({"synth", "diff", "deploy", "build"})


def main() -> None:
    """Run the command line, or serve MCP."""
    arguments = sys.argv[1:]
    if arguments == ["mcp"]:
        # A server needs nothing of the command line's libraries.
        from expressway.mcp.server import main as serve

        serve()
        return
    if arguments and arguments[0] in _SYNTHESIZING and "--help" not in arguments:
        # The CDK takes half a second to load, and the command line's libraries a quarter: both at once.
        from expressway.cli.early_start import start_kernel_for

        start_kernel_for(arguments[1:])
    from expressway.cli.application import app

    app()
