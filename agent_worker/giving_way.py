"""When does the agent give way? For a moment to every voice, for good only to words.

livekit's detector alone has the choice between an answer that goes on for 0.7 s while the visitor speaks, and one that
a cough ends. Here the answer pauses with the first sound of a voice and goes on where it stopped when nothing was
meant: silence again without words, a sound that lasts and has none (a mall), or no more than a nod ("mhm"). Words end
it. Where noise has made the agent pause in vain twice, it takes more of a sound to make it pause again. An ear that
reads slower than the visitor speaks is waited for, a while, before a sound is taken for one without words and before
silence is taken for the end.

The first moments of the agent's first words are different: the browser has not learnt yet to take the agent's echo out
of the microphone. The agent does not pause then, but it listens: what a visitor says over the greeting is kept, and
words that are the agent's own are not.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import AsyncIterable, Sequence
from dataclasses import replace
from difflib import SequenceMatcher
from functools import cache
from typing import Any, cast

from livekit import rtc
from livekit.agents import (
    Agent,
    AgentFalseInterruptionEvent,
    AgentSession,
    AgentStateChangedEvent,
    ModelSettings,
    UserInputTranscribedEvent,
    inference,
    stt,
    utils,
    vad,
)
from livekit.agents.types import TimedString
from livekit.agents.vad import VADEvent, VADEventType

from agent_worker.providers.intents import plain
from agent_worker.providers.listening import EagerSTT
from agent_worker.providers.words import any_of, every
from agent_worker.turn_end import TurnEnd

# Seconds of a sound until the agent pauses: two windows of the detector, and where it was often fooled.
AT_ONCE = 0.06
WHEN_NOISY = 0.4
FOOLED = 2  # times within
FOOLED_WITHIN = 30.0  # seconds
# Silence after a sound, on top of the detector's own, until the agent goes on. Words come sooner.
GOES_ON_AFTER = 0.4
# Silence within speech after which its words so far are perhaps all: two windows of the detector.
HUSHED_AFTER = 0.06
# A sound without words keeps the agent from speaking for so long, and from noticing that nobody speaks.
LONGEST_NOISE = 1.5
LONGEST_NOISE_ALONE = 20.0
# Seconds for which an ear that still reads is waited for: in a sound, and after it.
LONGEST_UNREAD = 3.0
LONGEST_READING = 2.0
# From the agent's first sound.
ECHO_LASTS = 0.8
ECHO_TAIL = 0.4
ECHO_SHARE = 0.75  # of the letters heard that the agent begins with itself
ECHO_BEGINS = 10  # letters that an ear may miss of it


class GivingWay(vad.VAD):
    """`detector`, as the session is to see it. `attend` it to the session that it is built into.

    `ear` is the one that reads here, if there is one. Emits "hushed" when the visitor falls silent, be it within a
    sentence.
    """

    def __init__(self, detector: inference.VAD, ear: EagerSTT | None = None) -> None:
        super().__init__(capabilities=detector.capabilities)
        self.detector = detector
        self.ear = ear
        if ear:
            ear.on("read", self._tell_the_end_if_due)
        self.saying = ""  # the agent's words at hand, as far as they are written
        self.is_hushed = False
        self._session: AgentSession[Any] | None = None
        self._first_spoke_at: float | None = None
        self._fooled: deque[float] = deque(maxlen=FOOLED)
        self._session_events: utils.aio.Chan[VADEvent] | None = None
        self._end: VADEvent | None = None  # of speech, not told yet
        self._end_at = 0.0
        # Of the sound at hand:
        self._has_words = False
        self._is_dismissed = False
        self._is_perhaps_echo = False
        self._delays_since: float | None = None  # since when it has kept the agent from speaking, in audio time

    @property
    def model(self) -> str:
        return self.detector.model

    @property
    def provider(self) -> str:
        return self.detector.provider

    @property
    def min_silence_duration(self) -> float | None:
        return self.detector.min_silence_duration

    def stream(self) -> vad.VADStream:
        stream = self.detector.stream()
        self._session_events = stream._event_ch
        stream._event_ch = _Judged(self, stream._event_ch)  # type: ignore[assignment]
        return stream

    def attend(self, session: AgentSession[Any]) -> None:
        self._session = session

        @session.on("agent_state_changed")
        def state(event: AgentStateChangedEvent) -> None:
            if event.new_state == "speaking" and self._first_spoke_at is None:
                self._first_spoke_at = time.monotonic()

        @session.on("user_input_transcribed")
        def heard(event: UserInputTranscribedEvent) -> None:
            if event.transcript.strip():
                self._has_words = True
                self._fooled.clear()

        @session.on("agent_false_interruption")
        def went_on(_: AgentFalseInterruptionEvent) -> None:
            self._fooled.append(time.monotonic())

    # Sounds

    def judge(self, event: VADEvent) -> Sequence[VADEvent]:
        """What the session is told of something that the detector found."""
        self._notice_silence(event)
        self._tell_the_end_if_due()
        if event.type is VADEventType.START_OF_SPEECH:
            self._end = None
            self._has_words = self._is_dismissed = False
            self._is_perhaps_echo = self._echoes_for()
            self._delays_since = None
            # The session would ask how long the sound is only a window later.
            return event, self._measured(replace(event, type=VADEventType.INFERENCE_DONE, frames=[]))
        if event.type is VADEventType.END_OF_SPEECH:
            was_dismissed, self._is_dismissed = self._is_dismissed, False
            if was_dismissed:
                return ()
            self._end, self._end_at = event, time.monotonic()
            self._tell_the_end_if_due()
            return ()
        if self._is_dismissed and not self._has_words:
            return (replace(event, speaking=False, speech_duration=0.0, raw_accumulated_speech=0.0),)
        if self._is_dismissed:
            self._is_dismissed = False
            return replace(event, type=VADEventType.START_OF_SPEECH), self._measured(event)
        if event.speaking and self._is_noise(event):
            self._is_dismissed = True
            return (replace(event, type=VADEventType.END_OF_SPEECH, speaking=False, silence_duration=0.0),)
        return (self._measured(event),)

    def _is_to_be_read(self, since: float, longest: float) -> bool:
        return self.ear is not None and since < longest and self.ear.is_reading

    def _tell_the_end_if_due(self) -> None:
        """Of speech, to the session: when its words are there, or nobody will wait for them any longer."""
        waited = time.monotonic() - self._end_at
        if not self._end or self._is_to_be_read(waited, LONGEST_READING):
            return
        end, self._end = self._end, None
        if self._session_events and not self._session_events.closed:
            self._session_events.send_nowait(replace(end, silence_duration=end.silence_duration + waited))

    def _notice_silence(self, event: VADEvent) -> None:
        was_hushed = self.is_hushed
        self.is_hushed = not event.speaking or event.raw_accumulated_silence >= HUSHED_AFTER
        if self.is_hushed and not was_hushed:
            self.emit("hushed")  # type: ignore[arg-type]

    def _measured(self, event: VADEvent) -> VADEvent:
        """The event, of no length if the agent is not to pause for it."""
        needed = WHEN_NOISY if self._is_noisy else AT_ONCE
        # What began as an echo may be one until it has gone on for a while after the echoes' time.
        may_be_echo = self._echoes_for(ECHO_TAIL if self._is_perhaps_echo else 0.0)
        if self._is_perhaps_echo and event.raw_accumulated_silence:
            may_be_echo = True
        return replace(event, speech_duration=0.0) if may_be_echo or event.speech_duration < needed else event

    def _is_noise(self, event: VADEvent) -> bool:
        if self._has_words:
            return False
        if not self._has_something_to_say:
            self._delays_since = None
            return event.speech_duration > LONGEST_NOISE_ALONE
        if self._delays_since is None:
            self._delays_since = event.timestamp
        lasts = event.timestamp - self._delays_since
        return lasts > LONGEST_NOISE and not self._is_to_be_read(lasts, LONGEST_UNREAD)

    @property
    def _has_something_to_say(self) -> bool:
        speech = self._session.current_speech if self._session else None
        return speech is not None and not speech.interrupted

    def _echoes_for(self, longer: float = 0.0) -> bool:
        return self._first_spoke_at is not None and time.monotonic() - self._first_spoke_at < ECHO_LASTS + longer

    @property
    def _is_noisy(self) -> bool:
        return len(self._fooled) == FOOLED and time.monotonic() - self._fooled[0] < FOOLED_WITHIN

    # Words

    def is_passed_over(self, words: str) -> bool:
        """Are these words no reason to stop speaking: a nod, or the agent's own?"""
        said = plain(words)
        if not said or not self._has_something_to_say:
            return False
        if self._is_perhaps_echo and is_echo(said, plain(self.saying)):
            return True
        return "?" not in self.saying and "؟" not in self.saying and is_nod(said)


class _Judged:
    """Where a detector's stream puts its events: on to the session, as `giving_way` judges them.

    In the place of the stream's own channel, since a stream around a stream would take each piece of sound through
    four tasks instead of two.
    """

    def __init__(self, giving_way: GivingWay, events: utils.aio.Chan[VADEvent]) -> None:
        self._giving_way = giving_way
        self._events = events

    @property
    def closed(self) -> bool:
        return self._events.closed

    def send_nowait(self, event: VADEvent) -> None:
        for told in self._giving_way.judge(event):
            self._events.send_nowait(told)

    def close(self) -> None:
        self._events.close()


class Attentive(Agent):
    """An agent that does not take a nod for a turn, nor its own echo."""

    async def stt_node(
        self, audio: AsyncIterable[rtc.AudioFrame], model_settings: ModelSettings
    ) -> AsyncIterable[stt.SpeechEvent | str]:
        giving_way, turn_end = self.session.vad, self.session.turn_detection
        async for event in cast(AsyncIterable[Any], Agent.default.stt_node(self, audio, model_settings)):
            words = event.alternatives[0].text if isinstance(event, stt.SpeechEvent) and event.alternatives else ""
            if isinstance(giving_way, GivingWay) and giving_way.is_passed_over(words):
                continue
            if isinstance(turn_end, TurnEnd) and isinstance(event, stt.SpeechEvent):
                turn_end.hear(event)
            yield event

    async def transcription_node(
        self, text: AsyncIterable[str | TimedString], model_settings: ModelSettings
    ) -> AsyncIterable[str | TimedString]:
        giving_way = self.session.vad
        if isinstance(giving_way, GivingWay):
            giving_way.saying = ""
        async for words in text:
            if isinstance(giving_way, GivingWay):
                giving_way.saying += words
            yield words


def is_nod(said: str) -> bool:
    """Is this no more than a sign that somebody listens? `said` is plain."""
    return bool(_nods().match(said))


@cache
def _nods() -> Any:
    nod = any_of(every("turns", "nods"), whole=False).pattern
    return any_of([f"{nod}(?: {nod})*"], whole=True)


def is_echo(said: str, saying: str) -> bool:
    """Is this how the agent's own words begin, as far as an ear can tell that hears a piece of them?

    Letters, not words: what is cut off in a word is heard as another one.
    """
    heard = said.replace(" ", "")
    own = saying.replace(" ", "")[: len(heard) + ECHO_BEGINS]
    same = SequenceMatcher(None, heard, own, autojunk=False).get_matching_blocks()
    return sum(block.size for block in same) >= ECHO_SHARE * len(heard)
