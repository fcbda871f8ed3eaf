"""Staff see between the turns what the agent did: tools that it called, what failed, how good the visitor's line is."""

from __future__ import annotations

from livekit import rtc
from livekit.agents import (
    AgentSession,
    ConversationItemAddedEvent,
    ErrorEvent,
    FunctionToolsExecutedEvent,
    JobContext,
    llm,
    stt,
    tts,
)

from agent_worker.conversation import Conversation, rows
from agent_worker.phrases import languages, phrase
from voice.models import Happening

QUALITIES: dict[rtc.ConnectionQuality, str] = {
    rtc.ConnectionQuality.QUALITY_EXCELLENT: "excellent",
    rtc.ConnectionQuality.QUALITY_GOOD: "good",
    rtc.ConnectionQuality.QUALITY_POOR: "poor",
    rtc.ConnectionQuality.QUALITY_LOST: "poor",
}
STAGES = ((stt.STT, "stt"), (llm.LLM, "llm"), (tts.TTS, "tts"))


def show_happenings(ctx: JobContext, session: AgentSession[Conversation]) -> None:
    call = session.userdata.call
    assert call is not None
    conversation = session.userdata

    @session.on("function_tools_executed")
    def executed(event: FunctionToolsExecutedEvent) -> None:
        for called, output in event.zipped():
            kind = Happening.Kind.ERROR if output.is_error else Happening.Kind.TOOL
            text = output.output if output.is_error else called.arguments
            ms = max(0, round((output.created_at - called.created_at) * 1000))
            conversation.in_background(rows(call.add_happening, kind, called.name, text, ms=ms))

    @session.on("error")
    def failed(event: ErrorEvent) -> None:
        stage = next((name for kind, name in STAGES if isinstance(event.source, kind)), type(event.source).__name__)
        error = getattr(event.error, "error", event.error)
        conversation.in_background(rows(call.add_happening, Happening.Kind.ERROR, stage, str(error)))

    @session.on("conversation_item_added")
    def said(event: ConversationItemAddedEvent) -> None:
        # Told with the words, not when they are made: an answer that was begun ahead may never be said.
        item, reason = event.item, conversation.held_back
        if reason and item.type == "message" and item.role == "assistant" and stands_in(item.text_content or ""):
            conversation.in_background(rows(call.add_happening, Happening.Kind.ERROR, "held_back", reason))

    @ctx.room.on("connection_quality_changed")
    def quality_changed(participant: rtc.Participant, quality: rtc.ConnectionQuality) -> None:
        if participant.identity == call.visitor_identity and quality in QUALITIES:
            conversation.in_background(rows(call.show_connection, QUALITIES[quality]))


def stands_in(text: str) -> bool:
    """Was this said in the place of something that was held back?"""
    return any(phrase(language, "held_back") in text for language in languages())
