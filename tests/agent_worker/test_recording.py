"""The sound of a call is kept in one file, both sides on one clock, and whoever of the staff has the call on one."""

import asyncio
import time
from contextlib import asynccontextmanager
from types import SimpleNamespace

import av
import numpy as np
import pytest
from asgiref.sync import async_to_sync
from livekit import rtc

from agent_worker.behaviors.recording import record_sound
from tests import factories
from tests.agent_worker.sound import RATE, Loudspeaker, Microphone, frames
from voice import recordings

TONE = (0.5 * np.sin(np.arange(int(0.3 * RATE)) * 0.2)).astype(np.float32)


@pytest.fixture
def call(transactional_db, palm, settings, tmp_path):  # a query of the agent closes its connection, and a transaction
    settings.RECORDINGS_DIR = tmp_path / "recordings"
    return factories.create_call(venue=palm, is_recorded=True)


@asynccontextmanager
async def recording(call):
    """The call is recorded within. Answers with its session and its room."""
    finishing = []
    ctx = SimpleNamespace(add_shutdown_callback=finishing.append, room=rtc.EventEmitter())
    session = SimpleNamespace(
        input=SimpleNamespace(audio=Microphone()),
        output=SimpleNamespace(audio=Loudspeaker()),
        userdata=SimpleNamespace(staff_identity=""),
    )
    await record_sound(ctx, session, call)

    async def listen():
        async for _ in session.input.audio:
            pass

    listening = asyncio.create_task(listen())
    await asyncio.sleep(0.1)
    yield session, ctx.room
    await asyncio.sleep(0.4)
    listening.cancel()
    for finish in finishing:
        await finish()


async def answered(call) -> float:
    """The visitor speaks, then the agent. Returns when, in seconds from 1970, the agent began."""
    began_at = []
    async with recording(call) as (session, _):
        session.output.audio.on("playback_started", lambda event: began_at.append(event.created_at))
        await session.input.audio.source.say(TONE)
        await asyncio.sleep(0.2)
        for frame in frames(TONE):
            await session.output.audio.capture_frame(frame)
        session.output.audio.flush()
    return began_at[0]


class Voice:
    """Somebody in the room with a microphone."""

    def __init__(self, room, identity) -> None:
        self.source = rtc.AudioSource(RATE, 1)
        track = rtc.LocalAudioTrack.create_audio_track(identity, self.source)
        room.emit("track_subscribed", track, None, SimpleNamespace(identity=identity))

    async def say(self, sound) -> float:
        """Returns when it began, in seconds from 1970."""
        began_at = time.time()
        for frame in frames(sound):
            await self.source.capture_frame(frame)
        await self.source.wait_for_playout()
        return began_at


def sides(path) -> tuple[np.ndarray, np.ndarray]:
    """The seconds at which something is heard on the left, and on the right."""
    with av.open(str(path)) as file:
        sound = np.concatenate([frame.to_ndarray() for frame in file.decode(audio=0)], axis=1)
        rate = file.streams.audio[0].rate
    return tuple(np.flatnonzero(np.abs(side) > 0.2) / rate for side in sound)


def test_the_visitor_is_on_the_left_and_the_agent_on_the_right_each_in_its_time(call):
    agent_began = async_to_sync(answered)(call)
    call.refresh_from_db()
    path = recordings.path_of(call.pk)
    assert path.stat().st_mode & 0o077 == 0
    visitor, agent = sides(path)
    assert visitor[-1] < agent[0]
    assert agent[0] == pytest.approx(agent_began - call.recording_began_at.timestamp(), abs=0.1)


def test_who_speaks_in_the_agents_place_is_on_the_right_as_long_as_they_have_the_call(call):
    async def taken_over() -> float:
        async with recording(call) as (session, room):
            session.userdata.staff_identity = "staff-1"
            staff = Voice(room, "staff-1")
            await asyncio.sleep(0.2)
            began_at = await staff.say(TONE)
            session.userdata.staff_identity = ""
            await staff.say(TONE)
        return began_at

    staff_began = async_to_sync(taken_over)()
    call.refresh_from_db()
    visitor, right = sides(recordings.path_of(call.pk))
    assert not len(visitor)
    assert right[0] == pytest.approx(staff_began - call.recording_began_at.timestamp(), abs=0.1)
    assert right[-1] - right[0] == pytest.approx(0.3, abs=0.1)


def test_nobody_else_in_the_room_is_recorded(call):
    async def overheard():
        async with recording(call) as (session, room):
            session.userdata.staff_identity = "staff-1"
            await Voice(room, "staff-2").say(TONE)

    async_to_sync(overheard)()
    assert not any(len(side) for side in sides(recordings.path_of(call.pk)))


def test_a_call_whose_sound_cannot_be_kept_goes_on(call, settings, tmp_path):
    (tmp_path / "a file").touch()
    settings.RECORDINGS_DIR = tmp_path / "a file"
    microphone, loudspeaker = Microphone(), Loudspeaker()
    session = SimpleNamespace(input=SimpleNamespace(audio=microphone), output=SimpleNamespace(audio=loudspeaker))
    async_to_sync(record_sound)(SimpleNamespace(), session, call)
    assert (session.input.audio, session.output.audio) == (microphone, loudspeaker)
    call.refresh_from_db()
    assert call.recording_began_at is None
