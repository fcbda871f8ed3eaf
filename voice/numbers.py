"""What the calls of some venues and days come to, as numbers: each with the rule by which it is computed.

The database counts; nothing here reads call after call. The same on SQLite and PostgreSQL, which is why percentiles
are found here, in counts of milliseconds: SQLite has no percentile of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

from django.db.models import Count, F, FloatField, Max, Min, Q, QuerySet, Sum, Value
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, ExtractHour, StrIndex, Substr

from concierge.models import Venue
from knowledge.search import is_courtesy
from voice.history import within_days
from voice.models import Call, Gap, GapQuestion, Turn

HOURS_A_DAY = 24
TOP = 10
# Thanks and greetings are asked often and are no questions: so many are read that enough others are left.
READ_FOR_TOP = 60
ANSWERS_AT_ONCE = 5000
# In the order of the wait. The keys are those of Turn.metrics.
STAGES = ("end_of_turn_ms", "stt_ms", "search_ms", "llm_ms", "tts_ms", "total_ms", "ear_ms")


@dataclass(frozen=True)
class Wait:
    """How long one stage of an answer took, in milliseconds; None where no answer says."""

    stage: str
    answers: int
    p50: int | None
    p90: int | None


@dataclass(frozen=True)
class Asked:
    words: str
    language: str
    times: int


@dataclass(frozen=True)
class AskedInVain:
    gap: int
    venue: str  # slug
    words: str
    language: str
    times: int


@dataclass(frozen=True)
class Numbers:
    calls: int
    minutes: int
    by_hour: list[int]  # of 24, by the clock of each venue
    by_language: list[tuple[str, int]]  # the most common first
    by_outcome: dict[str, int]  # every Call.Outcome
    open_outcomes: int  # calls that go on, and so have none yet
    waits: list[Wait]
    questions: list[Asked]
    gaps: list[AskedInVain]

    def share(self, *outcomes: str) -> float | None:
        """Of the calls with an outcome in which a question had a reply or a person came; None if there are none."""
        judged = sum(count for outcome, count in self.by_outcome.items() if outcome != Call.Outcome.ABANDONED)
        return sum(self.by_outcome[outcome] for outcome in outcomes) / judged if judged else None


def numbers_of(venues: QuerySet[Venue], since: date | None, until: date | None) -> Numbers:
    """Of the calls that took place at `venues` on these days, both included, by each venue's clock."""
    calls = Call.objects.filter(venue__in=venues, began_at__isnull=False).order_by()
    if since or until:
        calls = calls.filter(within_days(venues, since, until))
    whole = calls.aggregate(calls=Count("pk"), lasted=Sum(F("ended_at") - F("began_at")))
    languages: Counter[str] = Counter()
    outcomes: Counter[str] = Counter()
    for language, outcome, count in calls.values_list("language", "outcome").annotate(Count("pk")):
        languages[language] += count
        outcomes[outcome] += count
    return Numbers(
        calls=whole["calls"],
        minutes=round(whole["lasted"].total_seconds() / 60) if whole["lasted"] else 0,
        by_hour=_by_hour(calls, venues),
        by_language=languages.most_common(),
        by_outcome={outcome: outcomes[outcome] for outcome in Call.Outcome.values},
        open_outcomes=outcomes[""],
        waits=_waits(calls),
        questions=_top_questions(calls),
        gaps=_top_gaps(calls, venues),
    )


def _by_hour(calls: QuerySet[Call], venues: QuerySet[Venue]) -> list[int]:
    hours = [0] * HOURS_A_DAY
    for zone in sorted(set(venues.values_list("timezone", flat=True))):
        here = calls.filter(venue__timezone=zone)
        counted = here.annotate(hour=ExtractHour("began_at", tzinfo=ZoneInfo(zone))).values_list("hour")
        for hour, count in counted.annotate(Count("pk")):
            hours[hour] += count
    return hours


def _waits(calls: QuerySet[Call]) -> list[Wait]:
    """One pass over the answers that were timed: a query a stage would read them all again for each."""
    answers = Turn.objects.filter(call__in=calls, speaker=Turn.Speaker.AGENT).exclude(metrics={}).order_by()
    stages = {f"of_{stage}": Cast(KT(f"metrics__{stage}"), FloatField()) for stage in STAGES}
    counts: list[Counter[float]] = [Counter() for _ in STAGES]
    for waits in answers.annotate(**stages).values_list(*stages).iterator(chunk_size=ANSWERS_AT_ONCE):
        for counted, ms in zip(counts, waits, strict=True):
            if ms is not None:
                counted[ms] += 1
    return [_wait(stage, counted) for stage, counted in zip(STAGES, counts, strict=True)]


def _wait(stage: str, counted: Counter[float]) -> Wait:
    total = counted.total()
    counts = sorted(counted.items())
    return Wait(stage, total, _percentile(counts, total, 0.5), _percentile(counts, total, 0.9))


def _percentile(counts: Sequence[tuple[float, int]], total: int, share: float) -> int | None:
    """The least value that at least `share` of all are at or under."""
    passed = 0
    for value, count in counts:
        passed += count
        if passed >= share * total:
            return round(value)
    return None


def _top_questions(calls: QuerySet[Call]) -> list[Asked]:
    # search_words begins with the stems, up to a line break: they are alike where the wording is nearly so.
    asked = (
        Turn.objects.filter(call__in=calls, speaker=Turn.Speaker.VISITOR)
        .order_by()
        .annotate(stems=Substr("search_words", 1, StrIndex("search_words", Value("\n"))))
        .exclude(stems="")
        .values("stems")
        .annotate(times=Count("pk"), words=Min("text"), language=Min("language"))
        .order_by("-times", "words")
    )
    # What was read is enough for ten of them however polite the visitors are.
    real = (Asked(row["words"], row["language"], row["times"]) for row in asked[:READ_FOR_TOP])
    return [question for question in real if not is_courtesy(question.words)][:TOP]


def _top_gaps(calls: QuerySet[Call], venues: QuerySet[Venue]) -> list[AskedInVain]:
    unsettled = Q(gap__state__in=[Gap.State.OPEN, Gap.State.SNOOZED])
    rows = (
        GapQuestion.objects.filter(unsettled, gap__venue__in=venues, turn__call__in=calls)
        .order_by()
        .values("gap", "gap__venue__slug")
        .annotate(times=Count("pk"), latest=Max("turn__said_at"), words=Min("turn__text"), said=Min("turn__language"))
        .order_by("-times", "-latest")
    )
    return [
        AskedInVain(row["gap"], row["gap__venue__slug"], row["words"], row["said"], row["times"]) for row in rows[:TOP]
    ]
