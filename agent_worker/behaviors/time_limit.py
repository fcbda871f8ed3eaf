"""No call is longer than its venue allows."""

from __future__ import annotations

import asyncio

from livekit.agents import AgentSession, JobContext

from agent_worker.closing import hang_up
from agent_worker.conversation import Conversation
from agent_worker.phrases import phrase


def limit_time(ctx: JobContext, session: AgentSession[Conversation]) -> None:
    async def wait() -> None:
        conversation = session.userdata
        await asyncio.sleep(conversation.venue.longest_call_minutes * 60)
        last_words = phrase(conversation.language, "longest_call")
        await hang_up(ctx, session, "longest_call", last_words=last_words)

    timer = asyncio.create_task(wait(), name="time limit")
    session.on("close", lambda _: timer.cancel())
