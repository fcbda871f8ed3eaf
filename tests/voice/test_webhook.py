"""LiveKit's webhooks, signed as LiveKit signs them."""

import base64
import hashlib
import json
import time

import pytest
from django.conf import settings
from livekit import api

from tests.factories import create_call
from voice.models import Call


def send(client, event, *, secret=None, body=None, host="localhost", signed_body=None):
    text = json.dumps(event) if body is None else body
    digest = base64.b64encode(hashlib.sha256((signed_body or text).encode()).digest()).decode()
    token = (
        api.AccessToken(settings.LIVEKIT_API_KEY, secret or settings.LIVEKIT_API_SECRET).with_sha256(digest).to_jwt()
    )
    return client.post(
        "/voice/webhook", text, content_type="application/webhook+json", headers={"host": host, "authorization": token}
    )


def event_of(call, name, *, identity=None, at=None):
    event = {"event": name, "id": "EV_1", "createdAt": str(int(at or time.time())), "room": {"name": call.room}}
    if identity:
        event["participant"] = {"identity": identity}
    return event


@pytest.fixture
def call(palm):
    return create_call(venue=palm, state=Call.State.OPENED)


def test_a_visitor_who_joins_makes_the_call_live(client, call):
    assert send(client, event_of(call, "participant_joined", identity=call.visitor_identity)).status_code == 200
    call.refresh_from_db()
    assert call.state == Call.State.LIVE
    assert call.began_at


def test_the_agent_who_joins_does_not(client, call):
    send(client, event_of(call, "participant_joined", identity="agent-1"))
    call.refresh_from_db()
    assert call.state == Call.State.OPENED


def test_a_finished_room_ends_the_call(client, call):
    send(client, event_of(call, "room_finished"))
    call.refresh_from_db()
    assert (call.state, call.end_reason) == (Call.State.ENDED, "room_finished")


def test_the_same_event_twice_changes_nothing_more(client, call):
    event = event_of(call, "room_finished", at=1_790_000_000)
    send(client, event)
    call.refresh_from_db()
    ended_at = call.ended_at
    send(client, event_of(call, "room_finished", at=1_790_000_100))
    call.refresh_from_db()
    assert call.ended_at == ended_at


def test_a_join_that_arrives_after_the_end_does_not_revive_the_call(client, call):
    send(client, event_of(call, "room_finished"))
    send(client, event_of(call, "participant_joined", identity=call.visitor_identity))
    call.refresh_from_db()
    assert call.state == Call.State.ENDED


def test_the_workers_better_reason_stays(client, call):
    call.end("goodbye")
    send(client, event_of(call, "room_finished"))
    call.refresh_from_db()
    assert call.end_reason == "goodbye"


def test_a_wrong_signature_is_turned_away_and_nothing_changes(client, call):
    response = send(client, event_of(call, "room_finished"), secret="x" * 40)
    assert response.status_code == 401
    call.refresh_from_db()
    assert call.state == Call.State.OPENED


def test_a_body_that_was_changed_on_the_way_is_turned_away(client, call):
    event = event_of(call, "room_finished")
    assert send(client, event, signed_body="another body").status_code == 401
    call.refresh_from_db()
    assert call.state == Call.State.OPENED


def test_no_signature_at_all_is_turned_away(client, call):
    response = client.post(
        "/voice/webhook", "{}", content_type="application/webhook+json", headers={"host": "localhost"}
    )
    assert response.status_code == 401


def test_an_unknown_room_or_event_is_taken_quietly(client, call):
    assert send(client, {"event": "room_started", "room": {"name": "elsewhere"}}).status_code == 200
    assert send(client, {"event": "something_new"}).status_code == 200


def test_webhooks_land_on_the_console_host_only(client, call):
    assert send(client, event_of(call, "room_finished"), host="palm.test").status_code == 404
