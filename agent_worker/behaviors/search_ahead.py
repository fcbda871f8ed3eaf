"""The search begins while the visitor still speaks: their last interim words are mostly the whole question.

What takes time in a search is to embed the question, and that is remembered (knowledge.embedding). So a search for the
words so far is made and thrown away, and the one for the answer finds its vector made. One at a time: words that come
meanwhile are searched when it is done, the newest only.
"""

from __future__ import annotations

from livekit.agents import AgentSession, ConversationItemAddedEvent, UserInputTranscribedEvent

from agent_worker.conversation import Conversation

FEWEST_WORDS = 3  # before that it is no question yet


def search_ahead(session: AgentSession[Conversation]) -> None:
    conversation = session.userdata
    finals: list[str] = []  # of the turn at hand
    wanted = ""
    is_searching = False

    async def search() -> None:
        nonlocal is_searching
        done = ""
        try:
            while wanted and wanted != done:
                done = wanted
                await conversation.look_ahead(done)
        finally:
            is_searching = False

    @session.on("user_input_transcribed")
    def heard(event: UserInputTranscribedEvent) -> None:
        nonlocal wanted, is_searching
        words = " ".join([*finals, event.transcript.strip()]).strip()
        if event.is_final:
            finals.append(event.transcript.strip())
            wanted = ""  # the answer is being made, and searches by itself
        elif not conversation.is_silent and len(words.split()) >= FEWEST_WORDS:
            wanted = words
            if not is_searching:
                is_searching = True
                conversation.in_background(search())

    @session.on("conversation_item_added")
    def said(event: ConversationItemAddedEvent) -> None:
        if event.item.type == "message" and event.item.role == "user":
            finals.clear()
