"""A visitor who spoke but was not understood is told so, instead of being left waiting."""

from __future__ import annotations

from livekit.agents import AgentSession, UserTranscriptionTimeoutEvent

from agent_worker.conversation import Conversation
from agent_worker.phrases import phrase

SHORTEST_WORDS = 0.6  # seconds of speech; less is a cough


def admit_not_understanding(session: AgentSession[Conversation]) -> None:
    @session.on("user_transcription_timeout")
    def not_understood(event: UserTranscriptionTimeoutEvent) -> None:
        conversation = session.userdata
        is_listened_to = not conversation.is_closing and not conversation.is_silent
        if event.speech_duration >= SHORTEST_WORDS and is_listened_to:
            session.say(phrase(conversation.language, "not_understood"))
