"""Calls and turns: stored when spoken, ended once, kept as long as promised."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.management import call_command
from django.utils import timezone

from tests.factories import create_article, create_call, create_user
from voice import retention
from voice.models import Call, Turn


def test_turns_are_numbered_in_the_order_in_which_they_were_said(palm):
    call = create_call(venue=palm)
    for words in ("When does the pool close?", "At ten."):
        call.add_turn(Turn.Speaker.VISITOR, words)
    assert [(turn.number, turn.text) for turn in call.turns.all()] == [(1, "When does the pool close?"), (2, "At ten.")]


def test_an_answer_keeps_the_version_that_it_rested_on(palm):
    version = create_article(venue=palm, body="The pool closes at ten.")
    call = create_call(venue=palm)
    turn = call.add_turn(Turn.Speaker.AGENT, "At ten.", citations=[(version.pk, "The pool closes at ten.", 0.9)])
    citation = turn.citations.get()
    assert (citation.version, citation.passage) == (version, "The pool closes at ten.")


def test_a_call_begins_once_and_ends_once(palm):
    call = create_call(venue=palm, state=Call.State.OPENED)
    assert call.begin()
    assert not call.begin()
    assert call.end("goodbye")
    assert not call.end("lost")
    call.refresh_from_db()
    assert call.end_reason == "goodbye"


def test_staff_see_the_calls_of_their_own_venues_only(palm, rival):
    ours, theirs = create_call(venue=palm), create_call(venue=rival)
    assert list(Call.objects.visible_to(create_user(venue=palm))) == [ours]
    assert list(Call.objects.visible_to(create_user(venue=rival))) == [theirs]
    assert not Call.objects.visible_to(create_user()).exists()
    assert not Call.objects.visible_to(AnonymousUser()).exists()
    assert Call.objects.visible_to(create_user(is_superuser=True)).count() == 2


def test_a_call_whose_visitor_never_came_is_ended(palm, livekit):
    call = create_call(venue=palm, state=Call.State.OPENED, opened_at=timezone.now() - timedelta(minutes=3))
    call_command("end_stale_calls")
    call.refresh_from_db()
    assert (call.state, call.end_reason) == (Call.State.ENDED, "never_came")


def test_a_call_that_was_just_opened_is_left_alone(palm, livekit):
    call = create_call(venue=palm, state=Call.State.OPENED)
    assert retention.end_stale_calls() == 0
    call.refresh_from_db()
    assert call.state == Call.State.OPENED


def test_a_live_call_whose_room_is_gone_is_ended(palm, livekit):
    began = timezone.now() - timedelta(minutes=5)
    lost, going_on = create_call(venue=palm, began_at=began), create_call(venue=palm, began_at=began)
    livekit.rooms.add(going_on.room)
    assert retention.end_stale_calls() == 1
    lost.refresh_from_db()
    going_on.refresh_from_db()
    assert (lost.end_reason, going_on.state) == ("lost", Call.State.LIVE)


def test_a_call_far_over_its_time_is_ended_with_its_room(palm, livekit):
    call = create_call(venue=palm, began_at=timezone.now() - timedelta(minutes=palm.longest_call_minutes + 5))
    livekit.rooms.add(call.room)
    retention.end_stale_calls()
    call.refresh_from_db()
    assert call.end_reason == "longest_call"
    assert livekit.closed == [call.room]


def test_with_livekit_away_only_the_clock_ends_calls(palm, livekit):
    livekit.is_away = True
    call = create_call(venue=palm, began_at=timezone.now() - timedelta(minutes=5))
    assert retention.end_stale_calls() == 0
    call.refresh_from_db()
    assert call.state == Call.State.LIVE


@pytest.mark.parametrize(("days", "kept"), [(29, True), (31, False)])
def test_words_are_kept_as_long_as_the_venue_says_and_no_longer(palm, days, kept):
    long_ago = timezone.now() - timedelta(days=days)
    call = create_call(venue=palm, state=Call.State.ENDED, ended_at=long_ago)
    call.add_turn(Turn.Speaker.VISITOR, "My room is 412.")
    retention.delete_expired()
    assert Call.objects.exists() is kept
    assert Turn.objects.exists() is kept


def test_a_call_that_goes_on_is_never_deleted(palm):
    create_call(venue=palm, opened_at=timezone.now() - timedelta(days=90))
    retention.delete_expired()
    assert Call.objects.exists()
