"""The one way a call ends from our side: say the last words, tell the page why, close the session and the room."""

from __future__ import annotations

import asyncio
import logging

from livekit.agents import AgentSession, JobContext

from agent_worker.conversation import Conversation, rows

logger = logging.getLogger(__name__)

ENDED = "concierge.ended"  # participant attribute that the page reads
LONGEST_GOODBYE_SECONDS = 8.0


async def hang_up(
    ctx: JobContext, session: AgentSession[Conversation], reason: str, *, last_words: str = "", at_once: bool = False
) -> None:
    """End the call for `reason`. Twice is harmless: the first reason counts."""
    conversation = session.userdata
    if conversation.is_closing:
        return
    conversation.is_closing = True
    conversation.ended = conversation.ended or reason
    try:
        if at_once:
            await session.interrupt(force=True)
        if last_words:
            handle = session.say(last_words, allow_interruptions=False)
            await asyncio.wait_for(handle.wait_for_playout(), LONGEST_GOODBYE_SECONDS)
        elif session.current_speech and not at_once:
            await asyncio.wait_for(session.current_speech.wait_for_playout(), LONGEST_GOODBYE_SECONDS)
    except (RuntimeError, TimeoutError):
        logger.info("The last words of call %s were not heard to the end", conversation.call)
    try:
        if ctx.room.isconnected():
            await ctx.room.local_participant.set_attributes({ENDED: conversation.ended})
        if conversation.call:
            await rows(conversation.call.end, conversation.ended)
    finally:
        session.shutdown(drain=not at_once)  # which deletes the room
