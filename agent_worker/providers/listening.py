"""Turns a recogniser of whole utterances into one that listens along.

livekit's StreamAdapter waits for the end of speech and only then begins to recognise. Here recognition begins at the
first hint of silence, while the voice activity detector still waits to be sure; if the visitor goes on speaking the
guess is thrown away. So the words are there when the silence is. While somebody speaks and the machine has nothing
better to do, what was said so far is recognised too: words that staff and visitor can read along.

Whoever has to decide without words (was that a cough? has the visitor finished?) can ask whether there may be some to
come: on a busy machine they come later than the silence.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterable, Callable
from dataclasses import dataclass
from typing import Any
from weakref import WeakSet

import numpy as np
from livekit import rtc
from livekit.agents import DEFAULT_API_CONNECT_OPTIONS, APIConnectOptions, stt, utils
from livekit.agents.types import NOT_GIVEN, NotGivenOr
from livekit.agents.vad import VAD, VADEvent, VADEventType

SAMPLE_RATE = 16_000
HINT_OF_SILENCE = 0.09  # seconds; three windows of the detector
INTERIM_EVERY = 0.7  # seconds between two looks at what was said so far, at least
INTERIM_SHARE = 0.25  # of the time, at most, goes into looks: the visitor's last words wait for one that is under way
LONGEST_INTERIM = 20.0  # seconds of speech after which nobody reads along, since it costs too much
ENOUGH = 0.6  # seconds of a sound that have to be read until it can be said that it has no words


class EagerSTT(stt.STT):
    """`wrapped`, listening along. `is_free` tells whether interim words would keep nobody waiting.

    Emits "read" when all of an utterance was recognised, just before its words are told.
    """

    def __init__(self, wrapped: stt.STT, vad: VAD, is_free: Callable[[], bool] = lambda: True) -> None:
        super().__init__(capabilities=stt.STTCapabilities(streaming=True, interim_results=True))
        self.wrapped = wrapped
        self.vad = vad
        self.is_free = is_free
        self._streams: WeakSet[EagerStream] = WeakSet()
        wrapped.on("metrics_collected", self._pass_on)

    @property
    def model(self) -> str:
        return self.wrapped.model

    @property
    def provider(self) -> str:
        return self.wrapped.provider

    @property
    def is_reading(self) -> bool:
        """May there be words in what is heard or was just heard, since it was not read yet?"""
        return any(stream.is_reading for stream in self._streams)

    async def _recognize_impl(
        self,
        buffer: utils.AudioBuffer,
        *,
        language: NotGivenOr[str] = NOT_GIVEN,
        conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS,
    ) -> stt.SpeechEvent:
        return await self.wrapped.recognize(buffer, language=language, conn_options=conn_options)

    def stream(
        self,
        *,
        language: NotGivenOr[str] = NOT_GIVEN,
        conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS,
    ) -> EagerStream:
        stream = EagerStream(self, language, conn_options)
        self._streams.add(stream)
        return stream

    def _pass_on(self, *args: Any) -> None:
        self.emit("metrics_collected", *args)

    async def aclose(self) -> None:
        self.wrapped.off("metrics_collected", self._pass_on)
        await self.wrapped.aclose()


@dataclass
class Guess:
    """Recognition of what was said until `silence` seconds into a pause."""

    task: asyncio.Task[stt.SpeechEvent]
    silence: float


@dataclass
class Said:
    """A whole utterance, whose words are not told yet."""

    task: asyncio.Task[stt.SpeechEvent]
    ended_at: float  # wall clock


class EagerStream(stt.RecognizeStream):
    def __init__(self, stt_: EagerSTT, language: NotGivenOr[str], conn_options: APIConnectOptions) -> None:
        # recognize() tries again by itself.
        super().__init__(
            stt=stt_, conn_options=APIConnectOptions(max_retry=0, timeout=conn_options.timeout), sample_rate=SAMPLE_RATE
        )
        self._eager = stt_
        self._language = language
        self._recognize_options = conn_options
        self._speech: list[rtc.AudioFrame] = []
        self._is_heard = False  # somebody speaks
        self._read = 0.0  # seconds of it
        self._said_until = 0.0  # by whoever spoke before, in audio time
        self._guess: Guess | None = None
        self._said: deque[Said] = deque()
        self._interim: asyncio.Task[None] | None = None
        self._look_at = 0.0  # when the next look may begin, loop time
        self._takes = 0.0  # seconds that the last recognition took
        self._shown = ""

    @property
    def is_reading(self) -> bool:
        if self._said:
            return True
        if self._guess:
            return not self._guess.task.done()
        return self._is_heard and self._read < ENOUGH

    async def _metrics_monitor_task(self, event_aiter: AsyncIterable[stt.SpeechEvent]) -> None:
        async for _ in event_aiter:  # the wrapped recogniser reports its own
            pass

    async def _run(self) -> None:
        activity = self._eager.vad.stream()
        ended = utils.aio.Chan[Said]()

        async def forward() -> None:
            async for item in self._input_ch:
                if isinstance(item, self._FlushSentinel):
                    activity.flush()
                else:
                    activity.push_frame(item)
            activity.end_input()

        async def listen() -> None:
            async for event in activity:
                if event.type == VADEventType.START_OF_SPEECH:
                    self._begin(event)
                elif event.type == VADEventType.INFERENCE_DONE and event.speaking:
                    self._follow(event)
                elif event.type == VADEventType.END_OF_SPEECH:
                    ended.send_nowait(self._finish(event))
            ended.close()

        async def tell() -> None:
            async for said in ended:
                await self._tell(said)

        tasks = [asyncio.create_task(work()) for work in (forward, listen, tell)]
        try:
            await asyncio.gather(*tasks)
        finally:
            self._drop_guess()
            self._drop_interim()
            await utils.aio.cancel_and_wait(*tasks, *[said.task for said in self._said])
            await activity.aclose()
            self._is_heard = False
            self._said.clear()

    def _begin(self, event: VADEvent) -> None:
        self._event_ch.send_nowait(stt.SpeechEvent(stt.SpeechEventType.START_OF_SPEECH))
        self._speech = self._new_sound(event)
        self._is_heard, self._read, self._shown = True, 0.0, ""
        self._look_at = asyncio.get_running_loop().time() + INTERIM_EVERY

    def _new_sound(self, event: VADEvent) -> list[rtc.AudioFrame]:
        """Without the end of what was said before, which the detector gives again in the run-up."""
        sound = rtc.combine_audio_frames(event.frames)
        if event.timestamp < self._said_until:
            self._said_until = 0.0  # its clock began anew
        old = int((self._said_until - event.timestamp + sound.duration) * sound.sample_rate)
        if old <= 0:
            return [sound]
        samples = np.frombuffer(sound.data, np.int16)[old:]
        return [
            rtc.AudioFrame(
                data=samples.tobytes(), sample_rate=sound.sample_rate, num_channels=1, samples_per_channel=len(samples)
            )
        ]

    def _follow(self, event: VADEvent) -> None:
        self._speech += event.frames
        silence = event.raw_accumulated_silence
        if self._guess and silence < self._guess.silence:
            self._drop_guess()  # the pause is over, the sentence is not
        if silence >= HINT_OF_SILENCE and not self._guess:
            self._drop_interim()
            self._guess = Guess(asyncio.create_task(self._recognize(self._speech)), silence)
        elif silence == 0.0:
            self._look(event)

    def _look(self, event: VADEvent) -> None:
        """Recognise what was said so far, if that keeps nobody waiting."""
        now = asyncio.get_running_loop().time()
        is_looking = self._interim is not None and not self._interim.done()
        if is_looking or now < self._look_at or event.speech_duration > LONGEST_INTERIM:
            return
        if self._eager.is_free():
            self._look_at = now + max(INTERIM_EVERY, self._takes / INTERIM_SHARE)
            self._interim = asyncio.create_task(self._show_interim(self._speech))

    async def _show_interim(self, speech: list[rtc.AudioFrame]) -> None:
        seconds = sum(frame.duration for frame in speech)
        event = await self._recognize(speech)
        self._read = seconds
        text = event.alternatives[0].text if event.alternatives else ""
        if text and text != self._shown:
            self._shown = text
            self._event_ch.send_nowait(
                stt.SpeechEvent(stt.SpeechEventType.INTERIM_TRANSCRIPT, alternatives=event.alternatives)
            )

    def _finish(self, event: VADEvent) -> Said:
        ended_at = time.time() - event.silence_duration - event.inference_duration
        self._said_until = event.timestamp - event.silence_duration + HINT_OF_SILENCE
        self._drop_interim()
        self._event_ch.send_nowait(stt.SpeechEvent(stt.SpeechEventType.END_OF_SPEECH, speech_end_time=ended_at))
        guess, self._guess = self._guess, None
        said = Said(guess.task if guess else asyncio.create_task(self._recognize(self._speech)), ended_at)
        self._is_heard = False
        self._said.append(said)
        return said

    async def _tell(self, said: Said) -> None:
        heard = await said.task
        self._said.popleft()
        self._eager.emit("read")
        if heard.alternatives and heard.alternatives[0].text:
            self._event_ch.send_nowait(
                stt.SpeechEvent(
                    stt.SpeechEventType.FINAL_TRANSCRIPT,
                    alternatives=heard.alternatives[:1],
                    speech_end_time=said.ended_at,
                )
            )

    async def _recognize(self, speech: list[rtc.AudioFrame]) -> stt.SpeechEvent:
        loop = asyncio.get_running_loop()
        began = loop.time()
        heard = await self._eager.wrapped.recognize(
            rtc.combine_audio_frames(speech), language=self._language, conn_options=self._recognize_options
        )
        self._takes = loop.time() - began
        return heard

    def _drop_guess(self) -> None:
        if self._guess:
            self._guess.task.cancel()
            self._guess = None

    def _drop_interim(self) -> None:
        if self._interim:
            self._interim.cancel()
            self._interim = None
