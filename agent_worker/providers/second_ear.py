"""A recogniser in the cloud with one of our own behind it, which takes over before the visitor notices.

livekit's FallbackAdapter notices only what raises. A provider that stays silent would leave the visitor unheard for
good, and what was said before the switch would be lost. Here the audio of the utterance at hand is kept: a second ear
that takes over hears it from its beginning. Silence is noticed because the session tells when the visitor stopped
speaking: if the first ear had no final words soon after that, the second is asked; if it heard words, it takes over.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import Any
from weakref import WeakSet

from livekit import rtc
from livekit.agents import (
    DEFAULT_API_CONNECT_OPTIONS,
    APIConnectionError,
    APIConnectOptions,
    APIError,
    UserStateChangedEvent,
    stt,
    utils,
)
from livekit.agents.types import NOT_GIVEN, NotGivenOr

logger = logging.getLogger(__name__)

WORDS_WITHIN = 0.8  # seconds after the detector's end of speech; then the second ear is asked
# The same for an ear that was heard to follow: it is only late, as on a busy machine, which a second makes busier.
LAST_WORDS_WITHIN = 1.3
SLICE, LATE = 0.1, 0.03  # seconds: of a wait, and by which a process that was held up is late after it
MOST_PATIENCE = 3  # times as long as an ear is given on a machine that is not busy
PATIENCE = 2.0  # seconds for a connection
KEPT = 30.0  # seconds of audio, at most
LEAD_IN = 0.6  # seconds kept from before the visitor began to speak
TRY_AGAIN = 20.0  # seconds after which the first ear gets another chance


class SecondEar(stt.STT):
    """Hears with `first`; with `second`, a recogniser of whole utterances that listens along, when that fails."""

    def __init__(self, first: stt.STT, second: stt.STT) -> None:
        super().__init__(
            capabilities=stt.STTCapabilities(
                streaming=True, interim_results=True, keyterms=first.capabilities.keyterms, aligned_transcript=False
            )
        )
        self.first, self.second = first, second
        self.is_first_up = True
        self._streams: WeakSet[TwoEars] = WeakSet()
        for ear in (first, second):
            ear.on("metrics_collected", self._pass_on)

    @property
    def model(self) -> str:
        return self._now.model

    @property
    def provider(self) -> str:
        return self._now.provider

    @property
    def _now(self) -> stt.STT:
        return self.first if self.is_first_up else self.second

    def follow(self, event: UserStateChangedEvent) -> None:
        """To be told by the session when the visitor begins and stops speaking."""
        for stream in list(self._streams):
            if event.new_state == "speaking":
                stream.speech_began()
            elif event.old_state == "speaking":
                stream.speech_ended()

    async def _recognize_impl(
        self, buffer: utils.AudioBuffer, *, language: NotGivenOr[str] = NOT_GIVEN, conn_options: APIConnectOptions
    ) -> stt.SpeechEvent:
        try:
            return await self.first.recognize(
                buffer, language=language, conn_options=APIConnectOptions(max_retry=0, timeout=PATIENCE)
            )
        except APIError as error:
            logger.warning("%s cannot hear (%s); %s does", self.first.label, error, self.second.label)
            return await self.second.recognize(buffer, language=language, conn_options=conn_options)

    def stream(
        self,
        *,
        language: NotGivenOr[str] = NOT_GIVEN,
        conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS,
    ) -> TwoEars:
        stream = TwoEars(self, language)
        self._streams.add(stream)
        return stream

    def prewarm(self) -> None:
        self.first.prewarm()

    def _update_session_keyterms(self, keyterms: list[str]) -> None:
        self.first._update_session_keyterms(keyterms)

    def _pass_on(self, *args: Any) -> None:
        self.emit("metrics_collected", *args)

    async def aclose(self) -> None:
        for ear in (self.first, self.second):
            ear.off("metrics_collected", self._pass_on)
            await ear.aclose()


class TwoEars(stt.RecognizeStream):
    def __init__(self, ears: SecondEar, language: NotGivenOr[str]) -> None:
        super().__init__(stt=ears, conn_options=APIConnectOptions(max_retry=0, timeout=PATIENCE))
        self._ears = ears
        self._language = language
        self._audio: deque[rtc.AudioFrame] = deque()  # since the last final words
        self._seconds = 0.0
        self._follows = False  # the first ear has told something of this utterance
        self._owes_words = False  # speech was heard, and no final words since
        self._asking: asyncio.Task[None] | None = None
        self._listening: asyncio.Task[None] | None = None
        self._main: stt.RecognizeStream | None = None
        self._trying: asyncio.Task[None] | None = None
        self._trial: stt.RecognizeStream | None = None
        self._is_recovered = False

    async def _metrics_monitor_task(self, event_aiter: Any) -> None:
        async for _ in event_aiter:  # each ear reports its own
            pass

    # What the session tells

    def speech_began(self) -> None:
        if not self._owes_words:
            self._follows = False
            self._keep(LEAD_IN)
        self._owes_words = True
        self._stop_asking()

    def speech_ended(self) -> None:
        if self._owes_words and self._ears.is_first_up and not self._input_ch.closed:
            self._stop_asking()
            self._asking = asyncio.create_task(self._ask_the_second())

    # Audio in, events out

    async def _run(self) -> None:
        self._switch()
        try:
            async for item in self._input_ch:
                if isinstance(item, rtc.AudioFrame):
                    self._audio.append(item)
                    self._seconds += item.duration
                    self._keep(KEPT if self._owes_words else LEAD_IN)
                self._forward(item, self._main)
                self._forward(item, self._trial)
                if self._listening and self._listening.done():
                    self._listening.result()  # raises when the second ear is gone as well
            if self._main and not self._main._input_ch.closed:
                self._main.end_input()
            while self._listening and not self._listening.done():
                await asyncio.wait({self._listening})
        finally:
            await utils.aio.cancel_and_wait(*[task for task in (self._asking, self._listening, self._trying) if task])

    def _forward(
        self, item: rtc.AudioFrame | stt.RecognizeStream._FlushSentinel, to: stt.RecognizeStream | None
    ) -> None:
        if to is None or to._input_ch.closed or to._event_ch.closed:
            return
        if isinstance(item, rtc.AudioFrame):
            to.push_frame(item)
        else:
            to.flush()

    def _keep(self, seconds: float) -> None:
        while self._audio and self._seconds - self._audio[0].duration >= seconds:
            self._seconds -= self._audio.popleft().duration

    def _switch(self, *, replay: bool = False) -> None:
        """Listen with the ear whose turn it is. `replay`: it hears the utterance at hand from its beginning."""
        before, self._listening = self._listening, None
        if before and before is not asyncio.current_task():
            before.cancel()
        self._main = self._open(self._ears._now)
        if replay:
            for frame in self._audio:
                self._main.push_frame(frame)
        self._listening = asyncio.create_task(self._listen(self._main))

    def _open(self, ear: stt.STT) -> stt.RecognizeStream:
        return ear.stream(language=self._language, conn_options=APIConnectOptions(max_retry=0, timeout=PATIENCE))

    async def _listen(self, stream: stt.RecognizeStream) -> None:
        is_first = self._ears.is_first_up
        try:
            async with stream:
                async for event in stream:
                    self._tell(event)
                    if not is_first and self._is_recovered and not self._owes_words:
                        break
            if self._input_ch.closed:
                return
            if is_first:
                raise APIConnectionError("it hung up")
        except Exception as error:
            if not is_first:
                raise
            self._give_up_the_first(str(error) or type(error).__name__)
            self._switch(replay=True)
            return
        logger.info("%s hears again", self._ears.first.label)
        self._ears.is_first_up = True
        self._is_recovered = False
        self._switch()

    def _tell(self, event: stt.SpeechEvent) -> None:
        is_final = event.type is stt.SpeechEventType.FINAL_TRANSCRIPT
        self._follows = self._follows or event.type is stt.SpeechEventType.INTERIM_TRANSCRIPT
        if is_final and event.alternatives and event.alternatives[0].text:
            self._owes_words = False
            self._stop_asking()
            self._keep(LEAD_IN)
        self._event_ch.send_nowait(event)

    # When the first ear is silent

    def _stop_asking(self) -> None:
        if self._asking and self._asking is not asyncio.current_task():
            self._asking.cancel()
        self._asking = None

    async def _ask_the_second(self) -> None:
        await waited(LAST_WORDS_WITHIN if self._follows else WORDS_WITHIN)
        if not self._audio:
            return
        try:
            heard = await self._ears.second.recognize(
                rtc.combine_audio_frames(list(self._audio)), language=self._language
            )
        except APIError as error:
            logger.warning("%s could not be asked: %s", self._ears.second.label, error)
            return
        if not heard.alternatives or not heard.alternatives[0].text or not self._ears.is_first_up:
            return  # no words: nothing was missed
        self._tell(heard)
        self._give_up_the_first("no words came")
        self._switch()

    def _give_up_the_first(self, why: str) -> None:
        logger.warning("%s does not hear (%s); %s takes over", self._ears.first.label, why, self._ears.second.label)
        self._ears.is_first_up = False
        self._trying = asyncio.create_task(self._try_the_first())

    # When it may hear again

    async def _try_the_first(self) -> None:
        """Let the first ear listen beside the second from time to time, until it understands something."""
        while True:
            await asyncio.sleep(TRY_AGAIN)
            try:
                async with self._open(self._ears.first) as trial:
                    self._trial = trial
                    async for event in trial:
                        if event.type is stt.SpeechEventType.FINAL_TRANSCRIPT and event.alternatives[0].text:
                            self._is_recovered = True
                            return
            except Exception as error:
                logger.info("%s still does not hear: %s", self._ears.first.label, error)
            finally:
                self._trial = None


async def waited(seconds: float) -> None:
    """Sleep for so many seconds in which this process had its turn: one that was held up has yet to read the words.

    At most `MOST_PATIENCE` times as long: an ear may be deaf on a busy machine, too.
    """
    loop = asyncio.get_running_loop()
    had, until = 0.0, loop.time() + MOST_PATIENCE * seconds
    while had < seconds and (now := loop.time()) < until:
        await asyncio.sleep(SLICE)
        had += SLICE if loop.time() - now < SLICE + LATE else 0.0
