"""The numbers of a venue's calls, each by its rule, and who may see whose."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from concierge.models import Membership
from tests import factories
from tests.nplusone import no_query_in_a_loop
from voice.models import Call, Gap

PAGE = "/staff/numbers/"
ALL_DAYS = {"since": "2020-01-01"}


def browser_of(venue, role=Membership.Role.VIEWER):
    client = Client(headers={"host": "localhost"})
    client.force_login(factories.create_user(venue=venue, role=role))
    return client


@pytest.fixture
def staff(palm):
    return browser_of(palm)


def past_call(venue, *, outcome="answered", began_at=None, minutes=2, **fields):
    began_at = began_at or timezone.now() - timedelta(hours=1)
    times = {"opened_at": began_at, "began_at": began_at, "ended_at": began_at + timedelta(minutes=minutes)}
    return factories.create_call(venue=venue, state=Call.State.ENDED, outcome=outcome, **times, **fields)


def asked_in_vain(call, words, *, gap=None, state=Gap.State.OPEN):
    gap = gap or Gap.objects.create(venue=call.venue, state=state)
    gap.questions.create(turn=call.add_turn("visitor", words), embedder="none", vector=b"")
    return gap


def numbers(client, **asked):
    return client.get(PAGE, ALL_DAYS | asked).context["numbers"]


def test_calls_are_counted_by_the_hour_of_the_venues_own_clock(palm, rival, staff):
    palm.timezone, rival.timezone = "Asia/Dubai", "Europe/London"
    palm.save()
    rival.save()
    at = datetime(2026, 1, 15, 20, 30, tzinfo=UTC)
    past_call(palm, began_at=at)
    past_call(palm, began_at=at + timedelta(minutes=29))
    past_call(rival, began_at=at)
    assert {hour: count for hour, count in enumerate(numbers(staff).by_hour) if count} == {0: 2}
    both = Client(headers={"host": "localhost"})
    both.force_login(factories.create_user(is_superuser=True))
    assert {hour: count for hour, count in enumerate(numbers(both).by_hour) if count} == {0: 2, 20: 1}


def test_calls_are_counted_by_language_and_outcome_and_shares_leave_out_the_abandoned(palm, staff):
    for outcome, language in [("answered", "en"), ("partly", "ar"), ("handed_off", "en"), ("unanswered", "en")]:
        past_call(palm, outcome=outcome, language=language)
    past_call(palm, outcome="abandoned", language="ar", minutes=3)
    factories.create_call(venue=palm)
    factories.create_call(venue=palm, state=Call.State.OPENED)  # nobody came
    told = numbers(staff)
    assert (told.calls, told.minutes, told.open_outcomes) == (6, 11, 1)
    assert told.by_language == [("en", 4), ("ar", 2)]
    assert told.by_outcome == dict.fromkeys(Call.Outcome.values, 1)
    assert told.share(Call.Outcome.ANSWERED, Call.Outcome.PARTLY) == 0.5


def test_waits_are_the_median_and_the_nine_tenth_of_each_stage(palm, staff):
    call = past_call(palm)
    for ms in range(100, 1100, 100):
        call.add_turn("agent", "At seven.", metrics={"llm_ms": ms, "total_ms": ms + 1, "is_odd": "x"})
    call.add_turn("agent", "At eight.", metrics={"ear_ms": 0})
    call.add_turn("agent", "Welcome.")
    waits = {wait.stage: (wait.answers, wait.p50, wait.p90) for wait in numbers(staff).waits}
    assert waits["llm_ms"] == (10, 500, 900)
    assert waits["total_ms"] == (10, 501, 901)
    assert waits["ear_ms"] == (1, 0, 0)
    assert waits["stt_ms"] == (0, None, None)


def test_questions_that_differ_in_endings_only_are_one_and_courtesy_is_none(palm, staff):
    call = past_call(palm)
    for words in (
        "When do the pools open?",
        "When does the pool open",
        "Is there parking?",
        "Thanks",
        "Thanks",
        "Thanks",
    ):
        call.add_turn("visitor", words)
    assert [(asked.words, asked.times) for asked in numbers(staff).questions] == [
        ("When do the pools open?", 2),
        ("Is there parking?", 1),
    ]


def test_gaps_stand_in_the_order_of_how_often_they_were_asked_on_these_days(palm, staff):
    call, long_ago = past_call(palm), past_call(palm, began_at=datetime(2024, 3, 1, tzinfo=UTC))
    asked_in_vain(call, "Do you lend bicycles?")
    often = asked_in_vain(call, "Is there a sauna?")
    asked_in_vain(call, "A sauna here?", gap=often)
    asked_in_vain(call, "Is the moon open?", state=Gap.State.DISMISSED)
    for words in ("Skis?", "Any skis?", "Skis, please?"):
        asked_in_vain(long_ago, words, gap=asked_in_vain(long_ago, words + " "))
    told = numbers(staff, since="2026-01-01").gaps
    assert [(gap.words, gap.times) for gap in told] == [("A sauna here?", 2), ("Do you lend bicycles?", 1)]


def test_the_days_asked_for_are_counted_and_without_any_the_last_thirty(palm, staff):
    past_call(palm, began_at=timezone.now() - timedelta(days=40))
    past_call(palm, began_at=datetime(2026, 1, 15, 21, tzinfo=UTC))  # 16 January in Dubai
    past_call(palm)
    assert staff.get(PAGE).context["numbers"].calls == 1
    assert numbers(staff, since="2026-01-16", until="2026-01-16").calls == 1
    assert numbers(staff, since="2026-01-15", until="2026-01-15").calls == 0
    assert numbers(staff).calls == 3


def test_each_sees_only_their_own_venues_calls_words_and_names(palm, rival, staff):
    theirs = past_call(rival)
    asked_in_vain(theirs, "Where is the secret door?")
    past_call(palm)
    for address in (PAGE, f"{PAGE}?venue={rival.slug}"):
        response = staff.get(address)
        assert response.context["numbers"].calls == 1
        assert "secret door" not in response.text
        assert rival.text().name not in response.text


def test_only_who_may_edit_is_led_to_a_gap(palm, staff):
    gap = asked_in_vain(past_call(palm), "Is there a sauna?")
    address = f"/knowledge/palm/gaps/{gap.pk}/"
    assert address not in staff.get(PAGE).text
    assert address in browser_of(palm, Membership.Role.EDITOR).get(PAGE).text


def test_every_figure_has_its_rule_and_every_chart_its_table(palm, staff):
    call = past_call(palm)
    asked_in_vain(call, "<b>Is there a sauna?</b>")
    call.add_turn("agent", "At seven.", metrics={"total_ms": 700})
    page = staff.get(PAGE).text
    assert page.count('class="formula"') == 5 + 4 + 2
    assert page.count("<figure") == page.count("<table") == 4
    assert "&lt;b&gt;Is there a sauna?" in page


def test_days_that_cannot_be_are_said_and_no_call_is_no_chart(palm, staff):
    assert "Enter a valid date." in staff.get(PAGE, {"since": "2026-02-31"}).text
    assert "<figure" not in staff.get(PAGE).text


def test_the_page_asks_the_same_few_queries_however_many_calls(palm, staff, django_assert_max_num_queries):
    for number in range(40):
        call = past_call(palm, language="ar" if number % 2 else "en")
        asked_in_vain(call, f"Question {number}?")
        call.add_turn("agent", "At seven.", metrics={"total_ms": number})
    with django_assert_max_num_queries(30), no_query_in_a_loop():
        assert numbers(staff).calls == 40
