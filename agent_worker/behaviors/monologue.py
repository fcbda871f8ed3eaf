"""A visitor who does not stop speaking is stopped, politely. What was heard is kept; one question is asked for.

livekit has a limit of its own, but looks at it only when there are final words, and a recogniser of whole utterances
has none before the visitor stops.
"""

from __future__ import annotations

import asyncio

from livekit.agents import (
    AgentSession,
    AgentStateChangedEvent,
    ConversationItemAddedEvent,
    UserInputTranscribedEvent,
    UserStateChangedEvent,
    llm,
)

from agent_worker.conversation import Conversation
from agent_worker.holding import keep
from agent_worker.phrases import phrase

LONGEST_TURN = 60.0  # seconds of speech, with pauses too short to be an end
BREATH = 3.0  # seconds; who is silent for longer is not speaking any more


def stop_monologues(session: AgentSession[Conversation]) -> None:
    conversation = session.userdata
    timer: asyncio.Task[None] | None = None
    heard: list[str] = []
    interim = ""

    def stop() -> None:
        nonlocal timer, interim
        if timer and timer is not asyncio.current_task():
            timer.cancel()
        timer, interim = None, ""
        heard.clear()

    def start() -> None:
        nonlocal timer
        if timer is None or timer.done():
            timer = asyncio.create_task(wait(), name="monologue")

    async def wait() -> None:
        await asyncio.sleep(LONGEST_TURN)
        breaths = 0.0
        while session.user_state != "speaking" and breaths < BREATH:
            await asyncio.sleep(0.1)
            breaths += 0.1
        if session.user_state == "speaking" and not (conversation.is_silent or conversation.is_closing):
            await take_the_floor()

    async def take_the_floor() -> None:
        words = " ".join([*heard, interim]).strip()
        session.clear_user_turn()
        conversation.begin_turn("", "")  # what is said next answers nothing that was asked before
        if words:
            await keep(session, llm.ChatMessage(role="user", content=[words]))
        await session.interrupt()
        session.say(phrase(conversation.language, "stop_there"), allow_interruptions=False)

    @session.on("user_state_changed")
    def visitor(event: UserStateChangedEvent) -> None:
        if event.new_state == "speaking" and session.agent_state == "listening":
            start()

    @session.on("agent_state_changed")
    def agent(event: AgentStateChangedEvent) -> None:
        if event.new_state != "listening":
            stop()
        elif session.user_state == "speaking":
            start()

    @session.on("user_input_transcribed")
    def words(event: UserInputTranscribedEvent) -> None:
        nonlocal interim
        if event.is_final:
            heard.append(event.transcript)
        interim = "" if event.is_final else event.transcript

    @session.on("conversation_item_added")
    def said(event: ConversationItemAddedEvent) -> None:
        if event.item.type == "message" and event.item.role == "user":
            stop()

    session.on("close", lambda _: stop())
