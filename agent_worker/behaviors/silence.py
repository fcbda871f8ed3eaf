"""A visitor who says nothing is asked once; after a second silence the agent says goodbye and ends the call.

Our own deadline: the session's "away" state is edge-triggered and noise keeps it from firing. Here only words put it
off, and a sound for as long as somebody may be speaking in it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from livekit.agents import (
    AgentSession,
    AgentStateChangedEvent,
    ConversationItemAddedEvent,
    JobContext,
    UserInputTranscribedEvent,
)

from agent_worker.closing import hang_up
from agent_worker.conversation import Conversation
from agent_worker.phrases import phrase


@dataclass(frozen=True)
class Patience:
    """Seconds of silence before the agent asks, and after that before it hangs up."""

    ask: float
    hang_up: float


LONGEST_SOUND = 45.0  # seconds that a sound without words may put a question or a goodbye off
STAFF_SECONDS = 1.0  # between two looks whether staff still have the word
WORDS_WITHIN = 2.0  # seconds after a sound
SPEAKING = Patience(ask=15.0, hang_up=30.0)
TYPING = Patience(ask=90.0, hang_up=90.0)


def mind_silence(ctx: JobContext, session: AgentSession[Conversation], patience: Patience) -> None:
    waiting: asyncio.Task[None] | None = None
    has_asked = False

    def stop() -> None:
        nonlocal waiting
        if waiting and waiting is not asyncio.current_task():
            waiting.cancel()
        waiting = None

    def start() -> None:
        nonlocal waiting
        stop()
        waiting = asyncio.create_task(wait(), name="silence")

    async def wait() -> None:
        nonlocal has_asked
        was_silent = False
        language = session.userdata.language
        await asyncio.sleep(patience.hang_up if has_asked else patience.ask)
        sound_ended_at = heard_out_at = asyncio.get_running_loop().time()
        while (now := asyncio.get_running_loop().time()) - heard_out_at < LONGEST_SOUND:
            if session.user_state == "speaking":
                sound_ended_at = now
            elif now == heard_out_at or now - sound_ended_at > WORDS_WITHIN:
                break
            await asyncio.sleep(0.1)
        while session.userdata.is_silent and not session.userdata.is_closing:
            was_silent = True  # staff have the word
            await asyncio.sleep(STAFF_SECONDS)
        if session.userdata.is_closing:
            return
        if was_silent:
            return start()
        if has_asked:
            await hang_up(ctx, session, "silence", last_words=phrase(language, "goodbye_silence"))
        else:
            has_asked = True
            session.say(phrase(language, "still_there"))

    @session.on("agent_state_changed")
    def agent(event: AgentStateChangedEvent) -> None:
        if event.new_state == "listening":
            start()
        else:
            stop()

    @session.on("user_input_transcribed")
    def visitor(event: UserInputTranscribedEvent) -> None:
        if event.transcript.strip() and session.agent_state == "listening":
            start()

    @session.on("conversation_item_added")
    def said(event: ConversationItemAddedEvent) -> None:
        nonlocal has_asked
        if event.item.type == "message" and event.item.role == "user":
            has_asked = False  # noise that nobody could transcribe does not count as an answer

    @session.on("close")
    def closed(_: object) -> None:
        stop()
