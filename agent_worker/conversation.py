"""What one conversation knows of itself: where it is held, what was found for the question at hand, how it ends."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from channels.db import database_sync_to_async
from livekit.agents import llm
from livekit.agents.voice import SpeechHandle

from agent_worker.providers.selection import words_of
from concierge.models import Venue
from knowledge.search import CONFIDENT, Hit, search
from knowledge.support import supporting
from voice.models import Call

logger = logging.getLogger(__name__)

T = TypeVar("T")

# Searching has a thread of its own: sync_to_async's shared thread would make it wait behind every call's row writes.
_searcher = ThreadPoolExecutor(max_workers=1, thread_name_prefix="search")
PASSAGES = 5
REACHABLE_SECONDS = 3.0
# The part of a note's words that an answer must have to rest on it.
PASSED_ON = 0.6
# Tools whose use is not an answer in itself.
SEARCHING = {"search_knowledge", "end_call"}


@dataclass
class Note:
    """What the staff told the agent: a fact for its next answer, or what they promised the visitor."""

    text: str
    is_promise: bool = False
    is_new: bool = True  # a new note is said in the next answer, an old one when it bears on the question


@dataclass
class Conversation:
    """The userdata of an AgentSession. `call` is None when a question is tried in text, outside a call."""

    venue: Venue
    language: str
    call: Call | None = None
    at: datetime | None = None  # the moment to answer for; None is now, as in every call
    ended: str = ""
    is_closing: bool = False
    is_language_settled: bool = False  # by the visitor's first turn, or because they asked for one
    reachable: asyncio.Event = field(default_factory=asyncio.Event)  # the visitor's browser can receive words
    # What the staff do:
    held_as: str = ""  # how a member of staff speaks in the agent's place: typing, voice
    staff_identity: str = ""  # of the one who speaks with their own voice
    is_muted: bool = False
    notes: list[Note] = field(default_factory=list)
    staff_lines: list[SpeechHandle] = field(default_factory=list)
    # Since the visitor's last words:
    question: str = ""
    question_id: str = ""
    is_cut: bool = False  # the question was longer than that, and the visitor has not been told yet
    hits: list[Hit] = field(default_factory=list)
    tools: list[str] = field(default_factory=list)
    model_seconds: float = 0.0  # until the model's first token, when it was asked last
    opener: str = ""  # the id of the short words that are said while a tool's answer is made
    search_ms: float = 0.0
    searched_for: dict[str, list[Hit]] = field(default_factory=dict)
    held_back: str = ""  # why the rest of the answer was not said (agent_worker.guard)
    _under_way: set[asyncio.Task[Any]] = field(default_factory=set)

    def now(self) -> datetime:
        """In the venue's time."""
        return self.at.astimezone(self.venue.zone) if self.at else self.venue.now()

    @property
    def is_silent(self) -> bool:
        """Staff have the word: the agent hears, stores what it hears, and answers nothing."""
        return bool(self.held_as) or self.is_muted

    def is_staff_line(self, item: llm.ChatItem) -> bool:
        """Was this spoken because a member of staff typed it?"""
        return any(item in handle.chat_items for handle in self.staff_lines)

    def pass_on(self, answer: str) -> bool:
        """Does an answer that was given rest on a note of the staff? Such a note is new no longer."""
        said = words_of(answer)
        passed_on = [note for note in self.notes if is_in(words_of(note.text), said)]
        for note in passed_on:
            note.is_new = False
        return bool(passed_on)

    async def until_reachable(self) -> None:
        """Until the visitor's browser can receive words; not for ever, since a browser that only reads may not say."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.reachable.wait(), REACHABLE_SECONDS)

    def in_background(self, work: Coroutine[Any, Any, Any]) -> None:
        """Let `work` run beside the conversation. The loop itself keeps only weak references to tasks."""
        task = asyncio.create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._under_way.discard(task)
        if not task.cancelled() and (error := task.exception()):
            logger.error("Something beside the conversation of %s failed", self.call, exc_info=error)

    def begin_turn(self, question_id: str, question: str) -> None:
        """The visitor asked something new: what was found before no longer counts."""
        self.question_id, self.question = question_id, question
        self.hits, self.tools, self.search_ms = [], [], 0.0
        self.searched_for, self.held_back = {}, ""

    async def look_up(self, question: str) -> list[Hit]:
        """Search the venue's knowledge, once for the same words."""
        if question not in self.searched_for:
            began = time.perf_counter()
            hits = await self._search(question)
            self.search_ms += (time.perf_counter() - began) * 1000
            self.searched_for[question] = hits
            known = {hit.version_id for hit in self.hits}
            self.hits += [hit for hit in hits if hit.version_id not in known]
        return self.searched_for[question]

    async def look_ahead(self, words: str) -> None:
        """Search for words that are perhaps not the whole question yet. Nothing is kept but what makes it faster."""
        await self._search(words)

    async def _search(self, question: str) -> list[Hit]:
        return await off_the_loop(
            lambda: search(self.venue, question, limit=PASSAGES, language=self.language, at=self.at)
        )

    def grounds_of(self, answer: str) -> tuple[list[tuple[Hit, str]], bool]:
        """The sources of what was spoken, each with its sentences, and whether that was an answer at all."""
        sentences: dict[int, list[str]] = {}
        sources: dict[int, Hit] = {}
        for hit, sentence in supporting(answer, self.hits):
            sources.setdefault(hit.version_id, hit)
            sentences.setdefault(hit.version_id, []).append(sentence)
        citations = [(hit, " ".join(sentences[version])) for version, hit in sources.items()]
        return citations, bool(citations) or any(name not in SEARCHING for name in self.tools)


def is_in(part: frozenset[str], whole: frozenset[str]) -> bool:
    return bool(part) and len(part & whole) >= PASSED_ON * len(part)


def is_found(hits: Sequence[Hit]) -> bool:
    return bool(hits) and hits[0].confidence >= CONFIDENT


async def off_the_loop(work: Callable[[], T]) -> T:
    """Run a search, which reads rows and computes, in the searching thread."""
    return await database_sync_to_async(work, thread_sensitive=False, executor=_searcher)()


async def rows(work: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """Read or write rows from the event loop."""
    return await database_sync_to_async(work)(*args, **kwargs)
