"""The search begins before the final words: the last interim ones are mostly the same.

What takes time in a search is to embed the question, and that is remembered (knowledge.embedding). So a search for the
words so far is made and thrown away, and the one for the answer finds its vector made. One at a time: words that come
meanwhile are searched when it is done, the newest only. When the visitor falls silent that is done at once. While they
are heard to go on, each search is followed by a rest, the longer the more calls there are: ten words a second from ten
callers were a fifth of the worker's time.
"""

from __future__ import annotations

import time
from weakref import WeakSet

from livekit.agents import AgentSession, ConversationItemAddedEvent, UserInputTranscribedEvent

from agent_worker.conversation import Conversation
from agent_worker.giving_way import GivingWay

FEWEST_WORDS = 3  # before that it is no question yet
REST = 3.0  # times as long as the search before it took, for each call of this process

_calls: WeakSet[AgentSession[Conversation]] = WeakSet()


def search_ahead(session: AgentSession[Conversation]) -> None:
    conversation = session.userdata
    finals: list[str] = []  # of the turn at hand
    wanted = ""
    is_searching = False
    rests_until = 0.0
    _calls.add(session)

    def rests() -> bool:
        goes_on = isinstance(session.vad, GivingWay) and not session.vad.is_hushed
        return goes_on and time.monotonic() < rests_until

    def begin() -> None:
        nonlocal is_searching
        if wanted and not is_searching and not rests():
            is_searching = True
            conversation.in_background(search())

    async def search() -> None:
        nonlocal is_searching, rests_until
        done = ""
        try:
            while wanted and wanted != done and not rests():
                done, began = wanted, time.monotonic()
                await conversation.look_ahead(done)
                ended = time.monotonic()
                rests_until = ended + (ended - began) * REST * len(_calls)
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

    @session.on("close")
    def closed(_: object) -> None:
        _calls.discard(session)
