"""What visitors asked in vain: one gap a thing, whatever words and languages it was asked in.

A question becomes part of a gap only if search was healthy and really found too little; an answer that failed for
another reason (a model that was away, an empty index) is no gap in what is written.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

import numpy as np
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django_tasks import task

from concierge.models import Venue
from knowledge.embedding import get_embedder
from knowledge.search import CONFIDENT, cleaned, is_courtesy, search
from voice.answering import ask
from voice.models import Gap, GapQuestion, Turn

logger = logging.getLogger(__name__)

# Cosines from which on a question is about the thing of a gap: on average over the gap's questions, since by its
# nearest question alone a gap drifts from one thing to the next. `python -m tests.measure_gaps` on public text gave
# them: docs/performance.md has the figures. Too many gaps are better than two things in one, of which nobody would
# hear the second; an editor merges with one click (see NEAR).
SAME_LANGUAGE = 0.50
OTHER_LANGUAGE = 0.34
SAME_WORDS = 0.90  # of the nearest question: that one was asked again, whatever else is in its gap
NEAR = 0.2
# One word, often misheard, is nothing that one could write about.
FEWEST_WORDS = 2
REPLAYED_AT_MOST = 50


def after_a_turn(turn: Turn) -> None:
    """Called with each turn that was stored."""
    if turn.speaker == Turn.Speaker.AGENT and turn.is_answered is False:
        notice_in_background.enqueue(turn.pk)


@task()
def notice_in_background(turn_pk: int) -> None:
    turn = Turn.objects.filter(pk=turn_pk).select_related("call__venue").first()
    if turn:
        notice(turn)


def notice(answer: Turn) -> Gap | None:
    """The gap that the question before this unanswered turn of the agent belongs to, made if it is the first.

    None if it is no gap: too few words, an index that is not healthy, or something was found.
    """
    venue = answer.call.venue
    asked = Turn.objects.filter(call=answer.call, number__lt=answer.number, speaker=Turn.Speaker.VISITOR).last()
    if asked is None or is_courtesy(asked.text) or len(cleaned(asked.text).split()) < FEWEST_WORDS:
        return None
    known = GapQuestion.objects.filter(turn=asked).select_related("gap").first()
    if known:
        return known.gap
    try:
        hits = search(venue, asked.text, language=asked.language or None)
    except Exception:
        logger.exception("Search at %s is not healthy, so that turn %s makes no gap", venue, asked.pk)
        return None
    # An index in which nothing is valid finds nothing, whatever is asked.
    if not hits or hits[0].confidence >= CONFIDENT:
        return None
    return file(venue, asked)


@task()
def file_in_background(turn_pk: int) -> None:
    turn = Turn.objects.filter(pk=turn_pk).select_related("call__venue").first()
    if turn:
        file(turn.call.venue, turn)


def file(venue: Venue, asked: Turn) -> Gap:
    """Put a visitor's question into the gap it belongs to. Twice is harmless."""
    known = GapQuestion.objects.filter(turn=asked).select_related("gap").first()
    if known:
        return known.gap
    vector = get_embedder().embed_queries([cleaned(asked.text)])[0]
    with transaction.atomic():
        # One at a time in a venue, so that two of the same question make one gap.
        Venue.objects.select_for_update(no_key=True).get(pk=venue.pk)
        gap = nearest(venue, vector, asked.language) or Gap.objects.create(venue=venue)
        gap.questions.create(turn=asked, embedder=get_embedder().name, vector=np.asarray(vector, "<f4").tobytes())
        if gap.state == Gap.State.FIXED:
            gap.state = Gap.State.OPEN
            gap.save(update_fields=["state"])
    return gap


def nearest(venue: Venue, vector: np.ndarray, language: str) -> Gap | None:
    """The gap whose questions are most like this one, if they are like enough."""
    rows = list(_comparable(venue).select_related("gap", "turn"))
    if not rows:
        return None
    is_same_language = np.array([row.turn.language == language for row in rows])
    gaps = np.array([row.gap_id for row in rows])
    number = belongs_to(_matrix(rows) @ vector, is_same_language, gaps)
    return next((row.gap for row in rows if row.gap_id == number), None)


def belongs_to(cosines: np.ndarray, is_same_language: np.ndarray, gaps: np.ndarray) -> int | None:
    """The gap that a question belongs to, by its cosine to each question that is in one. None: it is a new thing."""
    again = int(cosines.argmax())
    if cosines[again] >= SAME_WORDS:
        return int(gaps[again])
    # Across languages the same question is further off; measured from its own threshold it is as near.
    over = cosines - np.where(is_same_language, SAME_LANGUAGE, OTHER_LANGUAGE)
    numbers, place = np.unique(gaps, return_inverse=True)
    means = np.bincount(place, over) / np.bincount(place)
    best = int(means.argmax())
    return int(numbers[best]) if means[best] >= 0 else None


def neighbours(gap: Gap, most: int = 5) -> list[Gap]:
    """Other gaps that may be about the same thing, the nearest first."""
    rows = list(_comparable(gap.venue).select_related("gap", "turn").exclude(gap__state=Gap.State.DISMISSED))
    mine = [row for row in rows if row.gap_id == gap.pk]
    others = [row for row in rows if row.gap_id != gap.pk]
    if not mine or not others:
        return []
    cosines = (_matrix(others) @ _matrix(mine).T).max(axis=1)
    found: dict[int, Gap] = {}
    for index in np.argsort(-cosines).tolist():
        if cosines[index] < NEAR or len(found) == most:
            break
        found.setdefault(others[index].gap_id, others[index].gap)
    return list(found.values())


def merge(gap: Gap, into: Gap) -> None:
    """All that was asked in `gap` belongs to `into`."""
    with transaction.atomic():
        gap.questions.update(gap=into)
        if into.article is None and gap.article is not None:
            into.article = gap.article
            into.save(update_fields=["article"])
        gap.delete()


def _comparable(venue: Venue) -> QuerySet[GapQuestion]:
    return GapQuestion.objects.filter(gap__venue=venue, embedder=get_embedder().name)


def _matrix(rows: Iterable[GapQuestion]) -> np.ndarray:
    return np.stack([np.frombuffer(row.vector, "<f4") for row in rows])


# Asked again


def replay_after_commit(venue: Venue, articles: frozenset[int], reason: str) -> None:
    """Have the questions of each gap asked again whose article was published."""

    def enqueue() -> None:
        waiting = venue.gaps.filter(article__in=articles, state__in=[Gap.State.OPEN, Gap.State.SNOOZED])
        for pk in waiting.values_list("pk", flat=True):
            replay_in_background.enqueue(pk)

    transaction.on_commit(enqueue, robust=True)


@task()
def replay_in_background(gap_pk: int) -> None:
    gap = Gap.objects.filter(pk=gap_pk).select_related("venue").first()
    if gap:
        replay(gap)


def replay(gap: Gap) -> bool:
    """Ask the concierge the visitors' own questions again, and mark each. True if all have an answer now."""
    asked = list(gap.questions.select_related("turn").order_by("-turn__said_at")[:REPLAYED_AT_MOST])
    for question in asked:
        answer = ask(gap.venue, question.turn.text, question.turn.language or None)
        question.is_fixed, question.answer, question.replayed_at = answer.is_answered, answer.text, timezone.now()
        question.save(update_fields=["is_fixed", "answer", "replayed_at"])
    is_fixed = bool(asked) and all(question.is_fixed for question in asked)
    if is_fixed:
        gap.state = Gap.State.FIXED
        gap.save(update_fields=["state"])
    return is_fixed
