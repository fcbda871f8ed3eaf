"""The golden questions of a venue, asked again whenever something is published there."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from django.db import transaction
from django_tasks import task

from concierge.models import Venue
from knowledge.evaluation import DEPTH, Answered, Question
from knowledge.models import Article, GoldenQuestion, GoldenRun, IndexRevision
from knowledge.search import search

logger = logging.getLogger(__name__)

RECALL_DEPTHS = (1, 3)
RUNS_KEPT = 500
FAILURES_KEPT = 100


@dataclass(frozen=True)
class GoldenFigures:
    """Shares from 0 to 1, None where no question is of that kind."""

    questions: int
    recall_at_1: float | None  # of the questions with an answer, those whose right article came first
    recall_at_3: float | None
    answered: float | None  # of the questions with an answer, those that search was sure enough of
    refused: float | None  # of the questions without one, those that it was not


def figures(answers: Sequence[Answered]) -> GoldenFigures:
    answerable = [answer for answer in answers if answer.question.articles]
    others = [answer for answer in answers if not answer.question.articles]
    recalls = [_share(bool(answer.rank) and answer.rank <= depth for answer in answerable) for depth in RECALL_DEPTHS]  # type: ignore[operator]
    return GoldenFigures(
        questions=len(answers),
        recall_at_1=recalls[0],
        recall_at_3=recalls[1],
        answered=_share(not answer.is_declined for answer in answerable),
        refused=_share(answer.is_declined for answer in others),
    )


def _share(values: Iterable[bool]) -> float | None:
    listed = list(values)
    return round(sum(listed) / len(listed), 4) if listed else None


def is_right(answer: Answered) -> bool:
    """The right article first and surely; or, where none is right, no answer."""
    return (answer.rank == 1 and not answer.is_declined) if answer.question.articles else answer.is_declined


def questions_of(venue: Venue) -> list[Question]:
    rows = venue.golden_questions.prefetch_related("articles").order_by("language", "question")
    return [
        Question(row.question, row.language, frozenset(article.slug for article in row.articles.all())) for row in rows
    ]


def run(venue: Venue, reason: str = "") -> GoldenRun | None:
    """Ask all of them, and keep how they did. None if there are none."""
    questions = questions_of(venue)
    if not questions:
        return None
    revision = IndexRevision.objects.filter(venue=venue).values_list("number", flat=True).first() or 0
    answers = []
    for question in questions:
        hits = search(venue, question.text, limit=DEPTH, language=question.language or None)
        found = tuple(hit.article for hit in hits)
        answers.append(Answered(question, found, hits[0].confidence if hits else 0.0, 0.0))
    by_language = {
        language: [answer for answer in answers if answer.question.language == language]
        for language in sorted({question.language for question in questions})
    }
    wrong = [answer for answer in answers if not is_right(answer)]
    made = venue.golden_runs.create(
        reason=reason[:200],
        revision=revision,
        questions=len(questions),
        figures={language: asdict(figures(group)) for language, group in {"": answers, **by_language}.items()},
        failures=[
            {
                "question": answer.question.text,
                "language": answer.question.language,
                "wanted": sorted(answer.question.articles),
                "found": "" if answer.is_declined or not answer.found else answer.found[0],
            }
            for answer in wrong[:FAILURES_KEPT]
        ],
    )
    outdated = venue.golden_runs.values_list("pk", flat=True)[RUNS_KEPT:]
    GoldenRun.objects.filter(pk__in=list(outdated)).delete()
    return made


@task()
def run_in_background(venue_pk: int, reason: str) -> None:
    venue = Venue.objects.filter(pk=venue_pk).first()
    if venue:
        run(venue, reason)


def run_after_commit(venue: Venue, articles: frozenset[int], reason: str) -> None:
    """Have the task worker ask them once what was changed is there. Nothing waits for it, and nothing fails with it."""

    def enqueue() -> None:
        if GoldenQuestion.objects.filter(venue=venue).exists():
            run_in_background.enqueue(venue.pk, reason)

    transaction.on_commit(enqueue, robust=True)


def store(venue: Venue, question: str, language: str, slugs: Iterable[str]) -> tuple[GoldenQuestion, bool]:
    """The golden question with these words, which now has these articles; and whether it is new.

    Raises Article.DoesNotExist, with the slug, for an article that the venue does not have.
    """
    wanted = set(slugs)
    articles = list(venue.articles.filter(slug__in=wanted))
    if unknown := wanted - {article.slug for article in articles}:
        raise Article.DoesNotExist(sorted(unknown)[0])
    with transaction.atomic():
        row, is_new = GoldenQuestion.objects.get_or_create(
            venue=venue, language=language, question=" ".join(question.split())[:500]
        )
        row.articles.set(articles)
    return row, is_new
