"""One turn of the real agent in text: same agent, tools, search and model as in a call, without a room."""

from __future__ import annotations

import time
from datetime import datetime

from asgiref.sync import async_to_sync
from livekit.agents.voice.run_result import RunResult

from agent_worker.agent import Concierge
from agent_worker.conversation import Conversation, rows
from agent_worker.facts import load_facts
from agent_worker.pipeline import build_session
from concierge.models import Venue
from voice.answering import Answer, register


@async_to_sync
async def ask(venue: Venue, question: str, language: str, at: datetime | None = None) -> Answer:
    conversation = Conversation(venue=venue, language=language, at=at)
    facts = await rows(load_facts, venue, language, at)
    async with build_session(venue, language, userdata=conversation, text_only=True) as session:
        await session.start(Concierge(facts), session_host=False, record=False)
        began = time.perf_counter()
        result: RunResult[None] = await session.run(user_input=question, input_modality="text")
        ms = (time.perf_counter() - began) * 1000
        said = " ".join(
            event.item.text_content or ""
            for event in result.events
            if event.type == "message" and event.item.role == "assistant"
        ).strip()
        citations, is_answered = conversation.grounds_of(said)
        called = [event.item.name for event in result.events if event.type == "function_call"]
    return Answer(
        text=said,
        citations=tuple(dict.fromkeys(hit.article for hit, _ in citations)),
        is_answered=is_answered,
        tools=("search_knowledge", *(name for name in called if name != "search_knowledge")),
        ms=round(ms, 1),
        search_ms=round(conversation.search_ms, 1),
        hits=tuple(conversation.hits),
    )


register(ask)
