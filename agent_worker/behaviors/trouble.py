"""A visitor who asked something is never left without a word: where no stage can answer, the agent says so.

Every stage has a second choice (agent_worker.pipeline). This is for what is left: an answer that broke off, an answer
without words, a model that thinks for ever, ears that are gone. Too much of it in a row ends the call.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

from livekit.agents import (
    AgentSession,
    AgentStateChangedEvent,
    CloseEvent,
    ErrorEvent,
    JobContext,
    SpeechCreatedEvent,
    stt,
    tts,
)
from livekit.agents.voice import SpeechHandle

from agent_worker.closing import hang_up
from agent_worker.conversation import Conversation
from agent_worker.phrases import phrase

logger = logging.getLogger(__name__)

LONGEST_THOUGHT = 5.0  # seconds; every stage gives up long before
MOST_TROUBLES = 3  # in a row
VOICE_AGAIN = 20.0  # seconds without a voice until it is tried again
DEAF_AGAIN = 8.0  # seconds between two complaints about the ears


def admit_trouble(ctx: JobContext, session: AgentSession[Conversation]) -> None:
    troubles = 0
    thinking: asyncio.TimerHandle | None = None
    unspoken: SpeechHandle | None = None  # the answer for which there was no voice
    deaf_since = -DEAF_AGAIN
    timers: list[asyncio.TimerHandle] = []

    def admit(what: str, key: str = "trouble") -> None:
        nonlocal troubles
        conversation = session.userdata
        if conversation.is_closing or conversation.ended or conversation.is_silent:
            return
        troubles += 1
        logger.warning("Call %s: %s", conversation.call, what)
        if troubles < MOST_TROUBLES:
            with suppress(RuntimeError):  # the session is closing: the visitor has left
                session.say(phrase(conversation.language, key))
        else:
            last_words = phrase(conversation.language, "trouble_again")
            conversation.in_background(hang_up(ctx, session, "error", last_words=last_words))

    @session.on("error")
    def failed(event: ErrorEvent) -> None:
        if isinstance(event.error, stt.STTError) and not event.error.recoverable:
            lose_hearing()
        elif isinstance(event.error, tts.TTSError) and not event.error.recoverable and session.output.audio_enabled:
            lose_voice()

    def lose_hearing() -> None:
        """livekit tries again by itself; to say so as often would end the call over a moment's outage."""
        nonlocal deaf_since
        now = asyncio.get_running_loop().time()
        if now - deaf_since >= DEAF_AGAIN:
            deaf_since = now
            admit("nobody hears the visitor")

    def lose_voice() -> None:
        """Captions only, for a while: they would not come either, if they waited for sound."""
        nonlocal unspoken
        unspoken = session.current_speech
        session.output.set_audio_enabled(False)
        timers.append(asyncio.get_running_loop().call_later(VOICE_AGAIN, session.output.set_audio_enabled, True))
        admit("nobody speaks", "no_voice")

    @session.on("speech_created")
    def begun(event: SpeechCreatedEvent) -> None:
        if event.source == "generate_reply":
            event.speech_handle.add_done_callback(over)

    def over(answer: SpeechHandle) -> None:
        nonlocal troubles
        if answer.interrupted or answer is unspoken:
            return
        if error := answer.exception():
            admit(f"the answer broke off ({error})")
        elif any(item.type == "message" and (item.text_content or "").strip() for item in answer.chat_items):
            troubles = 0
        else:
            admit("there was no answer")

    @session.on("agent_state_changed")
    def state(event: AgentStateChangedEvent) -> None:
        nonlocal thinking
        if thinking:
            thinking.cancel()
            thinking = None
        if event.new_state == "thinking":
            thinking = asyncio.get_running_loop().call_later(LONGEST_THOUGHT, stuck)

    def stuck() -> None:
        session.interrupt(force=True)
        admit("the agent thought for too long")

    @session.on("close")
    def closed(_: CloseEvent) -> None:
        for timer in [*timers, *([thinking] if thinking else [])]:
            timer.cancel()
