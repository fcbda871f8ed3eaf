"""A voice in the cloud with one of our own behind it, which goes on where the first one stopped.

livekit's FallbackAdapter drops the rest of an answer whose voice fails after its first sound. Here the second voice
begins the sentence again in which the first one broke off, so that the visitor hears all of the answer.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

from livekit.agents import DEFAULT_API_CONNECT_OPTIONS, APIConnectionError, APIConnectOptions, tts, utils
from livekit.agents.types import USERDATA_TIMED_TRANSCRIPT, TimedString

from agent_worker.providers.sentences import sentences
from agent_worker.providers.speaking import is_speakable

logger = logging.getLogger(__name__)

PATIENCE = 1.0  # seconds without a connection, or with text and without sound
TRY_AGAIN = 20.0  # seconds after which the first voice gets another chance
LETTERS_PER_SECOND = 15.0  # about how fast anybody speaks; used when the first voice told no times
TRIAL = "Yes."


class SecondVoice(tts.TTS):
    """Speaks with `first`; with `second` when that fails. Both stream, and have one channel and one sample rate."""

    def __init__(self, first: tts.TTS, second: tts.TTS) -> None:
        if first.sample_rate != second.sample_rate:
            raise ValueError(f"the voices have {first.sample_rate} and {second.sample_rate} samples a second")
        super().__init__(
            capabilities=tts.TTSCapabilities(streaming=True, aligned_transcript=True),
            sample_rate=first.sample_rate,
            num_channels=first.num_channels,
        )
        self.first, self.second = first, second
        self.is_first_up = True
        self._trying: asyncio.Task[None] | None = None
        for voice in (first, second):
            voice.on("metrics_collected", self._pass_on)

    @property
    def now(self) -> tts.TTS:
        return self.first if self.is_first_up else self.second

    @property
    def model(self) -> str:
        return self.now.model

    @property
    def provider(self) -> str:
        return self.now.provider

    def synthesize(
        self, text: str, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS
    ) -> tts.ChunkedStream:
        return self._synthesize_with_stream(text, conn_options=conn_options)

    def stream(self, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS) -> TwoVoices:
        return TwoVoices(tts=self, conn_options=APIConnectOptions(max_retry=0, timeout=PATIENCE))

    def prewarm(self) -> None:
        self.first.prewarm()

    def give_up_the_first(self, why: str) -> None:
        if not self.is_first_up:
            return
        logger.warning("%s does not speak (%s); %s takes over", self.first.label, why, self.second.label)
        self.is_first_up = False
        self._trying = asyncio.create_task(self._try_the_first())

    async def _try_the_first(self) -> None:
        while not self.is_first_up:
            await asyncio.sleep(TRY_AGAIN)
            try:
                async with self.first.stream(conn_options=APIConnectOptions(max_retry=0, timeout=PATIENCE)) as trial:
                    trial.push_text(TRIAL)
                    trial.end_input()
                    async for _ in trial:
                        self.is_first_up = True
            except Exception as error:
                logger.info("%s still does not speak: %s", self.first.label, error)

    def stop_trying(self, _: object = None) -> None:
        """The call is over: nobody waits for the first voice any more."""
        if self._trying:
            self._trying.cancel()

    def _pass_on(self, *args: Any) -> None:
        self.emit("metrics_collected", *args)

    async def aclose(self) -> None:
        if self._trying:
            await utils.aio.cancel_and_wait(self._trying)
        for voice in (self.first, self.second):
            voice.off("metrics_collected", self._pass_on)
            await voice.aclose()


class TwoVoices(tts.SynthesizeStream):
    _tts: SecondVoice
    _tts_request_span_name = "tts_second_voice"
    _tts_attempt_span_name = None

    async def _metrics_monitor_task(self, event_aiter: Any) -> None:
        async for _ in event_aiter:  # each voice reports its own
            pass

    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        voices = self._tts
        self._text = ""  # all that was given so far
        self._more = asyncio.Event()
        self._spoken = 0.0  # seconds of sound
        self._waiting: list[TimedString] = []  # words whose time is yet to come
        request = utils.shortuuid()
        output_emitter.initialize(
            request_id=request,
            sample_rate=voices.sample_rate,
            num_channels=voices.num_channels,
            mime_type="audio/pcm",
            stream=True,
        )
        output_emitter.start_segment(segment_id=request)
        reading = asyncio.create_task(self._read())
        try:
            if voices.is_first_up:
                try:
                    await self._speak(voices.first, 0, output_emitter)
                    if self._missed():
                        raise APIConnectionError("it left the rest of the answer out")
                    return
                except Exception as error:
                    voices.give_up_the_first(str(error) or type(error).__name__)
            start = self._resume()
            await self._speak(voices.second, start, output_emitter)
        finally:
            await utils.aio.cancel_and_wait(reading)
            output_emitter.end_segment()

    async def _read(self) -> None:
        async for item in self._input_ch:
            if isinstance(item, str):
                self._text += item
            self._more.set()
        self._more.set()

    async def _speak(self, voice: tts.TTS, start: int, output_emitter: tts.AudioEmitter) -> None:
        """The text from `start` on, as it comes."""
        offset = self._spoken
        is_all_here = self._input_ch.closed and self._input_ch.empty()
        if is_all_here and not is_speakable(self._text[start:]):
            return
        async with voice.stream(conn_options=self._conn_options) as stream:
            feeding = asyncio.create_task(self._feed(stream, start))
            try:
                async for audio in stream:
                    if not self._started_time:
                        self._started_time = stream._started_time
                    words = audio.frame.userdata.get(USERDATA_TIMED_TRANSCRIPT)
                    if words:
                        shifted = [shift(word, offset) for word in words]
                        self._waiting += shifted
                        output_emitter.push_timed_transcript(shifted)
                    output_emitter.push_frame(audio.frame)
                    self._spoken += audio.frame.duration
            finally:
                await utils.aio.cancel_and_wait(feeding)

    async def _feed(self, stream: tts.SynthesizeStream, start: int) -> None:
        async for piece in self._pieces(start):
            stream.push_text(piece)
        stream.end_input()

    async def _pieces(self, start: int) -> AsyncIterator[str]:
        while True:
            self._more.clear()
            if len(self._text) > start:
                yield self._text[start:]
                start = len(self._text)
            elif self._input_ch.closed and self._input_ch.empty():
                return
            else:
                await self._more.wait()

    def _resume(self) -> int:
        """Where the sentence begins in which the first voice broke off; all before it was heard."""
        if not self._spoken:
            return 0
        heard = self._letters_heard()
        start = 0
        for sentence in sentences(self._text):
            end = start + len(sentence)
            if heard < letters(self._text[:end]):
                return start
            start = end
        return start

    def _letters_heard(self) -> float:
        """How many letters of the text were heard: by the times of the words, or else by the length of the sound."""
        ends = [(word, word.end_time) for word in self._waiting if isinstance(word.end_time, float | int)]
        if ends:
            return letters("".join(word for word, end in ends if end <= self._spoken + 0.05))
        return self._spoken * LETTERS_PER_SECOND

    def _missed(self) -> bool:
        """Did the first voice end without an error long before the text was spoken?"""
        return letters(self._text) > 0 and self._spoken < letters(self._text) / LETTERS_PER_SECOND * 0.3


def letters(text: str) -> int:
    return sum(character.isalnum() for character in text)


def shift(word: TimedString, seconds: float) -> TimedString:
    start, end = word.start_time, word.end_time
    return TimedString(
        word,
        start_time=start + seconds if isinstance(start, float | int) else start,
        end_time=end + seconds if isinstance(end, float | int) else end,
    )
