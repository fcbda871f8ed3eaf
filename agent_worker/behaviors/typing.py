"""A typed question takes the same road as a spoken one, in the same conversation.

A handler of our own in place of RoomIO's, which drops what arrives before it has noticed the visitor, and reads texts
of any length to the end.
"""

from __future__ import annotations

from livekit import rtc
from livekit.agents import AgentSession, JobContext, llm

from agent_worker.behaviors.language import notice
from agent_worker.conversation import Conversation
from agent_worker.holding import keep

CHAT = "lk.chat"
LONGEST_QUESTION = 500  # characters; the page stops there too, but anybody can send anything
MOST_READ = 10 * LONGEST_QUESTION


def answer_typed(ctx: JobContext, session: AgentSession[Conversation]) -> None:
    call = session.userdata.call
    assert call is not None

    def received(reader: rtc.TextStreamReader, identity: str) -> None:
        if identity == call.visitor_identity:
            session.userdata.in_background(answer(reader))
        else:
            reader.close()

    async def answer(reader: rtc.TextStreamReader) -> None:
        text = ""
        try:
            async for piece in reader:
                text += piece
                if len(text) > MOST_READ:
                    break
        finally:
            reader.close()
        await session.userdata.until_reachable()
        question = cut(text)
        if not question or session.userdata.is_closing:
            return
        if session.userdata.is_silent:
            await keep(session, llm.ChatMessage(role="user", content=[question]))
        else:
            notice(ctx, session, question)
            await session.interrupt(force=True)  # a question counts for more than any sentence of ours
            session.userdata.is_cut = len(question) < len(" ".join(text.split()))
            session.generate_reply(user_input=question, input_modality="text")

    ctx.room.register_text_stream_handler(CHAT, received)


def cut(text: str) -> str:
    """At most LONGEST_QUESTION characters, ending with a whole word."""
    text = " ".join(text.split())
    if len(text) <= LONGEST_QUESTION:
        return text
    return text[:LONGEST_QUESTION].rsplit(" ", 1)[0]
