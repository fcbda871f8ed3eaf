"""What staff see of calls: which ones, in what order, and the partials that they are made of.

One partial for a thing, whether it comes with the page, in a socket's snapshot, or as news (drawing).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from django.db.models import QuerySet
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe

from knowledge.search import is_courtesy
from voice.models import Call, CallBack, HandOff, Happening, Turn

if TYPE_CHECKING:
    from concierge.models import Venue

RECENT_CALLS = 20
SILENCE_SECONDS = 20  # static/js/live.js goes on counting
CHARACTERS_A_SECOND = 13  # of speech
ALIKE = 0.6  # share of words

Row = TypeVar("Row", HandOff, CallBack)


def going_on(venues: QuerySet[Venue]) -> list[Call]:
    """Calls with a visitor in the room, those in need first, then the newest."""
    calls = _with_words(Call.objects.filter(venue__in=venues, state=Call.State.LIVE))
    return sorted(calls, key=lambda call: (-need_of(call), -call.began_at.timestamp()))  # type: ignore[union-attr]


def as_they_are_now(pks: Collection[UUID]) -> dict[UUID, Call]:
    """Those of these calls that there still are."""
    return {call.pk: call for call in _with_words(Call.objects.filter(pk__in=pks))}


def just_ended(venues: QuerySet[Venue]) -> list[Call]:
    """Calls that took place, the last ended first. A visitor who never came left no call to read."""
    ended = Call.objects.filter(venue__in=venues, state=Call.State.ENDED, began_at__isnull=False).order_by("-ended_at")
    return _with_words(ended, RECENT_CALLS)


class Mark(StrEnum):
    """Why staff should look at a live call, the most urgent first."""

    WANTS_PERSON = "wants_person"
    NO_SOURCE = "no_source"  # the last answer was that nothing is written
    ASKED_TWICE = "asked_twice"  # the last question repeats the one before
    BAD_CONNECTION = "bad_connection"
    SILENCE = "silence"  # of a spoken call: nobody has been heard for SILENCE_SECONDS


def marks_of(call: Call) -> list[Mark]:
    """Of a call from `going_on` or `as_they_are_now`."""
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
    waiting = HandOff.objects.filter(
        call__venue__in=venues, call__state=Call.State.LIVE, outcome=HandOff.Outcome.WAITING
    )
    return mark_safe("".join(ring_html(hand_off) for hand_off in with_venue(waiting).order_by("asked_at")))


def call_back_html(call_back: CallBack) -> SafeString:
    return render_to_string("voice/_call_back.html", {"call_back": call_back})


def call_backs_html(venues: QuerySet[Venue]) -> SafeString:
    """Those whom nobody has called back yet, the last who asked first."""
    waiting = CallBack.objects.filter(call__venue__in=venues, done_at=None)
    return mark_safe("".join(call_back_html(call_back) for call_back in with_venue(waiting)))


def with_venue(rows: QuerySet[Row]) -> QuerySet[Row]:
    """Hand-offs or call-backs, with what their partials say of the venue."""
    return rows.select_related("call__venue").prefetch_related("call__venue__texts")


def agent_state_html(state: str) -> SafeString:
    return render_to_string("voice/_agent_state.html", {"call": {"agent_state": state}})


def hold_of(call: Call) -> dict[str, Any]:
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


def _with_words(calls: QuerySet[Call], most: int | None = None) -> list[Call]:
    """With all that a card says beside the row itself. In Python: a query for each fact takes longer to write."""
    found = list(calls.select_related("venue", "owner").prefetch_related("venue__texts")[:most])
    waiting = HandOff.objects.filter(call__in=found, outcome=HandOff.Outcome.WAITING).values_list("call", flat=True)
    wanted, said = set(waiting), defaultdict(list)
    facts = ("call_id", "number", "speaker", "text", "said_at", "is_answered", "search_words")
    for turn in Turn.objects.filter(call__in=found).order_by("number").values_list(*facts, named=True):
        said[turn.call_id].append(turn)
    for call in found:
        turns = said[call.pk]
        last = turns[-1] if turns else None
        asked = [turn for turn in turns if turn.speaker == Turn.Speaker.VISITOR]
        answers = [turn.is_answered for turn in turns if turn.is_answered is not None]
        vars(call).update(
            last_number=last.number if last else 0,
            last_text=last.text if last else "",
            last_speaker=last.speaker if last else "",
            last_said_at=last.said_at if last else None,
            asked_last=asked[-1].search_words if asked else "",
            asked_before=asked[-2].search_words if len(asked) > 1 else "",
            first_question=asked[0].text if asked else "",
            last_answered=answers[-1] if answers else None,
            no_source=False in answers,
            wants_person=call.pk in wanted,
        )
    return found
