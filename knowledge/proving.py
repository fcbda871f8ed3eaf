"""What a version would change before it goes live: the questions that would be answered differently.

Computed on an index in memory in which the version has taken the place of the live one; nothing that visitors can
find is touched.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils import timezone

from concierge.models import Venue
from knowledge.asked import recent_questions
from knowledge.evaluation import Question
from knowledge.golden import questions_of
from knowledge.models import Version
from knowledge.search import CONFIDENT, Hit, cleaned, find, trial_indexes

MOST_GOLDEN = 500
RECENT = 50


@dataclass(frozen=True)
class Reply:
    """What a question would be answered with. No article: "nothing is written about this"."""

    article: str = ""
    title: str = ""
    sentence: str = ""


@dataclass(frozen=True)
class Change:
    question: Question
    is_golden: bool
    before: Reply
    after: Reply
    is_regression: bool  # it was right (a real question: it had an answer) and would no longer be


@dataclass(frozen=True)
class Proof:
    asked: int
    changes: tuple[Change, ...]  # regressions first

    @property
    def regressions(self) -> int:
        return sum(change.is_regression for change in self.changes)


def prove(venue: Venue, version: Version) -> Proof:
    """Ask the golden and the recent real questions of the venue, with and without `version`."""
    golden = questions_of(venue)[:MOST_GOLDEN]
    known = {(question.text.casefold(), question.language) for question in golden}
    recent = [
        Question(asked.text, asked.language, frozenset())
        for asked in recent_questions(venue, RECENT)
        if (asked.text.casefold(), asked.language) not in known
    ]
    if not golden and not recent:
        return Proof(0, ())
    # A version for later is compared at the moment at which it takes over.
    now = timezone.now()
    at = max(now, version.valid_from) if version.valid_from else now
    live, trial = trial_indexes(venue, version)
    changes = []
    for question, is_golden in [*((one, True) for one in golden), *((one, False) for one in recent)]:
        language = question.language or None
        words = cleaned(question.text)
        before, after = (
            reply(find(index, words, limit=1, at=at, language=language) if words else []) for index in (live, trial)
        )
        if before != after:
            was_good, is_good = (_is_good(question, one, is_golden=is_golden) for one in (before, after))
            changes.append(Change(question, is_golden, before, after, was_good and not is_good))
    return Proof(len(golden) + len(recent), tuple(sorted(changes, key=lambda change: not change.is_regression)))


def reply(hits: Sequence[Hit]) -> Reply:
    if not hits or hits[0].confidence < CONFIDENT:
        return Reply()
    hit = hits[0]
    _, sentence = max(zip(hit.sentence_scores, hit.sentences, strict=True), default=(0.0, hit.text))
    return Reply(hit.article, hit.title, sentence)


def _is_good(question: Question, given: Reply, *, is_golden: bool) -> bool:
    if not is_golden:
        return bool(given.article)
    return given.article in question.articles if question.articles else not given.article
