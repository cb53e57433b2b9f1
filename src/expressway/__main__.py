"""``python -m expressway``: the command line."""

from expressway.cli.main import main

main()
