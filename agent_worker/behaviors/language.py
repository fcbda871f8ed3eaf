"""The visitor's language is followed: heard or typed in the first turn, or asked for at any time.

The switch is made before the answer is begun, so that the answer is found, written and spoken in the new language. It
is kept with the call, stands between the turns for the staff, and the page is told by an attribute.
"""

from __future__ import annotations

from livekit.agents import AgentSession, JobContext, UserInputTranscribedEvent

from agent_worker.conversation import Conversation, rows
from agent_worker.languages import asked_for, first_language, name_of
from agent_worker.pipeline import switch_language

LANGUAGE = "concierge.language"  # attribute of the agent


def follow_language(ctx: JobContext, session: AgentSession[Conversation]) -> None:
    @session.on("user_input_transcribed")
    def heard(event: UserInputTranscribedEvent) -> None:
        if event.is_final and event.transcript.strip():
            notice(ctx, session, event.transcript, str(event.language or session.userdata.language))


def notice(ctx: JobContext, session: AgentSession[Conversation], text: str, heard_in: str | None = None) -> None:
    """What the visitor said (`heard_in` a language) or typed: does the conversation go on in another language?"""
    conversation = session.userdata
    if conversation.is_silent:
        return  # it is looked at again when the agent has the word
    languages = list(conversation.venue.languages)
    wanted: str | None = None
    if ask := asked_for(text):
        wanted = ask.code if ask.code in languages else None
        conversation.is_language_settled = True
    elif not conversation.is_language_settled:
        wanted = first_language(text, heard_in, conversation.language, languages)
        conversation.is_language_settled = wanted is not None
    if wanted is None or wanted == conversation.language:
        return
    before, conversation.language = conversation.language, wanted
    switch_language(session, conversation.venue, wanted)
    conversation.in_background(_tell(ctx, conversation, before))


async def _tell(ctx: JobContext, conversation: Conversation, before: str) -> None:
    call, language = conversation.call, conversation.language
    if call:
        await rows(call.go_on_in, language, f"{name_of(before, 'en')} \u2192 {name_of(language, 'en')}")
    if ctx.room.isconnected():
        await ctx.room.local_participant.set_attributes({LANGUAGE: language})
