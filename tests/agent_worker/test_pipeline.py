import asyncio
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from django.core.exceptions import ImproperlyConfigured
from livekit import rtc
from livekit.agents import Agent, function_tool, llm

from agent_worker import pipeline
from agent_worker.pipeline import Profile, build_session, chosen_profile, names_of, rough_languages, spoken_languages
from agent_worker.providers import espeak, speaking, whisper
from agent_worker.providers.engines import AtOnce, Lane, loaded_once
from agent_worker.providers.second_ear import waited
from agent_worker.providers.voices import local_tts
from concierge.models import Venue
from tests.agent_worker.sound import RATE, Loudspeaker, Microphone, espeak_says, silence

KEYS = ("DEEPGRAM_API_KEY", "OPENAI_API_KEY", "ELEVEN_API_KEY")


@pytest.fixture
def keys(settings):
    for key in KEYS:
        setattr(settings, key, "secret")
    settings.PROFILE = "auto"


def built(venue: Venue, language: str = "en", **options):
    """The stages of a session, built on an event loop as in a call."""

    async def build():
        session = build_session(venue, language, userdata=None, **options)
        stages = session.stt, session.llm, session.tts
        await session.aclose()
        return stages

    return asyncio.run(build())


# Profiles


def test_all_three_keys_make_the_profile_cloud(keys):
    assert chosen_profile() is Profile.CLOUD


@pytest.mark.parametrize("missing", KEYS)
def test_a_missing_key_makes_it_local(keys, settings, missing):
    setattr(settings, missing, "")
    assert chosen_profile() is Profile.LOCAL


def test_cloud_without_its_keys_stops_and_names_them(settings):
    settings.PROFILE = "cloud"
    settings.OPENAI_API_KEY = "secret"
    with pytest.raises(ImproperlyConfigured, match="DEEPGRAM_API_KEY and ELEVEN_API_KEY are not set"):
        chosen_profile()


def test_local_may_be_chosen_in_spite_of_keys(keys, settings):
    settings.PROFILE = "local"
    assert chosen_profile() is Profile.LOCAL


def test_arabic_is_heard_and_spoken_here_but_roughly():
    heard, spoken = spoken_languages(Profile.LOCAL)
    assert {"en", "ar"} <= heard & spoken
    assert "ar" in rough_languages(Profile.LOCAL)
    assert "en" not in rough_languages(Profile.LOCAL)
    assert rough_languages(Profile.CLOUD) == frozenset()


def test_without_espeak_arabic_is_captions_only(somewhere, monkeypatch):
    monkeypatch.setattr(espeak, "languages", frozenset)
    pipeline.spoken_languages.cache_clear()
    try:
        assert "ar" not in spoken_languages(Profile.LOCAL)[1]
    finally:
        pipeline.spoken_languages.cache_clear()
    assert built(somewhere, "ar")[2] is None


@pytest.mark.parametrize(
    ("profile", "greeting"),
    [(Profile.LOCAL, "Welcome to the house of a thousand lamps."), (Profile.CLOUD, "Welcome to the house of clouds.")],
)
def test_what_runs_here_is_ready_before_the_first_call_also_as_the_second_choice(monkeypatch, profile, greeting):
    ready = []
    monkeypatch.setattr(whisper, "warm", ready.append)
    monkeypatch.setattr(pipeline, "shared_client", lambda: None)
    pipeline.warm(profile, {"en": [greeting]})
    assert ready == ["en"]
    monkeypatch.setattr(speaking, "_render", lambda *_: pytest.fail("it was rendered only now"))
    assert speaking.speak(greeting, local_tts("en").voices).pcm


def test_a_cloud_worker_starts_without_what_runs_here(monkeypatch):
    def missing(language):
        raise whisper.ModelIsMissing("no model")

    monkeypatch.setattr(whisper, "warm", missing)
    monkeypatch.setattr(pipeline, "shared_client", lambda: None)
    pipeline.warm(Profile.CLOUD, {"en": []})
    with pytest.raises(whisper.ModelIsMissing):
        pipeline.warm(Profile.LOCAL, {"en": []})


# Stages


def test_a_local_session_needs_no_key(somewhere):
    ears, model, voice = built(somewhere)
    assert (ears.model, model.model, voice.model) == ("whisper-tiny.en", "extractive", "hibari-heart")


def test_cloud_stages_take_the_venues_choices_and_fall_back_to_local_ones(somewhere, keys, settings):
    settings.OPENAI_BASE_URL = "http://127.0.0.1:9/v1"
    settings.ELEVEN_BASE_URL = "http://127.0.0.1:9/eleven"
    settings.DEEPGRAM_BASE_URL = "http://127.0.0.1:9/listen"
    somewhere.voice = {"tts_voice": "a-voice", "stt_model": "nova-3-medical"}
    ears, model, voice = built(somewhere, names=["Zaatar"])
    assert isinstance(model, llm.FallbackAdapter)
    assert [ears.first.model, ears.second.model] == ["nova-3-medical", "whisper-tiny.en"]
    assert [stage.model for stage in model._llm_instances] == [settings.CLOUD_LLM_MODEL, "extractive"]
    assert [voice.first.model, voice.second.model] == ["eleven_flash_v2_5", "hibari-heart"]
    assert voice.first.voice._opts.voice_id == "a-voice"


def test_when_the_cloud_model_is_away_the_local_one_answers(somewhere, keys, settings):
    settings.OPENAI_BASE_URL = "http://127.0.0.1:9/v1"

    async def ask() -> str:
        async with build_session(somewhere, "en", userdata=None, text_only=True) as session:
            await session.start(Agent(instructions="Be kind."), session_host=False, record=False)
            result = await session.run(user_input="Are you a robot?", input_modality="text")
            return next(event.item.text_content for event in result.events if event.type == "message")

    assert "not a person" in asyncio.run(ask())


def test_a_typed_conversation_loads_no_speech(somewhere, monkeypatch):
    monkeypatch.setattr(whisper, "model_for", lambda language: pytest.fail("a model was looked for"))
    ears, _, voice = built(somewhere, text_only=True)
    assert ears is None
    assert voice is None


def test_the_names_of_a_venue_are_those_of_its_places_and_subjects(palm):
    from tests.factories import create_article

    palm.hours.create(slug="spa", names={"en": "Saffron Spa"}, rules="10:00-22:00")
    create_article(venue=palm, title="Kaito restaurant", body="Sushi from noon.")
    assert names_of(palm, "en") == ["Palm Court", "Saffron Spa", "Kaito restaurant"]


# Engines


def test_an_engine_is_loaded_once_for_all_threads():
    loads: list[str] = []

    @loaded_once
    def load(name: str) -> object:
        time.sleep(0.05)
        loads.append(name)
        return object()

    got: list[object] = []
    threads = [threading.Thread(target=lambda: got.append(load("a"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert loads == ["a"]
    assert len(set(map(id, got))) == 1


def test_an_engine_that_failed_to_load_is_tried_again():
    tries = iter([RuntimeError("no memory"), None])

    @loaded_once
    def load() -> str:
        if error := next(tries):
            raise error
        return "engine"

    with pytest.raises(RuntimeError):
        load()
    assert load() == "engine"


def test_a_lane_serves_first_come_first_served_across_event_loops():
    lane, done = Lane("test", 1), []
    gate, is_in_line = threading.Event(), threading.Semaphore(0)

    async def visit(name: str) -> None:
        turn = asyncio.create_task(lane.run(lambda: (gate.wait(), done.append(name))))
        await asyncio.sleep(0)  # its first step takes it to the lane
        is_in_line.release()
        await turn

    visitors = [threading.Thread(target=asyncio.run, args=(visit(name),)) for name in "abc"]
    for visitor in visitors:
        visitor.start()
        assert is_in_line.acquire(timeout=10)
    assert not lane.is_free
    gate.set()
    for visitor in visitors:
        visitor.join()
    assert done == ["a", "b", "c"]
    assert lane.is_free


def test_work_that_is_called_off_before_its_turn_is_never_begun():
    lane, done, gate = Lane("test", 1), [], threading.Event()

    async def visit() -> None:
        first = asyncio.create_task(lane.run(gate.wait))
        second = asyncio.create_task(lane.run(lambda: done.append("second")))
        await asyncio.sleep(0)  # their first step takes them to the lane
        second.cancel()
        await asyncio.wait([second])
        gate.set()
        await first

    asyncio.run(visit())
    assert done == []
    assert lane.is_free


# The whole road, without a room


@pytest.mark.voice
def test_a_spoken_question_is_answered_aloud(somewhere, tmp_path):
    answer = "The swimming pool on the roof opens at seven in the morning."
    asked: list[str] = []

    @function_tool
    async def search_knowledge(question: str) -> str:
        """Search."""
        asked.append(question)
        passage = {"title": "Pool", "language": "en", "sentences": [[answer, 0.9]], "confidence": 0.9}
        return json.dumps({"found": True, "passages": [passage]})

    async def call() -> list[rtc.AudioFrame]:
        session = build_session(somewhere, "en", userdata=None, names=["Palm Court"])
        microphone, loudspeaker = Microphone(), Loudspeaker()
        session.input.audio, session.output.audio = microphone, loudspeaker
        await session.start(Agent(instructions="Be kind.", tools=[search_knowledge]), session_host=False, record=False)
        spoken = asyncio.Event()
        session.on("conversation_item_added", lambda event: event.item.role == "assistant" and spoken.set())
        await microphone.say(
            np.concatenate([silence(0.3), espeak_says("How do I get to the swimming pool?", tmp_path)])
        )
        await asyncio.wait_for(spoken.wait(), 20)
        await session.aclose()
        return loudspeaker.heard

    pipeline.warm(Profile.LOCAL, {"en": ["Welcome to Palm Court."]})
    with ThreadPoolExecutor(1) as thread:  # the browser tests of the same run keep an event loop in this one
        heard = rtc.combine_audio_frames(thread.submit(asyncio.run, call()).result())
    assert "swimming pool" in asked[0].lower()
    words = whisper.load(whisper.model_for("en")).hear(whisper.samples_of(heard), "en").text.lower()
    assert "roof" in words
    assert "seven" in words or "7" in words
    assert len(heard.data) / heard.sample_rate > 2
    assert RATE == whisper.SAMPLE_RATE


def test_an_ear_is_given_the_time_in_which_the_whole_process_was_held_up():
    async def scene():
        waiting = asyncio.create_task(waited(0.4))
        await asyncio.sleep(0)
        time.sleep(0.6)  # nothing is read meanwhile, be it here for long
        await asyncio.sleep(0.05)
        was_over = waiting.done()
        await waiting
        return was_over

    assert not asyncio.run(scene())


def test_an_ear_is_given_more_time_on_a_loop_that_is_always_late_but_not_for_ever():
    async def scene():
        loop = asyncio.get_running_loop()
        began = loop.time()
        waiting = asyncio.create_task(waited(0.4))
        while not waiting.done():
            await asyncio.sleep(0)
            time.sleep(0.045)
        return loop.time() - began

    assert 1.0 < asyncio.run(scene()) < 2.5


def test_small_work_is_done_where_it_is_asked_for_and_so_are_its_errors():
    async def scene():
        loop = asyncio.get_running_loop()
        with pytest.raises(ZeroDivisionError):
            await loop.run_in_executor(AtOnce(), lambda: 1 / 0)
        return await loop.run_in_executor(AtOnce(), threading.get_ident)

    assert asyncio.run(scene()) == threading.get_ident()


def test_what_small_work_comes_to_is_there_before_anything_else_has_its_turn():
    async def scene():
        done = []
        asyncio.get_running_loop().call_soon(done.append, "another's turn")
        done.append(await asyncio.get_running_loop().run_in_executor(AtOnce(), lambda: "the result"))
        return list(done)

    assert asyncio.run(scene()) == ["the result"]


def test_calls_of_the_shared_loop_share_their_connection_to_the_model_and_others_have_their_own(
    somewhere, providers, monkeypatch
):
    async def clients():
        sessions = [build_session(somewhere, "en", userdata=None, text_only=True) for _ in range(2)]
        found = [session.llm._llm_instances[0]._client for session in sessions]
        for session in sessions:
            await session.aclose()
        return found

    pipeline.shared_client.cache_clear()
    own = asyncio.run(clients())
    assert own[0] is not own[1]
    monkeypatch.setattr(pipeline, "is_shared", lambda: True)
    shared = asyncio.run(clients())
    assert shared[0] is shared[1]
    assert not shared[0].is_closed()
    pipeline.shared_client.cache_clear()
