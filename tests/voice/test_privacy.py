"""What is kept of visitors, who looked at it, and how it goes."""

import os
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from concierge.models import Membership, Venue
from tests import factories
from voice import erasing, gaps, handing_off, live, recordings, retention
from voice.models import AuditEntry, Call, Gap, Turn

AUDIT = "/staff/audit/"


def browser_of(venue, role=Membership.Role.MANAGER, **fields):
    client = Client(headers={"host": "localhost"})
    client.force_login(factories.create_user(venue=venue, role=role, **fields))
    return client


@pytest.fixture
def manager(palm):
    return browser_of(palm, name="mona")


@pytest.fixture
def sounds(settings, tmp_path):
    """Where recordings are kept."""
    settings.RECORDINGS_DIR = tmp_path / "recordings"
    settings.RECORDINGS_DIR.mkdir()
    return settings.RECORDINGS_DIR


def over(venue, said="When does the pool open?", **fields):
    call = factories.create_call(venue=venue, state=Call.State.ENDED, **fields)
    call.add_turn("visitor", said)
    return call


def recorded(venue, sound=b"0123456789", **fields):
    call = over(venue, is_recorded=True, recording_began_at=timezone.now(), **fields)
    recordings.path_of(call.pk).write_bytes(sound)
    return call


def page_of(call, end=""):
    return f"/staff/calls/{call.pk}/{end}"


# The audit


def test_reading_a_call_is_audited_once_an_hour_for_each_person(palm, manager):
    call = over(palm)
    other = browser_of(palm, name="noor")
    for client in (manager, manager, other):
        client.get(page_of(call))
    assert sorted(AuditEntry.objects.values_list("user__username", "verb")) == [("mona", "read"), ("noor", "read")]
    AuditEntry.objects.update(at=timezone.now() - timedelta(minutes=61))
    manager.get(page_of(call))
    assert AuditEntry.objects.count() == 3


def test_what_an_operator_reads_in_the_admin_and_what_an_editor_keeps_is_audited(palm):
    call = over(palm)
    operator = browser_of(palm, name="olga", is_superuser=True, is_staff=True)
    operator.get(f"/admin/voice/call/{call.pk}/change/")
    operator.post(page_of(call, "golden"), {"turn": call.turns.get().pk})
    assert list(AuditEntry.objects.order_by("pk").values_list("user__username", "call", "verb")) == [
        ("olga", call.pk, "read"),
        ("olga", call.pk, "golden"),
    ]


def test_the_audit_is_filtered_by_person_verb_and_day_of_the_venues_clock(palm, manager):
    noor = factories.create_user(venue=palm, name="noor")
    mona = palm.memberships.get(user__username="mona").user
    late = datetime(2026, 11, 20, 21, tzinfo=UTC)  # the 21st in Dubai
    AuditEntry.objects.create(user=noor, venue=palm, verb="listen", at=late)
    later = late + timedelta(days=3)
    AuditEntry.objects.create(user=mona, venue=palm, verb="export", details={"calls": 3, "as": "csv"}, at=later)

    def shown(**asked):
        return [entry.verb for entry in manager.get(AUDIT, asked).context["page"]]

    assert shown() == ["export", "listen"]
    assert shown(person="noor") == ["listen"]
    assert shown(verb="export") == ["export"]
    assert shown(since="2026-11-21", until="2026-11-21") == ["listen"]
    assert shown(until="2026-11-20") == []
    assert shown(person="nobody") == ["export", "listen"]  # passed over


def test_the_audit_shows_a_manager_only_the_venues_that_they_manage(palm, rival):
    both = factories.create_user(venue=palm, role=Membership.Role.MANAGER)
    Membership.objects.create(user=both, venue=rival, role=Membership.Role.EDITOR)
    AuditEntry.objects.create(user=factories.create_user(venue=rival, name="stranger"), venue=rival, verb="listen")
    client = Client(headers={"host": "localhost"})
    client.force_login(both)
    for asked in ({}, {"venue": "rival"}, {"person": "stranger"}):
        response = client.get(AUDIT, asked)
        assert list(response.context["page"]) == []
        assert "stranger" not in response.text.replace('value="stranger"', "").replace("stranger is not one", "")


def test_the_audit_speaks_arabic(palm, manager):
    AuditEntry.objects.create(user=None, venue=palm, verb="listen")
    text = manager.get(AUDIT, headers={"accept-language": "ar"}).text
    assert 'dir="rtl"' in text
    assert "استمع" in text


# Recording


KEEPING = "/staff/keeping/palm/"
KEPT = {"masks_numbers": "on", "retention_days": "30"}


def test_a_manager_decides_what_is_kept_and_the_audit_says_what_was_before(palm, manager):
    answer = manager.post(KEEPING, {"records_calls": "on", "retention_days": "7"}, follow=True)
    assert "Saved." in answer.text
    palm.refresh_from_db()
    assert (palm.records_calls, palm.masks_numbers, palm.retention_days) == (True, False, 7)
    entry = AuditEntry.objects.get(verb="keep")
    assert (entry.user.username, entry.venue) == ("mona", palm)
    page = manager.get(AUDIT).text
    assert "Record the sound of calls: on (before: off)" in page
    assert "Mask numbers: off (before: on)" in page
    assert "Days until a call is deleted: 7 (before: 30)" in page


def test_saving_what_is_so_already_is_no_change(palm, manager):
    manager.post(KEEPING, KEPT)
    assert not AuditEntry.objects.filter(verb="keep").exists()


@pytest.mark.parametrize("days", ["0", "-3", "3651", "soon", ""])
def test_days_that_cannot_be_are_refused_and_what_was_kept_before_stays(palm, manager, days):
    answer = manager.post(KEEPING, {"records_calls": "on", "retention_days": days})
    assert answer.status_code == 422
    assert "errorlist" in answer.text
    palm.refresh_from_db()
    assert (palm.records_calls, palm.retention_days) == (False, 30)


def test_fewer_days_that_would_delete_calls_at_once_need_a_yes(palm, rival, manager):
    old = timezone.now() - timedelta(days=8)
    for venue in (palm, palm, rival):
        call = over(venue)
        Call.objects.filter(pk=call.pk).update(ended_at=old)
    over(palm)
    fewer = KEPT | {"retention_days": "7"}
    answer = manager.post(KEEPING, fewer)
    assert answer.status_code == 422
    assert "2 calls are older than that" in answer.text
    palm.refresh_from_db()
    assert palm.retention_days == 30
    assert manager.post(KEEPING, KEPT | {"retention_days": "1", "sure": "7"}).status_code == 422  # a yes to 7 days only
    manager.post(KEEPING, fewer | {"sure": "7"})
    palm.refresh_from_db()
    assert palm.retention_days == 7
    assert manager.post(KEEPING, KEPT).status_code == 302  # more days delete nothing


def test_a_manager_of_two_venues_goes_from_one_to_the_other(palm, rival, manager):
    mona = palm.memberships.get(user__username="mona").user
    assert f"/staff/keeping/{rival.slug}/" not in manager.get(KEEPING).text
    rival.memberships.create(user=mona, role=Membership.Role.MANAGER)
    assert f"/staff/keeping/{rival.slug}/" in manager.get(KEEPING).text
    assert KEEPING in manager.get("/staff/history/").text


def test_a_call_is_recorded_only_where_the_venue_records_and_the_visitor_agreed(client, palm, livekit):
    factories.create_worker(free_slots=9)
    client.defaults["HTTP_HOST"] = "palm.test"

    def open_call(**attributes):
        told = client.post("/voice/token", {"participant_attributes": attributes}, content_type="application/json")
        return told.json()["recorded"], Call.objects.get(pk=told.json()["call"]).is_recorded

    assert open_call(record="yes") == (False, False)
    Venue.objects.update(records_calls=True)
    assert open_call(record="yes") == (True, True)
    assert open_call(record="no") == (False, False)
    assert open_call() == (False, False)
    assert open_call(record="yes", mode="text") == (False, False)
    refused = client.post(
        "/voice/token", {"participant_attributes": {"record": "perhaps"}}, content_type="application/json"
    )
    assert refused.status_code == 400


@pytest.mark.parametrize(("language", "words"), [("en", "You may record"), ("ar", "يجوز لكم تسجيل")])
def test_the_visitor_is_asked_before_talking_where_calls_are_recorded(client, palm, language, words):
    client.defaults["HTTP_HOST"] = "palm.test"
    assert "data-agree" not in client.get(f"/{language}/").text
    Venue.objects.update(records_calls=True)
    text = client.get(f"/{language}/").text
    assert words in text
    assert text.index("data-agree") < text.index('id="call"')


@pytest.mark.parametrize(
    ("asked", "status", "heard", "told"),
    [
        ("", 200, b"0123456789", None),
        ("bytes=0-", 206, b"0123456789", "bytes 0-9/10"),
        ("bytes=2-4", 206, b"234", "bytes 2-4/10"),
        ("bytes=8-99", 206, b"89", "bytes 8-9/10"),
        ("bytes=-3", 206, b"789", "bytes 7-9/10"),
        ("bytes=10-", 416, b"", "bytes */10"),
        ("bytes=-0", 416, b"", "bytes */10"),
        ("bytes=4-2", 416, b"", "bytes */10"),
        ("bytes=0-1,4-5", 200, b"0123456789", None),
        ("lines=1-2", 200, b"0123456789", None),
    ],
)
def test_a_recording_is_heard_in_pieces_and_kept_by_no_cache(palm, manager, sounds, asked, status, heard, told):
    response = manager.get(page_of(recorded(palm), "recording.ogg"), headers={"range": asked} if asked else {})
    assert (response.status_code, response.content, response.get("Content-Range")) == (status, heard, told)
    assert "no-store" in response["Cache-Control"]
    assert AuditEntry.objects.get().verb == "play"


def test_the_page_of_a_recorded_call_plays_it_and_that_of_another_does_not(palm, manager, sounds):
    kept = recorded(palm)
    assert f'data-replay="{kept.recording_began_at.timestamp():.6f}"' in manager.get(page_of(kept)).text
    for other in (over(palm), over(palm, is_recorded=True)):
        assert "<audio" not in manager.get(page_of(other)).text
        assert manager.get(page_of(other, "recording.ogg")).status_code == 404


def test_after_the_days_of_retention_the_recording_goes_with_the_call(palm, sounds):
    old = recorded(palm, ended_at=timezone.now() - timedelta(days=31))
    kept = recorded(palm)
    (sounds / "notes.txt").write_text("not ours")
    assert retention.delete_expired() == 1
    assert sorted(path.name for path in sounds.iterdir()) == sorted([f"{kept.pk}.ogg", "notes.txt"])
    assert not Call.objects.filter(pk=old.pk).exists()


def test_a_recording_that_could_not_be_deleted_is_tried_again(palm, sounds, monkeypatch):
    call = recorded(palm, ended_at=timezone.now() - timedelta(days=31))
    path = recordings.path_of(call.pk)
    with monkeypatch.context() as patch:
        patch.setattr(os, "unlink", lambda *args, **kwargs: (_ for _ in ()).throw(PermissionError("read-only")))
        retention.delete_expired()
    assert path.exists()
    retention.delete_expired()
    assert not path.exists()


# Erasing


def test_a_call_is_erased_with_all_that_was_made_of_it_and_the_audit_keeps_the_fact(
    palm, manager, sounds, django_capture_on_commit_callbacks
):
    call = recorded(palm, said="Are there bicycles to hire?", rating="good", rating_words="Lovely")
    gaps.file(palm, call.turns.get())
    handing_off.call_back(call, "050 123 4567", "bicycles")
    AuditEntry.objects.create(user=None, call=call, venue=palm, verb="note", details={"line": "says bicycles"})
    page = manager.get(page_of(call, "erase/"))
    assert "1 question among the gaps" in page.text
    with django_capture_on_commit_callbacks(execute=True):
        response = manager.post(page_of(call, "erase/"), {"sure": "yes"})
    assert response.url == "/staff/history/"
    assert not Call.objects.exists()
    assert not Turn.objects.exists()
    assert not Gap.objects.exists()
    assert list(sounds.iterdir()) == []
    erased = AuditEntry.objects.get(verb="erase")
    assert (erased.user.username, erased.call, erased.details) == ("mona", None, {"call": str(call.pk)})
    assert AuditEntry.objects.get(verb="note").details == {}
    assert str(call.pk)[:8] in manager.get(AUDIT).text


def test_nothing_is_erased_without_a_yes(palm, manager):
    call = over(palm)
    assert manager.post(page_of(call, "erase/")).status_code == 422
    assert manager.post(page_of(call, "erase/"), {"sure": "no"}).status_code == 422
    assert Call.objects.get() == call


def test_other_calls_of_the_same_visitor_are_found_and_only_the_ticked_ones_go(palm, rival, manager):
    call = over(palm, visit="abc", visitor_name="Sara")
    handing_off.call_back(call, "+971 50 123 4567", "")
    same_page = over(palm, visit="abc")
    same_number = over(palm)
    handing_off.call_back(same_number, "050-1234567", "")
    same_name = over(palm, visitor_name="sara")
    stranger = over(palm, visit="xyz", visitor_name="Omar")
    elsewhere = over(rival, visit="abc", visitor_name="Sara")
    going_on = factories.create_call(venue=palm, visit="abc")
    others = erasing.others_of(call)
    assert {(other.call.pk, other.is_sure) for other in others} == {
        (same_page.pk, True),
        (same_number.pk, False),
        (same_name.pk, False),
    }
    ticked = [same_page.pk, stranger.pk, elsewhere.pk, going_on.pk]
    manager.post(page_of(call, "erase/"), {"sure": "yes", "also": ticked})
    assert set(Call.objects.all()) == {same_number, same_name, stranger, elsewhere, going_on}


def test_managers_of_elsewhere_and_editors_erase_nothing(palm, rival):
    call = over(palm)
    for stranger in (browser_of(rival), browser_of(palm, role=Membership.Role.EDITOR)):
        assert stranger.post(page_of(call, "erase/"), {"sure": "yes"}).status_code == 404
        assert "erase/" not in stranger.get(page_of(call)).text
    assert Call.objects.get() == call


# Rating


def rate(client, call, *, host="palm.test", **said):
    said = {"key": call.rating_key} | said
    return client.post("/voice/rating", said, content_type="application/json", headers={"host": host})


def test_a_visitor_rates_their_call_once_and_may_add_words(client, palm, manager):
    call = over(palm)
    assert rate(client, call, rating="good").status_code == 201
    assert rate(client, call, rating="good", words="Ring me at 0501234567 <b>").status_code == 201
    assert rate(client, call, rating="good", words="Other words").status_code == 409
    assert rate(client, call, rating="poor").status_code == 409
    call.refresh_from_db()
    assert (call.rating, call.rating_words) == ("good", "Ring me at •••••••••• <b>")
    text = manager.get(page_of(call)).text
    assert "it helped" in text
    assert "•••••••••• &lt;b&gt;" in text


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({"rating": "splendid"}, 400),
        ({"rating": "good", "words": "x" * 501}, 400),
        ({"rating": "good", "words": 5}, 400),
        ({"rating": ["good"]}, 400),
        ({"rating": "good", "key": "made-up:key"}, 403),
        ({"rating": "good", "key": 5}, 400),
    ],
)
def test_a_rating_that_cannot_be_is_refused(client, palm, said, status):
    call = over(palm)
    assert rate(client, call, **said).status_code == status
    call.refresh_from_db()
    assert call.rating == ""


def test_a_key_is_good_for_one_call_at_its_own_venue_that_took_place(client, palm, rival):
    call = over(palm)
    assert rate(client, call, rating="good", host="rival.test").status_code == 403
    assert rate(client, over(palm, began_at=None), rating="good").status_code == 403
    foreign = client.post(
        "/voice/rating",
        {"key": call.rating_key, "rating": "good"},
        content_type="application/json",
        headers={"host": "palm.test", "origin": "https://evil.example"},
    )
    assert foreign.status_code == 403
    assert not Call.objects.exclude(rating="").exists()


def test_history_filters_by_rating(client, palm, manager):
    liked, not_liked = over(palm), over(palm)
    rate(client, liked, rating="good")
    rate(client, not_liked, rating="poor")
    assert [row.call for row in manager.get("/staff/history/", {"rating": "poor"}).context["rows"]] == [not_liked]


# Scorecards

SCORE = {"is_correct": "yes", "is_complete": "partly", "is_polite": "yes", "hand_off": "unneeded", "note": "<good>"}


def test_a_reviewer_fills_in_one_scorecard_and_may_change_it(palm):
    call = over(palm)
    editor = browser_of(palm, role=Membership.Role.EDITOR, name="edna")
    editor.post(page_of(call, "scorecard"), SCORE)
    editor.post(page_of(call, "scorecard"), SCORE | {"is_polite": "no"})
    card = call.scorecards.get()
    assert (card.reviewer.username, card.is_complete, card.is_polite) == ("edna", "partly", "no")
    page = editor.get(page_of(call)).text
    assert "&lt;good&gt;" in page
    assert "Change your scorecard" in page
    exported = browser_of(palm).get("/staff/history/calls.json").json()
    assert exported[0]["scorecards"][0] | {"at": ""} == {
        "reviewer": "edna",
        "correct": "yes",
        "complete": "partly",
        "polite": "no",
        "hand_off": "unneeded",
        "note": "<good>",
        "at": "",
    }
    assert "edna · yes · partly · no" in browser_of(palm).get("/staff/history/calls.csv").text


def test_a_scorecard_with_a_question_left_open_or_of_a_live_call_is_not_stored(palm):
    editor = browser_of(palm, role=Membership.Role.EDITOR)
    call = over(palm)
    response = editor.post(page_of(call, "scorecard"), SCORE | {"is_correct": ""}, follow=True)
    assert "Answer each question" in response.text
    assert editor.post(page_of(factories.create_call(venue=palm), "scorecard"), SCORE).status_code == 404
    assert not call.scorecards.exists()


def test_history_tells_calls_with_a_scorecard_from_those_without_and_from_those_with_a_fault(palm):
    fine, faulty, unread = over(palm), over(palm), over(palm)
    editor = browser_of(palm, role=Membership.Role.EDITOR)
    editor.post(page_of(fine, "scorecard"), SCORE)
    editor.post(page_of(faulty, "scorecard"), SCORE | {"hand_off": "badly"})

    def shown(review):
        return {row.call for row in editor.get("/staff/history/", {"review": review}).context["rows"]}

    assert shown("done") == {fine, faulty}
    assert shown("fault") == {faulty}
    assert shown("missing") == {unread}
    assert shown("perhaps") == shown("") == {fine, faulty, unread}


# Call-backs


def test_a_call_back_is_done_once_and_leaves_every_wall(palm, monkeypatch, django_capture_on_commit_callbacks):
    taken_down = []
    monkeypatch.setattr(live, "take_down_call_back", taken_down.append)
    asked = handing_off.call_back(over(palm), "050 123 4567", "bicycles")
    noor, omar = (browser_of(palm, role=Membership.Role.AGENT, name=name) for name in ("noor", "omar"))
    assert "050 123 4567" in noor.get("/staff/").text
    with django_capture_on_commit_callbacks(execute=True):
        noor.post(f"/staff/call-backs/{asked.pk}/done")
    assert taken_down == [asked]
    answer = omar.post(f"/staff/call-backs/{asked.pk}/done", follow=True).text
    assert "Somebody had called back already." in answer
    assert "050 123 4567" not in answer
    asked.refresh_from_db()
    assert asked.done_by.username == "noor"
    assert AuditEntry.objects.get(verb="called_back").user.username == "noor"
    assert "called the visitor back" in noor.get(page_of(asked.call)).text
