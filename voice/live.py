"""Renders what happens in a call and sends it to the staff who are watching.

The same partials that a page is made of travel through the channel layer, in each language of the console, to one
group a venue: one message a happening. Called from web processes and from agent workers, in any thread, after
commit. Nothing here raises and nothing here waits for the channel layer: a call goes on when nobody can watch it.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import os
import threading
from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ParamSpec
from uuid import UUID

from asgiref.sync import ThreadSensitiveContext, async_to_sync
from channels.layers import InMemoryChannelLayer
from django.conf import settings
from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery, prefetch_related_objects
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.safestring import SafeString, mark_safe

from knowledge.search import is_courtesy
from voice import masking
from voice.fanout import Message, group_of, layer_in_use
from voice.models import Call, CallBack, HandOff, Happening, Turn

if TYPE_CHECKING:
    from concierge.models import Venue

logger = logging.getLogger(__name__)

RECENT_CALLS = 20
LONGEST_INTERIM = 500  # characters; the end of a long sentence is what staff want to see
MOST_WAITING = 500  # messages a process holds while the channel layer is slow
COMMAND_WAITS_SECONDS = 3
SILENCE_SECONDS = 20  # static/js/live.js goes on counting
CHARACTERS_A_SECOND = 13  # of speech
ALIKE = 0.6  # share of words

P = ParamSpec("P")


def _never_raises(show: Callable[P, None]) -> Callable[P, None]:
    @functools.wraps(show)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            show(*args, **kwargs)
        except Exception:
            # The row and never its words: a log is not erased.
            logger.exception("%s of %s was not shown to the staff", show.__name__, getattr(args[0], "pk", "?"))

    return guarded


@_never_raises
def show_call(call: Call) -> None:
    """Its state changed, who has it, or what its visitor's line is like."""
    call = _as_it_is_now(call.pk)
    told = {"hold": hold_of(call), "head": _in_each_language(head_html, call)}
    _send(call.venue_id, {"kind": "call", **_card(call), **told})


@_never_raises
def show_agent_state(call: Call, state: str) -> None:
    """What the agent does now: four in five of the news of a call, so no row is read and nothing else is rendered."""
    chips = {language: agent_state_html(state, language) for language, _ in settings.LANGUAGES}
    _send(call.venue_id, {"kind": "agent_state", "call": str(call.pk), "chip": chips})


@_never_raises
def show_turn(turn: Turn) -> None:
    """A turn was stored, or learned something new such as its milliseconds at the visitor's ear."""
    call = _as_it_is_now(turn.call_id)
    prefetch_related_objects([turn], "citations__version")  # once, not in each language
    told = {"number": turn.number, "speaker": turn.speaker, "turn": _in_each_language(turn_html, turn, call)}
    _send(call.venue_id, {"kind": "turn", **_card(call), **told})


@_never_raises
def show_happening(happening: Happening) -> None:
    """A tool was called, something failed, or staff did something."""
    told = {"at": happening.at.timestamp(), "happening": _in_each_language(happening_html, happening, happening.call)}
    _send(happening.call.venue_id, {"kind": "happening", "call": str(happening.call_id), **told})


@_never_raises
def ring(hand_off: HandOff) -> None:
    """Somebody is wanted. Reaches the consoles of those on shift."""
    told = {"hand_off": hand_off.pk, "html": _in_each_language(ring_html, hand_off)}
    _send(hand_off.call.venue_id, {"kind": "ring", "call": str(hand_off.call_id), **told})


@_never_raises
def stop_ringing(hand_off: HandOff) -> None:
    """Somebody comes, or nobody came."""
    told = {"hand_off": hand_off.pk, "call": str(hand_off.call_id)}
    _send(hand_off.call.venue_id, {"kind": "ring_over", **told})


@_never_raises
def show_call_back(call_back: CallBack) -> None:
    """A visitor wants to be called back."""
    told = {"call_back": call_back.pk, "html": _in_each_language(call_back_html, call_back)}
    _send(call_back.call.venue_id, {"kind": "call_back", "call": str(call_back.call_id), **told})


@_never_raises
def take_down_call_back(call_back: CallBack) -> None:
    """Somebody has called the visitor."""
    told = {"call_back": call_back.pk, "call": str(call_back.call_id)}
    _send(call_back.call.venue_id, {"kind": "call_back_done", **told})


@_never_raises
def forget_call(call: Call) -> None:
    """The call was erased: what shows it has to take it away."""
    _send(call.venue_id, {"kind": "gone", "call": str(call.pk)})


@_never_raises
def show_interim(call: Call, speaker: str, text: str) -> None:
    """Words still being spoken, masked as soon as they are a number. They travel as text and are never stored."""
    # Called in the loop of the agent, where no row may be read.
    text = masking.masked(text, call.venue, asks_rows=False)
    words = {"kind": "words", "call": str(call.pk), "speaker": speaker, "text": text[-LONGEST_INTERIM:]}
    _send(call.venue_id, words, may_be_lost=True)


# What a screen begins with


def going_on(venues: QuerySet[Venue]) -> list[Call]:
    """Calls with a visitor in the room, those in need first, then the newest."""
    calls = _with_words(Call.objects.filter(venue__in=venues, state=Call.State.LIVE))
    return sorted(calls, key=lambda call: (-need_of(call), -call.began_at.timestamp()))  # type: ignore[union-attr]


def just_ended(venues: QuerySet[Venue]) -> list[Call]:
    """Calls that took place, the last ended first. A visitor who never came left no call to read."""
    ended = Call.objects.filter(venue__in=venues, state=Call.State.ENDED, began_at__isnull=False).order_by("-ended_at")
    return list(_with_words(ended)[:RECENT_CALLS])


class Mark(StrEnum):
    """Why staff should look at a live call, the most urgent first."""

    WANTS_PERSON = "wants_person"
    NO_SOURCE = "no_source"  # the last answer was that nothing is written
    ASKED_TWICE = "asked_twice"  # the last question repeats the one before
    BAD_CONNECTION = "bad_connection"
    SILENCE = "silence"  # of a spoken call: nobody has been heard for SILENCE_SECONDS


def marks_of(call: Call) -> list[Mark]:
    """Of a call from `going_on`."""
    if call.state != Call.State.LIVE:
        return []
    is_so = {
        Mark.WANTS_PERSON: call.wants_person,  # type: ignore[attr-defined]
        Mark.NO_SOURCE: call.last_answered is False,  # type: ignore[attr-defined]
        Mark.ASKED_TWICE: alike(call.asked_last or "", call.asked_before or ""),  # type: ignore[attr-defined]
        Mark.BAD_CONNECTION: call.connection == "poor",
        Mark.SILENCE: (quiet_seconds(call) or 0) >= SILENCE_SECONDS,
    }
    return [mark for mark in Mark if is_so[mark]]


def need_of(call: Call) -> int:
    """The place of a live call on the wall: 2 whoever waits for a person, 1 another mark, 0 all is well."""
    marks = marks_of(call)
    return 2 if Mark.WANTS_PERSON in marks else 1 if marks else 0


def quiet_seconds(call: Call) -> float | None:
    """How long nobody has been heard in a call from `going_on`, less than 0 while somebody probably still speaks.

    None where silence says nothing: a visitor who types, or a call in which nothing was said yet.
    """
    if call.mode == Call.Mode.TEXT or not call.last_said_at:  # type: ignore[attr-defined]
        return None
    spoken = len(call.last_text or "") / CHARACTERS_A_SECOND  # type: ignore[attr-defined]
    return (timezone.now() - call.last_said_at).total_seconds() - spoken  # type: ignore[attr-defined]


def alike(said: str, before: str) -> bool:
    """Do two questions, as Turn.search_words holds them, share three fifths of their words? Thanks are no question."""
    (one, _, text), (other, _, _) = said.partition("\n"), before.partition("\n")
    words, others = set(one.split()), set(other.split())
    return bool(words and others) and len(words & others) >= ALIKE * len(words | others) and not is_courtesy(text)


def cards_html(calls: Iterable[Call]) -> SafeString:
    return mark_safe("".join(card_html(call) for call in calls))  # the template has escaped what was said


def card_html(call: Call) -> SafeString:
    facts = {"call": call, "marks": marks_of(call), "need": need_of(call), "quiet": quiet_seconds(call)}
    return render_to_string("voice/_call_card.html", facts)


def head_html(call: Call) -> SafeString:
    return render_to_string("voice/_call_head.html", {"call": call})


def ring_html(hand_off: HandOff) -> SafeString:
    return render_to_string("voice/_ring.html", {"hand_off": hand_off})


def rings_html(venues: QuerySet[Venue]) -> SafeString:
    """Those who wait for a person at these venues, the longest first."""
    waiting = (
        HandOff.objects.filter(call__venue__in=venues, call__state=Call.State.LIVE, outcome=HandOff.Outcome.WAITING)
        .select_related("call__venue")
        .prefetch_related("call__venue__texts")
    )
    return mark_safe("".join(ring_html(hand_off) for hand_off in waiting.order_by("asked_at")))


def call_back_html(call_back: CallBack) -> SafeString:
    return render_to_string("voice/_call_back.html", {"call_back": call_back})


def call_backs_html(venues: QuerySet[Venue]) -> SafeString:
    """Those whom nobody has called back yet, the last who asked first."""
    waiting = CallBack.objects.filter(call__venue__in=venues, done_at=None).select_related("call__venue")
    waiting = waiting.prefetch_related("call__venue__texts")
    return mark_safe("".join(call_back_html(call_back) for call_back in waiting))


@functools.cache
def agent_state_html(state: str, language: str) -> SafeString:
    with translation.override(language):
        return render_to_string("voice/_agent_state.html", {"call": {"agent_state": state}})


def hold_of(call: Call) -> Message:
    """Who has the call and how, for pages whose buttons depend on it."""
    return {"owner": call.owner_id, "held_as": call.held_as, "is_muted": call.is_muted}


def turn_html(turn: Turn, call: Call) -> SafeString:
    return render_to_string("voice/_turn.html", {"turn": turn, "call": call})


def transcript_html(call: Call) -> SafeString:
    """All that was said and done, in the order in which it was."""
    turns = call.turns.prefetch_related("citations__version")
    happenings = call.happenings.select_related("user")
    timeline = [(turn.said_at, turn_html(turn, call)) for turn in turns]
    # Turns stay in the order of their numbers: a clock may disagree by a moment.
    for happening in happenings:
        after = next((n for n, (at, _) in enumerate(timeline) if at > happening.at), len(timeline))
        timeline.insert(after, (happening.at, happening_html(happening, call)))
    return mark_safe("".join(html for _, html in timeline))


def happening_html(happening: Happening, call: Call) -> SafeString:
    return render_to_string("voice/_happening.html", {"happening": happening, "call": call})


def _with_words(calls: QuerySet[Call]) -> QuerySet[Call]:
    """With all that a card says beside the row itself."""
    of_call = Turn.objects.filter(call=OuterRef("pk"))
    last, first = of_call.order_by("-number"), of_call.order_by("number")
    asked = last.filter(speaker=Turn.Speaker.VISITOR)
    return (
        calls.select_related("venue", "owner")
        .prefetch_related("venue__texts")
        .annotate(
            last_text=Subquery(last.values("text")[:1]),
            last_speaker=Subquery(last.values("speaker")[:1]),
            last_said_at=Subquery(last.values("said_at")[:1]),
            asked_last=Subquery(asked.values("search_words")[:1]),
            asked_before=Subquery(asked.values("search_words")[1:2]),
            first_question=Subquery(first.filter(speaker=Turn.Speaker.VISITOR).values("text")[:1]),
            last_answered=Subquery(last.filter(is_answered__isnull=False).values("is_answered")[:1]),
            wants_person=Exists(HandOff.objects.filter(call=OuterRef("pk"), outcome=HandOff.Outcome.WAITING)),
            no_source=Count("turns", filter=Q(turns__is_answered=False)),
        )
    )


def _as_it_is_now(pk: UUID) -> Call:
    # The caller's object may be older than the row: states change by UPDATE.
    return _with_words(Call.objects.all()).get(pk=pk)


def _card(call: Call) -> Message:
    return {
        "call": str(call.pk),
        "state": call.state,
        "took_place": call.began_at is not None,
        "card": _in_each_language(card_html, call),
    }


def _in_each_language(render: Callable[..., str], *facts: Any) -> dict[str, str]:
    html = {}
    for language, _ in settings.LANGUAGES:
        with translation.override(language):
            html[language] = render(*facts)
    return html


# Sending


def _send(venue_id: int, message: Message, *, may_be_lost: bool = False) -> None:
    message = {"type": "live.happening", "venue": venue_id, **message}
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
