"""What a model says is looked at before anybody hears, reads or stores it.

A model can be talked round, by a visitor or by what stands in an article. So nothing here relies on its manners: each
sentence waits until it is whole, which the voice does anyway, and is held back if it recites the instructions (also
spelled, reversed, shifted or in base64), shows the workings of tools, names another venue of this installation, or
claims a deed that no tool can do. After words that speak to a machine (agent_worker.suspicion) it must rest on
what the venue has written, too: then translations and paraphrases are caught as well.

Facts of the venue are no secret. Only the part of the prompt above "# Facts" is compared with.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import re
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from itertools import pairwise
from typing import Any

from livekit.agents import FlushSentinel, llm

from agent_worker.conversation import Conversation
from agent_worker.phrases import languages, phrase, phrases
from agent_worker.providers.intents import COURTESIES, intent_of
from agent_worker.suspicion import claims_a_deed
from knowledge.lexical import fold
from knowledge.orders import reads_like_an_order
from knowledge.search import Hit
from knowledge.support import supporting

# Letters in a row, spaces and marks left out, that nobody shares with the instructions by chance.
RUN = 34
# A sentence made of shorter pieces of the instructions: how long a piece, how much of the sentence, how long at least.
PIECE = 14
COVERED = 0.75
SHORTEST = 20
# Kept of what was said, so that a recital in small sentences is noticed as well.
REMEMBERED = 120
# A sentence without an end is looked at after so many characters.
LONGEST = 400
# Characters after which an answer ends with the sentence at hand: more than a minute of speech. A model that has lost
# the thread would speak for ever.
LONGEST_ANSWER = 1_500
# Sentences of the instructions whose words an honest answer may use.
MAY_BE_SAID = ("not written down here", "cannot book", "you are an ai", "somebody comes")

# Sentences as a voice splits them; a clause before a colon is looked at by itself.
_END = re.compile(r"[.!?…؟۔:]+[\"'”»)\]]*\s+|\n+")
_WORKINGS = re.compile(
    r"\b(?:search_knowledge|opening_hours|call_a_person|call_back|end_call|staff_notes|asked_for_person|"
    r"knowledge_missing|not_allowed|tool_failed)\b|[{\[]\s*[\"'{]|[\"']\s*:\s*[\"'{\[\dtfn]|</?\w+>|<\||\|>|```",
    re.IGNORECASE,
)
_BLOB = re.compile(r"[A-Za-z0-9+/_-]{20,}={0,2}")
_HEX = re.compile(r"(?:[0-9a-fA-F]{2}[\s:,-]?){12,}")
_LEET = str.maketrans("013457@$", "oleastas")


class HeldBack(Exception):
    """A sentence must not be said. The message names what was in it, by a key that the staff's page knows."""


@dataclass(frozen=True)
class Secrets:
    """What must not be said in the calls of one venue."""

    rules: Rules
    others: frozenset[str]  # names of other venues, words as plain_words() has them
    longest_name: int  # words

    @classmethod
    def of(cls, instructions: str, tools: Iterable[str], others: Iterable[str]) -> Secrets:
        """`tools` are what the model is told of each; `others` are names of other venues. A name of one word may mean
        anything, so those are not looked for."""
        names = {" ".join(words) for name in others if len(words := plain_words(name)) > 1}
        longest = max((name.count(" ") + 1 for name in names), default=0)
        return cls(rules_of("\n".join([instructions.partition("# Facts")[0], *tools])), frozenset(names), longest)


@dataclass(frozen=True)
class Rules:
    """The instructions, cut up so that their pieces are found in a moment."""

    runs: frozenset[str]
    pieces: frozenset[str]
    words: frozenset[str]
    openings: frozenset[tuple[str, str]]  # two words in a row


@lru_cache(64)
def rules_of(text: str) -> Rules:
    runs, pieces, words, openings = set[str](), set[str](), set[str](), set[tuple[str, str]]()
    whole = letters(text)
    runs |= shingles(whole, RUN)
    for line in text.splitlines():
        for sentence in _END.split(f"{line} "):
            said = plain_words(sentence)
            words |= set(said)
            openings |= set(pairwise(said))
            if not any(allowed in sentence.casefold() for allowed in MAY_BE_SAID):
                pieces |= shingles(letters(sentence), PIECE)
    return Rules(frozenset(runs), frozenset(pieces), frozenset(words), frozenset(openings))


def letters(text: str) -> str:
    """All that can be heard of a text: neither case nor spaces nor marks hide anything."""
    return "".join(filter(str.isalnum, fold(text)))


@lru_cache(1000)
def letters_of(text: str) -> str:
    """Of what was found: the same for all sentences of an answer."""
    return letters(text)


def plain_words(text: str) -> list[str]:
    return re.findall(r"\w+", fold(text).replace("'", ""))


def shingles(text: str, size: int) -> set[str]:
    return {text[start : start + size] for start in range(len(text) - size + 1)}


# Looking at one sentence


@dataclass
class Watch:
    """What is known while one answer is being spoken."""

    secrets: Secrets
    conversation: Conversation
    language: str
    facts: str = ""  # what stands under "# Facts"
    is_wary: bool = False  # the visitor, or an article, has spoken to a machine
    told: tuple[str, ...] = ()  # what other tools than the search said
    _said: str = field(default="", init=False)

    def look_at(self, sentence: str) -> None:
        """Raises HeldBack if `sentence` must not be said."""
        if _WORKINGS.search(sentence):
            raise HeldBack("tools")
        here = letters(sentence)
        self._recites(here, sentence)
        self._names_another(sentence)
        if not self._is_known(here):
            is_deed = claims_a_deed(sentence)
            if (is_deed or self.is_wary) and not self._is_grounded(sentence):
                raise HeldBack("deed" if is_deed else "unsupported")
        self._said = (self._said + here)[-REMEMBERED:]

    def _recites(self, here: str, sentence: str) -> None:
        rules = self.secrets.rules
        together = self._said[-RUN + 1 :] + here
        if any(together[at : at + RUN] in rules.runs for at in range(len(together) - RUN + 1)):
            raise HeldBack("instructions")
        disguises = [
            here,
            here[::-1],
            codecs.encode(here, "rot13"),
            here.translate(_LEET),
            *map(letters, decoded(sentence)),
        ]
        for text in dict.fromkeys(disguises):
            if len(text) >= SHORTEST and covered(text, rules.pieces) >= COVERED * len(text):
                raise HeldBack("instructions")
            if any(text[at : at + RUN] in rules.runs for at in range(len(text) - RUN + 1)):
                raise HeldBack("instructions")

    def _names_another(self, sentence: str) -> None:
        words = plain_words(sentence)
        for size in range(2, self.secrets.longest_name + 1):
            for start in range(len(words) - size + 1):
                name = " ".join(words[start : start + size])
                if name in self.secrets.others and name not in self._all_that_is_known():
                    raise HeldBack("another_venue")

    def _is_known(self, here: str) -> bool:
        """Does it stand like that in what the venue wrote, or is it one of the agent's own sentences?"""
        if not here:
            return True
        return is_fixed(here) or any(here in letters_of(text) for text in self._texts())

    def _is_grounded(self, sentence: str) -> bool:
        if intent_of(sentence).wish in COURTESIES:
            return True
        return bool(supporting(sentence, [*self._hits(), *as_hits(self._texts(), self.language)]))

    def _hits(self) -> list[Hit]:
        """What was found, without the sentences that are orders to a model: they support nothing."""
        if not self.is_wary:
            return self.conversation.hits
        return [replace(hit, **honest(hit.sentences, hit.sentence_scores)) for hit in self.conversation.hits]

    def _texts(self) -> list[str]:
        conversation = self.conversation
        notes = [phrase(self.language, "staff_confirm", note=note.text) for note in conversation.notes]
        written = [text for hit in self._hits() for text in (hit.title, " ".join(hit.sentences))]
        return [*written, *self.facts.splitlines(), *self.told, *notes]

    def _all_that_is_known(self) -> str:
        return " ".join(" ".join(plain_words(text)) for text in self._texts())


def covered(text: str, pieces: frozenset[str]) -> int:
    """How many letters of `text` lie in pieces of the instructions."""
    count = until = 0
    for start in range(len(text) - PIECE + 1):
        if text[start : start + PIECE] in pieces:
            count += start + PIECE - max(until, start)
            until = start + PIECE
    return count


def decoded(sentence: str) -> Iterable[str]:
    """What hides in base64 or hexadecimal numbers, if anything does."""
    for blob in _BLOB.findall(sentence):
        whole = blob.rstrip("=").replace("-", "+").replace("_", "/")
        with suppress(binascii.Error):  # an ordinary long word
            yield base64.b64decode(whole[: len(whole) // 4 * 4]).decode(errors="ignore")
    for found in _HEX.findall(sentence):
        digits = re.sub(r"[^0-9a-fA-F]", "", found)
        yield bytes.fromhex(digits[: len(digits) // 2 * 2]).decode(errors="ignore")


def honest(sentences: Sequence[str], scores: Sequence[float]) -> dict[str, Any]:
    kept = [(text, score) for text, score in zip(sentences, scores, strict=True) if not reads_like_an_order(text)]
    return {"sentences": tuple(text for text, _ in kept), "sentence_scores": tuple(score for _, score in kept)}


def as_hits(texts: Iterable[str], language: str) -> list[Hit]:
    """What was not found by a search, in the shape of what was."""
    whole = [text for text in texts if text]
    return [Hit("", 0, "", language, text, (text,), (1.0,), 1.0, 1.0, 1.0, 1.0) for text in whole]


def is_fixed(here: str) -> bool:
    """Is it a sentence of agent_worker/prompts/phrases? Facts filled in may be anything."""
    return bool(_fixed().fullmatch(here))


@cache
def _fixed() -> re.Pattern[str]:
    shapes = set()
    for language in languages():
        for text in phrases(language).values():
            for sentence in _END.split(f"{text} "):
                parts = [re.escape(letters(part)) for part in re.split(r"\$\w+", sentence)]
                if any(parts):
                    shapes.add("[0-9]{0,15}".join(parts) if "$phone" in sentence else r"\w{0,40}".join(parts))
    return re.compile("|".join(sorted(shapes)))


# In the stream


class Sieve:
    """Lets text through sentence by sentence.

    The first word or two of a sentence go ahead of it when no sentence of the instructions begins like that: they tell
    the voice that the sentence before is over, so it begins to speak that one as early as without a guard.
    """

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self.said = 0  # characters
        self._held = ""
        self._ahead = 0  # characters of it that went out already

    def add(self, text: str) -> str:
        """What may be said now. Raises HeldBack; what was held then is lost."""
        self._held += text
        out = ""
        while end := _END.search(self._held):
            out += self._release(end.end())
        if len(self._held) > LONGEST:
            out += self._release(self._held.rindex(" ") + 1 if " " in self._held.strip() else len(self._held))
        return out + self._opening()

    @property
    def break_off(self) -> str:
        """What goes between the words that went ahead of a sentence that was held back, and others in its place."""
        return "… " if self._ahead else ""

    def finish(self) -> str:
        return self._release(len(self._held))

    def _release(self, end: int) -> str:
        sentence = self._held[:end]
        self._watch.look_at(sentence)
        self.said += end
        out = sentence[self._ahead :]
        self._held, self._ahead = self._held[end:], max(0, self._ahead - end)
        return out

    def _opening(self) -> str:
        if self._ahead or self._watch.is_wary:
            return ""
        rules = self._watch.secrets.rules
        found = re.match(r"\s*([^\W_]{1,20}[,،]?)\s(?:([^\W_]{1,20})\s)?", self._held)
        if not found:
            return ""
        first, second = (("".join(plain_words(word or ""))) for word in found.groups())
        if first not in rules.words:
            self._ahead = found.end(1) + 1
        elif second and (first, second) not in rules.openings:
            self._ahead = found.end()
        return self._held[: self._ahead]


async def sieved(
    chunks: AsyncIterable[llm.ChatChunk | str | FlushSentinel], watch: Watch
) -> AsyncIterator[llm.ChatChunk | str | FlushSentinel]:
    """The answer as far as it may be said. When it may not, one honest sentence comes in place of the rest of it,
    tool calls included, and the conversation remembers why."""
    sieve = Sieve(watch)
    try:
        async for chunk in chunks:
            if isinstance(chunk, str):
                yield sieve.add(chunk)
            elif isinstance(chunk, llm.ChatChunk) and chunk.delta and chunk.delta.content:
                may_be_said = sieve.add(chunk.delta.content)
                delta = chunk.delta.model_copy(update={"content": may_be_said or None})
                yield chunk.model_copy(update={"delta": delta})
            else:
                has_calls = isinstance(chunk, llm.ChatChunk) and chunk.delta and chunk.delta.tool_calls
                if has_calls and (rest := sieve.finish()):
                    yield rest
                yield chunk
            if sieve.said >= LONGEST_ANSWER:
                return
        if rest := sieve.finish():
            yield rest
    except HeldBack as reason:
        watch.conversation.held_back = str(reason)
        yield sieve.break_off + phrase(watch.language, "held_back")
