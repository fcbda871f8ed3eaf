"""One subscription a venue in each web process, shared by every socket that watches it.

A channel layer charges by the listener (the SQLite one writes and reads a row for each), so a process listens once
and hands what it hears to its own sockets in memory. Whoever watches joins first and reads the database after, so
that nothing falls between. When the layer is lost all watchers are told: they close, their pages come back by
themselves, and coming back is catching up.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import time
from typing import Any, Protocol

from asgiref.sync import ThreadSensitiveContext
from channels.layers import BaseChannelLayer, get_channel_layer

logger = logging.getLogger(__name__)

PULSE_SECONDS = 5
# Longer than a busy layer needs to bring our own pulse back.
LOST_AFTER_SECONDS = 15
# Memberships in a group expire; those of a process that died should not stay for long.
REJOIN_SECONDS = 60

Message = dict[str, Any]


def group_of(venue_id: int) -> str:
    return f"venue-{venue_id}"


def layer_in_use() -> BaseChannelLayer:
    layer = get_channel_layer()
    if layer is None:
        raise LookupError("CHANNEL_LAYERS has no default")
    return layer


class Watcher(Protocol):
    def take(self, message: Message) -> None:
        """Called in the event loop for each message of a venue that is watched. Must not wait."""

    def lose(self) -> None:
        """The layer is gone; messages may have been missed."""


class Fanout:
    """The listener of one event loop. Get it from `here()`."""

    def __init__(self) -> None:
        self.layer = layer_in_use()
        self.channel = ""
        self.watchers: dict[int, set[Watcher]] = {}
        self.heard_at = 0.0
        self.is_lost = False
        self.joining = asyncio.Lock()
        self.tasks: list[asyncio.Task[None]] = []

    async def join(self, watcher: Watcher, venue_id: int) -> None:
        """From now on `watcher` takes the venue's messages. Raises what the channel layer raises."""
        async with self.joining:
            if self.is_lost:  # joining a layer that is gone may look well: it remembers what it was subscribed to
                raise ConnectionError("It brings nothing back.")
            if not self.channel:
                self.channel = await self.layer.new_channel()
                self.heard_at = time.monotonic()
                # A fresh context: these tasks outlive the socket that happened to come first.
                self.tasks = [
                    asyncio.create_task(work(), context=contextvars.Context()) for work in (self._listen, self._pulse)
                ]
            if venue_id not in self.watchers:
                await self.layer.group_add(group_of(venue_id), self.channel)
            self.watchers.setdefault(venue_id, set()).add(watcher)

    async def leave(self, watcher: Watcher, venue_id: int) -> None:
        async with self.joining:
            watching = self.watchers.get(venue_id, set())
            watching.discard(watcher)
            if not watching and self.watchers.pop(venue_id, None) is not None:
                try:
                    await self.layer.group_discard(group_of(venue_id), self.channel)
                except Exception as error:
                    # What comes for nobody is dropped here, and the membership expires.
                    logger.warning("The channel layer does not answer: %s", error)

    async def _listen(self) -> None:
        # An executor thread of its own: reading the layer must not queue behind anybody's database work.
        async with ThreadSensitiveContext():
            while True:
                message = await self.layer.receive(self.channel)
                self.heard_at = time.monotonic()
                self.is_lost = False
                for watcher in tuple(self.watchers.get(message.get("venue", 0), ())):
                    watcher.take(message)

    async def _pulse(self) -> None:
        """Send ourselves a message now and then: a layer that brings nothing back is gone, and does not say so."""
        async with ThreadSensitiveContext():
            rejoined_at = time.monotonic()
            while True:
                await asyncio.sleep(PULSE_SECONDS)
                try:
                    await self.layer.send(self.channel, {"type": "live.pulse"})
                    if time.monotonic() - rejoined_at > REJOIN_SECONDS:
                        for venue_id in tuple(self.watchers):
                            await self.layer.group_add(group_of(venue_id), self.channel)
                        rejoined_at = time.monotonic()
                except Exception as error:
                    logger.warning("The channel layer does not answer: %s", error)
                    self.is_lost = True
                    self._lose()
                if time.monotonic() - self.heard_at > LOST_AFTER_SECONDS:
                    logger.warning("The channel layer brought nothing back for %s seconds", LOST_AFTER_SECONDS)
                    self.heard_at = time.monotonic()
                    self.is_lost = True
                    self._lose()

    def _lose(self) -> None:
        for watchers in tuple(self.watchers.values()):
            for watcher in tuple(watchers):
                watcher.lose()


_fanouts: dict[asyncio.AbstractEventLoop, Fanout] = {}


def here() -> Fanout:
    """The fan-out of the running event loop: one in a web process, one a test."""
    loop = asyncio.get_running_loop()
    for old in [old for old in _fanouts if old.is_closed()]:
        del _fanouts[old]
    if loop not in _fanouts:
        _fanouts[loop] = Fanout()
    return _fanouts[loop]
