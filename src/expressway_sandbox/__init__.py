"""The local AWS sandbox: an emulated account with real containers. The command line finds this package by entry point.

ministack (MIT, pinned) is the account; this package adds Amazon ECS Express Mode to it and corrects what it answers
otherwise than AWS, without changing its files. `lifecycle` starts and stops the sandbox, `elb.ingress` tells how a
client reaches a service in it, `composition` lists the places where it hooks into ministack.

A behavior of AWS that can be turned on and off is a field of `settings.Settings`, and one hook that `composition` sets.
"""

from importlib import import_module
from typing import Any

_MODULES = {
    "check_installed": "composition",
    "check_port": "lifecycle",
    "container_names": "lifecycle",
    "environment": "lifecycle",
    "prepare_example": "base_images.seed",
    "provide_engine": "engine.private",
    "refuse_other_settings": "lifecycle",
    "reset": "lifecycle",
    "revive_engine": "engine.private",
    "seed_base_images": "base_images.seed",
    "start": "lifecycle",
    "status": "lifecycle",
    "stop": "lifecycle",
    "stop_unused_engine": "engine.private",
}
"""What `expressway.cli.ports.Sandbox` asks for, each loaded when it is used."""


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
