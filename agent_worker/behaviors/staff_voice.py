"""What staff say with their own voice is written down too, by the same kind of ear that hears the visitor.

The session listens to the visitor alone, so the voice of whoever has taken over has a stream of its own. It is only
listened to while that person has the call; a listener sends nothing.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from datetime import UTC, datetime
from functools import partial
from typing import Any

from livekit import rtc
from livekit.agents import AgentSession, JobContext, stt, utils

from agent_worker import pipeline
from agent_worker.conversation import Conversation
from voice.models import Happening, Turn

logger = logging.getLogger(__name__)

SAMPLE_RATE = 16_000
# A sentence is over when silence follows it, and whoever leaves the room leaves none behind.
SILENCE_AT_THE_END_SECONDS = 0.8
LAST_WORDS_WITHIN_SECONDS = 8.0


def write_down_staff(
    ctx: JobContext,
    session: AgentSession[Conversation],
    show: Callable[[str, str], None],
    store: Callable[[Callable[[], Any]], None],
) -> Callable[[], Coroutine[Any, Any, None]]:
    """`show` is told interim words, with whose they are; `store` takes what is to be done in the order of the turns.

    Returns what waits, at the end of the call, until the last words have been given to `store`.
    """
    listening = listen_to_staff(ctx, session, lambda voice: _write_down(voice, session.userdata, show, store))

    async def finish() -> None:
        # The track has ended with the room; the last sentence may still be at the ear.
        if listening:
            await asyncio.wait(list(listening.values()), timeout=LAST_WORDS_WITHIN_SECONDS)
        await utils.aio.cancel_and_wait(*listening.values())

    return finish


def listen_to_staff(
    ctx: JobContext, session: AgentSession[Conversation], listen: Callable[[rtc.Track], Coroutine[Any, Any, None]]
) -> dict[str, asyncio.Task[None]]:
    """`listen` to the voice of whoever takes over, and to nobody else's. Returns what goes on, by track."""
    listening: dict[str, asyncio.Task[None]] = {}

    @ctx.room.on("track_subscribed")
    def heard(track: rtc.Track, _: rtc.RemoteTrackPublication, participant: rtc.RemoteParticipant) -> None:
        holder = session.userdata.staff_identity
        if holder and participant.identity == holder and track.kind == rtc.TrackKind.KIND_AUDIO:
            task = asyncio.create_task(listen(track), name="staff's voice")
            listening[track.sid] = task
            task.add_done_callback(lambda _: listening.pop(track.sid, None))

    return listening


async def _write_down(
    track: rtc.Track,
    conversation: Conversation,
    show: Callable[[str, str], None],
    store: Callable[[Callable[[], Any]], None],
) -> None:
    call = conversation.call
    assert call is not None
    if not pipeline.can_hear(conversation.language):
        return
    ear = pipeline.build_ear(conversation.venue, conversation.language)
    stream = ear.stream(conn_options=pipeline.AT_ONCE)

    async def listen() -> None:
        async for frame in frames_of(track):
            stream.push_frame(frame)
        stream.push_frame(_silence(SILENCE_AT_THE_END_SECONDS))
        stream.end_input()

    hearing = asyncio.create_task(listen(), name="staff's microphone")
    began_at = 0.0
    try:
        async for event in stream:
            text = event.alternatives[0].text.strip() if event.alternatives else ""
            if event.type == stt.SpeechEventType.START_OF_SPEECH:
                began_at = time.time()
            elif event.type == stt.SpeechEventType.INTERIM_TRANSCRIPT and text:
                show(Turn.Speaker.STAFF, text)
            elif event.type == stt.SpeechEventType.FINAL_TRANSCRIPT and text:
                said_at = datetime.fromtimestamp(began_at or time.time(), tz=UTC)
                store(partial(call.add_turn, Turn.Speaker.STAFF, text, said_at=said_at))
    except Exception as error:
        # The visitor hears the person all the same: only the transcript lacks their words, and says why.
        logger.warning("Call %s: what staff say is not written down: %s", call.pk, error)
        store(partial(call.add_happening, Happening.Kind.ERROR, "stt", str(error)))
    finally:
        await utils.aio.cancel_and_wait(hearing)
        await stream.aclose()
        await ear.aclose()


async def frames_of(track: rtc.Track, sample_rate: int = SAMPLE_RATE) -> AsyncIterator[rtc.AudioFrame]:
    """The sound of a track until it ends."""
    sound = rtc.AudioStream.from_track(track=track, sample_rate=sample_rate, num_channels=1)
    try:
        async for event in sound:
            yield event.frame
    finally:
        await sound.aclose()


def _silence(seconds: float) -> rtc.AudioFrame:
    samples = int(seconds * SAMPLE_RATE)
    return rtc.AudioFrame(bytes(2 * samples), SAMPLE_RATE, 1, samples)
