"""A provider whose messages are wrong, field by field: the visitor still hears the answer, or an honest sentence.

Each try is a call of its own, since an agent that noticed once that a provider fails asks another. There are some
hundred ways to spoil a message, so a part of them is tried, the same each time.
"""

import random
import threading

import pytest

from agent_worker import pipeline
from tests.agent_worker.scene import Scene, played, question_aloud
from tests.simulators.faults import WRONG, paths_of

pytestmark = pytest.mark.voice

VALUES = [*range(len(WRONG) + 1)]
ALIGNMENT = {"chars": ["a"], "charStartTimesMs": [0], "charDurationsMs": [50]}
ANSWER = {"audio": "", "isFinal": None, "normalizedAlignment": ALIGNMENT, "alignment": ALIGNMENT, "contextId": "c"}
WORDS = [{"word": "a", "start": 0, "end": 1, "confidence": 1, "punctuated_word": "A"}]
RESULTS = {
    "type": "Results", "channel_index": [0, 1], "duration": 1, "start": 0, "is_final": True, "speech_final": True,
    "channel": {"alternatives": [{"transcript": "a", "confidence": 1, "words": WORDS}]},
    "metadata": {"request_id": "r", "model_info": {"name": "m", "version": "v", "arch": "a"}, "model_uuid": "u"},
    "from_finalize": False,
}  # fmt: skip
FUNCTION = {"name": "f", "arguments": ""}
CALL = {"index": 0, "id": "i", "type": "function", "function": FUNCTION}
CHUNK = {
    "id": "i", "object": "o", "created": 1, "model": "m", "service_tier": "s", "system_fingerprint": "f",
    "choices": [{"index": 0, "delta": {"role": "assistant", "content": "a", "tool_calls": [CALL]}, "logprobs": None,
                 "finish_reason": None}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2, "prompt_tokens_details": {}},
}  # fmt: skip


def ways(message, after, most):
    every = [
        {"kind": "garbage", "at": path, "value": value, "after": sent}
        for path in paths_of(message)
        for value in VALUES
        for sent in after
    ]
    return random.Random(len(every)).sample(every, most)


def name_of(fault):
    return "-".join(str(fault[key]) for key in ("kind", "at", "value", "after") if key in fault)


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    """Of a stage for the one before it; what is stuck is stuck for much longer."""
    monkeypatch.setattr(pipeline, "LLM_PATIENCE", 0.8)


@pytest.fixture
def crashes(monkeypatch):
    """What ended a thread."""
    ended = []
    monkeypatch.setattr(threading, "excepthook", ended.append)
    return ended


async def typed(somewhere, providers):
    async with Scene(somewhere, providers, aloud=False) as scene:
        await scene.type()
        await scene.until_answered()
    return scene.outcome


async def spoken(somewhere, providers, folder):
    async with Scene(somewhere, providers, aloud=True) as scene:
        await scene.speak(question_aloud(folder))
        await scene.until_answered()
    return scene.outcome


def is_honest(outcome):
    """An answer with words in it, or a sentence that says that there is none; and the agent listens again."""
    return any(any(map(str.isalpha, text)) for text in outcome.agent) and outcome.states[-1] == "listening"


@pytest.mark.parametrize(
    "fault", [{"kind": "noise"}, {"kind": "noise", "after": 16}, *ways(CHUNK, (0, 3, 16), 40)], ids=name_of
)
def test_a_model_with_one_field_wrong_leaves_nobody_waiting(somewhere, providers, crashes, fault):
    providers.model.control(fault=fault)
    outcome = played(typed(somewhere, providers))
    assert is_honest(outcome)
    assert crashes == []


@pytest.mark.parametrize("fault", [{"kind": "noise", "after": 2}, *ways(RESULTS, (0, 4), 8)], ids=name_of)
def test_ears_with_one_field_wrong_leave_nobody_waiting(somewhere, providers, tmp_path, crashes, fault):
    providers.ears.control(fault=fault)
    outcome = played(spoken(somewhere, providers, tmp_path))
    assert is_honest(outcome)
    assert crashes == []


@pytest.mark.parametrize("fault", [{"kind": "noise", "after": 2}, *ways(ANSWER, (0, 4), 8)], ids=name_of)
def test_a_voice_with_one_field_wrong_leaves_nobody_waiting(somewhere, providers, tmp_path, crashes, fault):
    providers.voice.control(fault=fault)
    outcome = played(spoken(somewhere, providers, tmp_path))
    assert is_honest(outcome)
    assert crashes == []
