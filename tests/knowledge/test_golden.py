"""Golden questions: written and taken in, asked on every publish, and the gate that they keep."""

import json

import pytest
from django.contrib.messages import get_messages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django_tasks_db.models import DBTaskResult

from concierge.models import Membership
from knowledge import golden, indexing
from knowledge.models import GoldenQuestion
from knowledge.search import search
from tests import factories

PAGE = "/knowledge/palm/golden/"


@pytest.fixture
def editor(palm):
    client = Client(headers={"host": "localhost"})
    client.force_login(factories.create_user(venue=palm, role=Membership.Role.EDITOR, name="sara"))
    return client


@pytest.fixture
def pool(palm):
    factories.create_article(venue=palm, slug="parking", title="Parking", body="Park your car under the house.")
    return factories.create_article(
        venue=palm, slug="pool", title="Rooftop pool", body="The rooftop pool opens at six in the morning."
    ).text


def publish(client, **changes):
    typed = {"title": "Rooftop pool", "body": "", "action": "publish", "base_version": 1}
    return client.post("/knowledge/palm/pool/en/", typed | changes)


def said(response) -> str:
    return " ".join(str(message) for message in get_messages(response.wsgi_request))


def test_a_golden_question_is_written_changed_and_removed(editor, palm, pool):
    asked = {"question": "When does the pool open?", "language": "en"}
    editor.post(PAGE, asked | {"articles": "pool"})
    row = palm.golden_questions.get()
    assert [article.slug for article in row.articles.all()] == ["pool"]
    assert editor.get(f"{PAGE}?edit={row.pk}").context["form"]["articles"].value() == "pool"
    editor.post(PAGE, asked | {"articles": "pool, parking"})
    assert palm.golden_questions.get().articles.count() == 2
    editor.post(PAGE, {"action": "remove", "pk": row.pk})
    assert not palm.golden_questions.exists()


def test_a_golden_question_about_an_article_that_is_not_there_is_refused(editor, palm, rival):
    factories.create_text(venue=rival, slug="secret")
    response = editor.post(PAGE, {"question": "When?", "language": "en", "articles": "secret"})
    assert response.status_code == 422
    assert "There is no article secret here." in response.content.decode()
    assert not GoldenQuestion.objects.exists()


def test_a_golden_question_of_another_venue_is_not_removed(editor, palm, rival):
    row = rival.golden_questions.create(language="en", question="When?")
    assert editor.post(PAGE, {"action": "remove", "pk": row.pk}).status_code == 404
    assert rival.golden_questions.exists()


def upload(client, *lines, name="questions.jsonl"):
    body = "\n".join(line if isinstance(line, str) else json.dumps(line, ensure_ascii=False) for line in lines)
    return client.post(PAGE, {"action": "import", "file": SimpleUploadedFile(name, body.encode())})


def test_a_file_of_questions_is_taken_in_as_a_whole(editor, palm, pool):
    upload(
        editor,
        {"question": "When does the pool open?", "lang": "en", "answer_ids": ["pool"]},
        {"question": "هل لديكم طائرة؟", "lang": "ar", "answer_ids": []},
    )
    assert {row.language: row.articles.count() for row in palm.golden_questions.all()} == {"en": 1, "ar": 0}


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ({"question": "Where?", "lang": "en", "answer_ids": ["nowhere"]}, "there is no article nowhere here"),
        ({"lang": "en", "answer_ids": []}, "questions.jsonl, line 2: question is missing or empty."),
        ("not json", "questions.jsonl, line 2: not JSON"),
    ],
    ids=["unknown-article", "no-question", "no-json"],
)
def test_a_file_with_one_bad_line_changes_nothing_and_says_why(editor, palm, pool, line, sentence):
    response = upload(editor, {"question": "When?", "lang": "en", "answer_ids": ["pool"]}, line)
    assert sentence in said(response)
    assert not palm.golden_questions.exists()


def test_they_are_asked_on_every_publish_by_the_task_worker(palm, pool, django_capture_on_commit_callbacks):
    golden.store(palm, "When does the rooftop pool open?", "en", ["pool"])
    with django_capture_on_commit_callbacks(execute=True):
        indexing.publish(pool)
    waiting = DBTaskResult.objects.get()
    assert waiting.task_path == "knowledge.golden.run_in_background"
    golden.run_in_background.func(*waiting.args_kwargs["args"])
    run = palm.golden_runs.get()
    assert run.reason == "Rooftop pool"
    assert run.figures[""]["recall_at_1"] == 1.0


def test_a_venue_without_golden_questions_is_not_asked(palm, pool, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        indexing.publish(pool)
    assert not DBTaskResult.objects.exists()


def test_a_run_says_what_was_found_answered_and_refused_by_language(editor, palm, pool):
    golden.store(palm, "When does the rooftop pool open?", "en", ["pool"])
    golden.store(palm, "Where do I park my car?", "en", ["pool"])
    golden.store(palm, "Do you repair submarines?", "en", [])
    golden.store(palm, "متى يفتح المسبح؟", "ar", ["pool"])
    run = golden.run(palm)
    assert run.figures["en"] == {
        "questions": 3,
        "recall_at_1": 0.5,
        "recall_at_3": 1.0,
        "answered": 1.0,
        "refused": 1.0,
    }
    assert run.figures["ar"]["questions"] == 1
    wrong = {"question": "Where do I park my car?", "language": "en", "wanted": ["pool"], "found": "parking"}
    assert wrong in run.failures
    page = editor.get(PAGE).content.decode()
    assert "<polyline" in page
    assert "should be pool" in page


# The gate


def test_an_edit_that_changes_no_answer_goes_straight_through(editor, palm, pool):
    golden.store(palm, "Where can I park my car?", "en", ["parking"])
    response = publish(editor, body="The rooftop pool opens at nine in the morning.")
    assert "1 known question is answered as before." in said(response)
    assert "at nine" in search(palm, "When does the rooftop pool open?")[0].text


def test_the_gate_shows_old_beside_new_before_anything_is_live(editor, palm, pool):
    golden.store(palm, "When does the rooftop pool open?", "en", ["pool"])
    response = publish(editor, body="The rooftop pool opens at <nine> in the morning.")
    page = response.content.decode()
    assert "The rooftop pool opens at six in the morning." in page
    assert "The rooftop pool opens at &lt;nine&gt; in the morning." in page
    assert "at six" in search(palm, "When does the rooftop pool open?")[0].text
    assert pool.latest.number == 2, "what was typed is stored"
    publish(editor, body="The rooftop pool opens at <nine> in the morning.", base_version=2, seen="yes")
    assert "at <nine>" in search(palm, "When does the rooftop pool open?")[0].text


def test_a_regression_needs_a_yes_that_names_its_number(editor, palm, pool):
    golden.store(palm, "When does the rooftop pool open?", "en", ["pool"])
    worse = {"title": "Minibar", "body": "Drinks are put on your bill."}
    page = publish(editor, **worse).content.decode()
    assert "although 1 question would be answered worse" in page
    for attempt in ({"seen": "yes"}, {"seen": "yes", "accepted": "2"}):
        assert publish(editor, **worse, base_version=2, **attempt).status_code == 200
        pool.refresh_from_db()
        assert pool.live.number == 1
    publish(editor, **worse, base_version=2, seen="yes", accepted="1")
    pool.refresh_from_db()
    assert pool.live.number == 2


def test_recent_questions_of_visitors_are_asked_too(editor, palm, pool):
    call = factories.create_call(venue=palm)
    call.add_turn("visitor", "when does the rooftop pool open", language="en")
    page = publish(editor, title="Minibar", body="Drinks are put on your bill.").content.decode()
    assert "asked by a visitor" in page
    assert "when does the rooftop pool open" in page


def test_a_version_for_later_is_compared_at_the_moment_it_takes_over(editor, palm, pool):
    golden.store(palm, "When does the rooftop pool open?", "en", ["pool"])
    response = publish(editor, body="The rooftop pool opens at nine in the morning.", valid_from="2099-01-01T00:00")
    page = response.content.decode()
    assert "opens at nine" in page
    assert "worse" not in page
    again = dict(response.context["moments"])
    publish(editor, body="The rooftop pool opens at nine in the morning.", base_version=2, seen="yes", **again)
    pool.refresh_from_db()
    assert pool.next_live.number == 2
    assert pool.live.number == 1


# From a real call


def test_a_visitors_question_becomes_golden_with_the_articles_of_its_answer(editor, palm, pool):
    call = factories.create_call(venue=palm)
    asked = call.add_turn("visitor", "When does the pool open?", language="en")
    call.add_turn("agent", "At six.", citations=[(pool.live_id, "At six.", 0.9)])
    url = f"/staff/calls/{call.pk}/"
    assert f'name="turn" value="{asked.pk}"' in editor.get(url).content.decode()
    editor.post(f"{url}golden", {"turn": asked.pk})
    row = palm.golden_questions.get()
    assert (row.question, [article.slug for article in row.articles.all()]) == ("When does the pool open?", ["pool"])


def test_only_a_visitors_turn_of_that_call_becomes_golden(editor, palm, rival):
    call = factories.create_call(venue=palm)
    answer = call.add_turn("agent", "At six.")
    secret = factories.create_call(venue=rival).add_turn("visitor", "A secret?")
    for pk in (answer.pk, secret.pk, "x", ""):
        assert editor.post(f"/staff/calls/{call.pk}/golden", {"turn": pk}).status_code == 404
    assert editor.post(f"/staff/calls/{secret.call_id}/golden", {"turn": secret.pk}).status_code == 404
    assert not GoldenQuestion.objects.exists()


def test_who_only_reads_along_sees_no_form_for_golden_questions(palm):
    call = factories.create_call(venue=palm)
    client = Client(headers={"host": "localhost"})
    client.force_login(factories.create_user(venue=palm, role=Membership.Role.AGENT))
    assert 'id="golden-form"' not in client.get(f"/staff/calls/{call.pk}/").content.decode()
