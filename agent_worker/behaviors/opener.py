"""A visitor who waits for a tool hears a short word first, if the answer will still take a while.

A tool turn asks the model twice. When the tool is done, the second time has yet to begin, and how long the first one
took is known: if as much again, and the voice's time, is long, one of two short sentences is said. They are rehearsed,
so that they come at once; the answer is made meanwhile and waits for their end at most.
"""

from __future__ import annotations

from itertools import cycle

from livekit.agents import AgentSession, FunctionToolsExecutedEvent

from agent_worker.conversation import Conversation
from agent_worker.phrases import phrase
from agent_worker.providers.second_voice import SecondVoice
from agent_worker.providers.written import WrittenTTS

OPENERS = ("one_moment", "let_me_see")  # shorter than a second each; in turn, so that none comes twice in a row
LONGEST_SILENCE = 0.7  # seconds that are still to come
VOICE_SECONDS = 0.35  # of an answer, from its first token to its first sound


def open_slow_answers(session: AgentSession[Conversation]) -> None:
    openers = cycle(OPENERS)
    opened_for = ""

    @session.on("function_tools_executed")
    def executed(event: FunctionToolsExecutedEvent) -> None:
        nonlocal opened_for
        conversation = session.userdata
        if not event.has_tool_reply or conversation.is_silent or conversation.is_closing:
            return
        is_aloud = session.tts is not None and session.output.audio is not None and session.output.audio_enabled
        said = session.current_speech
        has_begun = said is not None and any(item.type == "message" for item in said.chat_items)
        is_slow = conversation.model_seconds + VOICE_SECONDS >= LONGEST_SILENCE
        if not is_aloud or not is_slow or has_begun or opened_for == conversation.question_id:
            return
        opened_for = conversation.question_id
        opener = session.say(phrase(conversation.language, next(openers)), add_to_chat_ctx=False)
        conversation.opener = opener.id
        opener.add_done_callback(lambda _: setattr(conversation, "opener", ""))


async def rehearse(session: AgentSession[Conversation]) -> None:
    """Have a bought voice say ahead, once, what must come at once when it is needed."""
    language = session.userdata.language
    voice = session.tts.first if isinstance(session.tts, SecondVoice) else session.tts
    if isinstance(voice, WrittenTTS):
        await voice.rehearse([phrase(language, key) for key in OPENERS])
