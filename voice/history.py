"""Looking through the calls that are over: by venue, language, outcome, tag and day, and by what was said in them.

What is searched is stored with each turn (voice.models.search_words), folded and stemmed by knowledge.lexical, so that
SQLite and PostgreSQL find the same, in any script.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db import models
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext_lazy

from concierge.models import Venue
from knowledge.lexical import fold, words
from voice.models import Call, Scorecard, Turn

MOST_WORDS = 12
_PHRASE = re.compile(r'["“«„]([^"“”«»„]+)["”»“]')


class Review(models.TextChoices):
    """What reviewers' scorecards say of a call."""

    DONE = "done", gettext_lazy("With a scorecard")
    MISSING = "missing", gettext_lazy("Without a scorecard")
    FAULT = "fault", gettext_lazy("A reviewer found a fault")


@dataclass(frozen=True)
class Wanted:
    """Which calls. What is empty does not matter. Days are those of each venue's own clock, both included."""

    words: str = ""
    language: str = ""
    outcome: str = ""
    rating: str = ""
    tag: str = ""
    review: str = ""
    since: date | None = None
    until: date | None = None


def find_calls(venues: QuerySet[Venue], wanted: Wanted) -> QuerySet[Call]:
    """Calls that took place and are over, the newest first."""
    calls = Call.objects.filter(venue__in=venues, state=Call.State.ENDED, began_at__isnull=False)
    if wanted.language:
        calls = calls.filter(language=wanted.language)
    if wanted.outcome:
        calls = calls.filter(outcome=wanted.outcome)
    if wanted.rating:
        calls = calls.filter(rating=wanted.rating)
    if wanted.tag:
        calls = calls.filter(tag_words__contains=f" {wanted.tag} ")
    if wanted.review:
        calls = calls.filter(reviewed(wanted.review))
    if wanted.since or wanted.until:
        calls = calls.filter(within_days(venues, wanted.since, wanted.until))
    for term in terms(wanted.words, languages_of(venues)):
        calls = calls.filter(Exists(Turn.objects.filter(term, call=OuterRef("pk"))))
    return calls.order_by("-opened_at", "-pk")


def reviewed(review: str) -> Q:
    cards = Scorecard.objects.filter(call=OuterRef("pk"))
    match review:
        case Review.MISSING:
            return ~Q(Exists(cards))
        case Review.FAULT:
            no = Scorecard.Degree.NO
            badly = Scorecard.HandOffHandled.BADLY
            return Q(Exists(cards.filter(Q(is_correct=no) | Q(is_complete=no) | Q(is_polite=no) | Q(hand_off=badly))))
    return Q(Exists(cards))


def within_days(venues: QuerySet[Venue], since: date | None, until: date | None, of: str = "opened_at") -> Q:
    """Rows of these days, by the clock of each venue. `of` is the field with the moment."""
    days = Q()
    for zone in sorted(set(venues.values_list("timezone", flat=True))):
        here = Q(venue__timezone=zone)
        if since and since > date.min:
            here &= Q(**{f"{of}__gte": _midnight(since, zone)})
        if until and until < date.max:
            here &= Q(**{f"{of}__lt": _midnight(until + timedelta(days=1), zone)})
        days |= here
    return days


def _midnight(day: date, zone: str) -> datetime:
    return datetime.combine(day, time.min, ZoneInfo(zone))


def languages_of(venues: Iterable[Venue]) -> list[str]:
    return sorted({language for venue in venues for language in venue.languages})


# Words


def terms(query: str, languages: Iterable[str]) -> list[Q]:
    """What must each hold of some turn of a call: one condition a word, one a phrase in quotation marks.

    A word is found in any of its forms, as each of `languages` forms it. Words that every text has are passed over,
    unless nothing else is asked for.
    """
    phrases = [phrase for phrase in map(_folded, _PHRASE.findall(query)) if phrase]
    found = [Q(search_words__contains=phrase) for phrase in phrases]
    rest = _PHRASE.sub(" ", query)
    for word in rest.split()[:MOST_WORDS]:
        forms = {tuple(words(word, language)) for language in ("", *languages)} - {()}
        if forms:
            found.append(_any(_one_form(form, is_compound="-" in word) for form in sorted(forms)))
    if not found and _folded(rest):
        return [Q(search_words__contains=_folded(rest))]
    return found


def _one_form(stems: tuple[str, ...], *, is_compound: bool) -> Q:
    # "Wi-Fi" is read as its parts and as one word; a visitor may have said either.
    each = [Q(search_words__contains=f" {stem} ") for stem in stems]
    if is_compound:
        return _any(each)
    together = Q()
    for one in each:
        together &= one
    return together


def _any(conditions: Iterable[Q]) -> Q:
    either = Q()
    for condition in conditions:
        either |= condition
    return either


def _folded(text: str) -> str:
    return " ".join(fold(text).split())


# What the list shows


@dataclass
class Row:
    call: Call
    first_question: str = ""
    matches: list[Turn] = field(default_factory=list)


MATCHES_SHOWN = 2


def rows(calls: Iterable[Call], query: str, languages: Iterable[str]) -> list[Row]:
    """Each call with its first question and, of a search, the turns that were found. Three queries, however many."""
    found = {call.pk: Row(call) for call in calls}
    turns = Turn.objects.filter(call__in=list(found)).order_by("call", "number")
    for turn in turns.filter(speaker=Turn.Speaker.VISITOR).defer("search_words"):
        row = found[turn.call_id]
        row.first_question = row.first_question or turn.text
    conditions = terms(query, languages)
    if conditions:
        for turn in turns.filter(_any(conditions)).defer("search_words"):
            if len(found[turn.call_id].matches) < MATCHES_SHOWN:
                found[turn.call_id].matches.append(turn)
    return list(found.values())
