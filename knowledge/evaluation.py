"""How well search does on questions whose right articles are known."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from concierge.models import Venue
from knowledge.models import GoldenQuestion
from knowledge.reading.drafts import BadInput, check_characters
from knowledge.reading.jsonlines import objects
from knowledge.search import CONFIDENT, search, warm

LONGEST_LANGUAGE = GoldenQuestion._meta.get_field("language").max_length or 10

DEPTH = 10


@dataclass(frozen=True)
class Question:
    text: str
    language: str
    articles: frozenset[str]  # slugs; none means that the venue has no answer


@dataclass(frozen=True)
class Answered:
    """What search made of one question."""

    question: Question
    found: tuple[str, ...]
    confidence: float
    ms: float

    @property
    def rank(self) -> int | None:
        """The place of the first right article, from 1."""
        return next((place for place, slug in enumerate(self.found, 1) if slug in self.question.articles), None)

    @property
    def is_declined(self) -> bool:
        return self.confidence < CONFIDENT


@dataclass(frozen=True)
class Ranking:
    """Over questions that have an answer: the share with a right article among the first 1, 3, 5; mean 1 / rank."""

    questions: int
    recall_at_1: float
    recall_at_3: float
    recall_at_5: float
    mrr_at_10: float

    def as_json(self) -> dict[str, float]:
        return {
            "questions": self.questions,
            "recall@1": self.recall_at_1,
            "recall@3": self.recall_at_3,
            "recall@5": self.recall_at_5,
            "MRR@10": self.mrr_at_10,
        }


@dataclass(frozen=True)
class NoAnswer:
    """How well "nothing is written about this" is told from the rest. None where there is nothing to measure."""

    answerable: int
    unanswerable: int
    auroc: float | None  # of the confidence, 0.5 is chance
    threshold: float
    precision: float | None  # of the questions that were declined, those without an answer
    recall: float | None  # of the questions without an answer, those that were declined
    refused: float | None  # answerable questions that were declined
    accepted: float | None  # unanswerable ones that were not


@dataclass(frozen=True)
class Report:
    overall: Ranking | None
    languages: dict[str, Ranking]
    no_answer: NoAnswer
    p50_ms: float
    p95_ms: float

    def as_json(self) -> dict[str, object]:
        return {
            "questions": self.no_answer.answerable + self.no_answer.unanswerable,
            "overall": self.overall.as_json() if self.overall else None,
            "languages": {language: ranking.as_json() for language, ranking in self.languages.items()},
            "no_answer": asdict(self.no_answer),
            "p50_ms": self.p50_ms,
            "p95_ms": self.p95_ms,
        }


def read_questions(path: Path, *, name: str = "") -> list[Question]:
    """{"question", "lang", "answer_ids"} a line. Raises BadInput with the line's number.

    `name` is what its owner calls the file, if it is stored under another name.
    """
    questions: list[Question] = []
    for place, fields in objects(path, name=name):
        text, language, ids = fields.get("question"), fields.get("lang") or "", fields.get("answer_ids")
        if not isinstance(text, str) or not text.strip():
            raise BadInput(place, "question is missing or empty")
        if not isinstance(language, str) or len(language) > LONGEST_LANGUAGE:
            raise BadInput(place, "lang is no language code")
        if not isinstance(ids, list) or not all(isinstance(slug, str | int) for slug in ids):
            raise BadInput(place, "answer_ids is not a list of ids")
        for field, value in (("question", text), ("lang", language), *(("answer_ids", str(slug)) for slug in ids)):
            check_characters(place, field, value)
        questions.append(Question(text, language, frozenset(map(str, ids))))
    if not questions:
        raise BadInput(name or path, "no questions in it")
    return questions


def evaluate(
    venue: Venue, questions: Iterable[Question], progress: Callable[[int], None] = lambda done: None
) -> Report:
    warm(venue)
    answers: list[Answered] = []
    for question in questions:
        began = time.perf_counter()
        hits = search(venue, question.text, limit=DEPTH, language=question.language or None)
        ms = (time.perf_counter() - began) * 1000
        found = tuple(hit.article for hit in hits)
        answers.append(Answered(question, found, hits[0].confidence if hits else 0.0, ms))
        progress(len(answers))
    return report(answers)


def report(answers: Sequence[Answered]) -> Report:
    answerable = [answer for answer in answers if answer.question.articles]
    languages = sorted({answer.question.language for answer in answerable})
    times = [answer.ms for answer in answers] or [0.0]
    return Report(
        overall=_ranking(answerable),
        languages={
            language: ranking
            for language in languages
            if (ranking := _ranking([answer for answer in answerable if answer.question.language == language]))
        },
        no_answer=_no_answer(answerable, [answer for answer in answers if not answer.question.articles]),
        p50_ms=round(float(np.quantile(times, 0.5)), 2),
        p95_ms=round(float(np.quantile(times, 0.95)), 2),
    )


def _ranking(answers: Sequence[Answered]) -> Ranking | None:
    if not answers:
        return None
    ranks = [answer.rank or float("inf") for answer in answers]

    def recall(first: int) -> float:
        return _share(rank <= first for rank in ranks)

    mrr = sum(1 / rank for rank in ranks) / len(ranks)
    return Ranking(len(ranks), recall(1), recall(3), recall(5), round(mrr, 4))


def _no_answer(answerable: Sequence[Answered], unanswerable: Sequence[Answered]) -> NoAnswer:
    declined = [answer for answer in (*answerable, *unanswerable) if answer.is_declined]
    return NoAnswer(
        answerable=len(answerable),
        unanswerable=len(unanswerable),
        auroc=auroc([answer.confidence for answer in answerable], [answer.confidence for answer in unanswerable]),
        threshold=CONFIDENT,
        precision=_share(not answer.question.articles for answer in declined) if declined else None,
        recall=_share(answer.is_declined for answer in unanswerable) if unanswerable else None,
        refused=_share(answer.is_declined for answer in answerable) if answerable else None,
        accepted=_share(not answer.is_declined for answer in unanswerable) if unanswerable else None,
    )


def auroc(higher: Sequence[float], lower: Sequence[float]) -> float | None:
    """The probability that one of `higher` lies above one of `lower`; a tie counts half."""
    if not higher or not lower:
        return None
    above = np.asarray(higher)[:, None] - np.asarray(lower)[None, :]
    return round(float(((above > 0) + 0.5 * (above == 0)).mean()), 4)


def _share(values: Iterable[bool]) -> float:
    listed = list(values)
    return round(sum(listed) / len(listed), 4)
