"""Chooses the sentences of what was found that answer a question. Pure; every sentence stays as it was written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

import snowballstemmer

from agent_worker.providers.intents import is_arabic, plain
from agent_worker.providers.spoken import without_markup
from agent_worker.providers.words import any_of, every, keys

MOST_SENTENCES = 3
MOST_WORDS = 45  # some 17 seconds of speech
FEWEST_WORDS = 6  # fewer make no answer on their own
FAR = 0.03  # sentence vectors of e5 lie close together: this difference in likeness is a large one
FURTHER = 1.2  # how much worse than the best a further sentence may be, in the unit of _scores


@dataclass(frozen=True)
class Passage:
    title: str
    language: str
    sentences: tuple[tuple[str, float], ...]  # with the likeness of each to the question, as the search gave it
    confidence: float


@dataclass(frozen=True)
class Choice:
    sentences: tuple[str, ...]
    language: str


def choose(question: str, passages: Sequence[Passage]) -> Choice | None:
    """One to three whole sentences that answer `question`, in the order in which they are written."""
    passages = [passage for passage in passages if passage.sentences]
    if not passages:
        return None
    facets = facets_of(question)
    chosen: list[tuple[int, int]] = []  # passage, sentence
    for facet in facets:
        where = _passage_for(facet, passages) if len(facets) > 1 else 0
        chosen += [(where, index) for index in _pick(facet, passages[where], alone=len(facets) == 1)]
    kept = sorted(dict.fromkeys(chosen))[:MOST_SENTENCES]
    # A sentence in another language than the first would want an introduction of its own.
    language = passages[kept[0][0]].language
    kept = [(where, index) for where, index in kept if passages[where].language == language]
    return Choice(tuple(without_markup(passages[where].sentences[index][0]) for where, index in kept), language)


def facets_of(question: str) -> list[str]:
    """ "Where can I park and how much is it" asks two things."""
    parts = re.split(
        r"[?؟;]\s+|,?\s+and (?:also )?(?=(?:how|where|what|when|which|who|do|does|is|are|can|could|may)\b)"
        r"|[،,]?\s+و(?=(?:كم|اين|أين|وين|متى|متي|هل|ما|ماذا|كيف|بكم)\b)",
        question.strip().rstrip("?؟ "),
    )
    facets = [part for part in parts if len(words_of(part)) >= 1 or kinds_asked(part)]
    return facets[:2] or [question]


def is_named(question: str, passage: Passage) -> bool:
    """Whether a passage so much as names what a "do you have …" asks for; True for questions of other kinds.

    A tennis court is not answered with the gym's hours, however near the two are in meaning.
    """
    if "have" not in kinds_asked(question) or is_arabic(question) != (passage.language == "ar"):
        return True
    named = words_of(" ".join([passage.title, *(text for text, _ in passage.sentences)]))
    return bool(words_of(question) & named) or not words_of(question)


# One facet, one passage


def _passage_for(facet: str, passages: Sequence[Passage]) -> int:
    """The first passage, unless only a later one has what this half of the question asks for."""
    kinds = kinds_asked(facet)
    if not kinds or any(kinds & kinds_told(text) for text, _ in passages[0].sentences):
        return 0
    asked = words_of(facet)
    for index, passage in enumerate(passages[1:], 1):
        if passage.confidence < passages[0].confidence * 0.6:
            break
        if any(kinds & kinds_told(text) and asked & words_of(text) for text, _ in passage.sentences):
            return index
    return 0


def _pick(facet: str, passage: Passage, *, alone: bool) -> list[int]:
    """The best sentence; with it what it leans on, what answers the rest of the question, and its conditions."""
    sentences = [text for text, _ in passage.sentences]
    likeness = [score for _, score in passage.sentences]
    scores = _scores(facet, passage)
    order = sorted(range(len(sentences)), key=lambda index: -scores[index])
    exact = kinds_asked(facet) & EXACT
    picked = [*_with_support(order[0], sentences), *_continuation(order[0], sentences, exact)]
    wants_conditions = is_yes_or_no(facet)
    for index in order[1:]:
        told = frozenset[str]().union(*(kinds_told(sentences[i]) for i in picked))
        missing = exact - told
        is_near = likeness[index] >= max(likeness) - FAR
        is_wanted = (
            bool(missing & kinds_told(sentences[index]))
            or (wants_conditions and is_near and is_condition(sentences[index]))
            # A price or a time that was asked for is the whole answer; other questions have softer edges.
            or (alone and not (exact and not missing) and scores[index] >= scores[order[0]] - FURTHER)
        )
        together = sorted({*picked, *_with_support(index, sentences)})
        is_short = len(together) <= MOST_SENTENCES and sum(len(sentences[i].split()) for i in together) <= MOST_WORDS
        if is_wanted and is_short:
            picked = together
    return picked


def _with_support(index: int, sentences: Sequence[str]) -> list[int]:
    """A sentence that points at the one before it, or is a mere fragment, is spoken with the one before."""
    needs_support = leans(sentences[index]) or len(sentences[index].split()) < FEWEST_WORDS
    return [index - 1, index] if index and needs_support else [index]


def _continuation(index: int, sentences: Sequence[str], exact: frozenset[str]) -> list[int]:
    """ "The first hour is free. Each further hour costs 20 dirhams": the second half of a price or a time."""
    after = index + 1
    goes_on = after < len(sentences) and leans(sentences[after]) and exact & kinds_told(sentences[after])
    return [after] if goes_on else []


def _scores(facet: str, passage: Passage) -> list[float]:
    """Likeness in meaning, words in common, the right kind of answer, each worth about one; the first has a start."""
    # What the title says is true of every sentence below it.
    asked, kinds = words_of(facet) - words_of(passage.title), kinds_asked(facet)
    top = max(score for _, score in passage.sentences)
    scores = []
    for index, (text, likeness) in enumerate(passage.sentences):
        value = max(-2.0, (likeness - top) / FAR)
        value += 1.5 * len(asked & words_of(text)) / len(asked) if asked else 0.0
        right = kinds & kinds_told(text)
        value += 1.6 if right & EXACT else 0.8 if right & {"place", "way"} else 0.4 if right else 0.0
        value += 0.5 if index == 0 else 0.0
        scores.append(value)
    return scores


def leans(sentence: str) -> bool:
    """Does it begin with a word that points at the sentence before?"""
    return bool(_leaning().match(plain(without_markup(sentence))))


def is_condition(sentence: str) -> bool:
    return bool(_conditions().search(plain(sentence)))


def is_yes_or_no(question: str) -> bool:
    said = plain(question)
    return bool(_openings().match(said)) or bool(kinds_asked(question) & {"leave", "have"})


# Kinds of answers

# Kinds that one can see in a sentence without understanding it.
EXACT = frozenset({"time", "price", "span", "contact", "code"})


@lru_cache(maxsize=4096)
def kinds_asked(question: str) -> frozenset[str]:
    said = plain(question)
    return frozenset(kind for kind, shape in _kinds("asked").items() if shape.search(said))


@lru_cache(maxsize=4096)
def kinds_told(sentence: str) -> frozenset[str]:
    # "7.30" is two numbers, not one word.
    said = plain(re.sub(r"(?<=\d)[.:](?=\d)", " ", sentence.replace("%", " percent ")))
    return frozenset(kind for kind, shape in _kinds("told").items() if shape.search(said))


@cache
def _kinds(section: str) -> dict[str, re.Pattern[str]]:
    return {kind: any_of(every(section, kind)) for kind in keys(section)}


@cache
def _leaning() -> re.Pattern[str]:
    return any_of(every("sentence", "leans"))


@cache
def _openings() -> re.Pattern[str]:
    return any_of(every("yes_or_no", "openings"))


@cache
def _conditions() -> re.Pattern[str]:
    return any_of(every("sentence", "condition"))


# Words in common

_STEMMERS = {"en": "english", "ar": "arabic"}


@lru_cache(maxsize=4096)
def words_of(text: str) -> frozenset[str]:
    """The stems of the words that carry meaning."""
    empty = _empty_words()
    stemmer = snowballstemmer.stemmer(_STEMMERS["ar" if is_arabic(text) else "en"])
    return frozenset(stemmer.stemWords([word for word in plain(text).split() if word not in empty]))


@cache
def _empty_words() -> frozenset[str]:
    return frozenset(every("sentence", "empty"))
