"""What answering a question about AWS takes is loaded before somebody asks: a quarter of a second of imports.

Nothing is opened, read or asked for: no credentials, no configuration, no connection. What only a deployment or a
synthesis needs is left out.
"""

import threading
from importlib import import_module

AFTER_SECONDS = 1.0
"""By then a client has its answer to ``initialize`` and its list of tools."""
_MODULES = (
    "expressway.toolkit.api",
    "expressway.toolkit.diagnose_wiring",
    "expressway.aws.session",
    "expressway.aws.ecs.client",
    "expressway.aws.logs",
    "expressway.cloudformation.history_reader",
    "expressway.aws.elbv2",
    "expressway.diagnose.request",
    "expressway.diagnose.guidance",
    "expressway.diagnose.answer_size",
)


def preload() -> None:
    """Load it now."""
    for name in _MODULES:
        import_module(name)


def preload_later(after_seconds: float = AFTER_SECONDS) -> threading.Timer:
    """Load it beside what the process does, a while from now; a process that ends before does not wait for it."""
    timer = threading.Timer(after_seconds, preload)
    timer.daemon = True
    timer.name = "expressway preload"
    timer.start()
    return timer
