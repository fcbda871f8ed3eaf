"""When a provider fails, before or in the middle of a turn: the real plugins on simulated providers.

No test here measures seconds; a visitor who hears nothing fails by the generous patience of the scene.
"""

import asyncio

import pytest
from livekit.agents import APIError

from agent_worker import pipeline
from agent_worker.behaviors import trouble
from agent_worker.phrases import phrase
from agent_worker.providers.extractive import ExtractiveStream
from agent_worker.providers.speaking import CannotSpeak
from tests.agent_worker.scene import ANSWER, QUESTION, Pool, Scene, played, question_aloud

pytestmark = pytest.mark.voice

TROUBLE = phrase("en", "trouble")
POOL = "opens at seven in the morning"
AT_THE_DOOR = [{"kind": "refuse"}, {"kind": "rate_limit"}, {"kind": "broken"}]
BEFORE = [{"kind": "hang"}, {"kind": "cut"}, {"kind": "garbage"}]
# The quick ones are in the default suite.
IN_TEXT = [
    pytest.param(fault, marks=[] if fault["kind"] in ("rate_limit", "cut") else pytest.mark.voice)
    for fault in AT_THE_DOOR + BEFORE
]


def names(fault):
    return f"{fault['kind']}-{fault.get('at', '')}{fault.get('after', 0)}"


async def typed(somewhere, providers, *, questions=1, agent=None):
    async with Scene(somewhere, providers, aloud=False, agent=agent) as scene:
        for number in range(questions):
            await scene.type()
            await scene.until_answered(number + 1)
    return scene.outcome


async def spoken(somewhere, providers, folder, *, questions=1):
    async with Scene(somewhere, providers, aloud=True) as scene:
        for number in range(questions):
            await scene.speak(question_aloud(folder))
            await scene.until_answered(number + 1)
    return scene.outcome


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(pipeline, "LLM_PATIENCE", 0.4)


# The model, in text


def test_nothing_fails_and_the_simulated_model_answers(somewhere, providers):
    outcome = played(typed(somewhere, providers))
    assert POOL in outcome.said
    assert len(providers.model.turns) == 2  # it searched, and then it answered


@pytest.mark.parametrize("fault", IN_TEXT, ids=names)
def test_a_model_that_fails_before_its_answer_is_stood_in_for(somewhere, providers, impatient, fault):
    providers.model.control(fault=fault)
    outcome = played(typed(somewhere, providers))
    assert outcome.agent
    assert POOL in outcome.said
    assert TROUBLE not in outcome.said
    assert providers.model.faults_done


@pytest.mark.parametrize("kind", [pytest.param("hang", marks=pytest.mark.voice), "cut", "garbage"])
def test_a_model_that_fails_in_its_answer_is_admitted(somewhere, providers, impatient, kind):
    # The call of the tool has fewer messages than that: it is the answer that breaks off.
    providers.model.control(fault={"kind": kind, "after": 16})
    outcome = played(typed(somewhere, providers))
    assert TROUBLE in outcome.said
    assert outcome.states[-1] == "listening"


@pytest.mark.voice
def test_a_model_that_recovers_is_asked_again(somewhere, providers, impatient):
    providers.model.control(fault={"kind": "broken", "times": 2})

    async def call():
        async with Scene(somewhere, providers, aloud=False) as scene:
            for number in range(3):
                await scene.type()
                await scene.until_answered(number + 1)
        return scene.outcome

    outcome = played(call())
    assert outcome.said.count(POOL) == 3
    assert providers.model.turns


@pytest.mark.voice
def test_when_no_model_answers_the_visitor_is_told(somewhere, providers, monkeypatch):
    async def fails(self):
        raise APIError("out of memory", retryable=False)

    monkeypatch.setattr(ExtractiveStream, "_run", fails)
    providers.model.control(fault={"kind": "broken"})
    outcome = played(typed(somewhere, providers))
    assert outcome.agent == [TROUBLE]


def test_a_call_with_too_much_trouble_ends_with_a_sentence(somewhere, providers, monkeypatch):
    async def fails(self):
        raise APIError("out of memory", retryable=False)

    monkeypatch.setattr(ExtractiveStream, "_run", fails)
    providers.model.control(fault={"kind": "broken"})
    outcome = played(typed(somewhere, providers, questions=3))
    assert outcome.agent == [TROUBLE, TROUBLE, phrase("en", "trouble_again")]
    assert outcome.ended == "error"


class Thinker(Pool):
    async def llm_node(self, chat_ctx, tools, model_settings):
        await asyncio.Event().wait()
        yield ""


def test_a_thought_without_end_is_broken_off(somewhere, providers, monkeypatch):
    monkeypatch.setattr(trouble, "LONGEST_THOUGHT", 0.3)

    outcome = played(typed(somewhere, providers, agent=Thinker()))
    assert outcome.agent == [TROUBLE]
    assert outcome.states[-1] == "listening"


def test_a_visitor_who_leaves_during_a_thought_without_end_leaves_no_error(somewhere, providers, monkeypatch):
    monkeypatch.setattr(trouble, "LONGEST_THOUGHT", 0.3)
    errors = []

    async def call():
        asyncio.get_running_loop().set_exception_handler(lambda _, error: errors.append(error["message"]))
        async with Scene(somewhere, providers, aloud=False, agent=Thinker()) as scene:
            await scene.type()
            scene.session.shutdown()
            await asyncio.sleep(0.6)
        return scene.outcome

    assert played(call()).agent == []
    assert errors == []


@pytest.mark.voice
def test_an_answer_without_words_is_no_answer(somewhere, providers):
    class Mute(Pool):
        async def llm_node(self, chat_ctx, tools, model_settings):
            if False:
                yield ""

    outcome = played(typed(somewhere, providers, agent=Mute()))
    assert outcome.agent == [TROUBLE]


def test_a_model_that_garbles_each_field_in_turn_leaves_no_question_unanswered(somewhere, providers, impatient):
    providers.model.control(fault={"kind": "garbage", "at": "*"})
    outcome = played(typed(somewhere, providers, questions=2))
    assert len(outcome.agent) >= 2
    assert outcome.states[-1] == "listening"


# The voice


@pytest.mark.voice
@pytest.mark.parametrize("fault", AT_THE_DOOR + BEFORE, ids=names)
def test_a_voice_that_fails_before_its_first_sound_is_stood_in_for(somewhere, providers, tmp_path, fault):
    providers.voice.control(fault=fault)
    outcome = played(spoken(somewhere, providers, tmp_path))
    assert outcome.visitor == [QUESTION]
    assert POOL in outcome.said
    heard = outcome.words_heard()
    assert "roof" in heard
    assert "six" in heard or "6" in heard
    assert providers.voice.faults_done


@pytest.mark.voice
@pytest.mark.parametrize("kind", ["hang", "cut", "garbage"])
def test_a_voice_that_fails_in_the_answer_is_stood_in_for_from_the_broken_sentence(
    somewhere, providers, tmp_path, kind
):
    providers.voice.control(fault={"kind": kind, "after": 8})
    outcome = played(spoken(somewhere, providers, tmp_path))
    assert POOL in outcome.said
    heard = outcome.words_heard()
    assert "roof" in heard
    assert "six" in heard or "6" in heard
    assert providers.voice.faults_done


@pytest.mark.voice
def test_without_any_voice_the_agent_writes(somewhere, providers, tmp_path, monkeypatch):
    def nobody(language):
        raise CannotSpeak("no voice here")

    monkeypatch.setattr(pipeline, "local_tts", nobody)
    providers.voice.control(fault={"kind": "refuse"})
    outcome = played(spoken(somewhere, providers, tmp_path, questions=2))
    assert phrase("en", "no_voice") in outcome.said
    assert outcome.agent[-1].startswith(ANSWER[:40])
    assert outcome.sound == []
    assert outcome.states[-1] == "listening"


# The ears


@pytest.mark.voice
@pytest.mark.parametrize("fault", AT_THE_DOOR + BEFORE, ids=names)
def test_ears_that_fail_before_a_word_are_stood_in_for(somewhere, providers, tmp_path, fault):
    providers.ears.control(fault=fault)
    outcome = played(spoken(somewhere, providers, tmp_path))
    assert "pool" in outcome.visitor[0].lower()
    assert POOL in outcome.said
    assert providers.ears.faults_done


@pytest.mark.voice
@pytest.mark.parametrize("kind", ["hang", "cut", "garbage"])
def test_ears_that_fail_in_a_sentence_are_stood_in_for_from_its_beginning(somewhere, providers, tmp_path, kind):
    providers.ears.control(fault={"kind": kind, "after": 8})
    outcome = played(spoken(somewhere, providers, tmp_path))
    heard = outcome.visitor[0].lower()
    assert "how" in heard
    assert "pool" in heard
    assert POOL in outcome.said


@pytest.mark.voice
def test_ears_that_follow_and_are_late_with_the_last_words_are_waited_for(somewhere, providers, tmp_path):
    providers.ears.control(delays={"final": 1.2})

    async def ask():
        async with Scene(somewhere, providers, aloud=True) as scene:
            await scene.speak(question_aloud(tmp_path))
            await scene.until_answered()
            return scene.session.stt.is_first_up, scene.outcome.visitor

    assert played(ask()) == (True, [QUESTION])


@pytest.mark.voice
@pytest.mark.parametrize("stage", ["ears", "voice"])
def test_fields_garbled_in_turn_leave_no_question_unanswered(somewhere, providers, tmp_path, stage):
    getattr(providers, stage).control(fault={"kind": "garbage", "at": "*"})
    outcome = played(spoken(somewhere, providers, tmp_path, questions=2))
    assert len(outcome.agent) >= 2
    assert outcome.states[-1] == "listening"


@pytest.mark.voice
def test_with_nothing_wrong_the_cloud_stages_do_all_of_it(somewhere, providers, tmp_path):
    outcome = played(spoken(somewhere, providers, tmp_path))
    assert outcome.visitor == [QUESTION]
    assert POOL in outcome.said
    assert "roof" in outcome.words_heard()
    assert [turn["text"] for turn in providers.ears.turns] == [QUESTION]
    assert " ".join(turn["text"] for turn in providers.voice.turns) == ANSWER


@pytest.mark.voice
def test_ears_without_a_second_choice_are_admitted_once_and_the_call_goes_on(
    somewhere, providers, tmp_path, monkeypatch
):
    monkeypatch.setattr(pipeline, "spoken_languages", lambda profile: (frozenset(), frozenset()))
    providers.ears.control(fault={"kind": "broken", "times": 4})

    async def call():
        async with Scene(somewhere, providers, aloud=True) as scene:
            await scene.until_answered()
            while providers.ears.faults_done < 4:
                await asyncio.sleep(0.1)
            await asyncio.sleep(3)
            await scene.speak(question_aloud(tmp_path))
            await scene.until_answered(2)
        return scene.outcome

    outcome = played(call())
    assert outcome.agent[0] == TROUBLE
    assert TROUBLE not in outcome.agent[1:]
    assert POOL in outcome.said
    assert not outcome.ended
