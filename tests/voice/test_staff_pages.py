"""The wall, one call's page and the End button, with the people who must not see or press them."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from concierge.models import Membership
from tests import factories
from voice import rooms
from voice.models import Call


@pytest.fixture
def staff(client, palm):
    """A browser of somebody on duty at the hotel, on the console host."""
    client.force_login(factories.create_user(venue=palm), backend="django.contrib.auth.backends.ModelBackend")
    client.defaults["SERVER_NAME"] = "localhost"
    return client


@pytest.fixture
def steered(monkeypatch):
    """The verbs that were sent to agents, instead of sending them."""
    sent = []
    monkeypatch.setattr(rooms, "steer", lambda call, verb, **details: sent.append((call.pk, verb)))
    return sent


def as_role(client, venue, role):
    client.force_login(
        factories.create_user(venue=venue, role=role), backend="django.contrib.auth.backends.ModelBackend"
    )
    return client


def page_of(call):
    return reverse("staff:call", args=[call.pk])


def end_of(call):
    return reverse("staff:act", args=[call.pk, "end"])


def cite(text="The pool is open from six to ten.", *, venue):
    version = factories.create_text(venue=venue, title="Rooftop pool", body=text).versions.get()
    return (version.pk, text, 0.8612)


def test_the_wall_shows_live_calls_and_those_that_ended(staff, palm):
    live = factories.create_call(venue=palm, language="ar", agent_state="speaking")
    live.add_turn("visitor", "متى يفتح المسبح؟")
    ended = factories.create_call(venue=palm, state=Call.State.ENDED)
    ended.add_turn("visitor", "Is there parking?")

    response = staff.get(reverse("staff:wall"))

    assert f'id="call-{live.pk}"' in response.text
    assert "متى يفتح المسبح؟" in response.text
    assert "العربية" in response.text
    assert "speaking" in response.text
    assert f'id="call-{ended.pk}"' in response.text
    assert "Is there parking?" in response.text


def test_the_wall_leaves_out_visitors_who_never_came(staff, palm):
    opened = factories.create_call(venue=palm, state=Call.State.OPENED)
    never = factories.create_call(venue=palm, state=Call.State.ENDED, began_at=None)
    response = staff.get(reverse("staff:wall"))
    assert str(opened.pk) not in response.text
    assert str(never.pk) not in response.text


def test_an_empty_wall_says_what_will_happen(staff):
    response = staff.get(reverse("staff:wall"))
    assert "Nobody is calling right now" in response.text


def test_the_wall_puts_an_answer_without_a_source_first(staff, palm):
    needy = factories.create_call(venue=palm, began_at=timezone.now() - timedelta(minutes=5))
    needy.add_turn("agent", "Nothing is written about that.", is_answered=False)
    calm = factories.create_call(venue=palm)
    text = staff.get(reverse("staff:wall")).text
    assert text.index(str(needy.pk)) < text.index(str(calm.pk))
    assert "no source" in text


def marks(staff):
    card = staff.get(reverse("staff:wall")).text.partition('data-list="live"')[2].partition("</ol>")[0]
    words = re.findall(r'<span class="chip (?:warn|bad)"[^>]*?( hidden)?>([^<]+)</span>', card)
    return [word for is_hidden, word in words if not is_hidden]


def test_the_wall_marks_a_question_that_is_asked_twice(staff, palm):
    call = factories.create_call(venue=palm)
    call.add_turn("visitor", "When does the pool open?")
    call.add_turn("agent", "Parking is under the house.", is_answered=True)
    call.add_turn("visitor", "Thanks")
    assert marks(staff) == []
    other = factories.create_call(venue=palm)
    other.add_turn("visitor", "متى يفتح المسبح؟", language="ar")
    other.add_turn("visitor", "متى يفتح المسبح من فضلك؟", language="ar")
    assert marks(staff) == ["asked twice"]
    for _ in range(2):
        call.add_turn("visitor", "Thank you")
    other.add_turn("visitor", "أين موقف السيارات؟", language="ar")
    assert marks(staff) == []


def test_the_wall_marks_a_bad_connection(staff, palm):
    call = factories.create_call(venue=palm)
    call.show_connection("good")
    assert marks(staff) == []
    call.show_connection("poor")
    assert marks(staff) == ["bad connection"]


@pytest.mark.parametrize(
    ("mode", "seconds", "text", "expected"),
    [
        (Call.Mode.VOICE, 25, "Welcome.", ["silence"]),
        (Call.Mode.VOICE, 15, "Welcome.", []),
        (Call.Mode.VOICE, 25, "Welcome. " * 20, []),  # still being said
        (Call.Mode.TEXT, 25, "Welcome.", []),  # somebody reads
    ],
)
def test_the_wall_marks_a_silence_in_a_spoken_call(staff, palm, mode, seconds, text, expected):
    call = factories.create_call(venue=palm, mode=mode)
    call.add_turn("agent", text, said_at=timezone.now() - timedelta(seconds=seconds))
    assert marks(staff) == expected


def test_whoever_waits_for_a_person_comes_before_other_needs_and_these_before_the_rest(staff, palm):
    calm, poor, waits = (factories.create_call(venue=palm) for _ in range(3))
    waits.hand_offs.create(reason="asked_for_person")
    Call.objects.filter(pk=poor.pk).update(connection="poor", began_at=timezone.now() + timedelta(seconds=1))
    Call.objects.filter(pk=calm.pk).update(began_at=timezone.now() + timedelta(seconds=2))
    assert marks(staff) == ["wants a person", "bad connection"]
    page = staff.get(reverse("staff:wall")).text
    assert page.index(f"call-{waits.pk}") < page.index(f"call-{poor.pk}") < page.index(f"call-{calm.pk}")


def test_the_wall_shows_one_venue_when_asked(staff, palm, rival):
    user = factories.create_user(venue=palm)
    Membership.objects.create(user=user, venue=rival, role=Membership.Role.VIEWER)
    staff.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    here, there = factories.create_call(venue=palm), factories.create_call(venue=rival)

    assert str(there.pk) in staff.get(reverse("staff:wall")).text
    text = staff.get(reverse("staff:wall") + "?venue=palm").text
    assert str(here.pk) in text
    assert str(there.pk) not in text


def test_the_wall_keeps_other_venues_calls_away(staff, rival):
    theirs = factories.create_call(venue=rival)
    assert str(theirs.pk) not in staff.get(reverse("staff:wall")).text
    assert str(theirs.pk) not in staff.get(reverse("staff:wall") + "?venue=rival").text


def test_the_wall_asks_few_questions_of_the_database(staff, palm, django_assert_max_num_queries):
    for _ in range(8):
        call = factories.create_call(venue=palm)
        call.add_turn("visitor", "Hello?")
    with django_assert_max_num_queries(14):
        staff.get(reverse("staff:wall"))


def test_a_call_shows_its_turns_with_sources_and_milliseconds(staff, palm):
    call = factories.create_call(venue=palm)
    call.add_turn("visitor", "When does the pool open?", said_at=datetime(2026, 11, 24, 13, 2, 11, tzinfo=UTC))
    call.add_turn(
        "agent",
        "From six to ten.",
        is_answered=True,
        metrics={"end_of_turn_ms": 300, "stt_ms": 150, "search_ms": 12, "llm_ms": 200, "tts_ms": 90, "ear_ms": 940},
        citations=[cite(venue=palm)],
    )

    text = staff.get(page_of(call)).text

    assert "When does the pool open?" in text
    assert "17:02:11" in text  # Dubai's clock, where the hotel is
    assert "Rooftop pool" in text
    assert "v1 · 0.86" in text
    assert "0.94 s at the ear" in text
    assert "search 12 ms" in text


def test_marks_say_that_a_turn_was_cut_off_or_had_no_source(staff, palm):
    call = factories.create_call(venue=palm)
    call.add_turn("agent", "Nothing is written ab", is_answered=False, is_interrupted=True)
    text = staff.get(page_of(call)).text
    assert "no source" in text
    assert "interrupted" in text


@pytest.mark.parametrize(
    "metrics",
    [
        {"unheard_of_ms": 5},
        {"llm_ms": "soon", "total_ms": None},
        {"total_ms": True},
        {"llm_ms": -4},
        {"llm_ms": 0, "tts_ms": 0},
    ],
    ids=str,
)
def test_metrics_that_say_nothing_show_nothing(staff, palm, metrics):
    call = factories.create_call(venue=palm)
    call.add_turn("agent", "Good evening.", metrics=metrics)
    text = staff.get(page_of(call)).text
    assert "Good evening." in text
    assert 'class="stages"' not in text


def test_words_that_are_html_are_shown_as_words(staff, palm):
    call = factories.create_call(venue=palm, visitor_name="<b>Eve</b>")
    call.add_turn("visitor", "<script>alert(1)</script>")
    for address in (page_of(call), reverse("staff:wall")):
        text = staff.get(address).text
        assert "<script>alert(1)" not in text
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "<b>Eve</b>" not in staff.get(page_of(call)).text


def test_an_ended_call_says_why_and_offers_nothing(staff, palm):
    call = factories.create_call(venue=palm, state=Call.State.ENDED, end_reason="silence")
    text = staff.get(page_of(call)).text
    assert "nobody spoke any more" in text
    assert 'data-state="ended"' in text


def test_end_tells_the_agent_to_hang_up(staff, palm, steered):
    call = factories.create_call(venue=palm)
    assert "End call" in staff.get(page_of(call)).text
    response = staff.post(end_of(call), follow=True)
    assert steered == [(call.pk, "hang_up")]
    assert "says goodbye" in response.text


def test_end_on_an_ended_call_is_harmless(staff, palm, steered):
    call = factories.create_call(venue=palm, state=Call.State.ENDED)
    response = staff.post(end_of(call), follow=True)
    assert steered == []
    assert "over already" in response.text


@pytest.mark.parametrize(
    ("error", "words"),
    [(rooms.RoomsError("no route"), "Please try again"), (rooms.RoomGone("no such room"), "over already")],
    ids=["LiveKit away", "room gone"],
)
def test_end_says_so_when_the_agent_cannot_be_reached(staff, palm, monkeypatch, error, words):
    def fail(*args, **kwargs):
        raise error

    monkeypatch.setattr(rooms, "steer", fail)
    response = staff.post(end_of(factories.create_call(venue=palm)), follow=True)
    assert response.status_code == 200
    assert words in response.text
    assert "no route" not in response.text


def test_end_wants_a_post_with_our_token(palm, steered):
    from django.test import Client

    careful = Client(enforce_csrf_checks=True, SERVER_NAME="localhost")
    as_role(careful, palm, Membership.Role.AGENT)
    call = factories.create_call(venue=palm)
    assert careful.post(end_of(call)).status_code == 403
    assert careful.get(end_of(call)).status_code == 405
    assert steered == []


def test_a_viewer_reads_along_and_cannot_end(client, palm, steered):
    as_role(client, palm, Membership.Role.VIEWER)
    call = factories.create_call(venue=palm)
    page = client.get(page_of(call), SERVER_NAME="localhost")
    assert page.status_code == 200
    assert "End call" not in page.text
    assert client.post(end_of(call), SERVER_NAME="localhost").status_code == 404
    assert steered == []


def test_an_agent_elsewhere_who_only_views_here_cannot_end(client, palm, rival, steered):
    user = factories.create_user(venue=palm, role=Membership.Role.VIEWER)
    Membership.objects.create(user=user, venue=rival, role=Membership.Role.MANAGER)
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    call = factories.create_call(venue=palm)
    assert "End call" not in client.get(page_of(call), SERVER_NAME="localhost").text
    assert client.post(end_of(call), SERVER_NAME="localhost").status_code == 404
    assert steered == []


def test_another_venues_call_does_not_exist(staff, rival, steered):
    theirs = factories.create_call(venue=rival)
    unknown = theirs.__class__(venue=rival)
    for call in (theirs, unknown):
        assert staff.get(page_of(call)).status_code == 404
        assert staff.post(end_of(call)).status_code == 404
    assert steered == []


def test_strangers_are_sent_to_sign_in(client, palm, steered):
    call = factories.create_call(venue=palm)
    for address in (reverse("staff:wall"), page_of(call)):
        response = client.get(address, SERVER_NAME="localhost")
        assert response.status_code == 302
        assert response.url.startswith("/accounts/login/")
    assert client.post(end_of(call), SERVER_NAME="localhost").status_code == 302
    assert steered == []


def test_a_venues_own_host_has_no_staff_pages(staff, palm):
    call = factories.create_call(venue=palm)
    for address in (reverse("staff:wall"), page_of(call)):
        assert staff.get(address, SERVER_NAME="palm.test").status_code == 404


def test_what_the_visitors_page_measured_is_shown(staff, palm):
    call = factories.create_call(venue=palm)
    call.note_greeting(870)
    call.note_greeting(12)
    turn = call.add_turn("agent", "At six.", metrics={"total_ms": 800})
    assert "0.80 s" in staff.get(page_of(call)).text
    turn.note_ear(0)
    turn.note_ear(5000)
    text = staff.get(page_of(call)).text
    assert "greeting heard after 0.87 s" in text
    assert "0.00 s at the ear" in text
