"""Past calls are found again, judged by facts, and taken along as a file."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from concierge.models import Membership
from tests import factories
from tests.nplusone import no_query_in_a_loop
from voice import gaps, review
from voice.models import AuditEntry, Call, Gap, HandOff, Happening, Turn

PAGE = "/staff/history/"


def browser_of(venue, role=Membership.Role.VIEWER, **fields):
    client = Client(headers={"host": "localhost"})
    client.force_login(factories.create_user(venue=venue, role=role, **fields))
    return client


@pytest.fixture
def staff(palm):
    return browser_of(palm)


def past_call(venue, *said, **fields):
    """A call that is over. `said`: what the visitor asked, and the agent's replies as (words, is_answered)."""
    call = factories.create_call(venue=venue, state=Call.State.ENDED, **fields)
    for one in said:
        if isinstance(one, tuple):
            call.add_turn("agent", one[0], is_answered=one[1])
        else:
            call.add_turn("visitor", one)
    return call


def found(client, **asked):
    return [row.call for row in client.get(PAGE, asked).context["rows"]]


# Finding


def test_the_newest_call_stands_first_and_only_calls_that_took_place_and_are_over(staff, palm):
    now = timezone.now()
    old = past_call(palm, "One", opened_at=now - timedelta(hours=2))
    new = past_call(palm, "Two", opened_at=now - timedelta(hours=1))
    past_call(palm, began_at=None)
    factories.create_call(venue=palm)
    assert found(staff) == [new, old]


@pytest.mark.parametrize(
    ("said", "language", "query", "is_found"),
    [
        ("When do the pools open?", "en", "pool opening", True),
        ("When do the pools open?", "en", "POOL", True),
        ("When do the pools open?", "en", "sauna", False),
        ("When do the pools open?", "en", "pool sauna", False),
        ("When do the pools open?", "en", '"the pools open"', True),
        ("When do the pools open?", "en", '"open the pools"', False),
        ("When do the pools open?", "en", "when do the", True),
        ("When do the pools open?", "en", "where is the", False),
        ("Is there Wi-Fi?", "en", "wifi", True),
        ("Is there wifi?", "en", "Wi-Fi", True),
        ("متى يُفتَح المَسبح؟", "ar", "مسبح", True),
        ("أين الإفطار؟", "ar", "افطار", True),
        ("أين الإفطار؟", "ar", "الافطار", True),
        ("الغرفة ٤١٢", "ar", "412", True),
        ("أين الإفطار؟", "ar", "غداء", False),
        ("Où est la cafétéria ?", "fr", "cafeteria", True),
        ("100% sure_thing", "en", "100%", True),
        ("plain words", "en", "%", False),
        ("the carpool lane", "en", "pool", False),
        ("plain words", "en", "p_ain", False),
    ],
)
def test_words_are_found_in_any_form_and_script(palm, staff, said, language, query, is_found):
    palm.languages = ["en", "ar", "fr"]
    palm.save()
    call = past_call(palm, language=language)
    call.add_turn("visitor", said)
    assert found(staff, q=query) == ([call] if is_found else [])


def test_words_may_stand_in_different_turns_and_the_turns_found_are_shown(palm, staff):
    past_call(palm, "Hello", "Where is the pool?", ("On the <roof>.", True))
    response = staff.get(PAGE, {"q": "pool roof"})
    assert [turn.text for turn in response.context["rows"][0].matches] == ["Where is the pool?", "On the <roof>."]
    assert "On the &lt;roof&gt;." in response.text


def test_filters_narrow_the_list(palm, staff):
    arabic = past_call(palm, "مرحبا", language="ar")
    vain = past_call(palm, "Bicycles?", ("Nothing.", False))
    review.review(vain)
    assert found(staff, language="ar") == [arabic]
    assert found(staff, outcome="unanswered") == [vain]
    assert found(staff, tag="no_source") == [vain]
    assert found(staff, tag="slow_turn") == []


def test_days_are_those_of_the_venues_clock(palm, staff):
    late = past_call(palm, "Late", opened_at=datetime(2026, 11, 20, 21, 0, tzinfo=UTC))  # the 21st in Dubai
    assert found(staff, since="2026-11-21", until="2026-11-21") == [late]
    assert found(staff, until="2026-11-20") == []
    assert found(staff, until="9999-12-31") == found(staff, since="0001-01-01") == [late]
    assert found(staff, since="the day before") == [late]
    assert "Enter a valid date." in staff.get(PAGE, {"since": "the day before"}).text


def test_two_venues_have_two_clocks(palm, rival):
    rival.timezone = "America/New_York"
    rival.save()
    at = datetime(2026, 11, 20, 21, 0, tzinfo=UTC)
    in_dubai, in_new_york = past_call(palm, "One", opened_at=at), past_call(rival, "Two", opened_at=at)
    both = browser_of(palm, is_superuser=True)
    assert found(both, since="2026-11-21", until="2026-11-21") == [in_dubai]
    assert found(both, since="2026-11-20", until="2026-11-20") == [in_new_york]


def test_a_venue_of_others_cannot_be_asked_for(palm, rival, staff):
    ours, theirs = past_call(palm, "Ours"), past_call(rival, "Theirs")
    for asked in ({}, {"venue": "rival"}, {"q": "theirs"}, {"q": "ours"}):
        assert theirs not in found(staff, **asked)
    both = browser_of(rival, is_superuser=True)
    assert found(both, venue="palm") == [ours]
    assert set(found(both)) == {ours, theirs}


def test_a_page_holds_thirty_calls_and_asks_no_query_in_a_loop(palm, staff):
    for number in range(31):
        past_call(palm, f"Question {number}", ("Answer.", True))
    with no_query_in_a_loop():
        response = staff.get(PAGE, {"q": "question"})
    assert len(response.context["rows"]) == 30
    assert "Page 1 of 2" in response.text
    assert "q=question&amp;page=2" in response.text
    assert len(staff.get(PAGE, {"page": "2"}).context["rows"]) == 1


# What a call came to


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        (["Pool?", ("At six.", True)], "answered"),
        (["Pool?", ("At six.", True), "thank you"], "answered"),
        (["Pool?", ("At six.", True), "And the sauna?"], "partly"),
        (["Pool?", ("At six.", True), "Bicycles?", ("Nothing.", False)], "partly"),
        (["Bicycles?", ("Nothing.", False)], "unanswered"),
        (["Hello", ("Welcome.", None)], "abandoned"),
        (["Pool?"], "abandoned"),
        ([], "abandoned"),
    ],
)
def test_the_outcome_follows_from_what_was_said(palm, said, outcome):
    call = past_call(palm, *said)
    assert review.outcome_of(call, list(call.turns.all())) == outcome


def test_a_call_that_a_person_came_to_was_handed_off_and_one_that_nobody_came_to_was_not(palm):
    came, nobody, taken = (past_call(palm, "Pool?", ("At six.", True)) for _ in range(3))
    came.hand_offs.create(reason="asked_for_person", outcome=HandOff.Outcome.CLAIMED)
    nobody.hand_offs.create(reason="asked_for_person", outcome=HandOff.Outcome.NOBODY)
    taken.add_happening(Happening.Kind.VERB, "type")
    outcomes = [review.outcome_of(call, list(call.turns.all())) for call in (came, nobody, taken)]
    assert outcomes == ["handed_off", "answered", "handed_off"]


def test_the_end_of_a_call_stores_its_outcome_and_leaves_the_rest_to_the_task_worker(
    palm, django_capture_on_commit_callbacks
):
    call = factories.create_call(venue=palm)
    call.add_turn("visitor", "Bicycles?")
    call.add_turn("agent", "Nothing.", is_answered=False)
    with django_capture_on_commit_callbacks(execute=True):
        call.end("hung_up")
    call.refresh_from_db()
    assert (call.outcome, call.reviewed_at) == ("unanswered", None)
    call.add_turn("agent", "Oh, at the desk.", is_answered=True)  # stored after the end
    waiting = DBTaskResult.objects.get(task_path="voice.review.review_in_background")
    assert waiting.run_after > timezone.now()
    review.review_in_background.func(*waiting.args_kwargs["args"])
    call.refresh_from_db()
    assert (call.outcome, call.tags) == ("partly", ["no_source"])
    assert "Bicycles?" in call.summary["en"]


def test_a_call_whose_review_was_lost_is_reviewed_later(palm):
    lost = past_call(palm, "Pool?", ended_at=timezone.now() - timedelta(minutes=5))
    past_call(palm, "Pool?")
    assert review.review_overdue() == 1
    assert review.review_overdue() == 0
    lost.refresh_from_db()
    assert lost.outcome == "abandoned"


def timed(call, *turns):
    """Turns as (seconds from the start, speaker, text, more facts)."""
    start = timezone.now() - timedelta(minutes=5)
    for second, speaker, text, facts in turns:
        call.add_turn(speaker, text, said_at=start + timedelta(seconds=second), **facts)
    last = turns[-1]
    call.ended_at = start + timedelta(seconds=last[0] + len(last[2]) / review.CHARACTERS_A_SECOND + 1)
    call.save()
    return call


@pytest.mark.parametrize(
    ("turns", "tags"),
    [
        ([(0, "visitor", "Pool?", {}), (2, "agent", "At six.", {})], []),
        ([(0, "visitor", "Pool?", {}), (14, "agent", "At six.", {})], ["dead_air"]),
        ([(0, "visitor", "x" * 130, {}), (14, "agent", "At six.", {})], []),
        (
            [(0, "visitor", "Pool?", {}), (2, "agent", "At", {"is_interrupted": True}), (3, "visitor", "Stop", {})],
            ["talked_over"],
        ),
        ([(0, "agent", "At", {"is_interrupted": True}), (3, "staff", "I am here", {})], []),
        (
            [(0, "visitor", "When does the pool open?", {}), (4, "visitor", "the pool, when is it opening", {})],
            ["repeated"],
        ),
        ([(0, "visitor", "When does the pool open?", {}), (4, "visitor", "Where is the sauna?", {})], []),
        ([(0, "agent", "Nothing.", {"is_answered": False})], ["no_source"]),
        ([(0, "agent", "At six.", {"metrics": {"total_ms": 3000}})], ["slow_turn"]),
        ([(0, "agent", "At six.", {"metrics": {"total_ms": 3000, "ear_ms": 900}})], []),
    ],
)
def test_tags_follow_their_rules(palm, turns, tags):
    call = timed(factories.create_call(venue=palm, state=Call.State.ENDED), *turns)
    review.review(call)
    call.refresh_from_db()
    assert call.tags == tags


def test_silence_at_the_end_is_dead_air_and_a_typed_call_has_none(palm):
    for mode, tags in (("voice", ["dead_air"]), ("text", [])):
        call = timed(factories.create_call(venue=palm, state=Call.State.ENDED, mode=mode), (0, "visitor", "Pool?", {}))
        call.ended_at += timedelta(seconds=20)
        call.save()
        review.review(call)
        call.refresh_from_db()
        assert call.tags == tags


def test_the_summary_quotes_the_visitor_and_names_articles_in_the_staffs_language(palm):
    version = factories.create_article(venue=palm, slug="pool", title="Rooftop pool", body="It opens at six.")
    factories.create_article(venue=palm, slug="pool", title="المسبح", body="يفتح في السادسة.", language="ar")
    call = past_call(palm, "When does the pool open?")
    call.add_turn("agent", "At six.", is_answered=True, citations=[(version.pk, "It opens at six.", 0.9)])
    for one in ("Do you rent bicycles?", "thanks"):
        call.add_turn("visitor", one)
    call.add_turn("agent", "Nothing.", is_answered=False)
    call.hand_offs.create(reason="emergency", outcome="nobody")
    review.review(call)
    call.refresh_from_db()
    assert call.summary["en"].splitlines() == [
        "Asked: \u2068“When does the pool open?”\u2069 · \u2068“Do you rent bicycles?”\u2069",
        "Answered from: \u2068Rooftop pool\u2069",
        "A person was called (emergency); nobody came.",
    ]
    assert "المسبح" in call.summary["ar"]
    assert "“When does the pool open?”" in call.summary["ar"]
    assert "Asked" not in call.summary["ar"]


# Wrong answers


@pytest.fixture
def wrong(palm):
    """An answer of the pool article that was wrong, and its address."""
    version = factories.create_article(venue=palm, slug="pool", title="Rooftop pool", body="It opens at six.")
    factories.create_text(venue=palm, slug="sauna")
    call = past_call(palm, "When does the sauna open?")
    turn = call.add_turn("agent", "At six.", is_answered=True, citations=[(version.pk, "It opens at six.", 0.9)])
    return turn, f"/staff/calls/{call.pk}/turns/{turn.pk}/wrong"


def test_an_answer_from_the_wrong_article_becomes_a_golden_question(palm, wrong):
    turn, page = wrong
    editor = browser_of(palm, Membership.Role.EDITOR)
    refused = [editor.post(page, {"reason": "other_article", "article": slug}) for slug in ("", "nowhere")]
    assert [response.status_code for response in refused] == [422, 422]
    editor.post(page, {"reason": "other_article", "article": "sauna"})
    golden = palm.golden_questions.get()
    assert golden.question == "When does the sauna open?"
    assert [article.slug for article in golden.articles.all()] == ["sauna"]
    turn.refresh_from_db()
    assert turn.wrong == "other_article"
    assert AuditEntry.objects.get(verb="wrong").details == {"reason": "other_article"}
    assert "another article answers it" in editor.get(f"/staff/calls/{turn.call_id}/").text


def test_only_an_answer_can_be_called_wrong_on_the_calls_page(palm, wrong):
    turn, page = wrong
    greeting = turn.call.add_turn("agent", "Are you still there?")
    text = browser_of(palm, Membership.Role.EDITOR).get(f"/staff/calls/{turn.call_id}/").text
    assert page in text
    assert page.replace(f"/{turn.pk}/", f"/{greeting.pk}/") not in text


def test_an_answer_that_should_have_been_none_becomes_a_golden_question_without_articles(palm, wrong):
    _turn, page = wrong
    browser_of(palm, Membership.Role.EDITOR).post(page, {"reason": "no_answer", "article": "sauna"})
    assert not palm.golden_questions.get().articles.exists()


@pytest.mark.parametrize("reason", ["outdated", "missing"])
def test_an_answer_that_is_written_wrongly_becomes_part_of_a_gap(
    palm, wrong, reason, django_capture_on_commit_callbacks
):
    _turn, page = wrong
    with django_capture_on_commit_callbacks(execute=True):
        browser_of(palm, Membership.Role.EDITOR).post(page, {"reason": reason})
    waiting = DBTaskResult.objects.get(task_path="voice.gaps.file_in_background")
    for _ in range(2):
        gaps.file_in_background.func(*waiting.args_kwargs["args"])
    assert [one.turn.text for one in Gap.objects.get().questions.all()] == ["When does the sauna open?"]


def test_only_an_agents_turn_of_that_call_can_be_wrong(palm, wrong):
    turn, page = wrong
    editor = browser_of(palm, Membership.Role.EDITOR)
    asked = Turn.objects.get(speaker="visitor")
    other = past_call(palm, ("Welcome.", None)).turns.get()
    for pk in (asked.pk, other.pk):
        assert editor.get(page.replace(f"/{turn.pk}/", f"/{pk}/")).status_code == 404
    assert editor.post(page, {"reason": "because"}).status_code == 422


def test_who_edits_elsewhere_and_only_reads_here_calls_nothing_wrong(palm, rival, wrong):
    turn, page = wrong
    user = factories.create_user(venue=palm, role=Membership.Role.VIEWER)
    Membership.objects.create(user=user, venue=rival, role=Membership.Role.EDITOR)
    client = Client(headers={"host": "localhost"})
    client.force_login(user)
    assert client.get(f"/staff/calls/{turn.call_id}/").status_code == 200
    assert client.post(page, {"reason": "no_answer"}).status_code == 404
    assert not palm.golden_questions.exists()


# Files


@pytest.fixture
def manager(palm):
    return browser_of(palm, Membership.Role.MANAGER)


def test_a_manager_takes_along_only_the_calls_of_where_they_manage(palm, rival):
    past_call(palm, "Where is the pool?")
    past_call(rival, "Where is the pool?")
    user = factories.create_user(venue=palm, role=Membership.Role.MANAGER)
    Membership.objects.create(user=user, venue=rival, role=Membership.Role.VIEWER)
    client = Client(headers={"host": "localhost"})
    client.force_login(user)
    assert len(found(client)) == 2
    assert [call["venue"] for call in client.get("/staff/history/calls.json").json()] == ["palm"]
    # Of what the page shows with this filter they may take nothing along, so it is not something else that they get.
    assert client.get("/staff/history/calls.json", {"venue": "rival"}).json() == []


def test_only_who_may_export_sees_the_buttons(palm, staff, manager):
    past_call(palm, "Where is the pool?")
    assert "/staff/history/calls.csv" in manager.get(PAGE).text
    assert "/staff/history/calls.csv" not in staff.get(PAGE).text


def test_the_filtered_calls_leave_as_json_with_every_turn(palm, manager):
    call = past_call(palm, "Where is the pool?", ("On the roof.", True))
    past_call(palm, "Sauna?")
    response = manager.get("/staff/history/calls.json", {"q": "pool"})
    [told] = json.loads(response.content)
    assert told["call"] == str(call.pk)
    assert [turn["text"] for turn in told["transcript"]] == ["Where is the pool?", "On the roof."]
    assert "attachment" in response["Content-Disposition"]
    assert AuditEntry.objects.get(verb="export").details == {"calls": 1, "as": "json"}


def test_no_cell_of_the_csv_is_a_formula(palm, manager):
    call = past_call(palm, end_reason="=1+1")
    call.add_turn("visitor", '=HYPERLINK("http://evil.example")')
    text = manager.get("/staff/history/calls.csv").content.decode()
    assert text.startswith("\ufeff")
    [row] = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    assert row["end_reason"] == "'=1+1"
    assert row["transcript"] == 'visitor: =HYPERLINK("http://evil.example")'
    assert not any(cell.startswith(("=", "+", "-", "@")) for cell in row.values())
