"""A person is called to a call: only if one is there, the first who comes has it, and rivals hear nothing."""

from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from concierge.models import Membership
from tests import factories
from voice import handing_off, live, screens
from voice.models import Call, HandOff, Shift


@pytest.fixture
def call(palm):
    return factories.create_call(venue=palm)


@pytest.fixture
def noor(palm):
    return factories.create_user(venue=palm, name="noor")


@pytest.fixture
def rung(monkeypatch):
    """Which hand-offs rang."""
    rang = []
    monkeypatch.setattr(live, "ring", lambda hand_off: rang.append(hand_off.pk))
    return rang


def sign_in(client, user):
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    client.defaults["SERVER_NAME"] = "localhost"
    return client


def test_a_person_is_available_only_on_shift_with_an_open_console(call, noor):
    assert handing_off.ask(call, "asked_for_person").outcome == "nobody"
    handing_off.begin_shift(noor)
    assert handing_off.ask(call, "asked_for_person").outcome == "waiting"
    call.hand_offs.all().delete()
    Shift.objects.update(seen_at=timezone.now() - timedelta(minutes=1))
    assert handing_off.ask(call, "asked_for_person").outcome == "nobody"


def test_neither_a_viewer_nor_a_rival_nor_one_who_left_is_called(call, palm, rival, noor):
    handing_off.begin_shift(factories.create_user(venue=palm, role=Membership.Role.VIEWER))
    handing_off.begin_shift(factories.create_user(venue=rival))
    handing_off.begin_shift(noor)
    noor.memberships.all().delete()
    assert handing_off.ask(call, "emergency").outcome == "nobody"


def test_a_reason_is_one_of_the_list(call):
    with pytest.raises(ValueError, match="none of"):
        handing_off.ask(call, "because")


def test_a_call_that_waits_already_does_not_ring_twice_as_many(call, noor, rung, django_capture_on_commit_callbacks):
    handing_off.begin_shift(noor)
    with django_capture_on_commit_callbacks(execute=True):
        first, second = handing_off.ask(call, "asked_for_person"), handing_off.ask(call, "emergency")
    assert first == second
    assert rung == [first.pk]
    assert handing_off.ring_again(first)
    assert rung == [first.pk] * 2


def test_the_first_who_comes_has_it_and_the_ringing_stops(client, call, palm, noor):
    handing_off.begin_shift(noor)
    hand_off = handing_off.ask(call, "asked_for_person")
    url = reverse("staff:claim", args=[hand_off.pk])
    assert "waits for you" in sign_in(client, noor).post(url, follow=True).text
    late = factories.create_user(venue=palm)
    assert "Somebody else was first" in sign_in(client, late).post(url, follow=True).text
    hand_off.refresh_from_db()
    assert (hand_off.claimed_by, hand_off.outcome) == (noor, "claimed")
    assert not handing_off.ring_again(hand_off)
    assert not handing_off.give_up(hand_off)


def test_a_rival_cannot_come(client, call, rival, noor):
    handing_off.begin_shift(noor)
    hand_off = handing_off.ask(call, "asked_for_person")
    stranger = factories.create_user(venue=rival, role=Membership.Role.MANAGER)
    assert sign_in(client, stranger).post(reverse("staff:claim", args=[hand_off.pk])).status_code == 404
    hand_off.refresh_from_db()
    assert hand_off.outcome == HandOff.Outcome.WAITING


def test_a_shift_is_begun_and_ended_on_the_wall(client, noor):
    sign_in(client, noor)
    assert "Go on shift" in client.get(reverse("staff:wall")).text
    assert "On shift" in client.post(reverse("staff:shift"), {"on": "1"}, follow=True).text
    assert Shift.objects.filter(user=noor).exists()
    client.post(reverse("staff:shift"), {"on": "0"})
    assert not Shift.objects.exists()


def test_a_viewer_has_no_shift(client, palm):
    viewer = factories.create_user(venue=palm, role=Membership.Role.VIEWER)
    assert "Go on shift" not in sign_in(client, viewer).get(reverse("staff:wall")).text


def test_a_call_that_wants_a_person_comes_first_and_says_so(client, call, palm, noor):
    factories.create_call(venue=palm, began_at=timezone.now() + timedelta(minutes=1))
    handing_off.begin_shift(noor)
    handing_off.ask(call, "asked_for_person")
    text = sign_in(client, noor).get(reverse("staff:wall")).text
    assert "wants a person" in text
    assert text.index(f'id="call-{call.pk}"') == text.index('id="call-')


def test_a_number_that_was_left_stands_on_the_wall_of_that_venue_alone(client, call, rival, noor):
    handing_off.call_back(call, "+971 4 555 0100", "My number is +971 4 555 0100")
    assert "+971 4 555 0100" in sign_in(client, noor).get(reverse("staff:wall")).text
    assert "555 0100" not in sign_in(client, factories.create_user(venue=rival)).get(reverse("staff:wall")).text


def test_rings_are_shown_to_those_on_shift_only(call, palm, rival, noor):
    handing_off.begin_shift(noor)
    handing_off.ask(call, "emergency")
    assert "emergency" in screens.rings_html(type(palm).objects.filter(pk=palm.pk))
    assert screens.rings_html(type(palm).objects.filter(pk=rival.pk)) == ""
    Call.objects.update(state=Call.State.ENDED)
    assert screens.rings_html(type(palm).objects.filter(pk=palm.pk)) == ""


# The desk's hours, and shifts at one venue


def desk_of(venue, rules):
    return venue.hours.create(slug="desk", names={"en": "Front desk"}, rules=rules)


def at_noon(monkeypatch):
    noon = datetime(2026, 11, 24, 8, tzinfo=UTC)  # in Dubai, on a Tuesday
    monkeypatch.setattr(timezone, "now", lambda: noon)


@pytest.mark.parametrize(
    ("rules", "reason", "outcome"),
    [
        ("Mo-Su 08:00-20:00", "asked_for_person", "waiting"),
        ("Mo-Su 14:00-20:00", "asked_for_person", "nobody"),
        ("Mo-Su 14:00-20:00", "emergency", "waiting"),
        ("24/7", "asked_for_person", "waiting"),
    ],
)
def test_nobody_is_promised_while_the_desk_is_closed_but_in_an_emergency(
    call, noor, rung, monkeypatch, django_capture_on_commit_callbacks, rules, reason, outcome
):
    at_noon(monkeypatch)
    desk_of(call.venue, rules)
    handing_off.begin_shift(noor)
    with django_capture_on_commit_callbacks(execute=True):
        assert handing_off.ask(call, reason).outcome == outcome
    assert bool(rung) is (outcome == "waiting")


def test_the_visitor_is_told_when_the_desk_opens(call, monkeypatch):
    at_noon(monkeypatch)
    assert handing_off.desk_is_closed(call.venue) == ""
    desk = desk_of(call.venue, "Mo-Su 14:00-20:00")
    assert "two in the afternoon" in handing_off.desk_is_closed(call.venue, "en")
    desk.rules = "Mo-Su 08:00-20:00"
    desk.save()
    assert handing_off.desk_is_closed(call.venue, "en") == ""


def test_a_shift_may_be_at_one_venue_only(client, palm, rival, noor):
    noor.memberships.create(venue=rival, role=Membership.Role.AGENT)
    sign_in(client, noor)
    client.post(reverse("staff:shift"), {"on": "1", "venue": palm.slug})
    assert [shift.venue for shift in Shift.objects.all()] == [palm]
    assert 'aria-pressed="true"' in client.get(reverse("staff:wall"), {"venue": palm.slug}).text.partition("shift")[2]
    client.post(reverse("staff:shift"), {"on": "1"})
    client.post(reverse("staff:shift"), {"on": "0", "venue": palm.slug})
    assert [shift.venue for shift in Shift.objects.all()] == [rival]


def test_a_shift_at_a_venue_of_others_is_none(client, palm, rival, noor):
    sign_in(client, noor)
    client.post(reverse("staff:shift"), {"on": "1", "venue": rival.slug})
    assert not Shift.objects.exists()
