"""One call's page: what was done stands between what was said, and who else is there."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from tests import factories
from voice.models import Happening, Watching


@pytest.fixture
def call(palm):
    return factories.create_call(venue=palm)


@pytest.fixture
def page(client, palm, call):
    """The text of the call's page, as somebody on duty reads it."""
    client.force_login(
        factories.create_user(venue=palm, name="noor"), backend="django.contrib.auth.backends.ModelBackend"
    )
    return lambda: client.get(reverse("staff:call", args=[call.pk]), headers={"host": "localhost"}).text


def test_tools_and_errors_stand_between_the_turns_in_the_order_of_time(call, page):
    at = timezone.now()
    call.add_turn("visitor", "Is the desk open?", said_at=at)
    call.add_turn("agent", "It is open.", said_at=at + timedelta(seconds=2))
    call.add_happening(Happening.Kind.TOOL, "opening_hours", '{"place": "desk"}', ms=12)
    call.add_happening(Happening.Kind.ERROR, "tts", "<b>no voice</b>")
    Happening.objects.filter(kind="tool").update(at=at + timedelta(seconds=1))
    Happening.objects.filter(kind="error").update(at=at + timedelta(seconds=3))
    text = page().partition("data-turns")[2]  # the wall beside it quotes the last words
    places = [text.index(words) for words in ("Is the desk open?", "opening_hours", "It is open.", "the voice failed")]
    assert places == sorted(places)
    assert "12 ms" in text
    assert "<b>no voice</b>" not in text


def test_a_long_error_is_cut_and_stored(call):
    assert len(call.add_happening(Happening.Kind.ERROR, "llm", "x" * 9000).text) == 500


def test_what_staff_did_stands_there_with_their_name(call, page):
    user = factories.create_user(venue=call.venue, name="omar")
    call.add_happening(Happening.Kind.VERB, "hand_back", "late check-out at 14:00", user=user)
    text = page()
    assert "omar: handed back" in text
    assert "late check-out at 14:00" in text


def test_the_page_says_who_else_watches_and_who_has_the_call(call, page):
    omar, layla = (factories.create_user(venue=call.venue, name=name) for name in ("omar", "layla"))
    Watching.objects.create(call=call, user=omar)
    assert "omar" not in page()  # one pair of eyes is one's own
    Watching.objects.create(call=call, user=layla)
    gone = Watching.objects.create(call=call, user=factories.create_user(venue=call.venue, name="faraway"))
    Watching.objects.filter(pk=gone.pk).update(seen_at=timezone.now() - timedelta(minutes=5))
    text = page()
    assert "layla" in text
    assert "omar" in text
    assert "faraway" not in text
    call.take(omar, "voice")
    assert "omar speaks" in page()


@pytest.mark.parametrize(("quality", "words"), [("poor", "bad connection"), ("excellent", "good connection")])
def test_the_page_says_how_good_the_visitors_line_is(call, page, quality, words):
    call.show_connection(quality)
    assert words in page()
