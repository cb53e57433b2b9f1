"""The server's own log: on standard error, in a file where the operator wants one, secrets of known kinds masked."""

import logging
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from expressway.mcp.results import masked_text

LEVEL_VARIABLE = "FASTMCP_LOG_LEVEL"
FILE_VARIABLE = "FASTMCP_LOG_FILE"
"""The names that earlier servers for ECS read, so that their configurations go on working."""
_OURS = ("expressway", "mcp")
_DEFAULT = logging.WARNING
_LOG = logging.getLogger(__name__)


class MaskingFormatter(logging.Formatter):
    """A log without secrets of known kinds, also within the traces of exceptions."""

    def format(self, record: logging.LogRecord) -> str:
        return masked_text(super().format(record))


def start_logging(environ: Mapping[str, str]) -> None:
    """Log as the variables say.

    A level below WARNING counts for this server and the MCP SDK alone: boto3 would write requests with credentials.
    """
    name = environ.get(LEVEL_VARIABLE, "").strip().upper()
    level = logging.getLevelNamesMapping().get(name, _DEFAULT)
    root = logging.getLogger()
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
    failure = ""
    if path := environ.get(FILE_VARIABLE, "").strip():
        try:
            handlers.append(_file(path))
        except (OSError, ValueError) as exc:
            failure = f"{FILE_VARIABLE} cannot be written, the log goes to standard error alone: {exc}"
    for handler in handlers:
        handler.setFormatter(MaskingFormatter("%(levelname)s %(name)s: %(message)s"))
        root.addHandler(handler)
    root.setLevel(max(level, _DEFAULT))
    for ours in _OURS:
        logging.getLogger(ours).setLevel(level)
    if failure:
        _LOG.warning(failure)
    if name and name not in logging.getLevelNamesMapping():
        _LOG.warning("%s: expected DEBUG, INFO, WARNING, ERROR or CRITICAL; the level is WARNING", LEVEL_VARIABLE)


def _file(path: str) -> logging.Handler:
    """Appends to a file that only its owner reads; its folder is made where it is missing."""
    target = Path(os.path.expanduser(path))  # noqa: PTH111 - Path's own raises for a user that is not there
    target.parent.mkdir(parents=True, exist_ok=True)
    os.close(os.open(target, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600))
    return logging.FileHandler(target, encoding="utf-8")
