"""A visitor who spoke but was not understood is told so, instead of being left waiting."""

from __future__ import annotations

import time

from livekit.agents import (
    AgentFalseInterruptionEvent,
    AgentSession,
    ConversationItemAddedEvent,
    UserTranscriptionTimeoutEvent,
)

from agent_worker.conversation import Conversation
from agent_worker.phrases import phrase

SHORTEST_WORDS = 0.6  # seconds of speech; less is a cough
MOST_IN_A_ROW = 2  # then it is not the visitor who is heard, but the place


def admit_not_understanding(session: AgentSession[Conversation]) -> None:
    said_so = 0
    went_on_at = 0.0

    @session.on("user_transcription_timeout")
    def not_understood(event: UserTranscriptionTimeoutEvent) -> None:
        nonlocal said_so
        conversation = session.userdata
        is_listened_to = not conversation.is_closing and not conversation.is_silent
        # While it spoke the agent took the sound for a nod or for noise, and went on.
        was_passed_over = event.vad_speech_started_at < went_on_at or session.agent_state in ("speaking", "thinking")
        if event.speech_duration < SHORTEST_WORDS or not is_listened_to or was_passed_over:
            return
        if said_so < MOST_IN_A_ROW:
            said_so += 1
            session.say(phrase(conversation.language, "not_understood"))

    @session.on("agent_false_interruption")
    def went_on(_: AgentFalseInterruptionEvent) -> None:
        nonlocal went_on_at
        went_on_at = time.time()

    @session.on("conversation_item_added")
    def understood(event: ConversationItemAddedEvent) -> None:
        nonlocal said_so
        if event.item.type == "message" and event.item.role == "user":
            said_so = 0
