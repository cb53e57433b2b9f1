"""What the recorded situations have in common: names, ids, and policies as text."""

import hashlib
import json
from collections.abc import Iterable

SERVICE = "web"
PORT = 8080


def hex_id(*words: str, length: int = 17) -> str:
    """Hexadecimal digits that are the same for the same words."""
    return hashlib.sha256("/".join(words).encode()).hexdigest()[:length]


def allow(actions: Iterable[str], resource: str = "*") -> str:
    """A policy document that allows the actions on a resource."""
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": resource}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
