"""The way to a venue's group on the channel layer, from any thread, without waiting for it."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from typing import Any

from asgiref.sync import ThreadSensitiveContext, async_to_sync
from channels.layers import BaseChannelLayer, InMemoryChannelLayer, get_channel_layer

logger = logging.getLogger(__name__)

MOST_WAITING = 500  # messages a process holds while the channel layer is slow
COMMAND_WAITS_SECONDS = 3

Message = dict[str, Any]


def group_of(venue_id: int) -> str:
    return f"venue-{venue_id}"


def layer_in_use() -> BaseChannelLayer:
    layer = get_channel_layer()
    if layer is None:
        raise LookupError("CHANNEL_LAYERS has no default")
    return layer


def send(venue_id: int, message: Message, *, may_be_lost: bool = False) -> None:
    """In the order of the calls. What is lost when the layer is slow: first what `may_be_lost`, then the newest."""
    message = {"type": "live.happening", **message}
    layer = layer_in_use()
    if isinstance(layer, InMemoryChannelLayer):
        _send_here(layer, group_of(venue_id), message)
        return
    sent = _outbox().put(group_of(venue_id), message, may_be_lost=may_be_lost)
    if threading.current_thread() is threading.main_thread() and not _loop_runs_here():
        # A management command: the process may end right after this, and the outbox with it.
        sent.wait(COMMAND_WAITS_SECONDS)


def _send_here(layer: InMemoryChannelLayer, group: str, message: Message) -> None:
    """For tests. A layer that lives in this process belongs to the event loop that reads it."""
    if _loop_runs_here():
        task = asyncio.get_running_loop().create_task(layer.group_send(group, message))
        _being_sent.add(task)
        task.add_done_callback(_being_sent.discard)
    else:
        async_to_sync(layer.group_send)(group, message)


_being_sent: set[asyncio.Task[None]] = set()


def _loop_runs_here() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


class Outbox:
    """Sends in a thread with an event loop of its own, in the order of `put`.

    So a caller never waits for a slow layer, it does not matter whether the caller has an event loop, and Redis sees
    one connection a process.
    """

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.waiting: asyncio.Queue[tuple[str, Message, threading.Event]] = asyncio.Queue()
        threading.Thread(target=self._run, name="live-outbox", daemon=True).start()

    def put(self, group: str, message: Message, *, may_be_lost: bool) -> threading.Event:
        sent = threading.Event()
        backlog = self.waiting.qsize()
        if backlog >= MOST_WAITING or (may_be_lost and backlog >= MOST_WAITING // 10):
            # Whoever watches notices the gap in the turns' numbers and catches up.
            if not may_be_lost:
                logger.warning("The channel layer is slow: a message to %s is dropped", group)
            sent.set()
        else:
            self.loop.call_soon_threadsafe(self.waiting.put_nowait, (group, message, sent))
        return sent

    def _run(self) -> None:
        self.loop.run_until_complete(self._deliver())

    async def _deliver(self) -> None:
        # An executor thread of its own: otherwise the SQLite layer queues behind the process's other database work.
        async with ThreadSensitiveContext():
            while True:
                group, message, sent = await self.waiting.get()
                try:
                    await layer_in_use().group_send(group, message)
                except Exception as error:
                    logger.warning("The channel layer did not take a message to %s: %s", group, error)
                finally:
                    sent.set()


_the_outbox: Outbox | None = None
_opening = threading.Lock()


def _outbox() -> Outbox:
    """This process's outbox, opened when it is first needed."""
    global _the_outbox
    with _opening:
        if _the_outbox is None:
            _the_outbox = Outbox()
        return _the_outbox


def _forget_outbox() -> None:
    global _the_outbox
    _the_outbox = None


# A forked child has the object but not its thread.
os.register_at_fork(after_in_child=_forget_outbox)
