"""Voices, coughs, nods, noise and echo over an answer, without a room: real ears, detector and voices."""

import asyncio
import time
from dataclasses import dataclass

import numpy as np
import pytest
from livekit.agents import llm

from agent_worker import pipeline
from agent_worker.agent import mark_what_was_broken_off
from agent_worker.giving_way import is_echo, is_nod
from agent_worker.pipeline import Profile
from agent_worker.providers import speaking, whisper
from agent_worker.providers.intents import plain
from agent_worker.providers.voices import local_tts
from tests.agent_worker import sound
from tests.agent_worker.scene import Scene, played, question_aloud
from tests.agent_worker.sound import RATE, espeak_says

ANSWER = "The pool on the roof opens at seven in the morning, and children may swim there until six."
OVER = "Excuse me, one moment please."


@pytest.fixture(scope="module")
def warm():
    pipeline.warm(Profile.LOCAL, {"en": [ANSWER]})


@pytest.mark.parametrize("words", ["Mm-hmm.", "Mhm", "Uh-huh.", "Okay, okay.", "Yeah, right.", "نعم، نعم.", "طيب"])
def test_whoever_only_listens_nods(words):
    assert is_nod(plain(words))


@pytest.mark.parametrize("words", ["Stop.", "No.", "Okay, and the gym?", "Thank you.", "لا", "طيب وأين المصعد؟", ""])
def test_everything_else_is_meant(words):
    assert not is_nod(plain(words))


def test_the_agents_own_words_are_its_echo_and_a_visitors_are_not():
    greeting = plain("Welcome to Palm Court. What can I do for you?")
    assert is_echo(plain("Welcome to Palm Court"), greeting)
    assert is_echo(plain("welcome to bomb court"), greeting)
    assert is_echo(plain("Welcome to pump."), greeting)  # cut off in the middle of "Palm"
    assert is_echo(plain("to Palm Court"), greeting)
    assert not is_echo(plain("When can I go to the pool?"), greeting)
    assert not is_echo(plain("What can you do?"), greeting)


def test_the_model_sees_where_an_answer_was_broken_off():
    history = llm.ChatContext.empty()
    history.add_message(role="assistant", content="Welcome.")
    history.add_message(role="assistant", content="The pool on the roof opens.", interrupted=True)
    told = history.copy()
    mark_what_was_broken_off(told)
    assert [item.text_content for item in told.items] == ["Welcome.", "The pool on the roof opens…"]
    assert history.items[1].text_content == "The pool on the roof opens."


@dataclass
class Heard:
    """What became of an answer that something was heard over. Seconds from the first sound of that."""

    silent_after: float
    goes_on_after: float
    is_whole: bool
    visitor: list[str]
    agent: list[str]


async def until_audible(scene) -> None:
    while not scene.loudspeaker.is_audible():
        await asyncio.sleep(0.01)


async def over_an_answer(venue, providers, samples, words="") -> Heard:
    async with Scene(venue, providers, aloud=True) as scene:
        answer = scene.session.say(ANSWER)
        await until_audible(scene)
        await asyncio.sleep(1.0)
        began = time.perf_counter()
        if words:
            providers.ears.control(script=[{"text": words, "seconds": len(samples) / RATE}])
        await scene.microphone.say(samples)
        await answer.wait_for_playout()
        if answer.interrupted:
            await scene.until(lambda: scene.outcome.visitor)
        await scene.until_answered(2 if answer.interrupted else 1)
        spells = [[moment - began for moment in spell] for spell in scene.loudspeaker.spells]
        return Heard(
            silent_after=spells[0][1],
            goes_on_after=spells[1][0] if len(spells) > 1 else spells[0][1],
            is_whole=not answer.interrupted,
            visitor=scene.outcome.visitor,
            agent=scene.outcome.agent,
        )


@pytest.mark.voice
def test_words_silence_an_answer_at_once_and_end_it(somewhere, providers, tmp_path, warm):
    heard = played(over_an_answer(somewhere, providers, espeak_says(OVER, tmp_path), OVER))
    assert heard.silent_after < 0.3  # livekit's detector alone would only have begun to count
    assert not heard.is_whole
    assert heard.visitor == [OVER]
    assert ANSWER.startswith(heard.agent[0])  # what is kept is what was heard
    assert len(heard.agent[0]) < len(ANSWER) / 2


@pytest.mark.voice
def test_so_do_words_that_whisper_hears(somewhere, tmp_path, warm):
    heard = played(over_an_answer(somewhere, None, espeak_says(OVER, tmp_path)))
    assert heard.silent_after < 0.3
    assert not heard.is_whole
    assert "moment" in heard.visitor[0]


@pytest.mark.voice
@pytest.mark.parametrize("seconds", [0.3, 0.5])
def test_an_ear_that_reads_slowly_is_waited_for(somewhere, tmp_path, warm, monkeypatch, seconds):
    hear = whisper.Ear.hear

    def hear_slowly(*args):
        time.sleep(seconds)
        return hear(*args)

    monkeypatch.setattr(whisper.Ear, "hear", hear_slowly)
    over = sound.joe_says("Wait, stop. What time is breakfast?", tmp_path)
    heard = played(over_an_answer(somewhere, None, over))
    assert heard.silent_after < 0.3
    assert heard.goes_on_after > len(over) / RATE  # with something else: neither with the answer nor between the words
    assert not heard.is_whole
    assert len(heard.visitor) == 1
    assert "breakfast" in heard.visitor[0]


@pytest.mark.voice
@pytest.mark.parametrize("what", ["mhm", "uh-huh", "hmm", "okay", "ahem"])
def test_a_nod_makes_the_answer_pause_and_go_on(somewhere, tmp_path, warm, what):
    heard = played(over_an_answer(somewhere, None, espeak_says(what, tmp_path) * 0.7))
    assert heard.silent_after < 0.3
    assert heard.goes_on_after < 2
    assert heard.is_whole
    assert heard.visitor == []
    assert heard.agent == [ANSWER]


@pytest.mark.voice
@pytest.mark.parametrize("what", ["cough", "music", "mall"])
def test_noise_does_not_stop_an_answer_for_good(somewhere, tmp_path, warm, what):
    noise = {
        "cough": sound.cough,
        "music": lambda: sound.music(5),
        "mall": lambda: sound.mall(5, tmp_path),
    }[what]()
    heard = played(over_an_answer(somewhere, None, noise))
    assert heard.is_whole
    assert heard.agent == [ANSWER]
    assert heard.visitor == []


@pytest.mark.voice
def test_nor_do_people_at_the_next_table(somewhere, tmp_path, warm):
    heard = played(over_an_answer(somewhere, None, sound.babble(5, tmp_path)))
    assert heard.is_whole
    assert heard.agent[0] == ANSWER  # one time in ten Whisper takes some of it for words, and they are answered then


GREETING = "Welcome to Palm Court. What can I do for you?"


async def over_the_greeting(venue, samples, *, seconds: float, until: str = ""):
    """`samples` are said so many seconds after the greeting's first sound, or before it if negative.

    The call goes on until the agent has said `until`; without that, long enough to hear that nothing follows.
    """
    async with Scene(venue, None, aloud=True) as scene:
        if seconds < 0:
            speaking = asyncio.create_task(scene.microphone.say(samples))
            await asyncio.sleep(-seconds)
        greeting = scene.session.say(GREETING)
        if seconds >= 0:
            await until_audible(scene)
            await asyncio.sleep(seconds)
            speaking = asyncio.create_task(scene.microphone.say(samples))
        await speaking
        await (scene.until(lambda: until in scene.outcome.said) if until else asyncio.sleep(1.5))
        await scene.until_answered()
        return scene.outcome, greeting.interrupted, scene.loudspeaker.spells


@pytest.mark.voice
@pytest.mark.parametrize("seconds", [-0.4, 0.05, 0.2, 0.6])
def test_what_is_said_over_the_greeting_is_heard_whole_and_answered(somewhere, tmp_path, warm, seconds):
    answer = "seven in the morning"
    outcome, _, _ = played(over_the_greeting(somewhere, question_aloud(tmp_path), seconds=seconds, until=answer))
    heard = outcome.visitor[0].lower()
    assert heard.startswith("how do i get to")
    assert "pool" in heard
    assert answer in outcome.said


@pytest.mark.voice
def test_the_greetings_own_echo_does_not_stop_it(somewhere, warm):
    own = np.frombuffer(speaking.speak(GREETING, local_tts("en").voices).pcm, np.int16) / 32768
    echo = 0.3 * sound.resampled(own, RATE, speaking.SAMPLE_RATE)[: int(0.75 * RATE)]
    outcome, is_interrupted, spells = played(over_the_greeting(somewhere, echo.astype(np.float32), seconds=0.04))
    assert not is_interrupted
    assert len(spells) == 1
    assert outcome.visitor == []
