"""Templates for definitions: from memory, from disk, or from a CDK kernel that stays warm between requests."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from expressway.errors import SynthesisError
from expressway.synth.cache import TemplateCache, app_templates
from expressway.synth.kernel.process import KernelDied, KernelProcess
from expressway.synth.workers import SYNTH_SECONDS

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from expressway.app.definition import AppDefinition
    from expressway.cloudformation.template import AppTemplates

_waiting: list[KernelProcess] = []
"""At most one kernel, which was started early and is not in use yet."""


def start_early(definition_file: Path, cache_dir: Path) -> None:
    """Start a kernel if the definition will most likely have to be synthesized.

    Raises:
        SynthesisError: ``kernel_failed`` when no process can be started.
    """
    if not _waiting and TemplateCache(cache_dir).is_older_than(definition_file):
        _waiting.append(KernelProcess.start())


def take_early() -> KernelProcess | None:
    """The kernel that was started early, once."""
    try:
        return _waiting.pop()
    except IndexError:
        return None


_REMEMBERED = 32


class Synthesizer:
    """Synthesizes apps; safe to share between threads.

    Args:
        cache_dir: folder for templates that outlive this process; none are kept on disk without it.
        timeout_seconds: longest wait for one synthesis, the kernel's start included.
        requests_per_kernel: Node keeps about 0.2 MB of each synthesis, so a kernel is replaced after so many.
    """

    def __init__(
        self,
        *,
        cache_dir: Path | None = None,
        timeout_seconds: float = SYNTH_SECONDS,
        requests_per_kernel: int = 250,
    ) -> None:
        self._cache = TemplateCache(cache_dir) if cache_dir is not None else None
        self._timeout_seconds = timeout_seconds
        self._requests_per_kernel = requests_per_kernel
        self._remembered: OrderedDict[str, AppTemplates] = OrderedDict()
        self._memory_lock = threading.Lock()
        self._kernel_lock = threading.Lock()
        self._kernel: KernelProcess | None = None
        self._closed = False

    def __enter__(self) -> Synthesizer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def warm(self) -> None:
        """Start the kernel without waiting for it, so that the first synthesis finds it ready."""
        with self._kernel_lock:
            if not self._closed:
                self._running_kernel()

    def warm_for(self, definition_file: Path) -> None:
        """Start the kernel like `warm`, if the definition was written after the last use of any kept template:
        it most likely has to be synthesized then, and the kernel loads while the definition is read.
        """
        if self._cache is None or self._cache.is_older_than(definition_file):
            self.warm()

    def cached(self, definition: AppDefinition) -> AppTemplates | None:
        """The templates of `definition` if they are known; never starts a kernel."""
        key = definition.canonical_json()
        with self._memory_lock:
            if key in self._remembered:
                self._remembered.move_to_end(key)
                return self._remembered[key]
        templates = self._cache.get(definition) if self._cache is not None else None
        if templates is not None:
            self._remember(key, templates)
        return templates

    def synthesize(self, definition: AppDefinition) -> AppTemplates:
        """The templates of `definition`.

        Raises:
            SynthesisError: ``synthesis_failed`` (the CDK refused), ``synthesis_timeout``, ``kernel_failed`` (it does
                not start, or died twice on the same definition), ``synthesizer_closed``.
        """
        known = self.cached(definition)
        if known is not None:
            return known
        templates = app_templates(definition.name, self._ask_kernel(definition))
        self._remember(definition.canonical_json(), templates)
        if self._cache is not None:
            self._cache.put(definition, templates)
        return templates

    def close(self) -> None:
        """End the kernel. A closed synthesizer still answers from its caches."""
        with self._kernel_lock:
            self._closed = True
            kernel, self._kernel = self._kernel, None
        for running in (kernel, take_early()):
            if running is not None:
                running.close()

    @property
    def kernel_pid(self) -> int | None:
        """The process id of the running kernel, for those who measure it."""
        with self._kernel_lock:
            return self._kernel.pid if self._kernel is not None and self._kernel.alive else None

    def _ask_kernel(self, definition: AppDefinition) -> dict[str, str | None]:
        """Ask the kernel, and once more ask a new one when it dies meanwhile."""
        with self._kernel_lock:
            try:
                return self._running_kernel().request(definition, timeout_seconds=self._timeout_seconds)
            except KernelDied:
                self._kernel = None
            try:
                return self._running_kernel().request(definition, timeout_seconds=self._timeout_seconds)
            except KernelDied as exc:
                self._kernel = None
                raise SynthesisError(
                    "kernel_failed",
                    f"Expected the CDK kernel to answer, but it ended twice: {exc.reason}",
                    "Reinstall Expressway (in a checkout: rm -r .venv && make setup).",
                    {"output": exc.output},
                ) from exc

    def _running_kernel(self) -> KernelProcess:
        if self._closed:
            raise SynthesisError(
                "synthesizer_closed", "Expected an open synthesizer, got a closed one.", "Make a new one."
            )
        if self._kernel is not None and (not self._kernel.alive or self._kernel.requests >= self._requests_per_kernel):
            self._kernel.close()
            self._kernel = None
        if self._kernel is None:
            self._kernel = take_early() or KernelProcess.start()
        return self._kernel

    def _remember(self, key: str, templates: AppTemplates) -> None:
        with self._memory_lock:
            self._remembered[key] = templates
            self._remembered.move_to_end(key)
            while len(self._remembered) > _REMEMBERED:
                self._remembered.popitem(last=False)
