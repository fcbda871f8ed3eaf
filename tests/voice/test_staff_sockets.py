"""What staff see without reloading, and who is turned away.

The sockets are opened as a browser would open them: with a cookie, an Origin and a Host, through the whole stack.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
import uuid
from contextlib import contextmanager
from datetime import timedelta

from channels.db import database_sync_to_async
from channels.testing import WebsocketCommunicator
from django import template
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client, TransactionTestCase, override_settings
from django.utils import translation

from concierge.asgi import application
from concierge.models import Membership
from tests import factories
from voice import consumers, drawing, fanout, handing_off, live, outbox, screens
from voice.models import Call

PATIENCE = 20  # seconds for what is to come, on a busy machine too
IN_MEMORY = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}


def wall_address(query=""):
    return f"/ws/staff/{query}"


def call_address(call, query=""):
    return f"/ws/staff/calls/{getattr(call, 'pk', call)}/{query}"


def spoken(call, text, speaker="visitor"):
    return {"call": str(call.pk), "speaker": speaker, "text": text}


class Socket(WebsocketCommunicator):
    """A browser's socket. As a context: opened at the beginning, closed at the end."""

    def __init__(self, path, cookies="", *, host="localhost", origin="http://localhost"):
        headers = [(b"host", host.encode()), (b"cookie", cookies.encode())]
        if origin:
            headers.append((b"origin", origin.encode()))
        super().__init__(application, path, headers)

    async def __aenter__(self):
        accepted, _ = await self.connect()
        assert accepted
        return self

    async def __aexit__(self, *error):
        await self.disconnect()

    async def connect(self, timeout=PATIENCE):
        return await super().connect(timeout)

    async def disconnect(self, code=1000, timeout=PATIENCE):
        await super().disconnect(code, timeout)

    async def next(self, kind=None):
        while True:
            message = await self.receive_json_from(PATIENCE)
            if kind in (None, message["kind"]):
                return message

    async def closed_with(self):
        message = await self.receive_output(PATIENCE)
        assert message["type"] == "websocket.close", message
        return message["code"]


@override_settings(CHANNEL_LAYERS=IN_MEMORY)
class StaffSocketTests(TransactionTestCase):
    def setUp(self):
        self.palm = factories.create_venue()
        self.rival = factories.create_venue(slug="rival", host="rival.test")
        self.user = factories.create_user(venue=self.palm, role=Membership.Role.VIEWER)
        self.call = factories.create_call(venue=self.palm, agent_state="listening")
        self.cookies = self.signed_in(self.user)

    def signed_in(self, user):
        client = Client()
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        return f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"

    async def do(self, work, *args, **kwargs):
        return await database_sync_to_async(work)(*args, **kwargs)

    async def refused(self, path, cookies=None, **facts):
        socket = Socket(path, self.cookies if cookies is None else cookies, **facts)
        async with socket:
            code = await socket.closed_with()
            assert await socket.receive_nothing(timeout=0.05)
        return code

    # Strangers

    async def test_nobody_in_particular_is_turned_away(self):
        for path in (wall_address(), call_address(self.call)):
            assert await self.refused(path, cookies="") == 4404

    async def test_another_venues_staff_are_told_what_they_would_be_told_of_no_call_at_all(self):
        theirs = await self.do(factories.create_call, venue=self.rival)
        foreign = await self.refused(call_address(theirs))
        unknown = await self.refused(call_address(uuid.uuid4()))
        assert foreign == unknown == 4404
        assert await self.refused(wall_address("?venue=rival")) == 4404
        assert await self.refused("/ws/elsewhere/") == 4404

    async def test_a_foreign_page_cannot_use_our_cookie(self):
        for origin in ("http://evil.test", "http://localhost:9999", "", "null"):
            assert await self.refused(wall_address(), origin=origin) == 4404
            assert await self.refused(call_address(self.call), origin=origin) == 4404

    async def test_a_venues_own_host_has_no_staff_sockets(self):
        assert await self.refused(wall_address(), host="palm.test", origin="http://palm.test") == 4404

    async def test_a_port_is_part_of_both_origin_and_host(self):
        async with Socket(
            wall_address(), self.cookies, host="localhost:8000", origin="http://localhost:8000"
        ) as socket:
            assert (await socket.next())["kind"] == "snapshot"

    async def test_the_wall_says_nothing_of_another_venue(self):
        theirs = await self.do(factories.create_call, venue=self.rival)
        async with Socket(wall_address(), self.cookies) as socket:
            snapshot = await socket.next("snapshot")
            assert str(theirs.pk) not in json.dumps(snapshot)
            await self.do(theirs.add_turn, "visitor", "A secret")
            await self.do(live.show_interim, theirs, "visitor", "A secret")
            await self.do(theirs.end, "goodbye")
            assert await socket.receive_nothing(timeout=0.2)

    async def test_one_calls_page_says_nothing_of_another_call(self):
        other = await self.do(factories.create_call, venue=self.palm)
        async with Socket(call_address(self.call), self.cookies) as socket:
            await socket.next("snapshot")
            await self.do(other.add_turn, "visitor", "Elsewhere")
            await self.do(live.show_interim, other, "visitor", "Elsewhere")
            assert await socket.receive_nothing(timeout=0.2)

    async def test_somebody_who_no_longer_works_there_is_turned_away_within_the_minute(self):
        with self.recheck_after(timedelta(milliseconds=100)):
            async with (
                Socket(wall_address(), self.cookies) as wall,
                Socket(call_address(self.call), self.cookies) as page,
            ):
                await wall.next("snapshot")
                await page.next("snapshot")
                await self.do(Membership.objects.all().delete)
                assert await wall.closed_with() == 4404
                assert await page.closed_with() == 4404
            assert await self.refused(wall_address()) == 4404

    async def test_signing_out_ends_the_sockets_too(self):
        with self.recheck_after(timedelta(milliseconds=100)):
            async with Socket(wall_address(), self.cookies) as socket:
                await socket.next("snapshot")
                from django.contrib.sessions.models import Session

                await self.do(Session.objects.all().delete)
                assert await socket.closed_with() == 4404

    async def test_a_dismissed_user_is_turned_away(self):
        with self.recheck_after(timedelta(milliseconds=100)):
            async with Socket(wall_address(), self.cookies) as socket:
                await socket.next("snapshot")
                await self.do(User.objects.filter(pk=self.user.pk).update, is_active=False)
                assert await socket.closed_with() == 4404

    async def test_a_venue_that_one_has_joined_meanwhile_appears(self):
        theirs = await self.do(factories.create_call, venue=self.rival)
        with self.recheck_after(timedelta(milliseconds=100)):
            async with Socket(wall_address(), self.cookies) as socket:
                await socket.next("snapshot")
                await self.do(Membership.objects.create, user=self.user, venue=self.rival, role="viewer")
                await asyncio.sleep(0.3)
                await self.do(theirs.show_agent_state, "speaking")
                assert (await socket.next("agent_state"))["call"] == str(theirs.pk)

    # What they see

    async def test_a_call_appears_changes_and_ends_on_the_wall(self):
        fresh = await self.do(factories.create_call, venue=self.palm, state=Call.State.OPENED)
        async with Socket(wall_address(), self.cookies) as socket:
            snapshot = await socket.next("snapshot")
            assert f"call-{self.call.pk}" in snapshot["live"]
            assert str(fresh.pk) not in snapshot["live"]

            await self.do(fresh.begin)
            card = await socket.next()
            assert (card["kind"], card["call"], card["state"]) == ("card", str(fresh.pk), "live")

            await self.do(fresh.show_agent_state, "thinking")
            told = await socket.next("agent_state")
            assert told["call"] == str(fresh.pk)
            assert "thinking" in told["chip"]

            await self.do(live.show_interim, fresh, "visitor", "When does the")
            words = await socket.next()
            assert words == {"kind": "words", "words": [spoken(fresh, "When does the")]}

            await self.do(fresh.add_turn, "visitor", "When does the pool open?")
            assert "When does the pool open?" in (await socket.next("card"))["html"]

            await self.do(fresh.end, "goodbye")
            assert (await socket.next("card"))["state"] == "ended"

    async def test_a_visitor_who_never_came_does_not_reach_the_wall(self):
        fresh = await self.do(factories.create_call, venue=self.palm, state=Call.State.OPENED)
        async with Socket(wall_address(), self.cookies) as socket:
            await socket.next("snapshot")
            await self.do(fresh.end, "never_came")
            assert await socket.receive_nothing(timeout=0.2)

    async def test_one_call_shows_words_as_they_are_spoken_then_the_turn_and_then_the_end(self):
        await self.do(self.call.add_turn, "agent", "Welcome.")
        async with Socket(call_address(self.call), self.cookies) as socket:
            snapshot = await socket.next("snapshot")
            assert "Welcome." in snapshot["turns"]
            assert snapshot["state"] == "live"

            await self.do(live.show_interim, self.call, "visitor", "When does")
            assert await socket.next() == {"kind": "words", "words": [spoken(self.call, "When does")]}

            turn = await self.do(self.call.add_turn, "visitor", "When does the pool open?")
            message = await socket.next("turn")
            assert (message["number"], message["speaker"]) == (2, "visitor")
            assert f'id="turn-{turn.pk}"' in message["turn"]
            assert "When does the pool open?" in message["turn"]

            await self.do(self.call.end, "staff")
            message = await socket.next("head")
            assert message["state"] == "ended"
            assert "ended by staff" in message["head"]

    async def test_what_is_done_and_who_takes_over_is_seen_at_once(self):
        other = await self.do(factories.create_user, venue=self.palm, name="omar")
        async with Socket(call_address(self.call), self.cookies) as socket:
            assert (await socket.next("snapshot"))["hold"] == ""
            await self.do(self.call.add_happening, "tool", "opening_hours", "{}")
            assert "opening_hours" in (await socket.next("happening"))["happening"]
            await self.do(self.call.take, other, "typing")
            head = await socket.next("head")
            assert (head["hold"], head["held_as"]) == ("other", "typing")
            assert "omar types" in head["head"]
            await self.do(self.call.give_back, other)
            await socket.next("head")
            await self.do(self.call.take, self.user, "voice")
            assert (await socket.next("head"))["hold"] == "mine"

    async def test_an_open_page_is_known_and_its_end_too(self):
        other = await self.do(factories.create_user, venue=self.palm, name="omar")
        await self.do(self.call.take, other, "typing")
        cookies = await self.do(self.signed_in, other)
        assert not await self.do(self.call.is_owner_here)
        async with Socket(call_address(self.call), self.cookies) as mine:
            await mine.next("snapshot")
            async with Socket(call_address(self.call), cookies) as theirs:
                await theirs.next("snapshot")
                assert "omar" in (await mine.next("head"))["head"]
                assert await self.do(self.call.is_owner_here)
            await mine.next("head")
            assert not await self.do(self.call.is_owner_here)

    async def test_coming_back_is_catching_up(self):
        async with Socket(call_address(self.call), self.cookies) as socket:
            await socket.next("snapshot")
        for number in range(3):
            await self.do(self.call.add_turn, "visitor", f"Question {number}")
        async with Socket(call_address(self.call), self.cookies) as socket:
            turns = (await socket.next("snapshot"))["turns"]
        assert [f"Question {number}" in turns for number in range(3)] == [True] * 3

    async def test_nothing_said_while_the_snapshot_is_read_is_lost(self):
        told = []

        def slow(call, transcript_html=screens.transcript_html):
            html = transcript_html(call)
            # Said after the transcript was read and before the snapshot was sent.
            told.append(call.add_turn("visitor", "In between"))
            return html

        with self.replaced(screens, "transcript_html", slow):
            async with Socket(call_address(self.call), self.cookies) as socket:
                snapshot = await socket.next()
                assert snapshot["kind"] == "snapshot"
                assert "In between" not in snapshot["turns"]
                assert "In between" in (await socket.next("turn"))["turn"]

    async def test_html_in_spoken_words_stays_words(self):
        async with Socket(wall_address(), self.cookies) as wall, Socket(call_address(self.call), self.cookies) as page:
            await wall.next("snapshot")
            await page.next("snapshot")
            await self.do(self.call.add_turn, "visitor", "<img src=x onerror=alert(1)>")
            for html in ((await wall.next("card"))["html"], (await page.next("turn"))["turn"]):
                assert "<img" not in html
                assert "&lt;img src=x onerror=alert(1)&gt;" in html

    async def test_a_page_in_arabic_is_told_in_arabic(self):
        async with Socket(wall_address("?lang=ar"), self.cookies) as socket:
            await socket.next("snapshot")
            await self.do(self.call.show_agent_state, "speaking")
            assert "يتكلم" in (await socket.next("agent_state"))["chip"]
            await self.do(self.call.show_connection, "poor")
            card = (await socket.next("card"))["html"]
            assert "يتكلم" in card
            assert "اتصال ضعيف" in card
        async with Socket(wall_address("?lang=xx"), self.cookies) as socket:
            assert (await socket.next())["kind"] == "snapshot"

    async def test_many_sockets_share_one_subscription(self):
        sockets = [Socket(wall_address(), self.cookies) for _ in range(4)]
        for socket in sockets:
            await socket.connect()
            await socket.next("snapshot")
        here = fanout.here()
        assert len(here.layer.groups[outbox.group_of(self.palm.pk)]) == 1
        await self.do(self.call.show_agent_state, "speaking")
        for socket in sockets:
            assert (await socket.next("agent_state"))["call"] == str(self.call.pk)
            await socket.disconnect()
        assert here.watchers == {}
        assert outbox.group_of(self.palm.pk) not in here.layer.groups

    async def test_words_of_many_calls_travel_together_and_only_the_newest_of_each(self):
        other = await self.do(factories.create_call, venue=self.palm)
        with self.replaced(consumers, "WORDS_EVERY_SECONDS", 0.4):
            async with Socket(wall_address(), self.cookies) as socket:
                await socket.next("snapshot")
                for text in ("When", "When does"):
                    await self.do(live.show_interim, self.call, "visitor", text)
                await self.do(live.show_interim, other, "agent", "From six")
                both = [spoken(self.call, "When does"), spoken(other, "From six", "agent")]
                assert await socket.next() == {"kind": "words", "words": both}

    async def test_words_that_have_become_a_turn_do_not_come_after_it(self):
        with self.replaced(consumers, "WORDS_EVERY_SECONDS", 1.5):
            async with Socket(call_address(self.call), self.cookies) as socket:
                await socket.next("snapshot")
                await self.do(live.show_interim, self.call, "visitor", "When does")
                await self.do(self.call.add_turn, "visitor", "When does the pool open?")
                assert (await socket.next())["kind"] == "turn"
                assert await socket.receive_nothing(timeout=1.6)

    async def test_a_browser_that_is_far_behind_is_asked_to_come_again(self):
        with self.replaced(consumers, "MOST_BEHIND", 5):
            async with Socket(wall_address(), self.cookies) as socket:
                await socket.next("snapshot")
                for watcher in fanout.here().watchers[self.palm.pk]:
                    for _ in range(9):
                        watcher.take({"venue": self.palm.pk}, {})
                assert await socket.closed_with() == consumers.TRY_AGAIN

    async def test_a_lost_channel_layer_is_said_so_and_comes_back(self):
        async with Socket(wall_address(), self.cookies) as socket:
            await socket.next("snapshot")
            fanout.here()._lose()
            assert await socket.closed_with() == consumers.TRY_AGAIN
        async with Socket(wall_address(), self.cookies) as socket:
            assert (await socket.next())["kind"] == "snapshot"

    async def test_while_the_channel_layer_is_lost_nobody_is_shown_what_would_not_go_on(self):
        async with Socket(wall_address(), self.cookies) as socket:
            await socket.next("snapshot")
            fanout.here().is_lost = True
            async with Socket(wall_address(), self.cookies) as late:
                assert await late.closed_with() == consumers.TRY_AGAIN
            await self.do(self.call.show_agent_state, "speaking")  # it is heard of again
            await socket.next("agent_state")
            async with Socket(wall_address(), self.cookies) as later:
                assert (await later.next())["kind"] == "snapshot"

    def test_a_server_may_close_with_our_codes(self):
        # Of all others but 1000 Daphne sends none: the socket would stay open and silent.
        assert 3000 <= consumers.TRY_AGAIN < 5000
        assert 3000 <= consumers.NOT_FOUND < 5000

    async def test_telling_never_disturbs_the_call(self):
        def broken(*args, **kwargs):
            raise ConnectionError("no channel layer today")

        with self.replaced(outbox, "send", broken), self.assertLogs("voice.live", "ERROR"):
            turn = await self.do(self.call.add_turn, "visitor", "Still there?")
        assert turn.number == 1

    async def test_what_cannot_be_drawn_sends_the_pages_to_catch_up(self):
        def broken(*args, **kwargs):
            raise ValueError("no template today")

        async with Socket(wall_address(), self.cookies) as socket:
            await socket.next("snapshot")
            with self.replaced(screens, "card_html", broken), self.assertLogs("voice.fanout", "ERROR"):
                await self.do(self.call.add_turn, "visitor", "Still there?")
                assert await socket.closed_with() == consumers.TRY_AGAIN
        async with Socket(wall_address(), self.cookies) as socket:
            assert "Still there?" in (await socket.next("snapshot"))["live"]
            await self.do(self.call.add_turn, "agent", "Of course.")
            assert "Of course." in (await socket.next("card"))["html"]

    # What it costs

    async def test_whoever_speaks_draws_nothing_and_reads_no_row_for_it(self):
        turn = await self.do(self.call.add_turn, "visitor", "When does the pool open?")
        happening = await self.do(self.call.add_happening, "tool", "opening_hours", "{}")

        def tell():
            with self.assertNumQueries(0), self.replaced(template.base.Template, "render", None):
                live.show_call(self.call)
                live.show_agent_state(self.call, "speaking")
                live.show_turn(turn)
                live.show_happening(happening)

        with self.assertNoLogs("voice.live"):
            await self.do(tell)

    async def test_a_burst_of_changes_of_a_call_is_drawn_once_as_it_is_at_its_end(self):
        with self.drawn("card_html") as drawn:
            async with Socket(wall_address(), self.cookies) as socket:
                await socket.next("snapshot")
                drawn.clear()
                await self.changes_five_times()
                assert "Five" in (await socket.next("card"))["html"]
                assert await socket.receive_nothing(timeout=0.2)
        assert len(drawn) == 1

    async def changes_five_times(self):
        """Told at one moment, however long it takes to store it here."""
        told = []
        with self.replaced(outbox, "send", lambda *news, **how: told.append((news, how))):
            await self.do(self.call.take, self.user, "typing")
            await self.do(self.call.add_turn, "visitor", "Four")
            await self.do(self.call.show_connection, "poor")
            await self.do(self.call.give_back, self.user)
            await self.do(self.call.add_turn, "staff", "Five")
        for news, how in told:
            outbox.send(*news, **how)

    async def test_each_turn_of_a_burst_arrives_in_order_and_the_head_once(self):
        async with Socket(call_address(self.call), self.cookies) as socket:
            await socket.next("snapshot")
            await self.changes_five_times()
            told = [await socket.next() for _ in range(3)]
            assert [message["kind"] for message in told] == ["head", "turn", "turn"]
            assert [message["number"] for message in told[1:]] == [1, 2]
            assert await socket.receive_nothing(timeout=0.2)

    async def test_words_wait_for_what_was_said_before_them(self):
        def slow(*args, turn_html=screens.turn_html):
            time.sleep(0.2)
            return turn_html(*args)

        with self.replaced(screens, "turn_html", slow):
            async with Socket(call_address(self.call), self.cookies) as socket:
                await socket.next("snapshot")
                await self.do(self.call.add_turn, "visitor", "When does the pool open?")
                await asyncio.sleep(0.1)  # it is being drawn
                live.show_interim(self.call, "visitor", "And the")
                assert [(await socket.next())["kind"] for _ in range(2)] == ["turn", "words"]

    async def test_words_do_not_wait_while_another_call_is_drawn(self):
        other = await self.do(factories.create_call, venue=self.palm)

        def slow(*args, card_html=screens.card_html):
            time.sleep(1.0)
            return card_html(*args)

        async with Socket(wall_address(), self.cookies) as socket:
            await socket.next("snapshot")
            with self.replaced(screens, "card_html", slow):
                await self.do(other.add_turn, "visitor", "When does the pool open?")
                await asyncio.sleep(0.1)
                live.show_interim(self.call, "visitor", "And the")
                assert [(await socket.next())["kind"] for _ in range(2)] == ["words", "card"]

    async def test_what_nobody_here_has_open_is_neither_read_nor_drawn(self):
        other = await self.do(factories.create_call, venue=self.palm)
        with self.replaced(drawing, "draw", None), self.assertNoLogs("voice.fanout"):
            async with Socket(call_address(self.call), self.cookies) as socket:
                await socket.next("snapshot")
                await self.do(other.add_turn, "visitor", "Elsewhere")
                assert await socket.receive_nothing(timeout=0.2)

    async def test_each_thing_is_drawn_once_for_all_who_read_a_language_and_in_no_other(self):
        with self.drawn("card_html") as drawn:
            sockets = [Socket(wall_address(), self.cookies) for _ in range(3)]
            for socket in sockets:
                await socket.connect()
                await socket.next("snapshot")
            drawn.clear()
            await self.do(self.call.add_turn, "visitor", "When does the pool open?")
            for socket in sockets:
                await socket.next("card")
                await socket.disconnect()
        assert drawn == ["en"]

    async def test_a_turn_that_learns_its_milliseconds_is_shown_again(self):
        turn = await self.do(self.call.add_turn, "agent", "Good evening.")
        async with Socket(call_address(self.call), self.cookies) as socket:
            await socket.next("snapshot")
            await self.do(turn.note_ear, 700)
            html = (await socket.next("turn"))["turn"]
            assert f'id="turn-{turn.pk}"' in html
            assert "0.70 s at the ear" in html

    async def test_a_call_back_appears_and_goes_when_somebody_has_called(self):
        async with Socket(wall_address(), self.cookies) as socket:
            await socket.next("snapshot")
            asked = await self.do(handing_off.call_back, self.call, "050 123 4567", "bicycles")
            told = await socket.next("call_back")
            assert told["call_back"] == asked.pk
            assert "050 123 4567" in told["html"]
            await self.do(handing_off.called_back, asked, self.user)
            assert (await socket.next("call_back_done"))["call_back"] == asked.pk

    async def test_who_is_on_shift_is_rung_and_told_when_somebody_comes(self):
        agent = await self.do(factories.create_user, venue=self.palm, name="omar")
        await self.do(handing_off.begin_shift, agent)
        cookies = await self.do(self.signed_in, agent)
        async with Socket(wall_address(), cookies) as rung, Socket(wall_address(), self.cookies) as other:
            await rung.next("snapshot")
            await other.next("snapshot")
            hand_off = await self.do(handing_off.ask, self.call, "asked_for_person")
            told = await rung.next("ring")
            assert told["hand_off"] == hand_off.pk
            assert "A visitor asks for a person" in told["html"]
            await self.do(handing_off.claim, hand_off, agent)
            assert (await rung.next("ring_over"))["hand_off"] == hand_off.pk
            kinds = {(await other.next())["kind"] for _ in range(2)}
            assert kinds == {"card"}

    async def test_words_may_be_shown_from_within_the_event_loop(self):
        async with Socket(call_address(self.call), self.cookies) as socket:
            await socket.next("snapshot")
            live.show_interim(self.call, "agent", "From six")
            assert (await socket.next())["words"] == [spoken(self.call, "From six", "agent")]

    # Below

    @contextmanager
    def drawn(self, name):
        """The languages in which this partial is drawn, one for each time."""
        languages, draw = [], getattr(screens, name)

        def counted(*args):
            languages.append(translation.get_language())
            return draw(*args)

        with self.replaced(screens, name, counted):
            yield languages

    def recheck_after(self, after):
        return self.replaced(consumers, "RECHECK_AFTER", after)

    def replaced(self, owner, name, value):
        from unittest.mock import patch

        return patch.object(owner, name, value)


TWO_PROCESSES = """
import asyncio, json, multiprocessing
import django; django.setup()
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.db import connections

from tests import factories
from voice import fanout, live


class Watcher:
    language = "en"

    def __init__(self):
        self.heard = asyncio.Queue()

    def concerns_page(self, thing):
        return thing["kind"] in ("turn", "words")

    def take(self, thing, shown):
        self.heard.put_nowait(shown)


def web(venue, joined):
    async def watch():
        watcher = Watcher()
        await fanout.here().join(watcher, venue)
        joined.set()
        for _ in range(2):
            message = await asyncio.wait_for(watcher.heard.get(), 30)
            said = message.get("text") or message["turn"]
            print(json.dumps([message["kind"], said]), flush=True)

    asyncio.run(watch())


def agent_worker(call):
    call.add_turn("visitor", "Said in another process")
    live.show_interim(call, "agent", "Let me see")


if __name__ == "__main__":
    # The tables as they are, without the way that they came about.
    settings.MIGRATION_MODULES = {app.label: None for app in apps.get_app_configs()}
    for database in ("default", "channels"):
        call_command("migrate", database=database, run_syncdb=True, skip_checks=True, verbosity=0)
    call = factories.create_call(venue=factories.create_venue())
    connections.close_all()
    fork = multiprocessing.get_context("fork")
    joined = fork.Event()
    watching = fork.Process(target=web, args=(call.venue_id, joined))
    watching.start()
    assert joined.wait(30)
    talking = fork.Process(target=agent_worker, args=(call,))
    talking.start()
    watching.join()
"""


def test_what_happens_in_another_process_arrives(tmp_path):
    """With the real channel layer: an agent worker stores a turn and ends, a web process shows it."""
    environment = os.environ | {"CONCIERGE_DATA_DIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "concierge.settings"}
    script = tmp_path / "two_processes.py"
    script.write_text(TWO_PROCESSES)
    environment["PYTHONPATH"] = str(settings.BASE_DIR)
    done = subprocess.run([sys.executable, script], env=environment, capture_output=True, text=True, timeout=120)
    heard = [json.loads(line) for line in done.stdout.splitlines()]
    assert [kind for kind, _ in heard] == ["turn", "words"], done.stderr
    assert "Said in another process" in heard[0][1]
    assert heard[1][1] == "Let me see"
