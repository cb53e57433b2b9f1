"""The entry point of the ``expressway`` script: decides how much has to be loaded."""

import sys


def main() -> None:
    """Run the command line, or serve MCP."""
    if sys.argv[1:] == ["mcp"]:
        # A server needs nothing of the command line's libraries.
        from expressway.mcp.server import main as serve

        serve()
        return
    from expressway.cli.application import app

    app()
