"""Progress on its way from worker threads to the client that asked."""

import asyncio
import threading
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

import anyio
from mcp.server.mcpserver import Context

from expressway.core.progress import Progress, ProgressSink
from expressway.core.text import shortened
from expressway.mcp.results import redaction_policy_of
from expressway.privacy.gates import Gates
from expressway.privacy.render import shown_text

SHORTEST_PAUSE_SECONDS = 0.25
_LONGEST_MESSAGE = 2_000


class _Relay:
    """Takes progress in any thread and sends it from the event loop, at most four times a second.

    Of what only informs, the newest is sent; warnings and errors are sent one and all, each before what came later.
    """

    def __init__(self, ctx: Context, gates: Gates) -> None:
        self._ctx = ctx
        self._showing = redaction_policy_of(gates)
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()
        self._waiting: list[Progress] = []
        self._lock = threading.Lock()
        self._count = 0
        self._sending = asyncio.Lock()

    def take(self, progress: Progress) -> None:
        """The progress sink; called in worker threads, also after the request has ended."""
        with self._lock:
            if self._waiting and self._waiting[-1].level == "info":
                self._waiting.pop()
            self._waiting.append(progress)
        with suppress(RuntimeError):  # the server has stopped; the work's own journal remembers
            self._loop.call_soon_threadsafe(self._news.set)

    async def send_forever(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            await self.send()
            await anyio.sleep(SHORTEST_PAUSE_SECONDS)

    async def send(self) -> None:
        """Send what waits, after what is being sent; nothing when all of it was."""
        async with self._sending:
            with self._lock:
                waiting, self._waiting = self._waiting, []
            for progress in waiting:
                self._count += 1  # the protocol wants a number that grows; phases have no common total
                await self._ctx.report_progress(self._count, None, self._message(progress))

    def _message(self, progress: Progress) -> str:
        # Masking takes time that grows with the text, and this is the event loop.
        shown = shown_text(shortened(progress.message, _LONGEST_MESSAGE), self._showing)
        return f"{progress.phase}: {'' if progress.level == 'info' else f'{progress.level}: '}{shown}"


@asynccontextmanager
async def relayed_progress(ctx: Context, gates: Gates) -> AsyncGenerator[ProgressSink]:
    """A progress sink for worker threads whose progress reaches the client while the request lives."""
    relay = _Relay(ctx, gates)
    # A plain task, not a task group: a group would wrap the errors of the work in an exception group.
    sending = asyncio.create_task(relay.send_forever())
    sending.add_done_callback(_forget)
    try:
        try:
            yield relay.take
        finally:
            await relay.send()  # the last word before an error matters most; a cancelled request skips it
    finally:
        sending.cancel()


def _forget(sending: "asyncio.Task[None]") -> None:
    """A client that went away cannot be told anything; its request ends by itself."""
    if not sending.cancelled():
        sending.exception()
