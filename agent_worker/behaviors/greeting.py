"""The visitor is greeted as soon as a greeting can reach the page.

A spoken greeting is handed over at once: the audio output holds it back until the visitor's browser has subscribed.
Nothing holds back a written one, so that waits until the browser can receive it.
"""

from __future__ import annotations

from livekit import rtc
from livekit.agents import AgentSession, JobContext

from agent_worker.conversation import Conversation
from agent_worker.facts import Facts


async def greet(session: AgentSession[Conversation], facts: Facts, *, aloud: bool) -> None:
    if not aloud:
        await session.userdata.until_reachable()
    session.say(facts.greeting)


def notice_when_reachable(ctx: JobContext, conversation: Conversation) -> None:
    """Written words that are sent before the visitor's browser can receive data are lost."""
    assert conversation.call is not None
    identity = conversation.call.visitor_identity

    @ctx.room.on("participant_active")
    def active(participant: rtc.RemoteParticipant) -> None:
        if participant.identity == identity:
            conversation.reachable.set()

    here = ctx.room.remote_participants.get(identity)
    if here and here.state == rtc.ParticipantState.PARTICIPANT_STATE_ACTIVE:
        conversation.reachable.set()
