"""Searching while the visitor still speaks."""

import asyncio
import threading
import time
from dataclasses import replace

import livekit.plugins.deepgram
import livekit.plugins.elevenlabs
import livekit.plugins.openai  # noqa: F401  # plugins register in the main thread
import pytest
from livekit.agents import UserInputTranscribedEvent
from livekit.agents.vad import VADEvent, VADEventType

from agent_worker import behaviors, conversation
from agent_worker.behaviors.search_ahead import search_ahead
from agent_worker.conversation import Conversation
from agent_worker.pipeline import build_session
from tests.agent_worker.scene import QUESTION, Scene, played, question_aloud


@pytest.fixture
def searched(monkeypatch):
    """What was searched for, in order. A search takes as long as `searched.gate` is closed."""

    class Searched(list):
        gate = threading.Event()

    searched = Searched()
    searched.gate.set()

    def search(venue, question, **how):
        searched.append(question)
        assert searched.gate.wait(5)
        return []

    monkeypatch.setattr(conversation, "search", search)
    monkeypatch.setattr(conversation, "off_the_loop", asyncio.to_thread)  # without a database
    return searched


def hear(somewhere, *said, is_silent=False, meanwhile=None):
    """Let a session tell these words: (text, is_final)."""

    async def tell():
        facts = Conversation(venue=somewhere, language="en", is_muted=is_silent)
        session = build_session(somewhere, "en", userdata=facts, text_only=True)
        search_ahead(session)
        for text, is_final in said:
            session.emit("user_input_transcribed", UserInputTranscribedEvent(transcript=text, is_final=is_final))
            await asyncio.sleep(0.03)
        if meanwhile:
            meanwhile()
        while facts._under_way:
            await asyncio.sleep(0.01)

    played(tell())


def test_words_are_searched_as_they_come_and_those_of_one_turn_together(somewhere, searched):
    hear(
        somewhere, ("when does", False), ("when does the pool", False), ("When does the pool", True), ("close?", False)
    )
    assert searched == ["when does the pool", "When does the pool close?"]


def test_while_a_search_is_made_only_the_newest_words_wait_for_it(somewhere, searched):
    searched.gate.clear()
    said = [(" ".join(["when", "does", "the", "garden", "pool", "close"][:count]), False) for count in range(3, 7)]
    hear(somewhere, *said, meanwhile=searched.gate.set)
    assert searched == ["when does the", "when does the garden pool close"]


def test_nothing_is_searched_while_staff_have_the_word(somewhere, searched):
    hear(somewhere, ("when does the pool close", False), is_silent=True)
    assert searched == []


def heard_by_ear(somewhere, searched, *steps, others=0):
    """How many searches there were after each step: words that come, or seconds of silence within speech."""
    seen = []

    async def tell():
        calls = [build_session(somewhere, "en", userdata=Conversation(somewhere, "en")) for _ in range(1 + others)]
        for call in calls:
            search_ahead(call)
        session = calls[0]
        for step in steps:
            if isinstance(step, str):
                event = UserInputTranscribedEvent(transcript=step, is_final=False)
                session.emit("user_input_transcribed", event)
            else:
                sound = VADEvent(VADEventType.INFERENCE_DONE, 0, 0.0, 0.0, 0.0, speaking=True)
                session.vad.judge(replace(sound, raw_accumulated_silence=step))
            await asyncio.sleep(0.05)
            seen.append(len(searched))
        for call in calls:
            await call.aclose()

    played(tell())
    return seen


def test_after_a_search_words_wait_for_the_visitor_to_fall_silent(somewhere, searched, monkeypatch):
    monkeypatch.setattr(behaviors.search_ahead, "REST", 1e9)
    steps = 0.0, "when does the", "when does the pool", "when does the pool close", 0.032, 0.064, 0.096
    assert heard_by_ear(somewhere, searched, *steps) == [0, 1, 1, 1, 1, 2, 2]
    assert searched == ["when does the", "when does the pool close"]


def test_the_rest_after_a_search_is_longer_where_many_call(somewhere, searched, monkeypatch):
    monkeypatch.setattr(behaviors.search_ahead, "REST", 0.5)
    monkeypatch.setattr(behaviors.search_ahead, "_calls", set())
    monkeypatch.setattr(conversation, "search", lambda *_, **__: time.sleep(0.03) or searched.append(1) or [])
    steps = 0.0, "when does the", 0.0, "when does the pool"
    assert heard_by_ear(somewhere, searched, *steps) == [0, 1, 1, 2]
    searched.clear()
    assert heard_by_ear(somewhere, searched, *steps, others=20) == [0, 1, 1, 1]


@pytest.mark.voice
def test_the_question_has_been_searched_when_its_last_words_come(somewhere, providers, searched, tmp_path):
    before_the_final = []
    providers.ears.control(delays={"final": 0.4})  # time enough on a busy machine, and too soon for the second ear

    async def ask():
        async with Scene(somewhere, providers, aloud=True, behaviors=[search_ahead]) as scene:

            def heard(event):
                if event.is_final and not before_the_final:
                    before_the_final.extend(searched)

            scene.session.on("user_input_transcribed", heard)
            await scene.speak(question_aloud(tmp_path))
            await scene.until_answered()

    played(ask())
    assert before_the_final[-1] == QUESTION
