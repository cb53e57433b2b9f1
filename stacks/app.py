"""The CDK app that `cdk deploy` runs: the stacks of every definition beside this file, nothing else."""

import os
import sys
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main() -> None:
    """Add the stacks of each ``*.yaml`` of this folder, in the order of their names, and synthesize."""
    from expressway.app.file import load_definition
    from expressway.synth.kernel.jsii import bundled_node

    node = bundled_node()
    if node is not None:
        os.environ.setdefault("JSII_NODE", str(node))
    from expressway.synth.stacks import add_app_stacks, new_app

    app = new_app()
    for file in sorted(HERE.glob("*.yaml")):
        add_app_stacks(app, load_definition(file).definition)
    app.synth()


def use_the_environment_of_the_project() -> None:
    """Run again with the project's own Python when this one does not have Expressway."""
    python = HERE.parent / ".venv" / "bin" / "python"
    if find_spec("expressway") is None and python.is_file():
        os.execv(python, [str(python), *sys.argv])  # noqa: S606 - the same program, no shell


if __name__ == "__main__":
    use_the_environment_of_the_project()
    main()
