"""What visitors asked in vain becomes a gap, is filled, and is proven to be."""

from datetime import timedelta

import numpy as np
import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from concierge.models import Membership
from knowledge import indexing
from knowledge.models import Passage
from tests import factories
from tests.nplusone import no_query_in_a_loop
from voice import gaps
from voice.models import Gap

PAGE = "/knowledge/palm/gaps/"


@pytest.fixture
def palm(db):
    venue = factories.create_venue()
    factories.create_article(venue=venue, slug="pool", title="Rooftop pool", body="The rooftop pool opens at six.")
    factories.create_article(venue=venue, slug="taxi", title="Taxi", body="A taxi to the airport costs 80 dirhams.")
    return venue


@pytest.fixture
def editor(palm):
    client = Client(headers={"host": "localhost"})
    client.force_login(factories.create_user(venue=palm, role=Membership.Role.EDITOR))
    return client


def ask_in_vain(venue, question, language="en"):
    """A call in which this had no answer; the gap that it made, if any."""
    call = factories.create_call(venue=venue, language=language)
    call.add_turn("visitor", question, language=language)
    return gaps.notice(call.add_turn("agent", "Nothing is written about this.", is_answered=False))


def test_an_unanswered_question_is_looked_at_by_the_task_worker(palm, django_capture_on_commit_callbacks):
    call = factories.create_call(venue=palm)
    call.add_turn("visitor", "Do you rent bicycles?")
    with django_capture_on_commit_callbacks(execute=True):
        call.add_turn("agent", "From six.", is_answered=True)
        call.add_turn("agent", "Nothing.", is_answered=False)
    waiting = DBTaskResult.objects.get()
    gaps.notice_in_background.func(*waiting.args_kwargs["args"])
    assert [question.turn.text for question in Gap.objects.get().questions.all()] == ["Do you rent bicycles?"]


def test_the_same_question_in_other_words_is_the_same_gap_and_another_is_not(palm):
    first = ask_in_vain(palm, "Do you rent bicycles?")
    assert ask_in_vain(palm, "um, could I rent a bicycle please") == first
    assert ask_in_vain(palm, "Is there a babysitter?") != first
    assert palm.gaps.count() == 2


def test_the_same_question_in_another_language_is_the_same_gap(palm):
    first = ask_in_vain(palm, "Where can I charge my electric car?")
    assert ask_in_vain(palm, "أين يمكنني شحن سيارتي الكهربائية؟", "ar") == first


def test_a_gap_does_not_drift_from_one_thing_to_the_next_by_what_lies_between(palm):
    """In a gap of two questions a third has to be like both, not only like the nearer one."""
    first = ask_in_vain(palm, "Do you rent bicycles?")
    cosines = np.array([0.2, 0.6], np.float32)
    is_same_language, both = np.array([True, True]), np.array([first.pk, first.pk])
    assert gaps.belongs_to(cosines, is_same_language, both) is None
    assert gaps.belongs_to(cosines, is_same_language, np.array([first.pk, 77])) == 77
    assert gaps.belongs_to(np.array([0.2, 0.95], np.float32), is_same_language, both) == first.pk, "asked again"


def test_the_same_turn_twice_is_one_question(palm):
    call = factories.create_call(venue=palm)
    call.add_turn("visitor", "Do you rent bicycles?")
    answer = call.add_turn("agent", "Nothing.", is_answered=False)
    assert gaps.notice(answer) == gaps.notice(answer)
    assert Gap.objects.get().questions.count() == 1


@pytest.mark.parametrize("question", ["Hello", "um, thanks"])
def test_a_courtesy_is_no_gap(palm, question):
    assert ask_in_vain(palm, question) is None


def test_what_is_written_is_no_gap_even_if_the_answer_failed(palm):
    assert ask_in_vain(palm, "When does the rooftop pool open?") is None


def test_an_empty_index_makes_no_gaps(palm):
    Passage.objects.all().delete()
    indexing.touch(palm.pk)
    assert ask_in_vain(palm, "Do you rent bicycles?") is None


def test_a_broken_index_makes_no_gaps(palm, monkeypatch):
    def broken(*args, **kwargs):
        raise OSError("no disk")

    monkeypatch.setattr(gaps, "search", broken)
    assert ask_in_vain(palm, "Do you rent bicycles?") is None
    assert not Gap.objects.exists()


def test_gaps_are_ranked_by_how_often_they_were_asked_and_stay_in_their_venue(editor, palm, rival):
    ask_in_vain(palm, "Is there a babysitter?")
    for _ in range(2):
        ask_in_vain(palm, "Do you rent <bicycles>?")
    secret = factories.create_call(venue=rival).add_turn("visitor", "A secret of the rival?")
    theirs = Gap.objects.create(venue=rival)
    theirs.questions.create(turn=secret, embedder="x", vector=b"")
    response = editor.get(PAGE)
    assert [(words, gap.asked) for gap, words, _ in response.context["rows"]] == [
        ("Do you rent <bicycles>?", 2),
        ("Is there a babysitter?", 1),
    ]
    assert "secret" not in response.content.decode()
    assert editor.get(f"{PAGE}{theirs.pk}/").status_code == 404
    assert editor.post(f"{PAGE}{theirs.pk}/", {"action": "dismiss"}).status_code == 404


def test_a_gaps_page_asks_no_query_in_a_loop(editor, palm):
    for _ in range(3):
        bicycles = ask_in_vain(palm, "Do you rent bicycles?")
        ask_in_vain(palm, "Is there a babysitter?")
    with no_query_in_a_loop():
        assert editor.get(f"{PAGE}{bicycles.pk}/").context["neighbours"]


def test_a_draft_has_the_visitors_own_words_and_is_not_heard(editor, palm):
    gap = ask_in_vain(palm, "Do you rent bicycles?")
    ask_in_vain(palm, "Could I rent a bicycle?")
    response = editor.post(f"{PAGE}{gap.pk}/", {"action": "draft"})
    text = palm.articles.get(slug="do-you-rent-bicycles").texts.get()
    assert response.url == "/knowledge/palm/do-you-rent-bicycles/en/"
    assert "- Could I rent a bicycle?" in text.latest.body
    assert text.live is None
    editor.post(f"{PAGE}{gap.pk}/", {"action": "draft"})
    assert palm.articles.count() == 3, "a second click opens the same one"


@pytest.mark.django_db(transaction=True)
def test_published_the_same_questions_are_asked_again_and_marked():
    palm = factories.create_venue()
    factories.create_article(venue=palm, slug="pool", title="Rooftop pool", body="The rooftop pool opens at six.")
    gap = ask_in_vain(palm, "Do you rent bicycles?")
    client = Client(headers={"host": "localhost"})
    client.force_login(factories.create_user(venue=palm, role=Membership.Role.EDITOR))
    client.post(f"{PAGE}{gap.pk}/", {"action": "draft"})
    answer = {"title": "Bicycles", "body": "We rent bicycles at the front desk.", "base_version": 1}
    # Recorded visitor questions change with the new words, so the gate is shown first.
    client.post("/knowledge/palm/do-you-rent-bicycles/en/", answer | {"action": "publish"})
    client.post(
        "/knowledge/palm/do-you-rent-bicycles/en/", answer | {"base_version": 2, "action": "publish", "seen": "yes"}
    )
    waiting = DBTaskResult.objects.get(task_path="voice.gaps.replay_in_background")
    gaps.replay_in_background.func(*waiting.args_kwargs["args"])
    gap.refresh_from_db()
    assert gap.state == Gap.State.FIXED
    page = client.get(f"{PAGE}{gap.pk}/").content.decode()
    assert "answered now" in page
    assert "We rent bicycles at the front desk." in page
    assert client.get(PAGE).context["rows"] == []


@pytest.mark.django_db(transaction=True)
def test_a_question_that_still_has_no_answer_leaves_the_gap_open():
    palm = factories.create_venue()
    factories.create_article(venue=palm, slug="pool", title="Rooftop pool", body="The rooftop pool opens at six.")
    gap = ask_in_vain(palm, "Do you rent bicycles?")
    assert not gaps.replay(gap)
    assert gap.questions.get().is_fixed is False
    assert gap.state == Gap.State.OPEN


def test_a_fixed_gap_opens_when_it_is_asked_in_vain_again_and_a_dismissed_one_does_not(palm):
    gap = ask_in_vain(palm, "Do you rent bicycles?")
    for before, after in ((Gap.State.FIXED, Gap.State.OPEN), (Gap.State.DISMISSED, Gap.State.DISMISSED)):
        Gap.objects.update(state=before)
        ask_in_vain(palm, "Do you rent bicycles?")
        gap.refresh_from_db()
        assert gap.state == after


def test_gaps_are_put_off_until_their_time_and_dismissed(editor, palm):
    gap = ask_in_vain(palm, "Do you rent bicycles?")
    editor.post(f"{PAGE}{gap.pk}/", {"action": "snooze", "days": "30"})
    assert editor.get(PAGE).context["rows"] == []
    assert len(editor.get(f"{PAGE}?state=snoozed").context["rows"]) == 1
    Gap.objects.update(snoozed_until=timezone.now() - timedelta(minutes=1))
    assert len(editor.get(PAGE).context["rows"]) == 1
    editor.post(f"{PAGE}{gap.pk}/", {"action": "dismiss"})
    assert editor.get(PAGE).context["rows"] == []
    assert len(editor.get(f"{PAGE}?state=dismissed").context["rows"]) == 1


def test_two_gaps_are_made_one(editor, palm, rival):
    one, other = ask_in_vain(palm, "Do you rent bicycles?"), ask_in_vain(palm, "Is there a babysitter?")
    foreign = Gap.objects.create(venue=rival)
    assert editor.post(f"{PAGE}{one.pk}/", {"action": "merge", "into": foreign.pk}).status_code == 404
    response = editor.post(f"{PAGE}{one.pk}/", {"action": "merge", "into": other.pk})
    assert "They are one now." in [str(message) for message in get_messages(response.wsgi_request)]
    assert palm.gaps.get().questions.count() == 2


def test_the_words_go_when_the_call_goes(palm):
    ask_in_vain(palm, "Do you rent bicycles?")
    palm.calls.all().delete()
    assert not palm.gaps.with_counts().exists()
