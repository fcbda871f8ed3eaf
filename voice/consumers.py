"""Staff sockets: the wall of calls, and one call.

A socket is authorised when it connects, joins what it watches, and then sends everything there is: a page that
comes back is up to date. After that it sends what happens. Whether the user still works there is asked again each
minute.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from django.conf import settings
from django.contrib.auth.models import AnonymousUser, User
from django.db.models import QuerySet
from django.utils import timezone, translation

from concierge.models import Venue
from voice import fanout, live, screens
from voice.models import Call, Shift, Watching
from voice.outbox import Message

logger = logging.getLogger(__name__)

NOT_FOUND = 4404  # unknown and forbidden alike
TRY_AGAIN = 4013  # 1013 has a meaning of its own, and Daphne refuses to send it
RECHECK_AFTER = timedelta(minutes=1)
PRESENT_EVERY_SECONDS = 5
# A browser that is this far behind does better with a new snapshot.
MOST_BEHIND = 300
# Words of all calls travel together, at most this often: with a hundred calls they would else be all that is sent.
WORDS_EVERY_SECONDS = 0.03


class Refusal(AsyncJsonWebsocketConsumer):
    """Accepts and closes, since a browser is not told why a socket was refused before it was accepted."""

    channel_layer_alias = ""

    async def connect(self) -> None:
        await self.accept()
        await self.close(NOT_FOUND)


class StaffConsumer(AsyncJsonWebsocketConsumer):
    """What both sockets do: watch some venues through the process's fan-out and pass on what concerns the page."""

    channel_layer_alias = ""  # the fan-out listens for all sockets of this process

    async def connect(self) -> None:
        # What has changed, and what to send for it.
        self.happenings: asyncio.Queue[tuple[Message, Message] | None] = asyncio.Queue(MOST_BEHIND)
        self.words: dict[tuple[str, str], Message] = {}  # the newest of each call and speaker, until they are sent
        self.watched: set[int] = set()
        self.passing_on: asyncio.Task[None] | None = None
        self.language = self._asked("lang", among=dict(settings.LANGUAGES), default=settings.LANGUAGE_CODE)
        await self.accept()
        venues = await database_sync_to_async(self.venues_to_watch)()
        if not venues:
            await self.close(NOT_FOUND)
            return
        try:
            # Join before reading, so that nothing falls between; the page drops repeats.
            await self._watch(venues)
        except Exception as error:
            logger.warning("The channel layer does not answer: %s", error)
            await self.close(TRY_AGAIN)
            return
        await self.send_json(await database_sync_to_async(self._snapshot)())
        self.passing_on = asyncio.create_task(self._pass_on())

    async def disconnect(self, code: int) -> None:
        if self.passing_on:
            self.passing_on.cancel()
        await self._watch(set())

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        """Staff's commands are posted, not sent here."""

    # What the fan-out calls

    def take(self, thing: Message, shown: Message) -> None:
        if thing.get("kind") == "words":
            if not self.words:
                asyncio.get_running_loop().call_later(WORDS_EVERY_SECONDS, self._put, {"kind": "spoken"}, {})
            self.words[thing["call"], thing["speaker"]] = thing
            return
        if "speaker" in thing:  # a turn
            self.words.pop((thing["call"], thing["speaker"]), None)  # what was said takes the place of its words
        self._put(thing, shown)

    def _put(self, thing: Message, shown: Message) -> None:
        try:
            self.happenings.put_nowait((thing, shown))
        except asyncio.QueueFull:
            self.lose()

    def lose(self) -> None:
        self.words.clear()
        while not self.happenings.empty():
            self.happenings.get_nowait()
        self.happenings.put_nowait(None)

    # What differs

    def venues_to_watch(self) -> set[int]:
        """The venues whose happenings this socket may pass on; none refuses it, or ends it later."""
        raise NotImplementedError

    def snapshot(self) -> Message:
        raise NotImplementedError

    def concerns_page(self, thing: Message) -> bool:
        """Does this page show it? Asked before it is drawn, and again before it is sent."""
        raise NotImplementedError

    def for_page(self, shown: Message) -> Message:
        """What was drawn for all who read the language, as this user sees it."""
        return shown

    # Below

    def user(self) -> User | AnonymousUser:
        """The user as the database knows them now, if still signed in."""
        user, session = self.scope["user"], self.scope["session"]
        if not user or not user.is_authenticated or not session.session_key or not session.exists(session.session_key):
            return AnonymousUser()
        return User.objects.filter(pk=user.pk, is_active=True).first() or AnonymousUser()

    def _asked(self, name: str, *, among: Any = None, default: str = "") -> str:
        value = parse_qs(self.scope["query_string"].decode("latin1")).get(name, [default])[0]
        return value if among is None or value in among else default

    def _snapshot(self) -> Message:
        with translation.override(self.language):
            return {"kind": "snapshot", **self.snapshot()}

    async def _watch(self, venues: set[int]) -> None:
        for venue_id in venues - self.watched:
            await fanout.here().join(self, venue_id)
            self.watched.add(venue_id)
        for venue_id in self.watched - venues:
            await fanout.here().leave(self, venue_id)
        self.watched = set(venues)

    async def _pass_on(self) -> None:
        try:
            recheck_at = timezone.now() + RECHECK_AFTER
            while True:
                told = await self._next(recheck_at)
                if told is None:
                    await self.close(TRY_AGAIN)
                    return
                thing, shown = told
                if timezone.now() >= recheck_at:
                    venues = await database_sync_to_async(self.venues_to_watch)()
                    if not venues:
                        await self.close(NOT_FOUND)
                        return
                    await self._watch(venues)
                    recheck_at = timezone.now() + RECHECK_AFTER
                if thing.get("kind") == "spoken":
                    await self._pass_on_words()
                elif thing.get("venue") in self.watched and self.concerns_page(thing):
                    await self.send_json(self.for_page(shown))
        except Exception:
            logger.exception("A staff socket stopped")
            await self.close(TRY_AGAIN)

    async def _pass_on_words(self) -> None:
        words, self.words = list(self.words.values()), {}
        spoken = [word for word in words if word["venue"] in self.watched and self.concerns_page(word)]
        if spoken:
            facts = ("call", "speaker", "text")
            await self.send_json({"kind": "words", "words": [{fact: word[fact] for fact in facts} for word in spoken]})

    async def _next(self, until: datetime) -> tuple[Message, Message] | None:
        try:
            seconds = max(0.0, (until - timezone.now()).total_seconds())
            return await asyncio.wait_for(self.happenings.get(), timeout=seconds)
        except TimeoutError:
            return {}, {}


class WallConsumer(StaffConsumer):
    """All calls of the user's venues, or of the one in `?venue=`."""

    def venues(self) -> QuerySet[Venue]:
        venues = Venue.objects.visible_to(self.user())
        slug = self._asked("venue")
        return venues.filter(slug=slug) if slug else venues

    def venues_to_watch(self) -> set[int]:
        self._on_shift()
        return set(self.venues().values_list("pk", flat=True))

    async def connect(self) -> None:
        self.rung_for: set[int] = set()
        self.staying: asyncio.Task[None] | None = None
        await super().connect()
        if self.passing_on:
            self.staying = asyncio.create_task(self._stay())

    async def disconnect(self, code: int) -> None:
        if self.staying:
            self.staying.cancel()
        await super().disconnect(code)

    async def _stay(self) -> None:
        while True:
            await asyncio.sleep(PRESENT_EVERY_SECONDS)
            try:
                await database_sync_to_async(self._on_shift)()
            except Exception:
                logger.exception("A console could not say that it is open")

    def _on_shift(self) -> None:
        """Whoever is on shift can be rung as long as their console is open."""
        shifts = Shift.objects.filter(user=self.scope["user"].pk) if self.scope["user"] else Shift.objects.none()
        shifts.update(seen_at=timezone.now())
        self.rung_for = set(shifts.values_list("venue_id", flat=True))

    def snapshot(self) -> Message:
        # The venues that were joined, not those visible by now: the next check sees to those.
        venues = Venue.objects.filter(pk__in=self.watched)
        return {
            "live": screens.cards_html(screens.going_on(venues)),
            "ended": screens.cards_html(screens.just_ended(venues)),
            "call_backs": screens.call_backs_html(venues),
            "rings": screens.rings_html(venues.filter(pk__in=self.rung_for)),
        }

    def concerns_page(self, thing: Message) -> bool:
        if thing["kind"] in ("ring", "ring_over"):
            return thing["venue"] in self.rung_for
        return thing["kind"] in ("card", "words", "agent_state", "gone", "call_back", "call_back_done")


class CallConsumer(StaffConsumer):
    """The transcript of one call and what is being said in it. While it is open, others see who watches."""

    watching: Watching | None = None
    staying: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        await super().connect()
        if self.passing_on:
            self.staying = asyncio.create_task(self._stay())

    async def disconnect(self, code: int) -> None:
        if self.staying:
            self.staying.cancel()
            await database_sync_to_async(self._leave)()
        await super().disconnect(code)

    def call(self) -> Call | None:
        return Call.objects.visible_to(self.user()).filter(pk=self.call_pk).first()

    @property
    def call_pk(self) -> UUID:
        return self.scope["url_route"]["kwargs"]["pk"]

    @property
    def user_pk(self) -> int:
        return self.scope["user"].pk  # type: ignore[union-attr]  # venues_to_watch has let nobody else in

    def venues_to_watch(self) -> set[int]:
        call = self.call()
        return {call.venue_id} if call else set()

    def snapshot(self) -> Message:
        # Whoever opens a call watches it, and the head says who does.
        self.watching = Watching.objects.create(call_id=self.call_pk, user_id=self.user_pk)
        call = Call.objects.select_related("venue", "owner").get(pk=self.call_pk)
        return {
            "state": call.state,
            "head": screens.head_html(call),
            "turns": screens.transcript_html(call),
            **self._hold(screens.hold_of(call)),
        }

    def concerns_page(self, thing: Message) -> bool:
        of_a_call = ("head", "turn", "happening", "words", "agent_state", "gone")
        return thing["call"] == str(self.call_pk) and thing["kind"] in of_a_call

    def for_page(self, shown: Message) -> Message:
        return shown | self._hold(shown["hold"]) if "hold" in shown else shown

    def _hold(self, hold: Message) -> Message:
        """Who has the call, as this user sees it."""
        whose = "" if hold["owner"] is None else "mine" if hold["owner"] == self.user_pk else "other"
        return {"hold": whose, "held_as": hold["held_as"], "is_muted": hold["is_muted"]}

    async def _stay(self) -> None:
        """Keep the row fresh: from it the agent learns that whoever has taken over is still there."""
        await database_sync_to_async(self._show)()
        while True:
            await asyncio.sleep(PRESENT_EVERY_SECONDS)
            try:
                await database_sync_to_async(self._be_seen)()
            except Exception:
                logger.exception("A staff page could not say that it is open")

    def _be_seen(self) -> None:
        if self.watching:
            Watching.objects.filter(pk=self.watching.pk).update(seen_at=timezone.now())

    def _leave(self) -> None:
        if self.watching:
            Watching.objects.filter(pk=self.watching.pk).delete()
            self._show()

    def _show(self) -> None:
        """Tell the others who have this call open, if there are any."""
        others = Watching.objects.filter(call_id=self.call_pk).exclude(user_id=self.user_pk)
        if watched := others.select_related("call").first():
            live.show_call(watched.call)
