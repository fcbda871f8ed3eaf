"""The search begins before the final words: the last interim ones, when the visitor falls silent, are mostly the same.

What takes time in a search is to embed the question, and that is remembered (knowledge.embedding). So a search for the
words so far is made and thrown away, and the one for the answer finds its vector made. One at a time: words that come
meanwhile are searched when it is done, the newest only. While the visitor is heard to go on, nothing is searched: with
ten words a second from ten callers that was a fifth of the worker's time.
"""

from __future__ import annotations

from livekit.agents import AgentSession, ConversationItemAddedEvent, UserInputTranscribedEvent

from agent_worker.conversation import Conversation
from agent_worker.giving_way import GivingWay

FEWEST_WORDS = 3  # before that it is no question yet


def search_ahead(session: AgentSession[Conversation]) -> None:
    conversation = session.userdata
    finals: list[str] = []  # of the turn at hand
    wanted = ""
    is_searching = False

    def goes_on() -> bool:
        return isinstance(session.vad, GivingWay) and not session.vad.is_hushed

    def begin() -> None:
        nonlocal is_searching
        if wanted and not is_searching and not goes_on():
            is_searching = True
            conversation.in_background(search())

    async def search() -> None:
        nonlocal is_searching
        done = ""
        try:
            while wanted and wanted != done and not goes_on():
                done = wanted
                await conversation.look_ahead(done)
        finally:
            is_searching = False

    @session.on("user_input_transcribed")
    def heard(event: UserInputTranscribedEvent) -> None:
        nonlocal wanted
        words = " ".join([*finals, event.transcript.strip()]).strip()
        if event.is_final:
            finals.append(event.transcript.strip())
            wanted = ""  # the answer is being made, and searches by itself
        elif not conversation.is_silent and len(words.split()) >= FEWEST_WORDS:
            wanted = words
            begin()

    if isinstance(session.vad, GivingWay):
        session.vad.on("hushed", begin)  # type: ignore[arg-type]

    @session.on("conversation_item_added")
    def said(event: ConversationItemAddedEvent) -> None:
        if event.item.type == "message" and event.item.role == "user":
            finals.clear()
