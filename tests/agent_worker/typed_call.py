"""A typed call without a server. The agent, its session and the signatures are real; the room is small."""

import asyncio
from types import SimpleNamespace

from livekit import rtc
from livekit.agents import AgentSession

from agent_worker.agent import Concierge
from agent_worker.behaviors.happenings import show_happenings
from agent_worker.behaviors.ringing import ring_until_somebody_comes
from agent_worker.behaviors.steering import obey_staff
from agent_worker.behaviors.transcript import StaffCaptions, record_transcript
from agent_worker.behaviors.typing import answer_typed
from agent_worker.conversation import Conversation, rows
from agent_worker.facts import load_facts
from voice import steering

PATIENCE = 30  # seconds for an answer, generous


class Room(rtc.EventEmitter):
    """A room as the agent sees it: who is in it, what the agent shows of itself, and orders that come in."""

    def __init__(self):
        super().__init__()
        self.remote_participants = {}
        self.shown = {}
        self.local_participant = self
        self.chat = None

    def isconnected(self):
        return True

    async def set_attributes(self, attributes):
        self.shown |= attributes

    def register_text_stream_handler(self, topic, handler):
        self.chat = handler


class Typed:
    def __init__(self, text):
        self.text = text

    async def __aiter__(self):
        yield self.text

    def close(self):
        pass


class Scene:
    """A typed call with the orders of its staff."""

    def __init__(self, call, model, *, language="en"):
        self.call, self.model, self.room, self.language = call, model, Room(), language
        self.visitor = SimpleNamespace(identity=call.visitor_identity)
        self.room.remote_participants[call.visitor_identity] = self.visitor
        self.callbacks = []
        self.speeches = []

    async def __aenter__(self):
        facts = await rows(load_facts, self.call.venue, self.language)
        self.conversation = Conversation(venue=self.call.venue, language=self.language, call=self.call)
        self.conversation.reachable.set()
        self.session = AgentSession(llm=self.model, userdata=self.conversation)
        self.session.on("speech_created", lambda event: self.speeches.append(event.speech_handle))
        ctx = SimpleNamespace(room=self.room, add_shutdown_callback=self.callbacks.append)
        record_transcript(ctx, self.session, StaffCaptions(self.call))
        obey_staff(ctx, self.session)
        show_happenings(ctx, self.session)
        ring_until_somebody_comes(ctx, self.session)
        answer_typed(ctx, self.session)
        await self.session.start(Concierge(facts), record=False, session_host=False)
        return self

    async def __aexit__(self, *error):
        await self.session.aclose()
        for finish in self.callbacks:
            await finish()

    async def order(self, verb, *, participant=None, **details):
        message = steering.signed(self.call.pk, verb, details)
        packet = SimpleNamespace(topic=steering.TOPIC, participant=participant, data=message)
        self.room.emit("data_received", packet)
        await self.settle()

    async def ask(self, question):
        """Type a question, and wait for the answer if one is to come."""
        answered = asyncio.Event()

        @self.session.on("conversation_item_added")
        def added(event):
            if event.item.role == "assistant" or self.conversation.is_silent:
                answered.set()

        self.room.chat(Typed(question), self.call.visitor_identity)
        await asyncio.wait_for(answered.wait(), PATIENCE)
        self.session.off("conversation_item_added", added)
        await self.settle()

    async def settle(self):
        """Until nothing is under way and all is said. Between a tool and the answer nobody speaks for a moment."""
        async with asyncio.timeout(PATIENCE):
            await asyncio.sleep(0.02)
            while self.conversation._under_way or not all(speech.done() for speech in self.speeches):
                await asyncio.sleep(0.02)
