"""A typed question takes the same road as a spoken one, in the same conversation."""

from __future__ import annotations

from livekit.agents import AgentSession
from livekit.agents.voice.room_io import TextInputEvent

from agent_worker.conversation import Conversation

LONGEST_QUESTION = 500  # characters; the page stops there too, but anybody can send anything


async def answer_typed(session: AgentSession[Conversation], event: TextInputEvent) -> None:
    question = cut(event.text)
    if question and not session.userdata.is_closing:
        await session.interrupt()
        session.generate_reply(user_input=question, input_modality="text")


def cut(text: str) -> str:
    """At most LONGEST_QUESTION characters, ending with a whole word."""
    text = " ".join(text.split())
    if len(text) <= LONGEST_QUESTION:
        return text
    return text[:LONGEST_QUESTION].rsplit(" ", 1)[0]
