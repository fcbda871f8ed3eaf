"""The agent's voice in the room: it stops softly within a moment, and goes on where it stopped.

livekit's own output drops what waits to be sent when it is paused (0.2 s of speech, a word, is then missing) and stops
with a click. This one keeps the answer, fades out, and begins again with the word that it was in. And it does not keep
the visitor waiting for the silence with which many bought voices begin.
"""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress

import numpy as np
from livekit import rtc
from livekit.agents import utils
from livekit.agents.voice import io

logger = logging.getLogger(__name__)

RATE = 24_000
AHEAD = 0.2  # seconds that are sent ahead of the ear, against stutter
PART = 0.05  # seconds sent at a time
FADE_OUT = 0.02  # no sample of it leaps further than those of speech do; longer is only heard as later
FADE_IN = 0.02
# A voice is silent before its first word for so long at most; what is longer is meant.
LONGEST_LEAD = 0.6
AUDIBLE = 100  # of 32,768, root mean square of 10 ms
# The stillest moment of the last so many seconds that were heard is where a paused answer begins again.
LOOKS_BACK = 0.35


class Mouth(io.AudioOutput):
    """Set it as the session's output before the session starts, and `open` it when there is somebody to hear."""

    def __init__(self, room: rtc.Room) -> None:
        super().__init__(
            label="Mouth", next_in_chain=None, sample_rate=RATE, capabilities=io.AudioOutputCapabilities(pause=True)
        )
        self._room = room
        self._source = rtc.AudioSource(RATE, 1, queue_size_ms=1000)
        self._is_open = asyncio.Event()
        self._opening: asyncio.Task[None] | None = None
        self._speaking: asyncio.Task[None] | None = None
        self._fading: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self._is_over = asyncio.Event()  # nothing is being said
        self._is_over.set()
        self._is_paused = False
        self._forget()

    def _forget(self) -> None:
        self._said: list[np.ndarray] = []  # int16, all of the segment that was not sent yet, and a little before
        self._samples = np.empty(0, np.int16)
        self._sent = 0  # samples of the segment that were sent
        self._heard = 0  # the most that was heard, when it was last stopped
        self._is_whole = self._is_cut = self._has_begun = self._begins_again = False

    # For the room

    def open(self, identity: str) -> None:
        """Publish the voice as soon as `identity` is in the room."""
        self._opening = asyncio.create_task(self._open(identity), name="mouth opens")

    @utils.log_exceptions(logger=logger)
    async def _open(self, identity: str) -> None:
        await self._until_here(identity)
        track = rtc.LocalAudioTrack.create_audio_track("voice", self._source)
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        publication = await self._room.local_participant.publish_track(track, options)
        await publication.wait_for_subscription()
        self._speaking = asyncio.create_task(self._speak(), name="mouth")
        self._is_open.set()

    async def _until_here(self, identity: str) -> None:
        """Sooner than utils.wait_for_participant, which waits for a browser that has connected all its media."""
        here = asyncio.Event()

        def came(participant: rtc.RemoteParticipant) -> None:
            if participant.identity == identity:
                here.set()

        self._room.on("participant_connected", came)
        try:
            if identity not in self._room.remote_participants:
                await here.wait()
        finally:
            self._room.off("participant_connected", came)

    async def aclose(self) -> None:
        await utils.aio.cancel_and_wait(*[task for task in (self._opening, self._speaking, self._fading) if task])
        await self._source.aclose()

    # For the session

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        await self._is_open.wait()
        if self._is_whole or self._is_cut:
            await self._is_over.wait()  # what was said before
        await super().capture_frame(frame)
        self._is_over.clear()
        self._said.append(np.frombuffer(frame.data, np.int16).copy())
        self._changed.set()

    def flush(self) -> None:
        super().flush()
        if not self._is_over.is_set():
            self._is_whole = True
            self._changed.set()

    def clear_buffer(self) -> None:
        if not self._is_over.is_set():
            self._stop()
            self._is_cut = True
            self._changed.set()

    def pause(self) -> None:
        if not self._is_paused:
            self._is_paused = True
            self._stop()

    def resume(self) -> None:
        self._is_paused = False
        self._changed.set()

    # Speaking

    @utils.log_exceptions(logger=logger)
    async def _speak(self) -> None:
        while True:
            self._changed.clear()
            if self._said:
                self._samples = np.concatenate([self._samples, *self._said])
                self._said = []
            if not self._has_begun:
                first = lead(self._samples)
                self._sent = first if first < len(self._samples) or not self._is_whole else 0
            left = len(self._samples) - self._sent
            ahead = self._source.queued_duration
            if self._is_cut and self._is_whole:
                self._finish(interrupted=True)
            elif self._is_cut or self._is_paused or not (left or self._is_whole):
                await self._changed.wait()
            elif left and ahead > AHEAD:
                await self._wait(ahead - AHEAD)
            elif left >= PART * RATE or (left and (self._is_whole or ahead < PART)):
                await self._send(self._samples[self._sent : self._sent + int(PART * RATE)])
            elif left:
                await self._wait(ahead - PART)  # for more, to send whole parts
            elif ahead > 0:
                await self._wait(ahead)
            else:
                self._finish(interrupted=False)

    async def _send(self, samples: np.ndarray) -> None:
        if self._begins_again:
            self._begins_again = False
            samples = faded(samples, FADE_IN, is_in=True)
        self._sent += len(samples)
        if not self._has_begun:
            self._has_begun = True
            self.on_playback_started(created_at=time.time())
        await self._source.capture_frame(frame_of(samples))

    async def _wait(self, seconds: float) -> None:
        """Until something has changed, at most so long."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._changed.wait(), max(0.005, seconds))

    def _stop(self) -> None:
        """Be silent after a fade, and remember where to begin again."""
        heard = max(0, self._sent - int(self._source.queued_duration * RATE)) if self._has_begun else 0
        self._source.clear_queue()
        if heard < self._sent:
            tail = faded(self._samples[heard : heard + int(FADE_OUT * RATE)], FADE_OUT)
            self._fading = asyncio.create_task(self._source.capture_frame(frame_of(tail)))
        self._heard = max(self._heard, heard)
        self._sent = stillest(self._samples, heard)
        self._begins_again = self._sent > 0

    def _finish(self, *, interrupted: bool) -> None:
        heard = self._heard if interrupted else len(self._samples)
        self._forget()
        self._is_over.set()
        self.on_playback_finished(playback_position=heard / RATE, interrupted=interrupted)


def lead(samples: np.ndarray) -> int:
    """How many samples are left out before the first sound: all, as long as it has not come."""
    block = RATE // 100
    blocks = samples[: int(LONGEST_LEAD * RATE) // block * block]
    blocks = blocks[: len(blocks) // block * block].astype(np.float32).reshape(-1, block)
    audible = np.flatnonzero((blocks**2).mean(axis=1) > AUDIBLE**2)
    if len(audible):
        return int(audible[0]) * block
    return len(samples) if len(samples) < LONGEST_LEAD * RATE else 0


def stillest(samples: np.ndarray, until: int) -> int:
    """Where the stillest moment before `until` begins: the gap before the word, or a weak sound in it."""
    block = RATE // 100
    begin = max(0, until - int(LOOKS_BACK * RATE))
    blocks = (until - begin) // block
    if not blocks:
        return begin
    parts = samples[until - blocks * block : until].astype(np.float32).reshape(blocks, block)
    return until - (blocks - int(np.argmin((parts**2).mean(axis=1)))) * block


def faded(samples: np.ndarray, seconds: float, *, is_in: bool = False) -> np.ndarray:
    length = min(len(samples), int(seconds * RATE))
    ramp = np.linspace(0, 1, length) if is_in else np.linspace(1, 0, length)
    part = slice(0, length) if is_in else slice(len(samples) - length, None)
    quieter = samples.copy()
    quieter[part] = (samples[part] * ramp).astype(np.int16)
    return quieter


def frame_of(samples: np.ndarray) -> rtc.AudioFrame:
    return rtc.AudioFrame(data=samples.tobytes(), sample_rate=RATE, num_channels=1, samples_per_channel=len(samples))
