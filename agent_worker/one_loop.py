"""All calls of a process share one event loop.

livekit gives each call a thread and a loop of its own. Threads of one Python process take turns with its lock, and a
word on its way from the ear to the voice changes threads some hundred times: with eight calls each change waited for
seven others (docs/performance.md has the figures). One loop has nobody to wait for. What livekit's thread of a call
still does is to load the models, and to wait for the call's end.

What a call leaves running when it ends is cancelled, as a loop of its own would have done at its end.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from contextvars import ContextVar
from typing import Any
from weakref import WeakSet

from livekit.agents.ipc.proc_client import _ProcClient

Family = WeakSet[asyncio.Task[Any]]
# The tasks of the call that runs here: each task is begun by another of its call, and so inherits it.
family: ContextVar[Family | None] = ContextVar("family", default=None)


def share_one_loop() -> asyncio.AbstractEventLoop:
    """For the whole process, before its first call. Reaches into livekit's parts, as agent_worker.frugal does."""
    loop = asyncio.new_event_loop()
    loop.set_task_factory(begin)
    threading.Thread(target=loop.run_forever, name="calls", daemon=True).start()

    def run(self: _ProcClient) -> None:
        if not self._initialized:
            raise RuntimeError("A call was to begin before its models were loaded.")
        asyncio.run_coroutine_threadsafe(hold(self._monitor_task()), loop).result()

    _ProcClient.run = run  # type: ignore[method-assign]
    return loop


def is_shared() -> bool:
    """Does this run on the loop of all calls, and not on one of a command, a page or a test?"""
    return family.get() is not None


def begin(loop: asyncio.AbstractEventLoop, work: Any, **how: Any) -> asyncio.Task[Any]:
    """Begin a task, and note whose it is."""
    task: asyncio.Task[Any] = asyncio.Task(work, loop=loop, **how)
    relatives = family.get()
    if relatives is not None:
        relatives.add(task)
    return task


async def hold(call: Coroutine[Any, Any, None]) -> None:
    """A call with all that it begins, to the end of each."""
    relatives: Family = WeakSet()
    family.set(relatives)
    try:
        await asyncio.create_task(call)
    finally:
        left = [task for task in relatives if not task.done()]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
