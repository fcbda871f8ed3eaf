"""The door through which visitors come in: POST /voice/token on a venue's host."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone
from livekit.api import TokenVerifier

from tests.factories import create_call, create_worker
from voice.models import Call

HOST = "palm.test"


@pytest.fixture
def worker(db):
    return create_worker(free_slots=4)


def ask(client, body=None, host=HOST, **headers):
    return client.post(
        "/voice/token", {} if body is None else body, content_type="application/json", headers={"host": host, **headers}
    )


def claims_of(response):
    verifier = TokenVerifier(settings.LIVEKIT_API_KEY, settings.LIVEKIT_API_SECRET)
    return verifier.verify(response.json()["participant_token"])


def test_talk_lets_the_visitor_into_the_room_of_a_new_call(client, palm, worker, livekit):
    response = ask(client, {"participant_attributes": {"lang": "ar", "mode": "text", "page": "/ar/"}})
    assert response.status_code == 201
    call = palm.calls.get()
    assert (call.language, call.mode, call.page) == ("ar", "text", "/ar/")
    assert response.json()["server_url"] == settings.LIVEKIT_PUBLIC_URL
    assert response.json()["call"] == str(call.pk)
    assert claims_of(response).video.room == call.room
    assert livekit.opened == [call]


def test_the_token_opens_the_microphone_and_nothing_else(client, palm, worker, livekit):
    claims = claims_of(ask(client))
    video = claims.video
    assert video.can_publish_sources == ["microphone"]
    assert not video.room_admin
    assert not video.hidden
    assert not video.can_update_own_metadata
    assert video.room_join


def test_the_token_carries_the_calls_id_and_nothing_more_of_ours(client, palm, worker, livekit):
    config = claims_of(ask(client)).room_config
    call = palm.calls.get()
    assert [(agent.agent_name, agent.metadata) for agent in config.agents] == [("concierge", str(call.pk))]


def test_the_token_is_not_kept_by_any_cache(client, palm, worker, livekit):
    assert ask(client)["Cache-Control"] == "no-store"


def test_the_token_is_good_for_at_most_ten_minutes(client, palm, worker, livekit):
    import jwt

    token = ask(client).json()["participant_token"]
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["exp"] - timezone.now().timestamp() <= 600


def test_every_call_has_a_room_of_its_own_that_nobody_can_guess(client, palm, worker, livekit):
    names = {claims_of(ask(client)).video.room for _ in range(3)}
    assert len(names) == 3
    assert all(len(name) >= 20 for name in names)


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"room_name": "mine"}, "room_name"),
        ({"participant_identity": "agent"}, "participant_identity"),
        ({"room_config": {"agents": [{"agent_name": "x"}]}}, "room_config"),
        ({"participant_metadata": "{}"}, "participant_metadata"),
        ({"anything": 1}, "anything"),
        ({"participant_name": 5}, "participant_name"),
        ({"participant_name": "x" * 61}, "participant_name"),
        ({"participant_attributes": []}, "participant_attributes"),
        ({"participant_attributes": {"role": "admin"}}, "participant_attributes.role"),
        ({"participant_attributes": {"lang": "tlh"}}, "participant_attributes.lang"),
        ({"participant_attributes": {"lang": 1}}, "participant_attributes.lang"),
        ({"participant_attributes": {"mode": "video"}}, "participant_attributes.mode"),
        ({"participant_attributes": {"page": "x" * 201}}, "participant_attributes.page"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_a_visitor_must_not_choose_is_refused_by_name(client, palm, worker, livekit, body, named):
    response = ask(client, body)
    assert response.status_code == 400
    assert named in response.json()["message"]
    assert not Call.objects.exists()


@pytest.mark.parametrize("body", ["{", "[]", '"text"', "null", "\x00"])
def test_what_is_not_a_json_object_is_refused_in_a_sentence(client, palm, worker, livekit, body):
    response = ask(client, body)
    assert response.status_code == 400
    assert response.json()["message"].endswith(".")


def test_a_form_post_is_refused(client, palm, worker, livekit):
    response = client.post("/voice/token", {"lang": "en"}, headers={"host": HOST})
    assert response.status_code == 400
    assert "application/json" in response.json()["message"]


def test_the_console_host_gives_no_tokens(client, palm, worker, livekit):
    assert ask(client, host="localhost").status_code == 404


def test_an_unknown_host_gives_no_tokens(client, palm, worker, livekit):
    assert ask(client, host="nobody.test").status_code == 404


def test_another_sites_page_is_refused(client, palm, worker, livekit):
    response = ask(client, origin="https://evil.example")
    assert response.status_code == 403
    assert not Call.objects.exists()


def test_the_venues_own_page_is_let_in(client, palm, worker, livekit):
    assert ask(client, origin=f"http://{HOST}").status_code == 201


def test_one_address_cannot_start_calls_without_end(client, palm, worker, livekit, settings):
    settings.TOKENS_PER_MINUTE_PER_ADDRESS = 2
    assert [ask(client).status_code for _ in range(3)] == [201, 201, 429]
    assert int(ask(client)["Retry-After"]) > 0


def test_another_address_is_not_held_up_by_the_first(client, palm, worker, livekit, settings):
    settings.TOKENS_PER_MINUTE_PER_ADDRESS = 1
    ask(client)
    assert (
        client.post(
            "/voice/token", {}, content_type="application/json", headers={"host": HOST}, REMOTE_ADDR="10.0.0.9"
        ).status_code
        == 201
    )


def test_a_forged_forwarded_address_does_not_escape_the_limit(client, palm, worker, livekit, settings):
    settings.TOKENS_PER_MINUTE_PER_ADDRESS = 1
    ask(client, **{"x-forwarded-for": "1.1.1.1"})
    assert ask(client, **{"x-forwarded-for": "2.2.2.2"}).status_code == 429


def test_behind_a_trusted_proxy_the_visitors_own_address_counts(client, palm, worker, livekit, settings):
    settings.TOKENS_PER_MINUTE_PER_ADDRESS = 1
    settings.TRUSTED_PROXIES = 1
    ask(client, **{"x-forwarded-for": "9.9.9.9, 1.1.1.1"})
    assert ask(client, **{"x-forwarded-for": "9.9.9.9, 2.2.2.2"}).status_code == 201
    assert ask(client, **{"x-forwarded-for": "8.8.8.8, 2.2.2.2"}).status_code == 429


def test_a_venue_whose_lines_are_all_taken_says_that_it_is_busy(client, palm, worker, livekit):
    palm.concurrent_calls = 1
    palm.save()
    create_call(venue=palm)
    response = ask(client)
    assert (response.status_code, response.json()["error"]) == (503, "line_busy")
    assert "Retry-After" in response


def test_another_venues_calls_take_no_line_from_this_one(client, palm, rival, worker, livekit):
    palm.concurrent_calls = 1
    palm.save()
    create_call(venue=rival)
    assert ask(client).status_code == 201


def test_a_venue_whose_minutes_are_used_up_says_so(client, palm, worker, livekit):
    palm.daily_minutes = 10
    palm.save()
    began = timezone.now()
    create_call(venue=palm, state=Call.State.ENDED, began_at=began, ended_at=began + timedelta(minutes=12))
    response = ask(client)
    assert (response.status_code, response.json()["error"]) == (503, "out_of_minutes")


def test_without_a_worker_the_visitor_is_told_so_before_the_microphone_opens(client, palm, livekit):
    response = ask(client)
    assert (response.status_code, response.json()["error"]) == (503, "not_available")
    assert "Retry-After" in response
    assert not Call.objects.exists()


def test_a_worker_that_was_not_seen_for_a_while_does_not_count(client, palm, livekit):
    create_worker(seen_at=timezone.now() - timedelta(seconds=16))
    assert ask(client).json()["error"] == "not_available"


def test_without_a_free_slot_the_line_is_busy(client, palm, livekit):
    create_worker(free_slots=0)
    assert ask(client).json()["error"] == "line_busy"


def test_calls_that_are_about_to_begin_take_their_slot(client, palm, livekit):
    create_worker(free_slots=1)
    assert [ask(client).status_code for _ in range(2)] == [201, 503]


def test_a_call_that_the_heartbeat_counts_already_takes_its_slot_once(client, palm, livekit):
    create_call(venue=palm, state=Call.State.OPENED, opened_at=timezone.now() - timedelta(seconds=10))
    create_worker(free_slots=1)  # of two: the other holds the agent who waits in that call's room
    assert ask(client).status_code == 201


def test_when_livekit_is_away_the_visitor_is_told_so_and_no_call_is_left_open(client, palm, worker, livekit):
    livekit.is_away = True
    response = ask(client)
    assert (response.status_code, response.json()["error"]) == (503, "not_available")
    assert palm.calls.get().state == Call.State.ENDED


def test_refusals_are_in_the_visitors_language(client, palm, livekit):
    response = ask(client, {"participant_attributes": {"lang": "ar"}})
    assert any("\u0600" <= letter <= "\u06ff" for letter in response.json()["message"])
