"""Calling a person to a call: who is there, who is rung, who comes first, and what is left when nobody comes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from concierge.hours import spoken_sentence, state_of
from concierge.models import Membership, Venue
from voice import live, masking
from voice.models import Call, CallBack, HandOff, Happening, Shift

if TYPE_CHECKING:
    from django.contrib.auth.models import User

MOST_RINGS = 3
DESK = "desk"  # the slug of its OpeningHours


def ask(call: Call, reason: str) -> HandOff:
    """Ring the staff of the call's venue. Its outcome is `nobody` at once if nobody is there to be rung.

    Nobody is while the desk is closed, but for an emergency: whoever is on shift then hears of that all the same.
    A call that waits for a person already is not asked for twice. Raises ValueError for an unknown reason.
    """
    if reason not in HandOff.Reason.values:
        raise ValueError(f"{reason!r} is none of {', '.join(HandOff.Reason.values)}")
    is_time = reason == HandOff.Reason.EMERGENCY or not desk_is_closed(call.venue)
    is_anybody_there = is_time and Shift.objects.present(call.venue).exists()
    outcome = HandOff.Outcome.WAITING if is_anybody_there else HandOff.Outcome.NOBODY
    try:
        with transaction.atomic():
            hand_off = call.hand_offs.create(reason=reason, outcome=outcome)
    except IntegrityError:
        return call.hand_offs.get(outcome=HandOff.Outcome.WAITING)
    transaction.on_commit(lambda: live.show_call(call))
    if is_anybody_there:
        transaction.on_commit(lambda: live.ring(hand_off))
    return hand_off


def desk_is_closed(venue: Venue, language: str = "en") -> str:
    """Says when the venue's desk opens, if it is closed now; empty if it is open or has no hours of its own."""
    desk = venue.hours.prefetch_related("special_days").filter(slug=DESK).first()
    if desk is None:
        return ""
    now = venue.now()
    state = state_of(desk, now, language)
    return "" if state.is_open else spoken_sentence(desk.name(language), state, language, now)


def ring_again(hand_off: HandOff) -> bool:
    """False if nobody needs to be rung any more."""
    hand_off.refresh_from_db()
    if hand_off.outcome != HandOff.Outcome.WAITING:
        return False
    live.ring(hand_off)
    return True


def claim(hand_off: HandOff, user: User) -> bool:
    """`user` comes. False if somebody else was first, or if it is too late."""
    return _settle(hand_off, HandOff.Outcome.CLAIMED, claimed_by=user, claimed_at=timezone.now())


def give_up(hand_off: HandOff) -> bool:
    """Nobody came. False if somebody did in the last moment."""
    return _settle(hand_off, HandOff.Outcome.NOBODY)


def _settle(hand_off: HandOff, outcome: str, **facts: object) -> bool:
    waiting = HandOff.objects.filter(pk=hand_off.pk, outcome=HandOff.Outcome.WAITING)
    if not waiting.update(outcome=outcome, **facts):
        return False
    transaction.on_commit(lambda: live.stop_ringing(hand_off))
    transaction.on_commit(lambda: live.show_call(hand_off.call))
    return True


def call_back(call: Call, number: str, words: str) -> CallBack:
    asked = call.call_backs.create(number=number[:40], words=masking.masked(words, call.venue)[:500])
    transaction.on_commit(lambda: live.show_call_back(asked))
    return asked


def called_back(asked: CallBack, user: User) -> bool:
    """`user` has called the visitor. False if somebody had already."""
    waiting = CallBack.objects.filter(pk=asked.pk, done_at=None)
    if not waiting.update(done_at=timezone.now(), done_by=user):
        return False
    asked.call.add_happening(Happening.Kind.VERB, "called_back", user=user)
    transaction.on_commit(lambda: live.take_down_call_back(asked))
    return True


def begin_shift(user: User, venue: str = "") -> int:
    """At every venue where `user` may take calls, or at the one of this slug. Returns how many."""
    venues = Venue.objects.visible_to(user, Membership.Role.AGENT).filter(memberships__user=user)
    if venue:
        venues = venues.filter(slug=venue)
    for place in venues:
        Shift.objects.update_or_create(user=user, venue=place, defaults={"seen_at": timezone.now()})
    return len(venues)


def end_shift(user: User, venue: str = "") -> None:
    shifts = Shift.objects.filter(user=user)
    (shifts.filter(venue__slug=venue) if venue else shifts).delete()


def ring_after() -> float:
    """Seconds between two rings."""
    return float(settings.RING_AGAIN_SECONDS)
