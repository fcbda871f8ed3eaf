"""A person who was called is rung again, and when nobody comes the visitor is told and offered a call back."""

from __future__ import annotations

import asyncio

from livekit.agents import AgentSession, FunctionToolsExecutedEvent, JobContext

from agent_worker.conversation import Conversation, rows
from agent_worker.phrases import phrase
from voice import handing_off
from voice.models import HandOff


def ring_until_somebody_comes(ctx: JobContext, session: AgentSession[Conversation]) -> None:
    conversation = session.userdata
    call = conversation.call
    assert call is not None
    ringing: asyncio.Task[None] | None = None

    async def ring() -> None:
        hand_off = await rows(call.hand_offs.filter(outcome=HandOff.Outcome.WAITING).first)
        if hand_off is None:
            return
        for _ in range(handing_off.MOST_RINGS - 1):
            await asyncio.sleep(handing_off.ring_after())
            if not await rows(handing_off.ring_again, hand_off):
                return
        await asyncio.sleep(handing_off.ring_after())
        if await rows(handing_off.give_up, hand_off) and not (conversation.is_silent or conversation.is_closing):
            session.say(phrase(conversation.language, "person_nobody"))

    def stop() -> None:
        if ringing:
            ringing.cancel()

    @session.on("function_tools_executed")
    def executed(event: FunctionToolsExecutedEvent) -> None:
        nonlocal ringing
        if any(called.name == "call_a_person" for called in event.function_calls) and (not ringing or ringing.done()):
            ringing = asyncio.create_task(ring(), name="ringing")

    async def finish() -> None:
        stop()
        if waiting := await rows(call.hand_offs.filter(outcome=HandOff.Outcome.WAITING).first):
            await rows(handing_off.give_up, waiting)

    session.on("close", lambda _: stop())
    ctx.add_shutdown_callback(finish)
