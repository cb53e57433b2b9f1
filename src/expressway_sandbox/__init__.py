"""The embedded AWS: a local account to try everything on. The command line finds it by the entry point of this package.

ministack (MIT, pinned) is the account; this package adds Amazon ECS Express Mode to it, without touching its
files. `lifecycle` starts and stops it, `urls` says how a client reaches a service in it, `composition` lists
every place where it reaches into ministack.
"""

from importlib import import_module
from typing import Any

_MODULES = {
    "check_port": "lifecycle",
    "container_names": "lifecycle",
    "environment": "lifecycle",
    "prepare_example": "base_images.prepare",
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
