"""The agent does what staff say, and only what staff say.

An order comes from the server (no participant) and is signed; a visitor's data message has the visitor's name on it.
But a message of somebody whom the room has not announced yet comes without a name as well, so while the visitor is not
known to be in the room no order is taken. Who of the staff has the word by then is read from the call's row when the
visitor comes: nobody can forge that.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.db import Error
from livekit import rtc
from livekit.agents import AgentSession, JobContext

from agent_worker.closing import hang_up
from agent_worker.conversation import Conversation, Note, rows
from agent_worker.phrases import phrase
from agent_worker.translating import in_the_visitors_language
from voice import steering
from voice.models import Happening

logger = logging.getLogger(__name__)

PERSON = "concierge.person"  # participant attribute: who has the word. The page reads "", "typing", "voice" or "wait"
AUDITED_WITHIN_SECONDS = 0.3  # of an order's being sent
COMES_WITHIN_SECONDS = 15.0  # from taking over by voice to being in the room
LOOKS_EVERY_SECONDS = 1.0
MOST_NOTES = 20

Obey = Callable[[steering.Order], Coroutine[Any, Any, None]]


def obey_staff(ctx: JobContext, session: AgentSession[Conversation]) -> None:
    call = session.userdata.call
    assert call is not None
    verifier = steering.Verifier(call.pk)
    staff = Staff(ctx, session)
    verbs: dict[str, Obey] = {
        "note": staff.note,
        "say": staff.say,
        "mute": staff.mute,
        "unmute": staff.unmute,
        "take_over": staff.take_over,
        "hand_back": staff.hand_back,
        "hang_up": lambda order: hang_up(ctx, session, "staff", at_once=True),
    }

    @ctx.room.on("data_received")
    def received(packet: rtc.DataPacket) -> None:
        if packet.topic != steering.TOPIC:
            return
        if packet.participant is not None:
            logger.warning("Call %s: %s tried to steer the agent", call.pk, packet.participant.identity)
            return
        try:
            order = verifier.read(packet.data)
        except steering.Refused as reason:
            logger.warning("Call %s: an order was refused. %s", call.pk, reason)
            return
        if call.visitor_identity not in ctx.room.remote_participants:
            session.userdata.in_background(check(order.verb))
            return
        if order.verb in verbs and not session.userdata.is_closing:
            session.userdata.in_background(verbs[order.verb](order))

    async def check(verb: str) -> None:
        """An order that may be anybody's. Only an end is obeyed, if the audit has it: that must always work."""
        await asyncio.sleep(AUDITED_WITHIN_SECONDS)
        if verb == "hang_up" and await rows(call.was_ended_by_staff):
            await hang_up(ctx, session, "staff", at_once=True)
        else:
            await rows(call.add_happening, Happening.Kind.ERROR, "not_taken", verb)

    @ctx.room.on("participant_connected")
    def came(participant: rtc.RemoteParticipant) -> None:
        if participant.identity == call.visitor_identity:
            session.userdata.in_background(staff.catch_up())


class Staff:
    """What the orders do to one conversation."""

    def __init__(self, ctx: JobContext, session: AgentSession[Conversation]) -> None:
        self.ctx = ctx
        self.session = session
        self.conversation = session.userdata
        self.watch: asyncio.Task[None] | None = None
        self._lines = asyncio.Lock()
        session.on("close", lambda _: self._stop_watching())

    async def note(self, order: steering.Order) -> None:
        self._remember(Note(order.details["text"]))

    async def say(self, order: steering.Order) -> None:
        async with self._lines:  # spoken in the order in which they were typed, however long one is translated
            line = await in_the_visitors_language(order.details["text"], self.conversation.language)
            self.conversation.staff_lines.append(self.session.say(line))

    async def mute(self, order: steering.Order) -> None:
        await self._mute()

    async def _mute(self) -> None:
        self.conversation.is_muted = True
        await self._fall_silent()
        await self._show()

    async def unmute(self, order: steering.Order) -> None:
        self.conversation.is_muted = False
        await self._show()

    async def take_over(self, order: steering.Order) -> None:
        await self._give_the_word(order.details["how"], order.details.get("identity", ""))

    async def _give_the_word(self, held_as: str, identity: str) -> None:
        conversation = self.conversation
        conversation.held_as, conversation.is_muted, conversation.staff_identity = held_as, False, identity
        await self._fall_silent()
        await self._show()
        if self.watch:
            self.watch.cancel()
        self.watch = asyncio.create_task(self._mind_the_holder(), name="staff present")

    async def hand_back(self, order: steering.Order) -> None:
        if promise := order.details.get("promise", ""):
            self._remember(Note(promise, is_promise=True, is_new=False))
        self._stop_watching()
        await self._have_the_word("handed_back")

    async def catch_up(self) -> None:
        """Do what the row says about who has the word: the orders that told so may not have been taken."""
        call = self.conversation.call
        assert call is not None
        held_as, is_muted = await rows(call.who_has_the_word)
        if held_as and not self.conversation.held_as:
            await self._give_the_word(held_as, "")
        elif is_muted and not self.conversation.is_silent:
            await self._mute()
        elif not held_as and self.conversation.held_as:
            await self._have_the_word("handed_back")

    async def _have_the_word(self, key: str) -> None:
        conversation = self.conversation
        if not conversation.held_as:
            return
        conversation.held_as = conversation.staff_identity = ""
        await self._show()
        self.session.say(phrase(conversation.language, key))

    async def _fall_silent(self) -> None:
        with suppress(RuntimeError):  # nothing is being said
            await self.session.interrupt(force=True)

    async def _show(self) -> None:
        """Who has the word now; it may have changed since the order was given."""
        conversation = self.conversation
        who = conversation.held_as or ("wait" if conversation.is_muted else "")
        if self.ctx.room.isconnected():
            await self.ctx.room.local_participant.set_attributes({PERSON: who})

    def _remember(self, note: Note) -> None:
        self.conversation.notes = [*self.conversation.notes, note][-MOST_NOTES:]

    def _stop_watching(self) -> None:
        if self.watch and self.watch is not asyncio.current_task():
            self.watch.cancel()
        self.watch = None

    async def _mind_the_holder(self) -> None:
        """When whoever has taken over is gone for a while, the agent takes the word itself and says so.

        Gone is a page of theirs that is closed, or a voice that left the room. The web process may be gone as well.
        """
        call, conversation = self.conversation.call, self.conversation
        assert call is not None
        taken_at = here_at = time.monotonic()
        has_come = not conversation.staff_identity
        while conversation.held_as:
            await asyncio.sleep(LOOKS_EVERY_SECONDS)
            is_in_room = not conversation.staff_identity or conversation.staff_identity in (
                self.ctx.room.remote_participants
            )
            has_come = has_come or is_in_room
            is_waited_for = not has_come and time.monotonic() - taken_at < COMES_WITHIN_SECONDS
            if (is_in_room or is_waited_for) and await self._is_owner_here():
                here_at = time.monotonic()
            elif time.monotonic() - here_at >= settings.STAFF_AWAY_SECONDS:
                logger.info("Call %s: whoever had taken over is gone", call.pk)
                await rows(call.give_back)
                await self._have_the_word("staff_gone")

    async def _is_owner_here(self) -> bool:
        assert self.conversation.call is not None
        try:
            return await rows(self.conversation.call.is_owner_here)
        except Error:
            logger.exception("Nobody can tell whether the staff are still there")
            return True  # asked again in a moment
