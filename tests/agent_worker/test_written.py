"""A bought voice is given words, and the captions keep what was written: the real plugin on a simulated provider."""

import livekit.plugins.elevenlabs  # noqa: F401  # plugins register in the main thread
import pytest
from livekit.agents.types import USERDATA_TIMED_TRANSCRIPT
from livekit.agents.utils import http_context

from agent_worker.pipeline import Profile, _voice
from agent_worker.providers import written
from agent_worker.providers.written import Script, aligned
from tests.agent_worker.scene import played

PRICE = "A day at the pool costs AED 1,250 from 07:00 to 23:00."
CALL = "Call +971 4 555 0100 to book."


@pytest.fixture
def providers(providers):
    """Their sound comes at once."""
    providers.voice.control(delays={"first_byte": 0.01, "times_real_time": 1000.0})
    return providers


@pytest.fixture(autouse=True)
def nothing_is_kept():
    written.kept.clear()
    yield
    written.kept.clear()


async def spoken(venue, *texts, language="en", often=(), pieces=1):
    """The written words with their times of each text, spoken one after the other, and how long each sounded."""
    told = []
    async with http_context.open():
        voice = _voice(Profile.CLOUD, venue, language, often)
        try:
            for text in texts:
                words, seconds = [], 0.0
                async with voice.stream() as stream:
                    step = -(-len(text) // pieces)
                    for start in range(0, len(text), step):
                        stream.push_text(text[start : start + step])
                    stream.end_input()
                    async for audio in stream:
                        words += audio.frame.userdata.get(USERDATA_TIMED_TRANSCRIPT, [])
                        seconds += audio.frame.duration
                told.append((words, seconds))
        finally:
            voice.stop_trying()
            await voice.aclose()
    return told


def test_a_bought_voice_is_given_words_and_the_captions_keep_the_digits(somewhere, providers):
    ((words, seconds),) = played(spoken(somewhere, f"{PRICE} {CALL}", pieces=9))
    assert [turn["text"] for turn in providers.voice.turns] == [
        "A day at the pool costs one thousand two hundred fifty dirhams from seven AM to eleven PM.",
        "Call plus nine seven one, four, five five five, zero one zero zero to book.",
    ]
    assert "".join(words) == f"{PRICE} {CALL}"
    times = [time for word in words for time in (word.start_time, word.end_time)]
    assert times == sorted(times)
    assert abs(times[-1] - seconds) < 0.3


def test_arabic_captions_keep_their_digits_too(somewhere, providers):
    text = "السعر 1,250 درهماً من 07:00 إلى 23:00. اتصل على 04 555 0100."
    ((words, _),) = played(spoken(somewhere, text, language="ar", pieces=5))
    assert "".join(words) == text
    assert "ألف ومئتان وخمسون درهماً" in providers.voice.turns[0]["text"]
    assert not any(character.isdigit() for turn in providers.voice.turns for character in turn["text"])


def test_what_is_said_in_every_call_is_bought_once(somewhere, providers):
    greeting = "Welcome to the Palm. What can I do for you?"
    (first, seconds), (again, seconds_again), (other, _) = played(
        spoken(somewhere, greeting, greeting, "And what else?", often=[greeting])
    )
    assert [turn["text"] for turn in providers.voice.turns] == [
        "Welcome to the Palm.",
        "What can I do for you?",
        "And what else?",
    ]
    assert "".join(again) == "".join(first) == greeting
    assert seconds_again == pytest.approx(seconds, abs=0.1)
    assert "".join(other) == "And what else?"


def test_an_answer_that_goes_on_after_a_kept_sentence_is_spoken_to_its_end(somewhere, providers):
    known = "I am sorry, that is not written here."

    async def both():
        async with http_context.open():
            voice = _voice(Profile.CLOUD, somewhere, "en", [known])
            words = []
            for more in ("", " The desk will know it."):
                async with voice.stream() as stream:
                    stream.push_text(known)
                    stream.push_text(more)
                    stream.end_input()
                    heard = [audio async for audio in stream]
                words.append([w for a in heard for w in a.frame.userdata.get(USERDATA_TIMED_TRANSCRIPT, [])])
            await voice.aclose()
        return words

    alone, longer = played(both())
    assert "".join(alone) == known
    assert "".join(longer) == f"{known} The desk will know it."
    assert longer[-1].start_time >= alone[-1].end_time - 0.05
    assert [turn["text"] for turn in providers.voice.turns] == [known, "The desk will know it."]


def test_a_kept_sentence_is_of_one_voice_and_one_language(somewhere, providers):
    text = "Welcome, all of you."
    played(spoken(somewhere, text, often=[text]))
    somewhere.voice = {"tts_voice": "another"}
    played(spoken(somewhere, text, often=[text]))
    assert len(providers.voice.turns) == 2


def test_what_one_visitor_was_told_is_not_kept(somewhere, providers):
    played(spoken(somewhere, PRICE, PRICE, often=["Welcome."]))
    assert len(providers.voice.turns) == 2


def test_each_written_word_ends_with_the_words_that_stand_for_it():
    told = aligned("It costs AED 1,250 a day.", "It costs one thousand two hundred fifty dirhams a day.")
    assert [word for word, _ in told] == ["It ", "costs ", "AED ", "1,250 ", "a ", "day."]
    letters = [end for _, end in told]
    assert letters[:2] == [2, 7]
    assert letters[-2:] == [41, 44]
    assert letters == sorted(letters)


def test_words_without_a_time_end_with_the_sound():
    script = Script(0.0)
    script.add("Room 412.", "Room four twelve.")
    script.at = 1.5
    assert script.heard([]) == []
    rest = script.rest()
    assert "".join(rest) == "Room 412."
    assert rest[-1].end_time == 1.5
