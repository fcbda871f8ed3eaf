"""The simulators and the unchanged plugins understand each other; what is not simulated is refused aloud."""

import asyncio
import json
import re
import urllib.error
import urllib.request
from dataclasses import fields
from pathlib import Path

import aiohttp
import numpy as np
import pytest
from livekit.agents import APIConnectOptions, APIError, function_tool, llm, stt
from livekit.agents.types import USERDATA_TIMED_TRANSCRIPT
from livekit.agents.utils import http_context
from livekit.plugins import deepgram, elevenlabs, openai

from agent_worker import pipeline
from agent_worker.behaviors import trouble
from agent_worker.providers import second_ear, second_voice, whisper
from tests.agent_worker.scene import played
from tests.agent_worker.sound import frames, joe_says, silence
from tests.simulators.__main__ import lines
from tests.simulators.deepgram import Deepgram
from tests.simulators.delays import Delays
from tests.simulators.elevenlabs import ElevenLabs
from tests.simulators.faults import KINDS, garbled, paths_of
from tests.simulators.openai import OpenAI
from tests.simulators.simulator import running

pytestmark = pytest.mark.voice

ONCE = APIConnectOptions(max_retry=0, timeout=2.0)


def post(url: str, body: object) -> tuple[int, dict]:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def speech(seconds: float) -> np.ndarray:
    return np.random.default_rng(1).normal(0, 0.2, int(seconds * 16_000)).astype(np.float32)


async def heard(providers, samples: np.ndarray, *, then: float = 0.6, **options) -> list[stt.SpeechEvent]:
    """What the plugin makes of some sound and `then` seconds of silence, in the time that they take."""
    events: list[stt.SpeechEvent] = []
    async with http_context.open():
        ears = deepgram.STT(api_key="simulated", base_url=providers.ears.base_url, **options)
        async with ears.stream(conn_options=ONCE) as stream:

            async def listen():
                async for event in stream:
                    events.append(event)

            listening = asyncio.create_task(listen())
            for frame in frames(np.concatenate([samples, silence(then)])):
                if listening.done():
                    break
                stream.push_frame(frame)
                await asyncio.sleep(0.0095)
            if listening.done():
                listening.result()
            listening.cancel()
    return events


def of(events, kind: stt.SpeechEventType) -> list[str]:
    return [event.alternatives[0].text for event in events if event.type is kind]


# Ears


def test_words_grow_while_they_are_said_and_are_final_after_them(providers):
    providers.ears.control(script=[{"text": "Where can I park my car?", "seconds": 0.8}])
    events = played(heard(providers, speech(0.8)))
    interims = of(events, stt.SpeechEventType.INTERIM_TRANSCRIPT)
    assert len(interims) >= 4
    assert all("Where can I park my car?".startswith(interim) for interim in interims)
    assert interims[0] != interims[-1]
    assert of(events, stt.SpeechEventType.FINAL_TRANSCRIPT) == ["Where can I park my car?"]
    kinds = [event.type for event in events if event.type is not stt.SpeechEventType.RECOGNITION_USAGE]
    assert kinds[0] is stt.SpeechEventType.START_OF_SPEECH
    assert kinds[-1] is stt.SpeechEventType.END_OF_SPEECH
    turn = providers.ears.told()["turns"][0]
    assert turn["speech_began_at"] < turn["last_loud_at"] < turn["final_sent_at"]


def test_a_pause_inside_a_sentence_parts_its_words(providers):
    words = [["Is", 0.0, 0.2], ["there", 0.2, 0.4], ["a", 0.8, 0.9], ["pool?", 0.9, 1.2]]
    providers.ears.control(script=[{"text": "Is there a pool?", "words": words}])
    said = np.concatenate([speech(0.4), silence(0.4), speech(0.4)])
    assert of(played(heard(providers, said)), stt.SpeechEventType.FINAL_TRANSCRIPT) == ["Is there", "a pool?"]


def test_a_click_is_no_speech(providers):
    providers.ears.control(script=["Hello there."])
    assert not of(played(heard(providers, speech(0.03))), stt.SpeechEventType.FINAL_TRANSCRIPT)


def test_what_no_script_tells_is_heard_by_whisper(providers, tmp_path):
    whisper.load(whisper.model_for("en"))
    providers.ears.control(whisper="en")
    said = joe_says("What time is breakfast served?", tmp_path)
    finals = of(played(heard(providers, said, then=3.0)), stt.SpeechEventType.FINAL_TRANSCRIPT)
    assert "breakfast" in " ".join(finals)


def test_an_option_that_is_not_simulated_is_refused_aloud(providers):
    with pytest.raises(APIError):
        played(heard(providers, speech(0.1), enable_diarization=True))
    assert providers.ears.problems == ["diarize of /v1/listen"]
    providers.ears.control(reset=True)


# The model


@function_tool
async def opening_hours(place: str) -> str:
    """Open?"""
    return ""


async def chunks(providers, *, tools=(), **options) -> list[llm.ChatChunk]:
    context = llm.ChatContext()
    context.add_message(role="system", content="Be kind.")
    context.add_message(role="user", content="Is the spa open?")
    model = openai.LLM(model="gpt-4.1-mini", api_key="simulated", base_url=providers.model.base_url, **options)
    async with model.chat(chat_ctx=context, tools=list(tools), conn_options=ONCE) as stream:
        return [chunk async for chunk in stream]


def test_a_tool_is_called_when_the_script_says_so(providers):
    rule = {"when": r"\bspa\b", "call": "opening_hours", "arguments": {"place": "the spa, and its pool"}}
    providers.model.control(script=[rule])
    got = played(chunks(providers, tools=[opening_hours]))
    calls = [call for chunk in got if chunk.delta for call in chunk.delta.tool_calls]
    assert [(call.name, json.loads(call.arguments)) for call in calls] == [
        ("opening_hours", {"place": "the spa, and its pool"})
    ]


def test_without_passages_the_model_refuses_and_tells_what_it_used(providers):
    got = played(chunks(providers))
    said = "".join(chunk.delta.content or "" for chunk in got if chunk.delta)
    assert said == "I am sorry, I have nothing written about that."
    assert got[-1].usage.completion_tokens > 5


@pytest.mark.parametrize(
    ("fault", "status"), [({"kind": "rate_limit"}, 429), ({"kind": "broken"}, 500), ({"kind": "refuse"}, None)]
)
def test_a_fault_at_the_door_looks_to_the_plugin_like_a_real_one(providers, fault, status):
    providers.model.control(fault=fault)
    with pytest.raises(APIError) as raised:
        played(chunks(providers))
    assert getattr(raised.value, "status_code", None) == status


def test_too_many_requests_are_told_when_to_come_again(providers):
    providers.model.control(fault={"kind": "rate_limit", "retry_after": 7})
    with pytest.raises(urllib.error.HTTPError) as raised:
        urllib.request.urlopen(f"{providers.model.base_url}/models")
    assert raised.value.headers["Retry-After"] == "7"


def test_a_call_that_nobody_answered_is_refused_as_the_real_one_refuses_it(providers):
    function = {"name": "opening_hours", "arguments": "{}"}
    call = {"role": "assistant", "content": None, "tool_calls": [{"id": "a", "type": "function", "function": function}]}
    body = {"model": "x", "stream": True, "messages": [call, {"role": "user", "content": "Well?"}]}

    async def ask():
        headers = {"Authorization": "Bearer x"}
        async with aiohttp.request(
            "POST", f"{providers.model.base_url}/chat/completions", json=body, headers=headers
        ) as response:
            return response.status

    assert played(ask()) == 400
    assert providers.model.problems == ["a tool call that was not answered: a"]
    providers.model.control(reset=True)


# The voice


@pytest.mark.parametrize("encoding", ["mp3_22050_32", "pcm_24000"])
def test_a_text_is_spoken_with_the_time_of_each_word(providers, encoding):
    text = "The pool opens at seven. Breakfast is on the roof."
    providers.voice.control(delays={"times_real_time": 20.0})

    async def speak() -> tuple[float, list]:
        async with http_context.open():
            voice = elevenlabs.TTS(api_key="simulated", base_url=providers.voice.base_url, encoding=encoding)
            async with voice.stream(conn_options=ONCE) as stream:
                stream.push_text(text)
                stream.end_input()
                got = [audio.frame async for audio in stream]
            await voice.aclose()
        words = [word for frame in got for word in frame.userdata.get(USERDATA_TIMED_TRANSCRIPT, [])]
        return sum(frame.duration for frame in got), words

    seconds, words = played(speak())
    assert "".join(words).split() == text.split()
    starts = [word.start_time for word in words]
    assert starts == sorted(starts)
    assert 1.5 < starts[-1] < seconds < 6


# Control


def test_settings_that_make_no_sense_are_refused_and_change_nothing(providers):
    url = providers.model.control_url
    for body, complaint in [
        ({"delay": {}}, "delay cannot be set here"),
        ({"delays": {"first_tokens": 1}}, "delays has no first_tokens"),
        ({"delays": {"first_token": "soon"}}, "delays.first_token is 'soon'"),
        ({"delays": {"first_token": -1}}, "delays.first_token is negative"),
        ({"delays": {"first_token": 9}, "fault": {"kind": "flood"}}, "fault.kind is 'flood'"),
        ({"script": [{"when": "("}]}, "no regular expression"),
        ([], "send a JSON object"),
    ]:
        status, told = post(url, body)
        assert status == 400
        assert complaint in told["error"]
    assert providers.model.delays.first_token == 0.05


def test_another_process_can_set_delays_and_read_what_was_asked(providers):
    status, told = post(providers.model.control_url, {"delays": {"first_token": 0.2, "jitter": 0.1, "seed": 3}})
    assert status == 200
    played(chunks(providers))
    with urllib.request.urlopen(providers.model.control_url) as response:
        told = json.load(response)
    turn = told["turns"][0]
    assert turn["first_token_at"] - turn["asked_at"] >= 0.2
    assert told["requests"][0]["model"] == "gpt-4.1-mini"


def test_the_same_seed_gives_the_same_jitter():
    first, second = (Delays(jitter=0.2, seed=5).dice() for _ in range(2))
    assert [first(0.1) for _ in range(5)] == [second(0.1) for _ in range(5)]
    assert len({first(0.1) for _ in range(5)}) == 5


def test_what_was_not_simulated_fails_the_test_that_asked_for_it():
    model = OpenAI()

    def ask_for_audio():
        with running(model):
            assert post(f"{model.base_url}/audio", {})[0] == 404

    with pytest.raises(AssertionError, match="POST /v1/audio is not simulated"):
        ask_for_audio()


def test_every_field_of_a_message_can_be_garbled():
    message = {"a": [{"b": 1}], "c": None}
    assert list(paths_of(message)) == ["a", "a.0", "a.0.b", "c"]
    assert garbled(message, "a.0.b", "x") == {"a": [{"b": "x"}], "c": None}
    assert garbled(message, "a.0.b") == {"a": [{}], "c": None}
    assert message["a"][0]["b"] == 1


def test_the_defaults_are_those_of_the_bench():
    assert Delays() == Delays(
        interim=0.1, final=0.15, first_token=0.4, tokens_per_second=80, first_byte=0.15, times_real_time=2, jitter=0
    )
    assert Deepgram().delays == Delays()


# docs/simulators.md

ROOT = Path(__file__).resolve().parents[2]
DOCS = (ROOT / "docs/simulators.md").read_text()
SIMULATORS = {"ears": Deepgram, "model": OpenAI, "voice": ElevenLabs}


def test_every_setting_delay_and_fault_is_in_the_docs():
    rows = set(re.findall(r"^\| `(\w+)` \|", DOCS, re.MULTILINE))
    settings = {name for simulator in SIMULATORS.values() for name in simulator().settings()}
    assert rows == settings | {field.name for field in fields(Delays)} | set(KINDS)
    for field in fields(Delays):
        assert f"| `{field.name}` | {field.default} |" in DOCS


@pytest.mark.parametrize(("name", "example"), re.findall(r"```json (\w+)\n(.+?)\n```", DOCS, re.DOTALL))
def test_every_example_of_the_docs_is_understood(name, example):
    SIMULATORS[name]().control(**json.loads(example))


def test_the_patience_of_the_docs_is_that_of_the_code():
    assert f"{second_ear.WORDS_WITHIN} s after the end of speech" in DOCS
    assert f"{second_ear.LAST_WORDS_WITHIN} s after it when the last ones did not" in DOCS
    assert f"{pipeline.LLM_PATIENCE} s without a token" in DOCS
    assert f"{second_voice.PATIENCE} s without sound" in DOCS
    assert trouble.MOST_TROUBLES == 3


def test_the_lines_to_paste_are_settings():
    names = {line.partition("=")[0] for line in lines("a", "b", "c") if not line.startswith("#")}
    assert len(names) == 7
    assert names <= set(
        re.findall(r"^#?(\w+)=", (Path(__file__).resolve().parents[2] / ".env.example").read_text(), re.M)
    )
