"""What microphones bring in halls and cars: no crash, no endless thinking, and the call goes on or ends in words."""

import asyncio

import numpy as np
import pytest

from agent_worker import giving_way, pipeline
from agent_worker.behaviors import monologue
from agent_worker.behaviors.mishearing import admit_not_understanding
from agent_worker.behaviors.monologue import stop_monologues
from agent_worker.behaviors.silence import Patience, mind_silence
from agent_worker.phrases import phrase
from agent_worker.pipeline import Profile
from tests.agent_worker import sound
from tests.agent_worker.scene import ANSWER, PATIENCE, QUESTION, ROOM, Scene, played, question_aloud
from tests.agent_worker.sound import espeak_says, joe_says, silence, with_noise

pytestmark = pytest.mark.voice
STILL_THERE, GOODBYE = phrase("en", "still_there"), phrase("en", "goodbye_silence")
NOT_UNDERSTOOD, STOP_THERE = phrase("en", "not_understood"), phrase("en", "stop_there")
POOL = ANSWER.split(",")[0][:30]


@pytest.fixture(scope="module", autouse=True)
def warm():
    pipeline.warm(Profile.LOCAL, {"en": [ANSWER]})


def impatient(session):
    mind_silence(ROOM, session, Patience(ask=0.6, hang_up=0.6))


async def heard(venue, samples, *, behaviors=(admit_not_understanding, stop_monologues), answers=1):
    async with Scene(venue, None, aloud=True, behaviors=behaviors) as scene:
        await scene.microphone.say(samples)
        await scene.until_answered(answers)
    return scene.outcome


async def until_over(venue, samples):
    async with Scene(venue, None, aloud=True, behaviors=(admit_not_understanding, impatient)) as scene:
        playing = asyncio.create_task(scene.microphone.say(samples))
        async with asyncio.timeout(3 * PATIENCE):
            while not scene.session.userdata.ended or GOODBYE not in scene.outcome.agent:
                await asyncio.sleep(0.05)
        playing.cancel()
    return scene.outcome


# Nobody speaks


def test_silence_is_asked_about_and_ends_the_call_in_words(somewhere):
    outcome = played(until_over(somewhere, silence(1)))
    assert outcome.agent == [STILL_THERE, GOODBYE]
    assert outcome.ended == "silence"


@pytest.mark.parametrize("what", ["mall", "babble", "music"])
def test_a_call_in_which_only_noise_is_heard_ends_in_words(somewhere, tmp_path, monkeypatch, what):
    monkeypatch.setattr(giving_way, "LONGEST_NOISE_ALONE", 1.0)
    noise = sound.music(30) if what == "music" else getattr(sound, what)(30, tmp_path)
    outcome = played(until_over(somewhere, noise))
    assert outcome.ended == "silence"
    assert outcome.agent[-1] == GOODBYE
    assert outcome.agent.count(NOT_UNDERSTOOD) <= 2


# Somebody speaks in noise


def in_a_mall(folder, decibels: float):
    question = np.concatenate([silence(0.5), joe_says(QUESTION, folder), silence(1.5)])
    return with_noise(question, sound.mall(6, folder), decibels)


@pytest.mark.parametrize("decibels", [20, 10])
def test_a_question_in_noise_is_understood(somewhere, tmp_path, decibels):
    outcome = played(heard(somewhere, in_a_mall(tmp_path, decibels)))
    assert "pool" in outcome.visitor[0].lower()
    assert POOL in outcome.said


def test_a_question_in_much_noise_is_answered_or_asked_for_again(somewhere, tmp_path):
    outcome = played(heard(somewhere, in_a_mall(tmp_path, 5)))
    assert outcome.states[-1] == "listening"
    assert outcome.said


# Bad lines


def telephone(samples):
    return sound.resampled(sound.resampled(samples, 1, 2), 2, 1)


def clipped(samples):
    return np.clip(samples * 25, -0.99, 0.99).astype(np.float32)


@pytest.mark.parametrize("line", [telephone, clipped])
def test_a_question_on_a_bad_line_is_answered(somewhere, tmp_path, line):
    outcome = played(heard(somewhere, line(joe_says(QUESTION, tmp_path))))
    assert "pool" in outcome.visitor[0].lower()
    assert POOL in outcome.said


def test_two_who_speak_at_once_get_an_answer_or_are_asked_again(somewhere, tmp_path):
    first = question_aloud(tmp_path)
    second = np.resize(espeak_says("When does the gym close in the evening?", tmp_path, voice="en-gb+f3"), len(first))
    outcome = played(heard(somewhere, first + second))
    assert outcome.said
    assert outcome.states[-1] == "listening"


# Too much


def long_speech(folder):
    words = "and then we went on to the other side of the town where my cousin has a house with a garden and a dog "
    return espeak_says(words * 3, folder, speed=210)


def test_a_visitor_who_does_not_stop_is_stopped_and_then_heard(somewhere, tmp_path, monkeypatch):
    monkeypatch.setattr(monologue, "LONGEST_TURN", 4.0)

    async def call():
        async with Scene(somewhere, None, aloud=True, behaviors=(stop_monologues, admit_not_understanding)) as scene:
            speech = long_speech(tmp_path)
            talking = asyncio.create_task(scene.microphone.say(speech))
            while not scene.loudspeaker.is_audible():
                await asyncio.sleep(0.02)
            assert not talking.done()
            # What else the long speech has is not stopped again: nobody is heard over the words that do.
            monkeypatch.setattr(monologue, "LONGEST_TURN", 60.0)
            await scene.until_answered(1)
            await talking
            await asyncio.sleep(4)  # what was said after that is a turn of its own
            before = len(scene.outcome.agent)
            await scene.microphone.say(question_aloud(tmp_path))
            # An answer to the rest of the long speech may still come between.
            await scene.until(lambda: "pool" in scene.outcome.visitor[-1].lower())
            await scene.until_answered(before + 1)
            return scene.outcome

    outcome = played(call())
    assert STOP_THERE in outcome.agent
    assert outcome.visitor[0].lower().startswith("and then we went")  # what was heard until then is kept
    assert "pool" in outcome.visitor[-1].lower()
    assert outcome.states[-1] == "listening"


def test_who_types_while_speaking_gets_an_answer(somewhere, tmp_path):
    async def call():
        async with Scene(somewhere, None, aloud=True, behaviors=(admit_not_understanding,)) as scene:
            speaking = asyncio.create_task(scene.microphone.say(question_aloud(tmp_path)))
            await asyncio.sleep(0.7)
            await scene.session.interrupt()
            typed = "When does the pool open?"
            await scene.type(typed)
            await speaking
            # What was said and what was typed are answered one after the other, with a pause between.
            await scene.until(lambda: typed in scene.outcome.visitor and POOL in scene.outcome.said)
            await scene.until_answered()
            return scene.outcome

    outcome = played(call())
    assert "When does the pool open?" in outcome.visitor
    assert POOL in outcome.said
    assert outcome.states[-1] == "listening"
