"""Try it: an editor asks the real agent, sees what it went by, and chooses the moment."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
from django.test import Client

from concierge.models import Membership, OpeningHours, SpecialDay
from concierge.occasions import occasions
from tests import factories

DUBAI = ZoneInfo("Asia/Dubai")


def editor_of(venue) -> Client:
    client = Client(headers={"host": "localhost"})
    client.force_login(factories.create_user(venue=venue, role=Membership.Role.EDITOR))
    return client


@pytest.fixture
def palm(transactional_db):  # the agent reads rows in threads of its own
    return factories.create_venue()


def ask(client, question, **more):
    return client.get("/knowledge/palm/try/", {"q": question} | more)


def test_the_agent_answers_with_its_sources_scores_and_time(palm):
    factories.create_article(venue=palm, slug="pool", title="Rooftop pool", body="The pool opens at six.")
    factories.create_article(venue=palm, slug="spa", title="Spa", body="The spa is beside the gym.")
    response = ask(editor_of(palm), "When does the pool open?", language="en")
    answer, (first, *_) = response.context["answer"], response.context["considered"]
    assert "The pool opens at six." in answer.text
    assert answer.citations == ("pool",)
    assert first.hit.article == "pool"
    assert first.is_source
    assert "pool" in first.shared
    assert answer.ms > answer.search_ms > 0
    page = response.content.decode()
    assert "source of the answer" in page
    assert "at least" in page


def test_what_is_not_written_is_said_to_be_no_answer(palm):
    factories.create_article(venue=palm, slug="pool", title="Rooftop pool", body="The pool opens at six.")
    response = ask(editor_of(palm), "Do you repair submarines?", language="en")
    assert not response.context["answer"].is_answered
    assert "too unsure to answer" in response.content.decode()


def test_the_clock_decides_which_words_are_valid_and_which_places_are_open(palm):
    text = factories.create_text(venue=palm, slug="brunch")
    next_year = palm.now().year + 1
    begins = datetime(next_year, 1, 1, tzinfo=DUBAI)
    version, _ = text.write(title="Brunch", body="Brunch is served at noon.", valid_from=begins)
    from knowledge.indexing import publish

    publish(text, version)
    client = editor_of(palm)
    assert ask(client, "When is brunch served?").context["considered"] == []
    later = ask(client, "When is brunch served?", at=f"{next_year}-01-08T13:30").context
    assert later["considered"][0].hit.article == "brunch"
    assert later["at"] == datetime(next_year, 1, 8, 13, 30, tzinfo=DUBAI)


def test_an_htmx_question_gets_the_answer_alone(palm):
    factories.create_article(venue=palm, slug="pool", title="Rooftop pool", body="The pool opens at six.")
    client = editor_of(palm)
    fragment = client.get("/knowledge/palm/try/?q=pool+times", headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in fragment
    assert "What it went by" in fragment


def test_real_questions_stand_beside_it_ready_to_be_tried_again(palm):
    call = factories.create_call(venue=palm)
    for words, is_answered in (("Is there a <gym>?", True), ("Do you rent bikes & cars?", False)):
        call.add_turn("visitor", words, language="en")
        call.add_turn("agent", "…", is_answered=is_answered)
    call.add_turn("visitor", "is there a <gym>?", language="en")
    rival = factories.create_venue(slug="rival", host="rival.test")
    factories.create_call(venue=rival).add_turn("visitor", "A secret of the rival?")
    response = editor_of(palm).get("/knowledge/palm/try/")
    assert [(one.text, one.is_answered) for one in response.context["asked"]] == [
        ("is there a <gym>?", None),
        ("Do you rent bikes & cars?", False),
    ]
    page = response.content.decode()
    assert "?q=Do%20you%20rent%20bikes%20%26%20cars%3F&amp;language=en" in page
    assert "secret" not in page


def test_an_empty_question_is_no_question(palm):
    response = ask(editor_of(palm), " ")
    assert "Write a question." in response.content.decode()
    assert "answer" not in response.context


def keep_ramadan(venue, **names) -> None:
    hours = OpeningHours.objects.create(venue=venue, slug="house", rules="Mo-Su 08:00-20:00")
    first, last = date(2027, 2, 8), date(2027, 3, 8)
    SpecialDay.objects.create(hours=hours, starts_on=first, ends_on=last, rules="10:00-16:00", names=names)


def test_the_moments_to_try_are_friday_eid_and_the_venues_own_ramadan(palm, set_clock):
    set_clock("2026-11-24T09:00")
    friday, eid, ramadan = occasions(palm)
    assert friday.at == datetime(2026, 11, 27, 13, 30, tzinfo=DUBAI)
    assert eid.at == datetime(2027, 3, 9, 13, 30, tzinfo=DUBAI)
    assert "estimated" in eid.note
    assert ramadan.at is None
    assert "no days of Ramadan" in ramadan.note
    hours = OpeningHours.objects.create(venue=palm, slug="house", rules="Mo-Su 08:00-20:00")
    first, last = date(2027, 2, 8), date(2027, 3, 8)
    SpecialDay.objects.create(
        hours=hours, starts_on=first, ends_on=last, rules="10:00-16:00", names={"ar": "شهر رمضان"}
    )
    assert occasions(palm)[2].at == datetime(2027, 2, 8, 13, 30, tzinfo=DUBAI)


@pytest.mark.parametrize(
    ("now", "which", "day"),
    [
        pytest.param("2027-02-12T13:29", 0, "2027-02-12", id="a Friday, before"),
        pytest.param("2027-02-12T13:30", 0, "2027-02-19", id="a Friday, too late"),
        pytest.param("2027-03-09T12:00", 1, "2027-03-09", id="Eid, before"),
        pytest.param("2027-03-09T14:00", 1, "2027-03-10", id="Eid, too late: its second day"),
        pytest.param("2027-02-20T14:00", 2, "2027-02-21", id="Ramadan, too late today"),
    ],
)
def test_no_moment_to_try_has_passed(palm, set_clock, now, which, day):
    keep_ramadan(palm, en="Ramadan")
    set_clock(now)
    assert occasions(palm)[which].at.isoformat() == f"{day}T13:30:00+04:00"


def test_eid_is_not_guessed_where_no_calendar_knows_it(palm):
    palm.timezone = "UTC"
    assert occasions(palm)[1].at is None
