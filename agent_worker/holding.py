"""While staff have the word, and what they leave behind: what the visitor says is kept, what they noted is used."""

from __future__ import annotations

import json
from collections.abc import Sequence

from livekit.agents import AgentSession, ConversationItemAddedEvent, llm
from livekit.agents.utils import shortuuid

from agent_worker.conversation import Conversation, Note

NOTES = "staff_notes"


async def keep(session: AgentSession[Conversation], message: llm.ChatMessage) -> None:
    """Let what the visitor said be known and stored, without an answer."""
    agent = session.current_agent
    known = agent.chat_ctx.copy()
    known.insert(message)
    await agent.update_chat_ctx(known)
    session.history.insert(message)
    session.emit("conversation_item_added", ConversationItemAddedEvent(item=message))


def notes_for_the_model(notes: Sequence[Note], at: float) -> list[llm.ChatItem]:
    """The notes of the staff as the output of a tool: what the venue knows, and nothing that commands."""
    if not notes:
        return []
    call_id = shortuuid("call_")
    told = [{"text": note.text, "is_new": note.is_new, "is_promise": note.is_promise} for note in notes]
    output = json.dumps({"notes": told}, ensure_ascii=False)
    return [
        llm.FunctionCall(call_id=call_id, name=NOTES, arguments="{}", created_at=at),
        llm.FunctionCallOutput(call_id=call_id, name=NOTES, output=output, is_error=False, created_at=at),
    ]
