"""Speaking with voices that run here, a sentence at a time, with the time of every word.

A voice renders one sentence into samples. LocalTTS does the rest for all of them: it splits the text, gives each
sentence to a voice that can speak its letters, trims the silence around it, keeps what was rendered for the next
caller, and tells when each word is heard, so that captions follow the voice.
"""

from __future__ import annotations

import asyncio
import re
import unicodedata
from collections import OrderedDict
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any, Protocol

import numpy as np
from livekit.agents import DEFAULT_API_CONNECT_OPTIONS, APIConnectOptions, APIError, tts, utils
from livekit.agents.types import TimedString

from agent_worker.providers.engines import speaking
from agent_worker.providers.sentences import SentenceSplitter, sentences

SAMPLE_RATE = 24_000
SILENCE = 10 ** (-45 / 20)  # of full scale
LEAD_IN = 0.02  # seconds kept before the first sound
LEAD_OUT = 0.16  # seconds kept after the last: the pause between two sentences
QUOTATION = 3  # words in another script from which on their own voice speaks them
CACHE_SIZE = 48  # megabytes, some 17 minutes of speech


class CannotSpeak(APIError):
    """There is text that no voice here can speak. The message says which."""

    def __init__(self, message: str) -> None:
        super().__init__(message, retryable=False)


class Voice(Protocol):
    """One loaded voice. `render` blocks; it is called in the speaking lane."""

    name: str

    def can_speak(self, text: str) -> bool: ...

    def render(self, sentence: str) -> np.ndarray:
        """Samples of the sentence: float32, mono, SAMPLE_RATE."""
        ...


@dataclass(frozen=True)
class Spoken:
    """One sentence as it is heard."""

    pcm: bytes
    words: tuple[tuple[str, float, float], ...]  # word with the space behind it, from, until (seconds)

    @property
    def duration(self) -> float:
        return len(self.pcm) / 2 / SAMPLE_RATE


# Rendering


class Cache:
    """The sentences spoken last, up to so many bytes. For all calls of the process."""

    def __init__(self, megabytes: float) -> None:
        self._room = int(megabytes * 1_000_000)
        self._used = 0
        self._kept: OrderedDict[tuple[str, str], Spoken] = OrderedDict()
        self._lock = Lock()

    def get(self, key: tuple[str, str]) -> Spoken | None:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def put(self, key: tuple[str, str], spoken: Spoken) -> None:
        with self._lock:
            if key in self._kept or len(spoken.pcm) > self._room:
                return
            self._kept[key] = spoken
            self._used += len(spoken.pcm)
            while self._used > self._room:
                _, oldest = self._kept.popitem(last=False)
                self._used -= len(oldest.pcm)

    def clear(self) -> None:
        with self._lock:
            self._kept.clear()
            self._used = 0


cache = Cache(CACHE_SIZE)


def speak(sentence: str, voices: Sequence[Voice]) -> Spoken:
    """The sentence as samples and timed words. Blocking. Raises CannotSpeak rather than being silent."""
    key = _key(sentence, voices)
    spoken = cache.get(key)
    if spoken is None:
        spoken = _render(sentence, voices)
        cache.put(key, spoken)
    return spoken


def _key(sentence: str, voices: Sequence[Voice]) -> tuple[str, str]:
    return "+".join(voice.name for voice in voices), sentence


def _render(sentence: str, voices: Sequence[Voice]) -> Spoken:
    samples: list[np.ndarray] = []
    words: list[tuple[str, float, float]] = []
    at = 0.0
    for text, voice in _shares(sentence, voices):
        sound = trim(voice.render(text.strip()))
        if not len(sound):
            raise CannotSpeak(f"The voice {voice.name} made no sound of {text.strip()!r}.")
        words += timed_words(text, at, len(sound) / SAMPLE_RATE)
        at += len(sound) / SAMPLE_RATE
        samples.append(sound)
    if not samples:
        return Spoken(b"", ((sentence, 0.0, 0.0),))
    pcm = (np.clip(np.concatenate(samples), -1, 1) * 32767).astype("<i2").tobytes()
    return Spoken(pcm, tuple(words))


def _shares(sentence: str, voices: Sequence[Voice]) -> list[tuple[str, Voice]]:
    """Which voice speaks which part: mostly one all of it; a quotation in another script has a voice of its own."""
    if not is_speakable(sentence):
        return []
    runs: list[tuple[str, Voice]] = []
    for word in re.findall(r"\s*\S+\s*", sentence):
        if runs and runs[-1][1].can_speak(word):
            runs[-1] = (runs[-1][0] + word, runs[-1][1])
        else:
            runs.append((word, _speaker(word, voices)))
    shares = runs[:1]
    for text, voice in runs[1:]:
        before, _ = shares[-1]
        is_short = min(len(text.split()), len(before.split())) < QUOTATION
        # The voice of the call may keep a foreign word; a sentence of its own is not handed to another for one.
        if is_short and voices[0].can_speak(before + text):
            shares[-1] = (before + text, voices[0])
        else:
            shares.append((text, voice))
    return shares


def _speaker(text: str, voices: Sequence[Voice]) -> Voice:
    for voice in voices:
        if voice.can_speak(text):
            return voice
    names = ", ".join(voice.name for voice in voices)
    raise CannotSpeak(f"No voice here ({names}) can speak {text.strip()!r}.")


def scripts_of(text: str) -> set[str]:
    """The scripts of its letters, such as {"LATIN", "ARABIC"}."""
    return {unicodedata.name(letter, "?").split()[0] for letter in text if letter.isalpha()}


def is_speakable(text: str) -> bool:
    return any(character.isalnum() for character in text)


def trim(samples: np.ndarray) -> np.ndarray:
    """Without the silence before and after, which is time that the visitor waits."""
    loud = np.flatnonzero(np.abs(samples) > SILENCE)
    if not len(loud):
        return samples[:0]
    first = max(0, loud[0] - int(LEAD_IN * SAMPLE_RATE))
    kept = samples[first : loud[-1] + int(LEAD_OUT * SAMPLE_RATE)]
    missing = int(LEAD_OUT * SAMPLE_RATE) - (len(samples) - loud[-1])
    return np.pad(kept, (0, max(0, missing)))


def timed_words(text: str, start: float, duration: float) -> list[tuple[str, float, float]]:
    """Share `duration` among the words by how long each takes to say."""
    words = re.findall(r"\s*\S+\s*", text)
    weights = [weight(word) for word in words]
    timed: list[tuple[str, float, float]] = []
    at, total = start, sum(weights) or 1
    for word, share in zip(words, weights, strict=True):
        until = at + duration * share / total
        timed.append((word, round(at, 3), round(until, 3)))
        at = until
    return timed


def weight(word: str) -> float:
    """About how many sounds a word has: a digit is a word of its own, a full stop is a pause."""
    sounds = sum(4.0 if letter.isdigit() else 1.0 for letter in word if letter.isalnum())
    return 1.0 + sounds + (3.0 if word.rstrip()[-1:] in ".!?؟:;،," else 0.0)


# For livekit


class LocalTTS(tts.TTS):
    """Speaks with the first of `voices` that can. The first one is the voice of the call."""

    def __init__(self, voices: Sequence[Voice]) -> None:
        super().__init__(
            capabilities=tts.TTSCapabilities(streaming=True, aligned_transcript=True),
            sample_rate=SAMPLE_RATE,
            num_channels=1,
        )
        self.voices = tuple(voices)

    @property
    def model(self) -> str:
        return self.voices[0].name

    @property
    def provider(self) -> str:
        return "local"

    def synthesize(
        self, text: str, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS
    ) -> tts.ChunkedStream:
        return self._synthesize_with_stream(text, conn_options=conn_options)

    def stream(self, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS) -> GrowingText:
        return GrowingText(tts=self, conn_options=conn_options)

    def rehearse(self, texts: Iterable[str]) -> None:
        """Render sentences ahead of time, so that they come at once when they are needed. Blocking."""
        for text in texts:
            for sentence in sentences(text):
                speaking.do(speak, sentence, self.voices)


class GrowingText(tts.SynthesizeStream):
    """Text that is still being written: every sentence is spoken as soon as it is whole."""

    _tts: LocalTTS

    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        request_id = utils.shortuuid()
        output_emitter.initialize(
            request_id=request_id, sample_rate=SAMPLE_RATE, num_channels=1, mime_type="audio/pcm", stream=True
        )
        output_emitter.start_segment(segment_id=request_id)
        splitter = SentenceSplitter().stream()

        async def forward() -> None:
            async for item in self._input_ch:
                if isinstance(item, self._FlushSentinel):
                    splitter.flush()
                else:
                    splitter.push_text(item)
            splitter.end_input()

        async def say() -> None:
            at = 0.0
            async for event in splitter:
                self._mark_started()
                at = await _say(event.token, self._tts.voices, output_emitter, at)

        await _all_or_none(forward(), say())
        await splitter.aclose()


async def _say(sentence: str, voices: Sequence[Voice], output_emitter: tts.AudioEmitter, at: float) -> float:
    """Push one sentence that is heard from `at` on; returns when it ends."""
    spoken = cache.get(_key(sentence, voices))
    if spoken is None:
        spoken = await speaking.run(speak, sentence, voices)
    output_emitter.push_timed_transcript(
        [TimedString(word, start_time=at + start, end_time=at + end) for word, start, end in spoken.words]
    )
    if spoken.pcm:
        output_emitter.push(spoken.pcm)
        output_emitter.flush()
    return at + spoken.duration


async def _all_or_none(*work: Coroutine[Any, Any, None]) -> None:
    tasks = [asyncio.create_task(part) for part in work]
    try:
        await asyncio.gather(*tasks)
    finally:
        await utils.aio.cancel_and_wait(*tasks)
