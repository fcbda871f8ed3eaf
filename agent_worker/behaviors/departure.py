"""A call ends with its visitor: at once if the page was left, after a while if the network was lost."""

from __future__ import annotations

import asyncio

from livekit import rtc
from livekit.agents import AgentSession, CloseEvent, JobContext

from agent_worker.closing import hang_up
from agent_worker.conversation import Conversation, rows
from voice.rooms import DEPARTURE_TIMEOUT_SECONDS, EMPTY_TIMEOUT_SECONDS


def end_with_the_visitor(ctx: JobContext, session: AgentSession[Conversation]) -> None:
    call = session.userdata.call
    assert call is not None
    away: asyncio.Task[None] | None = None

    async def wait(seconds: float, reason: str) -> None:
        await asyncio.sleep(seconds)
        if call.visitor_identity in ctx.room.remote_participants:
            # Came before the agent did: the room announces only those who come later.
            await rows(call.begin)
        else:
            await hang_up(ctx, session, reason, at_once=True)

    def start(seconds: float, reason: str) -> None:
        nonlocal away
        stop()
        away = asyncio.create_task(wait(seconds, reason), name="visitor away")

    def stop() -> None:
        nonlocal away
        if away and away is not asyncio.current_task():
            away.cancel()
        away = None

    @ctx.room.on("participant_connected")
    def came(participant: rtc.RemoteParticipant) -> None:
        if participant.identity == call.visitor_identity:
            stop()
            session.userdata.in_background(rows(call.begin))

    @ctx.room.on("participant_disconnected")
    def went(participant: rtc.RemoteParticipant) -> None:
        # Whoever left on purpose closes the session in RoomIO; this is for those who may come back.
        if participant.identity == call.visitor_identity:
            start(DEPARTURE_TIMEOUT_SECONDS, "lost")

    @session.on("close")
    def closed(event: CloseEvent) -> None:
        stop()
        session.userdata.ended = session.userdata.ended or ("error" if event.error else "hung_up")

    async def store_the_end() -> None:
        await rows(call.end, session.userdata.ended or "hung_up")

    start(EMPTY_TIMEOUT_SECONDS, "never_came")
    ctx.add_shutdown_callback(store_the_end)
