"""What visitors asked in vain."""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.db.models import Count, Max, Q
from django.utils import timezone

from concierge.models import Venue
from knowledge.models import Article
from voice.models.turns import Turn


class GapQuerySet(models.QuerySet["Gap"]):
    def with_counts(self) -> GapQuerySet:
        """Gaps that somebody's kept words stand behind, those asked most first."""
        return (
            self.annotate(
                asked=Count("questions", distinct=True),
                fixed=Count("questions", filter=Q(questions__is_fixed=True), distinct=True),
                last_asked_at=Max("questions__turn__said_at"),
            )
            .filter(asked__gt=0)
            .order_by("-asked", "-last_asked_at")
        )

    def in_state(self, state: str, at: datetime | None = None) -> GapQuerySet:
        """A gap that was put off is open again when its time has come."""
        slept_enough = Q(state=Gap.State.SNOOZED, snoozed_until__lte=at or timezone.now())
        if state == Gap.State.OPEN:
            return self.filter(Q(state=state) | slept_enough)
        return self.filter(state=state).exclude(slept_enough)


class Gap(models.Model):
    """One thing that visitors asked about in vain, in whatever words and languages."""

    class State(models.TextChoices):
        OPEN = "open"
        SNOOZED = "snoozed"
        DISMISSED = "dismissed"  # not what this venue wants to answer; more of the same stay with it
        FIXED = "fixed"  # the same questions were asked again and had an answer

    venue = models.ForeignKey(Venue, models.CASCADE, related_name="gaps")
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    snoozed_until = models.DateTimeField(null=True, blank=True)
    article = models.ForeignKey(
        Article, models.SET_NULL, null=True, blank=True, related_name="gaps", help_text="Written to fill it."
    )
    made_at = models.DateTimeField(default=timezone.now)

    objects = GapQuerySet.as_manager()

    def __str__(self) -> str:
        return f"Gap {self.pk} at {self.venue}"


class GapQuestion(models.Model):
    """A visitor's question that had no answer. It goes when its call is deleted: the words are the visitor's."""

    gap = models.ForeignKey(Gap, models.CASCADE, related_name="questions")
    turn = models.OneToOneField(Turn, models.CASCADE, related_name="gap_question")
    embedder = models.CharField(max_length=100)
    vector = models.BinaryField(help_text="Unit vector, float32, little-endian.")
    is_fixed = models.BooleanField(null=True, help_text="When it was asked again, was there an answer?")
    replayed_at = models.DateTimeField(null=True, blank=True)
    answer = models.TextField(blank=True, help_text="What it was answered when it was asked again.")

    def __str__(self) -> str:
        return f"{self.turn.text[:60]}"
