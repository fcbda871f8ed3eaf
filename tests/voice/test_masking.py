"""Numbers of persons are not stored, whatever they are told in; numbers of the venue and other figures are."""

import pytest

from concierge.models import Venue
from tests import factories
from voice import gaps, handing_off, history, masking
from voice.models import CallBack


@pytest.fixture
def somewhere(monkeypatch):
    """A venue in no database, whose desk has a number."""
    venue = Venue(slug="palm", desk_phone="+971 4 555 0100")
    monkeypatch.setattr(masking, "published", masking._known)
    return venue


@pytest.mark.parametrize(
    ("said", "stored"),
    [
        ("My number is 0501234567.", "My number is ••••••••••."),
        ("050 123 4567 please", "••• ••• •••• please"),
        ("050-123-4567", "•••-•••-••••"),
        ("+971 50 123 4567", "+••• •• ••• ••••"),
        ("+971(0)501234567", "+•••(•)•••••••••"),
        ("00971501234567", "••••••••••••••"),
        ("971501234567", "••••••••••••"),
        ("call 50 123 4567", "call •• ••• ••••"),
        ("04 399 1234", "•• ••• ••••"),
        ("+44 7911 123456", "+•• •••• ••••••"),
        ("(415) 555-0123", "(•••) •••-••••"),
        ("98765 43210", "••••• •••••"),
        ("رقمي ٠٥٠١٢٣٤٥٦٧", "رقمي ••••••••••"),
        ("٠٥٠ ١٢٣ ٤٥٦٧", "••• ••• ••••"),
        ("۰۵۰۱۲۳۴۵۶۷", "••••••••••"),
        ("0 5 0 1 2 3 4 5 6 7", "• • • • • • • • • •"),
        ("0, 5, 0, 1, 2, 3, 4", "•, •, •, •, •, •, •"),
        ("٠، ٥، ٠، ١، ٢، ٣، ٤", "•، •، •، •، •، •، •"),
        ("zero five zero, one two three, four five six seven", "• • •, • • •, • • • •"),
        ("Oh five zero double one three four five", "• • • •• • • •"),
        ("plus nine seven one five oh one two three", "plus • • • • • • • •"),
        ("صفر خمسة صفر واحد اثنين ثلاثة أربعة خمسة", "• • • • • • • •"),
        ("zero 5 0 123 4567", "• • • ••• ••••"),
        ("4111 1111 1111 1111", "•••• •••• •••• ••••"),
        ("card 4111111111111111 until 12/27", "card •••••••••••••••• until 12/27"),
        ("4111 1111 1111 1111 12/27 123", "•••• •••• •••• •••• ••/•• •••"),
        ("٤١١١ ١١١١ ١١١١ ١١١١", "•••• •••• •••• ••••"),
        ("3782 822463 10005", "•••• •••••• •••••"),
        ("784-1984-1234567-4", "•••-••••-•••••••-•"),
        ("٧٨٤ ١٩٨٤ ١٢٣٤٥٦٧ ٤", "••• •••• ••••••• •"),
        ("0501234567 or 0507654321", "•••••••••• or ••••••••••"),
    ],
)
def test_a_number_of_a_person_becomes_dots(somewhere, said, stored):
    assert masking.masked(said, somewhere) == stored


@pytest.mark.parametrize(
    "said",
    [
        "Room 412, table for 12 at 19:30",
        "on 2026-11-24 10:00 or 24/11/2026 08:30",
        "from 08.00-20.00",
        "1,000,000 dirhams and 1500 2000 2500",
        "in 2024 2025 2026",
        "rooms 412 413 414",
        "floors 1, 2, 3, 4, 5, 6, 7, 8",
        "one two three four five six seven eight",
        "call the desk at +971 4 555 0100 24/7",
        "اتصل على ٠٤ ٥٥٥ ٠١٠٠",
        "our number is 04 555 0100. 24 hours a day",
        "zero four five five five zero one zero zero",
        "dial 999 or 800 7256",
        "one of two people, oh, six of seven",
    ],
)
def test_what_is_no_number_of_a_person_stays(somewhere, said):
    assert masking.masked(said, somewhere) == said


@pytest.mark.parametrize("card", ["4111 1111 1111 1112", "784 1984 1234567 1"])
def test_the_check_digit_tells_cards_and_ids_from_other_figures(card):
    assert not any(map(masking._is_card_or_id, [card.replace(" ", "")]))


def test_everything_stored_of_a_turn_is_masked_and_the_number_to_call_back_is_not(palm):
    call = factories.create_call(venue=palm)
    turn = call.add_turn("visitor", "Call me back at 050 123 4567 about bicycles")
    handing_off.call_back(call, "050 123 4567", "bicycles, 050 123 4567")
    happening = call.add_happening("tool", "call_back", '{"number": "050 123 4567"}')
    turn.refresh_from_db()
    happening.refresh_from_db()
    assert turn.text == "Call me back at ••• ••• •••• about bicycles"
    assert "4567" not in turn.search_words + happening.text
    assert "bicycl" in turn.search_words
    assert (CallBack.objects.get().number, CallBack.objects.get().words) == ("050 123 4567", "bicycles, ••• ••• ••••")
    assert history.find_calls(type(palm).objects.all(), history.Wanted(words="4567")).count() == 0
    assert "4567" not in gaps.file(palm, turn).questions.get().turn.text


def test_what_the_venue_has_published_is_not_masked(palm):
    factories.create_article(venue=palm, title="Spa", body="Ring the spa at 04 777 1234.")
    factories.create_text(venue=palm, title="Later", body="Ring 04 888 1234.")
    call = factories.create_call(venue=palm)
    assert call.add_turn("agent", "The spa: +971 4 777 1234.").text == "The spa: +971 4 777 1234."
    assert call.add_turn("agent", "The shop: 04 888 1234.").text == "The shop: •• ••• ••••."
    factories.create_article(venue=palm, title="Shop", body="Ring 04 888 1234.")
    assert call.add_turn("agent", "The shop: 04 888 1234.").text == "The shop: 04 888 1234."


def test_a_venue_may_keep_numbers_as_they_were_said(palm):
    palm.masks_numbers = False
    call = factories.create_call(venue=palm)
    assert call.add_turn("visitor", "0501234567").text == "0501234567"
