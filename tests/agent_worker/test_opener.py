"""A short word while a slow tool's answer is made: the real session and plugins on simulated providers."""

import asyncio
from types import SimpleNamespace

import livekit.plugins.deepgram
import livekit.plugins.elevenlabs
import livekit.plugins.openai  # noqa: F401  # plugins register in the main thread
import pytest

from agent_worker.agent import last_question
from agent_worker.behaviors.ear import Ear
from agent_worker.behaviors.opener import OPENERS, open_slow_answers, rehearse
from agent_worker.phrases import phrase
from agent_worker.providers import written
from tests.agent_worker.scene import ANSWER, Pool, Scene, played, question_aloud

SLOW = {"first_token": 0.6, "tokens_per_second": 1000.0, "first_byte": 0.05, "times_real_time": 100.0}
QUICK = SLOW | {"first_token": 0.05}


class Timed(Pool):
    """Knows which question is answered and how long its model takes, as the concierge does."""

    async def llm_node(self, chat_ctx, tools, model_settings):
        self.session.userdata.question_id = chat_ctx.items[last_question(chat_ctx)].id
        began, first = asyncio.get_running_loop().time(), True
        async for chunk in super().llm_node(chat_ctx, tools, model_settings):
            if first:
                first = False
                self.session.userdata.model_seconds = asyncio.get_running_loop().time() - began
            yield chunk


class Waiting(Scene):
    async def __aenter__(self):
        await super().__aenter__()
        open_slow_answers(self.session)
        self.states = []
        self.session.on("agent_state_changed", lambda event: self.states.append(event.new_state))
        await rehearse(self.session)
        return self


async def ask(somewhere, providers, folder, *, questions=1):
    written.kept.clear()
    async with Waiting(somewhere, providers, aloud=True, agent=Timed()) as scene:
        for number in range(questions):
            await scene.speak(question_aloud(folder))
            await scene.until_answered(number + 1)
    return scene.outcome


def bought(providers):
    return [turn["text"] for turn in providers.voice.turns]


@pytest.mark.voice
def test_a_visitor_who_waits_for_a_tool_hears_a_word_and_then_the_answer(somewhere, providers, tmp_path):
    for simulator in providers.all():
        simulator.control(delays=SLOW)
    outcome = played(ask(somewhere, providers, tmp_path, questions=2))
    # Both openers were bought before the first question, and none again.
    assert sorted(bought(providers)[:2]) == sorted(phrase("en", key) for key in OPENERS)
    assert not {phrase("en", key) for key in OPENERS} & set(bought(providers)[2:])
    heard = outcome.words_heard()
    assert heard.index("moment") < heard.index("seven") < heard.index("let me see")
    # What is stored is the answer alone.
    assert [text.startswith(ANSWER.split(".")[0]) for text in outcome.agent] == [True, True]


@pytest.mark.voice
def test_a_quick_model_needs_no_such_word(somewhere, providers, tmp_path):
    for simulator in providers.all():
        simulator.control(delays=QUICK)
    outcome = played(ask(somewhere, providers, tmp_path))
    assert "moment" not in outcome.words_heard()
    assert "seven" in outcome.words_heard()


# What the page's ear reports is about the first thing that it hears


def test_an_opener_is_counted_apart_from_the_answer():
    ear = Ear(store=lambda work: work())
    answer = SimpleNamespace(metrics={}, stored=None)
    ear.opens()
    opened_at = ear._opened_at
    ear.report(900)
    ear.is_silent()
    ear.speaks()
    ear.answered(answer, began_at=opened_at + 1.25)
    assert answer.metrics == {"opener_ms": 900, "ear_ms": 2150}


def test_the_answer_after_next_has_no_opener_any_more():
    ear = Ear(store=lambda work: work())
    ear.opens()
    ear.report(900)
    ear.speaks()
    ear.answered(SimpleNamespace(metrics={}, stored=None), began_at=0.0)
    ear.is_silent()
    ear.speaks()
    ear.report(700)
    answer = SimpleNamespace(metrics={}, stored=None)
    ear.answered(answer, began_at=0.0)
    assert answer.metrics == {"ear_ms": 700}


def test_an_opener_that_nobody_reported_leaves_no_figure():
    ear = Ear(store=lambda work: work())
    answer = SimpleNamespace(metrics={}, stored=None)
    ear.opens()
    ear.speaks()
    ear.answered(answer, began_at=0.0)
    assert answer.metrics == {}
