"""Each thing said is stored when it is said, in order, and shown to the staff while it is being said.

A queue and one writer keep the order; whatever is in it when the call ends is written before the job may end.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from livekit.agents import (
    AgentSession,
    AgentStateChangedEvent,
    ConversationItemAddedEvent,
    JobContext,
    UserInputTranscribedEvent,
    llm,
)
from livekit.agents.voice import SpeechHandle
from livekit.agents.voice.io import TextOutput

from agent_worker.behaviors.ear import listen_to_the_ear
from agent_worker.behaviors.sources import show_confirmed, show_sources
from agent_worker.behaviors.staff_voice import write_down_staff
from agent_worker.conversation import Conversation, rows
from agent_worker.languages import asked_for
from agent_worker.providers.intents import is_courtesy
from voice import live
from voice.models import Call, Turn

logger = logging.getLogger(__name__)

INTERIM_SECONDS = 0.25  # at most four a second a call
SPEAKERS = {"user": Turn.Speaker.VISITOR, "assistant": Turn.Speaker.AGENT}


def record_transcript(ctx: JobContext, session: AgentSession[Conversation], captions: StaffCaptions) -> None:
    call = session.userdata.call
    assert call is not None
    work: asyncio.Queue[Callable[[], Any]] = asyncio.Queue()
    last_question: dict[str, float] = {}
    ear = listen_to_the_ear(ctx, session, work.put_nowait)

    @session.on("conversation_item_added")
    def said(event: ConversationItemAddedEvent) -> None:
        item = event.item
        if item.type != "message" or item.role not in SPEAKERS or not (item.text_content or "").strip():
            return
        conversation = session.userdata
        if item.role == "user":
            last_question.clear()
            if not conversation.is_silent:  # what staff answer is no answer of the agent
                last_question.update(stages_of_question(item))
            work.put_nowait(visitor_turn(call, item, conversation.language))
        elif conversation.is_staff_line(item):
            captions.forget()
            ear.said_something_else()
            work.put_nowait(staff_turn(call, item))
            conversation.in_background(show_confirmed(ctx, answer=item.id))
        else:
            captions.forget()
            question = {} if goes_on(session.current_speech, item) else last_question
            turn = agent_turn(conversation, item, question)
            if turn.metrics:
                ear.answered(turn, item.metrics.get("started_speaking_at") or item.created_at)
            else:
                ear.said_something_else()
            work.put_nowait(turn)
            question.clear()
            conversation.in_background(show_sources(ctx, turn.cited, answer=item.id))
            if turn.is_confirmed:
                conversation.in_background(show_confirmed(ctx, answer=item.id))

    @session.on("agent_state_changed")
    def state(event: AgentStateChangedEvent) -> None:
        if event.old_state == "speaking":
            captions.forget()  # an opener is no turn: the answer begins anew
        if event.new_state in ("listening", "thinking", "speaking"):
            work.put_nowait(lambda: call.show_agent_state(event.new_state))

    @session.on("user_input_transcribed")
    def heard(event: UserInputTranscribedEvent) -> None:
        if event.transcript and not event.is_final:
            captions.show(Turn.Speaker.VISITOR, event.transcript)

    async def write() -> None:
        while True:
            store = await work.get()
            try:
                await rows(store)
            except Exception:
                logger.exception("A turn of call %s was not stored", call.pk)
            finally:
                work.task_done()

    writer = asyncio.create_task(write(), name="transcript")
    finish_staff = write_down_staff(ctx, session, captions.show, work.put_nowait)

    async def finish() -> None:
        await finish_staff()
        await work.join()  # the last words count too
        writer.cancel()

    ctx.add_shutdown_callback(finish)


def visitor_turn(call: Call, item: llm.ChatMessage, language: str) -> Callable[[], Any]:
    said_at = moment(item.metrics.get("started_speaking_at") or item.created_at)
    text = (item.text_content or "").strip()
    return lambda: call.add_turn(Turn.Speaker.VISITOR, text, language=language, said_at=said_at)


def staff_turn(call: Call, item: llm.ChatMessage) -> Callable[[], Any]:
    """A line that staff typed and the agent's voice spoke."""
    said_at = moment(item.metrics.get("started_speaking_at") or item.created_at)
    text = (item.text_content or "").strip()
    return lambda: call.add_turn(Turn.Speaker.STAFF, text, said_at=said_at, is_interrupted=item.interrupted)


@dataclass
class AgentTurn:
    """A turn of the agent, ready to be stored: what it rested on is worked out while that is still known."""

    call: Call
    text: str
    language: str
    said_at: datetime
    metrics: dict[str, int]
    is_interrupted: bool
    is_answered: bool | None
    cited: list[tuple[Any, str]]
    is_confirmed: bool = False
    stored: Turn | None = None

    def __call__(self) -> None:
        self.stored = self.call.add_turn(
            Turn.Speaker.AGENT,
            self.text,
            language=self.language,
            said_at=self.said_at,
            metrics=self.metrics,
            is_interrupted=self.is_interrupted,
            is_answered=self.is_answered,
            is_confirmed=self.is_confirmed,
            citations=[(hit.version_id, passage, hit.confidence) for hit, passage in self.cited],
        )


def agent_turn(conversation: Conversation, item: llm.ChatMessage, question: dict[str, float]) -> AgentTurn:
    assert conversation.call is not None
    text = (item.text_content or "").strip()
    is_reply = bool(conversation.question_id) and bool(question)
    cited, is_answered = conversation.grounds_of(text) if is_reply else ([], None)
    is_confirmed = is_reply and conversation.pass_on(text)
    is_answered = is_answered or is_confirmed
    if not is_reply or (not is_answered and (misses_nothing(conversation.question) or conversation.held_back)):
        is_answered = None  # a greeting or a thank-you answers nothing, and misses nothing; no more does an attack
    metrics = stages_of_answer(item, question, conversation.search_ms) if is_reply else {}
    return AgentTurn(
        call=conversation.call,
        text=text,
        language=conversation.language,
        said_at=moment(item.metrics.get("started_speaking_at") or item.created_at),
        metrics=metrics,
        is_interrupted=item.interrupted,
        is_answered=is_answered,
        cited=cited,
        is_confirmed=is_confirmed,
    )


def goes_on(speech: SpeechHandle | None, said: llm.ChatMessage) -> bool:
    """Was a tool called with these words? Then the answer is still to come."""
    return speech is not None and any(
        item.type == "function_call" and item.name != "end_call" and item.created_at > said.created_at
        for item in speech.chat_items
    )


def misses_nothing(question: str) -> bool:
    """Was nothing asked that the venue could have written about?"""
    ask = asked_for(question)
    return is_courtesy(question) or (ask is not None and not ask.rest)


def stages_of_question(item: llm.ChatMessage) -> dict[str, float]:
    """Seconds from the end of speech; a typed question has none, so its own moment is kept to mark that it came."""
    metrics = item.metrics
    return {
        "asked_at": item.created_at,
        "end_of_turn": metrics.get("end_of_turn_delay", 0.0),
        "stt": metrics.get("transcription_delay", 0.0),
    }


def stages_of_answer(item: llm.ChatMessage, question: dict[str, float], search_ms: float) -> dict[str, int]:
    """Milliseconds by stage, as the server sees them."""
    metrics = item.metrics
    stages = {
        "end_of_turn_ms": question.get("end_of_turn", 0.0) * 1000,
        "stt_ms": question.get("stt", 0.0) * 1000,
        "search_ms": search_ms,
        "llm_ms": max(0.0, metrics.get("llm_node_ttft", 0.0) * 1000 - search_ms),
        "tts_ms": metrics.get("tts_node_ttfb", 0.0) * 1000,
        "total_ms": metrics.get("e2e_latency", 0.0) * 1000,
    }
    return {name: round(ms) for name, ms in stages.items() if ms > 0}


def moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, tz=UTC)


class StaffCaptions(TextOutput):
    """The agent's words as they are spoken, and the visitor's interim words, on their way to the staff's screens."""

    def __init__(self, call: Call) -> None:
        super().__init__(label="StaffCaptions", next_in_chain=None)
        self._call = call
        self._said = ""
        self._shown_at = 0.0

    async def capture_text(self, text: str) -> None:
        self._said += text
        self.show(Turn.Speaker.AGENT, self._said)

    def flush(self) -> None:
        pass

    def forget(self) -> None:
        """The turn is complete: what follows is another."""
        self._said = ""

    def show(self, speaker: str, text: str) -> None:
        now = time.monotonic()
        if now - self._shown_at >= INTERIM_SECONDS:
            self._shown_at = now
            live.show_interim(self._call, speaker, text)
