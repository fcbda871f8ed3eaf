"""A call ends with its visitor, and not while the visitor is there."""

import asyncio
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest
from asgiref.sync import async_to_sync
from livekit import rtc

from agent_worker.behaviors import departure
from agent_worker.conversation import Conversation
from tests.factories import create_call
from voice.models import Call

pytestmark = pytest.mark.django_db(transaction=True)


class Room(rtc.EventEmitter):
    """A room as the agent sees it: who is in it, and events about those who come and go later."""

    def __init__(self):
        super().__init__()
        self.remote_participants = {}


@dataclass
class Scene:
    call: Call
    room: Room = field(default_factory=Room)
    hung_up: list[str] = field(default_factory=list)


@pytest.fixture
def scene(palm, monkeypatch):
    scene = Scene(create_call(venue=palm, state=Call.State.OPENED))

    async def hang_up(ctx, session, reason, **how):
        scene.hung_up.append(reason)

    monkeypatch.setattr(departure, "hang_up", hang_up)
    monkeypatch.setattr(departure, "EMPTY_TIMEOUT_SECONDS", 0.05)
    monkeypatch.setattr(departure, "DEPARTURE_TIMEOUT_SECONDS", 0.05)
    return scene


def play(scene, happening):
    """Attach the behaviour, let `happening` take place in the room, and wait longer than its patience."""

    async def run():
        session = rtc.EventEmitter()
        session.userdata = Conversation(venue=scene.call.venue, language="en", call=scene.call)
        ctx = SimpleNamespace(room=scene.room, add_shutdown_callback=lambda callback: None)
        departure.end_with_the_visitor(ctx, session)
        await happening()
        await asyncio.sleep(0.3)

    async_to_sync(run)()
    scene.call.refresh_from_db()


def visitor(scene):
    return SimpleNamespace(identity=scene.call.visitor_identity)


def test_a_visitor_who_was_there_before_the_agent_is_not_hung_up_on(scene):
    scene.room.remote_participants[scene.call.visitor_identity] = visitor(scene)

    async def nothing():
        pass

    play(scene, nothing)
    assert scene.hung_up == []
    assert scene.call.state == Call.State.LIVE


def test_a_visitor_who_never_comes_is_not_waited_for_for_ever(scene):
    async def nothing():
        pass

    play(scene, nothing)
    assert scene.hung_up == ["never_came"]


def test_a_visitor_who_comes_makes_the_call_live_and_stays(scene):
    async def comes():
        scene.room.emit("participant_connected", visitor(scene))

    play(scene, comes)
    assert scene.hung_up == []
    assert scene.call.state == Call.State.LIVE


def test_a_visitor_whose_network_is_lost_ends_the_call_after_a_while(scene):
    async def comes_and_is_lost():
        scene.room.emit("participant_connected", visitor(scene))
        scene.room.emit("participant_disconnected", visitor(scene))

    play(scene, comes_and_is_lost)
    assert scene.hung_up == ["lost"]


def test_a_stranger_in_the_room_is_not_taken_for_the_visitor(scene):
    async def stranger_comes():
        scene.room.emit("participant_connected", SimpleNamespace(identity="staff-1"))

    play(scene, stranger_comes)
    assert scene.hung_up == ["never_came"]
