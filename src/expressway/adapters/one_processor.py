"""Keeps two threads that talk in turns on one processor.

Python and Node pass about a hundred messages for one synthesis, and one of them always waits for the other. On two
processors each message first wakes an idle one, which on a virtual machine takes a third of the whole time.
"""

import os
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path


def child_processes() -> list[int]:
    """The processes that this process's main thread started; none where the system does not tell (other than Linux)."""
    with suppress(OSError, ValueError):
        return [int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]
    return []


@contextmanager
def on_one_processor(pids: Sequence[int]) -> Generator[None]:
    """Hold the calling thread and the main threads of `pids` on the processor that the caller runs on.

    Their other threads go on anywhere. Where it is not possible or not allowed, nothing is held.
    """
    if sys.platform != "linux":
        yield
        return
    before: dict[int, set[int]] = {}
    with suppress(OSError, ValueError, IndexError):
        here = _current_processor()
        for pid in (0, *pids):
            allowed = os.sched_getaffinity(pid)
            os.sched_setaffinity(pid, {here})
            before[pid] = allowed
    try:
        yield
    finally:
        for pid, allowed in before.items():
            with suppress(OSError):
                os.sched_setaffinity(pid, allowed)


def _current_processor() -> int:
    """Field 39 of proc(5)'s stat; the name before it may hold spaces."""
    return int(Path("/proc/thread-self/stat").read_text().rpartition(")")[2].split()[36])
