"""How this face shows text: by the operator's gates, with secrets of known kinds masked."""

import logging

from expressway.privacy.gates import Gates
from expressway.privacy.render import RedactionPolicy


def redaction_policy_of(gates: Gates) -> RedactionPolicy:
    """What everything goes through on its way to a client."""
    return RedactionPolicy(gates.allow_sensitive_data, _masked)


class MaskingFormatter(logging.Formatter):
    """A log without secrets of known kinds, also within the traces of exceptions."""

    def format(self, record: logging.LogRecord) -> str:
        return _masked(super().format(record))


def _masked(text: str) -> str:
    """The patterns are loaded for the first text, not to list the tools."""
    from expressway.privacy.masking.detector import masked

    return masked(text)
