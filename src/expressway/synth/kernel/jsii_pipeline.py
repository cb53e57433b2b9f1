"""Python goes on while Node loads the CDK: assemblies are asked for, and their answers read before the next question.

jsii waits for Node to start and for each of the CDK's four assemblies, although importing the CDK's Python needs no
answer of theirs; that was a quarter of the time in which the kernel loads. Node answers in the order in which it is
asked.
"""

import json
import os
from collections.abc import Callable
from typing import Any

_NEEDED = ("send", "handshake", "_next_message", "_jsii_runtime")


def pipeline_loading() -> Callable[[], None]:
    """From now on loading an assembly does not wait; the function that is returned does.

    Where this version of jsii is made otherwise, loading waits as ever.

    Raises:
        RuntimeError: (by the function) Node did not start as expected, or cannot load an assembly.
    """
    from jsii._kernel.providers import process as provider
    from jsii._kernel.types import LoadRequest

    node: Any = getattr(provider, "_NodeProcess", None)
    answer: Any = getattr(provider, "_ProcessResponse", None)
    if node is None or answer is None or not all(hasattr(node, name) for name in _NEEDED):
        return _nothing
    send, handshake = node.send, node.handshake
    unanswered: list[Callable[[], object]] = []

    def read_answers() -> None:
        while unanswered:
            unanswered.pop(0)()

    def send_in_turn(self: Any, request: Any, response_type: Any) -> Any:
        if not isinstance(request, LoadRequest):
            read_answers()
            return send(self, request, response_type)
        self._process.stdin.write(json.dumps(self._serializer.unstructure(request)).encode() + b"\n")
        self._process.stdin.flush()
        unanswered.append(lambda: _refuse_failure(self._serializer.structure(self._next_message(), answer)))
        return None

    def handshake_later(self: Any) -> None:
        unanswered.append(lambda: handshake(self))

    node.send, node.handshake = send_in_turn, handshake_later
    if "JSII_RUNTIME" in os.environ:  # jsii unpacks its own runtime even then
        node._jsii_runtime = _no_runtime
    return read_answers


def _refuse_failure(answer: Any) -> None:
    if not hasattr(answer, "ok"):
        raise RuntimeError(getattr(answer, "error", answer))


def _no_runtime(_node: Any) -> str:
    return ""


def _nothing() -> None:
    """There is nothing to wait for."""
