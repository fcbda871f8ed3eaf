"""The sound of a call is kept in one file, both sides on one clock."""

import asyncio
from types import SimpleNamespace

import av
import numpy as np
import pytest
from asgiref.sync import async_to_sync

from agent_worker.behaviors.recording import record_sound
from tests import factories
from tests.agent_worker.sound import RATE, Loudspeaker, Microphone, frames
from voice import recordings

TONE = (0.5 * np.sin(np.arange(int(0.3 * RATE)) * 0.2)).astype(np.float32)


@pytest.fixture
def call(transactional_db, palm, settings, tmp_path):  # a query of the agent closes its connection, and a transaction
    settings.RECORDINGS_DIR = tmp_path / "recordings"
    return factories.create_call(venue=palm, is_recorded=True)


async def played(call) -> float:
    """The visitor speaks, then the agent. Returns when, in seconds from 1970, the agent began."""
    finishing = []
    ctx = SimpleNamespace(add_shutdown_callback=finishing.append)
    ends = SimpleNamespace
    session = SimpleNamespace(input=ends(audio=Microphone()), output=ends(audio=Loudspeaker()))
    microphone = session.input.audio
    began_at = []
    session.output.audio.on("playback_started", lambda event: began_at.append(event.created_at))
    await record_sound(ctx, session, call)

    async def listen():
        async for _ in session.input.audio:
            pass

    listening = asyncio.create_task(listen())
    await asyncio.sleep(0.1)
    await microphone.say(TONE)
    await asyncio.sleep(0.2)
    for frame in frames(TONE):
        await session.output.audio.capture_frame(frame)
    session.output.audio.flush()
    await asyncio.sleep(0.4)
    listening.cancel()
    for finish in finishing:
        await finish()
    return began_at[0] if began_at else 0.0


def sides(path) -> tuple[np.ndarray, np.ndarray]:
    """The seconds at which something is heard on the left, and on the right."""
    with av.open(str(path)) as file:
        sound = np.concatenate([frame.to_ndarray() for frame in file.decode(audio=0)], axis=1)
        rate = file.streams.audio[0].rate
    return tuple(np.flatnonzero(np.abs(side) > 0.2) / rate for side in sound)


def test_the_visitor_is_on_the_left_and_the_agent_on_the_right_each_in_its_time(call):
    agent_began = async_to_sync(played)(call)
    call.refresh_from_db()
    path = recordings.path_of(call.pk)
    assert path.stat().st_mode & 0o077 == 0
    visitor, agent = sides(path)
    assert visitor[-1] < agent[0]
    assert agent[0] == pytest.approx(agent_began - call.recording_began_at.timestamp(), abs=0.1)


def test_a_call_whose_sound_cannot_be_kept_goes_on(call, settings, tmp_path):
    (tmp_path / "a file").touch()
    settings.RECORDINGS_DIR = tmp_path / "a file"
    microphone, loudspeaker = Microphone(), Loudspeaker()
    session = SimpleNamespace(input=SimpleNamespace(audio=microphone), output=SimpleNamespace(audio=loudspeaker))
    async_to_sync(record_sound)(SimpleNamespace(), session, call)
    assert (session.input.audio, session.output.audio) == (microphone, loudspeaker)
    call.refresh_from_db()
    assert call.recording_began_at is None
