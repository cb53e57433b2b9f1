"""Ask AWS Knowledge, without ever waiting long for it: deadline, circuit breaker, bounds, and a small memory."""

from __future__ import annotations

import json
import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

from expressway.core.problems import told_problems
from expressway.core.progress import Cancellation, NeverCancelled
from expressway.errors import ExpresswayError, TargetError, UsageError
from expressway.knowledge.schemas import argument_problems
from expressway.knowledge.values import KnowledgeAnswer, KnowledgeResult, KnowledgeTool, characters_in, cut_content
from expressway.privacy.untrusted import cleaned, quoted, unquoted

_NEVER = NeverCancelled()
_SLOT_SECONDS = 0.1
_COUNTING = frozenset(
    {"knowledge_unavailable", "knowledge_timeout", "knowledge_redirected", "knowledge_invalid_answer"}
)
"""What counts as a failure of the endpoint; a rejected or an oversized answer shows that it works."""
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")


class KnowledgePort(Protocol):
    """The endpoint. Both methods are bounded by the deadline (seconds) and raise ``knowledge_*`` errors."""

    def tools(self, *, deadline_seconds: float, cancellation: Cancellation) -> tuple[KnowledgeTool, ...]: ...
    def call(
        self, tool: str, arguments: Mapping[str, Any], *, deadline_seconds: float, cancellation: Cancellation
    ) -> KnowledgeAnswer: ...


@dataclass(frozen=True, slots=True)
class KnowledgeLimits:
    """Seconds, characters and counts that one process spends on documentation."""

    deadline_seconds: float = 15.0
    """For one call as a whole: waiting for a turn, connecting, listing and answering."""
    answer_characters: int = 24_000
    calls_at_once: int = 4
    remembered_answers: int = 32
    remembered_seconds: float = 600.0
    failures_to_pause: int = 3
    pause_seconds: float = 60.0


@dataclass(slots=True)
class CircuitBreaker:
    """Calls are turned away for a pause after a number of failures in a row; then one call at a time may try.

    If it works, the breaker closes; if not, the pause begins again. `opened_at` is on the caller's own monotonic
    scale (seconds), None while closed.
    """

    failures_to_open: int
    pause_seconds: float
    failures: int = 0
    opened_at: float | None = None
    trying: bool = False

    def wait_seconds(self, now: float) -> float:
        """How long calls are turned away; 0 when one may go on now."""
        if self.opened_at is None:
            return 0.0
        left = self.pause_seconds - (now - self.opened_at)
        return max(left, self.pause_seconds if self.trying else 0.0)

    def begin(self) -> None:
        self.trying = self.opened_at is not None

    def succeed(self) -> None:
        self.failures, self.opened_at, self.trying = 0, None, False

    def fail(self, now: float) -> None:
        self.failures += 1
        began_before_it_opened = self.opened_at is not None and not self.trying
        if not began_before_it_opened and (self.trying or self.failures >= self.failures_to_open):
            self.opened_at, self.trying = now, False

    def abandon(self) -> None:
        """A call ended without saying how the endpoint is; another may try."""
        self.trying = False


class Knowledge:
    """One endpoint, shared by the threads of a process.

    Args:
        monotonic: the time in seconds, on a scale that only grows.
        keep_listing: called with what the endpoint lists, each time it was asked for that.
    """

    def __init__(
        self,
        port: KnowledgePort,
        *,
        source: str,
        monotonic: Callable[[], float],
        limits: KnowledgeLimits | None = None,
        keep_listing: Callable[[tuple[KnowledgeTool, ...]], None] = lambda _: None,
    ) -> None:
        self._port = port
        self._source = source
        self._monotonic = monotonic
        self._limits = limits or KnowledgeLimits()
        self._keep_listing = keep_listing
        self._lock = threading.Lock()
        self._turns = threading.BoundedSemaphore(self._limits.calls_at_once)
        self._breaker = CircuitBreaker(self._limits.failures_to_pause, self._limits.pause_seconds)
        self._answers: OrderedDict[str, tuple[float, KnowledgeResult]] = OrderedDict()
        self._listed: tuple[float, tuple[KnowledgeTool, ...]] | None = None

    def consult(
        self, tool: str, arguments: Mapping[str, Any], *, cancellation: Cancellation = _NEVER
    ) -> KnowledgeResult:
        """What the endpoint's `tool` answers; identical questions are answered from memory for a while.

        Raises:
            UsageError: ``invalid_arguments``, ``knowledge_tool_missing``, ``knowledge_busy``,
                ``knowledge_paused`` (it failed too often just now), and those of the port.
        """
        # A model may have copied the marks of a quotation along with its text.
        arguments = {name: unquoted(value) if isinstance(value, str) else value for name, value in arguments.items()}
        question = json.dumps([tool, arguments], sort_keys=True, default=str)
        remembered = self._recall(question)
        if remembered is not None:
            return remembered
        deadline = self._monotonic() + self._limits.deadline_seconds
        with self._turn(deadline, cancellation), self._guarded():
            tools = self._listing(deadline, cancellation)
            described = _described(tools, tool, arguments)
            answer = self._port.call(tool, arguments, deadline_seconds=self._left(deadline), cancellation=cancellation)
        result = replace(self._shown(answer, described, arguments), tools=tools)
        self._remember(question, result)
        return result

    # -- protection -----------------------------------------------------------------------------------------
    @contextmanager
    def _turn(self, deadline: float, cancellation: Cancellation) -> Generator[None]:
        while not self._turns.acquire(timeout=_SLOT_SECONDS):
            cancellation.raise_if_cancelled()
            if self._monotonic() > deadline:
                raise TargetError(
                    "knowledge_busy",
                    f"{self._limits.calls_at_once} calls of the documentation endpoint are running, and none ended.",
                    "Call again in a moment, with fewer calls at once.",
                )
        try:
            yield
        finally:
            self._turns.release()

    @contextmanager
    def _guarded(self) -> Generator[None]:
        """Turn the call away while the breaker is open, and tell it how the call ended."""
        with self._lock:
            if wait_seconds := self._breaker.wait_seconds(self._monotonic()):
                raise TargetError(
                    "knowledge_paused",
                    f"The documentation endpoint {self._source} failed several times in a row; it is not asked for "
                    f"another {wait_seconds:.0f} seconds.",
                    "Go on without it, or try later; every other tool works.",
                    {"retry_after_seconds": round(wait_seconds)},
                )
            self._breaker.begin()
        outcome = self._breaker.abandon
        try:
            yield
            outcome = self._breaker.succeed
        except ExpresswayError as error:
            if error.code in _COUNTING:
                outcome = partial(self._breaker.fail, self._monotonic())
            elif error.code != "cancelled":
                outcome = self._breaker.succeed
            raise
        finally:
            with self._lock:
                outcome()

    def _left(self, deadline: float) -> float:
        """What is left of the deadline; a moment at least, in which a port can say that it is over."""
        return max(deadline - self._monotonic(), 0.01)

    # -- what is asked and shown ----------------------------------------------------------------------------
    def _listing(self, deadline: float, cancellation: Cancellation) -> tuple[KnowledgeTool, ...]:
        with self._lock:
            if self._listed and self._monotonic() < self._listed[0]:
                return self._listed[1]
        listed = self._port.tools(deadline_seconds=self._left(deadline), cancellation=cancellation)
        tools = tuple(replace(tool, description=cleaned(tool.description)) for tool in listed)
        with self._lock:
            self._listed = (self._monotonic() + self._limits.remembered_seconds, tools)
        self._keep_listing(tools)
        return tools

    def _shown(self, answer: KnowledgeAnswer, tool: KnowledgeTool, arguments: Mapping[str, Any]) -> KnowledgeResult:
        total, most = characters_in(answer.content), self._limits.answer_characters
        content = _marked(cut_content(answer.content, most))
        if answer.refused:
            raise ExpresswayError(
                "knowledge_refused",
                f"The documentation endpoint answered {tool.name} with an error.",
                "Correct the arguments by what its answer says; a URL must be one of AWS's documentation.",
                {"answer": content},
            )
        if total <= most:
            return KnowledgeResult(self._source, content)
        cut = {"characters": total, "shown": most, "next": _rest(tool, arguments, most)}
        return KnowledgeResult(self._source, content, cut)

    # -- memory ---------------------------------------------------------------------------------------------
    def _recall(self, question: str) -> KnowledgeResult | None:
        with self._lock:
            until, result = self._answers.get(question, (0.0, None))
            if result is None or self._monotonic() >= until:
                self._answers.pop(question, None)
                return None
            self._answers.move_to_end(question)
            return result

    def _remember(self, question: str, result: KnowledgeResult) -> None:
        with self._lock:
            self._answers[question] = (self._monotonic() + self._limits.remembered_seconds, result)
            while len(self._answers) > self._limits.remembered_answers:
                self._answers.popitem(last=False)


def _described(tools: tuple[KnowledgeTool, ...], name: str, arguments: Mapping[str, Any]) -> KnowledgeTool:
    """The tool as it is listed, once the arguments fit it."""
    tool = next((tool for tool in tools if tool.name == name), None)
    if tool is None:
        raise ExpresswayError(
            "knowledge_tool_missing",
            f"The documentation endpoint does not offer {name} any more, or describes it in no usable way.",
            "Use another of the documentation tools.",
        )
    problems = argument_problems(tool.input_schema, arguments)
    if problems:
        summary, details = told_problems(problems)
        raise UsageError(
            "invalid_arguments",
            f"The arguments of {name} do not fit: {summary}.",
            "Correct each of them and call again.",
            details,
        )
    return tool


def _rest(tool: KnowledgeTool, arguments: Mapping[str, Any], most: int) -> str:
    """How to get what was cut off, in the words of the tool's own parameters."""
    if {"start_index", "max_length"} <= tool.parameters.keys():
        step = most // 2  # the endpoint counts characters of the page, and may write more around them
        start = arguments.get("start_index", 0)
        return f"Call again with max_length={step}, start_index={start}, and raise start_index by {step} each time."
    if "limit" in tool.parameters:
        return "Call again with a smaller limit, or a narrower search."
    if "start_index" in tool.parameters:
        return "Call again with a higher start_index."
    return "Ask for something narrower."


def _marked(content: Any) -> Any:
    """The content with all its text as quotations that everybody may read: data, whatever it says."""
    if isinstance(content, str):
        return quoted(content, public=True)
    if isinstance(content, Mapping):
        named = ((str(name), item) for name, item in content.items())
        return {name if _NAME.fullmatch(name) else _marked(name): _marked(item) for name, item in named}
    if isinstance(content, list | tuple):
        return [_marked(item) for item in content]
    return content
