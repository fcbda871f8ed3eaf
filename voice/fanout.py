"""One subscription a venue in each web process, shared by every socket that watches it.

A channel layer charges by the listener (the SQLite one writes and reads a row for each), so a process listens once
and hands what it hears to its own sockets in memory. What it hears is what has changed; what came within a moment is
drawn together, once in each language in which somebody watches, in a thread. If nobody does, no row is read.

Of one call things arrive in the order in which they came: words being spoken pass at once, unless something else of
their call is being drawn. Whoever watches joins first and reads the database after, so that nothing falls between.
When the layer is lost, or something cannot be drawn, those who watch are told: they close, their pages come back by
themselves, and coming back is catching up.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import time
from collections.abc import Sequence
from typing import Protocol

from asgiref.sync import ThreadSensitiveContext, sync_to_async
from channels.db import database_sync_to_async
from django.db import connections

from voice import drawing
from voice.outbox import Message, group_of, layer_in_use

logger = logging.getLogger(__name__)

PULSE_SECONDS = 5
# Longer than a busy layer needs to bring our own pulse back.
LOST_AFTER_SECONDS = 15
# Memberships in a group expire; those of a process that died should not stay for long.
REJOIN_SECONDS = 60
# A change seldom comes alone: an answer is a turn, a state and a card within some milliseconds.
DRAWN_TOGETHER_SECONDS = 0.02


class Watcher(Protocol):
    language: str

    def concerns_page(self, thing: Message) -> bool:
        """Does its page show this? Asked before the thing is drawn."""

    def take(self, thing: Message, shown: Message) -> None:
        """A thing of a venue that is watched, and what to send for it. Called in the event loop; must not wait."""

    def lose(self) -> None:
        """Something may have been missed."""


class Fanout:
    """The listener of one event loop. Get it from `here()`."""

    def __init__(self) -> None:
        self.layer = layer_in_use()
        self.channel = ""
        self.watchers: dict[int, set[Watcher]] = {}
        self.heard_at = 0.0
        self.is_lost = False
        self.joining = asyncio.Lock()
        self.undrawn, self.in_drawing = drawing.Undrawn(), drawing.Undrawn()
        self.is_told = asyncio.Event()
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
                    asyncio.create_task(work(), context=contextvars.Context())
                    for work in (self._listen, self._draw, self._pulse)
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
                watchers = self.watchers.get(message.get("venue", 0), set())
                if message.get("kind") == "words" and not self._is_drawn(message["call"]):
                    for watcher in tuple(watchers):
                        watcher.take(message, message)
                elif watchers:
                    self.undrawn.add(message)
                    self.is_told.set()

    def _is_drawn(self, call: str) -> bool:
        return call in self.undrawn.calls or call in self.in_drawing.calls

    async def _draw(self) -> None:
        # An executor thread of its own: what is said must not queue behind a snapshot of a hundred calls.
        async with ThreadSensitiveContext():
            try:
                while True:
                    await self.is_told.wait()
                    await asyncio.sleep(DRAWN_TOGETHER_SECONDS)
                    self.is_told.clear()
                    self.undrawn, self.in_drawing = drawing.Undrawn(), self.undrawn
                    await self._hand_out([(thing, self._concerned(thing)) for thing in self.in_drawing])
                    self.in_drawing = drawing.Undrawn()
            finally:
                await sync_to_async(connections.close_all)()  # else the thread would leave its own behind

    def _concerned(self, thing: Message) -> list[Watcher]:
        return [watcher for watcher in self.watchers.get(thing["venue"], ()) if watcher.concerns_page(thing)]

    async def _hand_out(self, concerned: Sequence[tuple[Message, Sequence[Watcher]]]) -> None:
        concerned = [(thing, watchers) for thing, watchers in concerned if watchers]
        if not concerned:
            return
        asked = [(thing, {watcher.language for watcher in watchers}) for thing, watchers in concerned]
        try:
            drawn = await database_sync_to_async(drawing.draw)(asked)
        except Exception:
            logger.exception("What has changed in a call could not be drawn")
            for watcher in {watcher for _, watchers in concerned for watcher in watchers}:
                watcher.lose()
            return
        for (thing, watchers), by_language in zip(concerned, drawn, strict=True):
            for watcher in watchers:
                if watcher.language in by_language:
                    watcher.take(thing, by_language[watcher.language])

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
