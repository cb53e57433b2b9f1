"""``ecs-mcp-server``: this server under the name of the one it replaces, for configurations written for that.

The variables with the prefix that agents use for that server count as well; one without the prefix wins.
"""

import os
import sys
from collections.abc import Mapping

from expressway.mcp.server import run_stdio, serve_nothing
from expressway.privacy.gates import ENABLE_VARIABLE, is_enabled


def main(environ: Mapping[str, str] | None = None) -> None:
    """Serve on stdio; without any tool where the operator turned the server off."""
    variables = os.environ if environ is None else environ
    if is_enabled(variables):
        run_stdio(variables)
        return
    print(f"{ENABLE_VARIABLE} is not true: this server lists no tools.", file=sys.stderr)
    serve_nothing(variables)


if __name__ == "__main__":
    main()
