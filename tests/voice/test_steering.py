"""Orders to the agent: only ours, only for this call, only now, only once."""

import json
import time
from uuid import uuid4

import pytest

from voice import steering
from voice.steering import Refused, Verifier, signed


@pytest.fixture
def call_id():
    return uuid4()


def test_a_signed_order_is_read(call_id):
    order = Verifier(call_id).read(signed(call_id, "say", {"text": "مرحبا"}))
    assert (order.verb, order.details) == ("say", {"text": "مرحبا"})


def test_an_order_is_obeyed_once(call_id):
    verifier, message = Verifier(call_id), signed(call_id, "hang_up", {})
    verifier.read(message)
    with pytest.raises(Refused, match="before"):
        verifier.read(message)


def test_an_order_for_another_call_is_refused(call_id):
    with pytest.raises(Refused, match="another call"):
        Verifier(call_id).read(signed(uuid4(), "hang_up", {}))


def test_an_order_that_came_too_late_is_refused(call_id, monkeypatch):
    message = signed(call_id, "hang_up", {})
    now = time.time()
    monkeypatch.setattr(steering.time, "time", lambda: now + steering.LIFETIME_SECONDS + 1)
    with pytest.raises(Refused, match="too late"):
        Verifier(call_id).read(message)


def test_a_changed_order_is_refused(call_id):
    envelope = json.loads(signed(call_id, "note", {}))
    envelope["body"] = envelope["body"].replace("note", "hang_up")
    with pytest.raises(Refused, match="signature"):
        Verifier(call_id).read(json.dumps(envelope).encode())


@pytest.mark.parametrize(
    "message", [b"", b"hang_up", b"{}", b"[]", b'{"body": "{}", "mac": "0"}', b'{"body": 1, "mac": 2}', b"\xff"]
)
def test_what_is_no_order_is_refused_without_a_crash(call_id, message):
    with pytest.raises(Refused):
        Verifier(call_id).read(message)
