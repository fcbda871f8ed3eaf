"""A call without a room on simulated providers: a visitor who asks one thing, and what became of it."""

import asyncio
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib import import_module
from types import SimpleNamespace

import livekit.plugins.deepgram
import livekit.plugins.elevenlabs
import livekit.plugins.openai  # noqa: F401  # plugins register in the main thread
import numpy as np
from livekit import rtc
from livekit.agents import function_tool
from livekit.agents.utils import http_context
from livekit.agents.voice import TranscriptSynchronizer

from agent_worker.behaviors.trouble import admit_trouble
from agent_worker.conversation import Conversation
from agent_worker.giving_way import Attentive
from agent_worker.pipeline import build_session
from agent_worker.providers import whisper
from concierge.models import Venue
from tests.agent_worker.sound import RATE, Loudspeaker, Microphone, espeak_says, silence
from tests.simulators.deepgram import Deepgram
from tests.simulators.elevenlabs import ElevenLabs
from tests.simulators.openai import OpenAI

QUESTION = "How do I get to the swimming pool?"
ANSWER = "The pool on the roof opens at seven in the morning. Children swim until six."
PATIENCE = 20  # seconds for a turn, generous
ROOM = SimpleNamespace(room=SimpleNamespace(isconnected=lambda: False))  # the context of a job, for behaviours
SETTLED = 0.15  # seconds in which nothing more happens: the turn is over


@dataclass
class Providers:
    ears: Deepgram
    model: OpenAI
    voice: ElevenLabs

    def all(self):
        return self.ears, self.model, self.voice


@dataclass
class Outcome:
    visitor: list[str] = field(default_factory=list)
    agent: list[str] = field(default_factory=list)
    states: list[str] = field(default_factory=list)
    sound: list[rtc.AudioFrame] = field(default_factory=list)
    ended: str = ""

    @property
    def said(self) -> str:
        return " ".join(self.agent)

    def words_heard(self) -> str:
        """What came out of the loudspeaker, by Whisper's ear."""
        samples = whisper.samples_of(rtc.combine_audio_frames(self.sound))
        return whisper.load(whisper.model_for("en")).hear(samples, "en").text.lower()


class Pool(Attentive):
    """An agent of the usual kind: its model searches by a tool."""

    def __init__(self, **how):
        super().__init__(instructions="Be kind.", **how)

    @function_tool
    async def search_knowledge(self, question: str) -> str:
        """Search."""
        sentences = [[sentence.strip(), 0.9] for sentence in ANSWER.split(". ")]
        sentences[0][0] += "."
        passage = {"title": "Pool", "language": "en", "sentences": sentences, "confidence": 0.9}
        return json.dumps({"found": True, "passages": [passage]})


class Scene:
    """`providers` are None where the models that run here hear, think and speak."""

    def __init__(
        self,
        venue: Venue,
        providers: Providers | None,
        *,
        aloud: bool,
        agent: Attentive | None = None,
        behaviors: Sequence[Callable[..., None]] = (),
    ):
        self.outcome = Outcome()
        self.providers = providers
        self.aloud = aloud
        self.agent = agent or Pool()
        self.venue = venue
        self.behaviors = behaviors

    async def __aenter__(self):
        if self.aloud:
            import_module("scipy.signal")  # two seconds, in which the call's first connections would time out
        self._http = http_context.open()
        await self._http.__aenter__()
        conversation = Conversation(venue=self.venue, language="en")
        self.session = build_session(self.venue, "en", userdata=conversation, text_only=not self.aloud)
        admit_trouble(ROOM, self.session)
        self.session.on("conversation_item_added", self._said)
        self.session.on("agent_state_changed", lambda event: self.outcome.states.append(event.new_state))
        for attach in self.behaviors:
            attach(self.session)
        self.microphone, self.loudspeaker = Microphone(), Loudspeaker()
        # As in a room: words come with the sound, and of an answer that is broken off those are kept that were heard.
        self.captions = TranscriptSynchronizer(next_in_chain_audio=self.loudspeaker, next_in_chain_text=None)
        if self.aloud:
            self.session.input.audio, self.session.output.audio = self.microphone, self.captions.audio_output
            self.session.output.transcription = self.captions.text_output
        await self.session.start(self.agent, session_host=False, record=False)
        return self

    async def __aexit__(self, *_):
        self.outcome.ended = self.session.userdata.ended
        self.outcome.sound = self.loudspeaker.heard
        await self.session.aclose()
        await self.captions.aclose()
        await self._http.__aexit__(None, None, None)

    def _said(self, event):
        text = (event.item.text_content or "").strip() if event.item.type == "message" else ""
        if text:
            (self.outcome.visitor if event.item.role == "user" else self.outcome.agent).append(text)

    async def speak(self, samples: np.ndarray, text: str = QUESTION):
        if self.providers:
            self.providers.ears.control(script=[{"text": text, "seconds": len(samples) / RATE}])
        await self.microphone.say(np.concatenate([silence(0.3), samples]))

    async def type(self, text: str = QUESTION):
        self.session.generate_reply(user_input=text, input_modality="text")

    async def until(self, is_so: Callable[[], object]):
        async with asyncio.timeout(PATIENCE):
            while not is_so():
                await asyncio.sleep(0.02)

    async def until_answered(self, answers: int = 1):
        """Until the agent has said so many things, and then is neither thinking nor speaking."""
        async with asyncio.timeout(PATIENCE):
            await self.until(lambda: len(self.outcome.agent) >= answers)
            quiet_since = asyncio.get_running_loop().time()
            while asyncio.get_running_loop().time() - quiet_since < SETTLED:
                await asyncio.sleep(0.02)
                if self.session.agent_state in ("thinking", "speaking"):
                    quiet_since = asyncio.get_running_loop().time()


def played(work):
    """Run a coroutine in a thread: browser tests of the same run keep an event loop in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


def question_aloud(folder) -> np.ndarray:
    return espeak_says(QUESTION, folder)
