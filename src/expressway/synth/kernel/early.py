"""A CDK kernel that loads while the process that will use it still loads its own libraries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from expressway.synth.cache import TemplateCache
from expressway.synth.kernel.process import KernelProcess

if TYPE_CHECKING:
    from pathlib import Path

_waiting: list[KernelProcess] = []
"""At most the one kernel that was started early and that nobody has taken."""


def start_early(definition_file: Path, cache_dir: Path) -> None:
    """Start a kernel if the definition will most likely have to be synthesized.

    Raises:
        SynthesisError: ``kernel_failed`` when no process can be started.
    """
    if not _waiting and TemplateCache(cache_dir).is_older_than(definition_file):
        _waiting.append(KernelProcess.start())


def take_early() -> KernelProcess | None:
    """The kernel that was started early, for the first who asks."""
    try:
        return _waiting.pop()
    except IndexError:
        return None
