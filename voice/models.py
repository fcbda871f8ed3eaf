"""Calls: opened with a token, live once a visitor is in the room, ended once. What was said is in `turns`."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db import models, transaction
from django.db.models import Count, F, Max, Min, Q, Sum
from django.utils import timezone

from concierge.models import Venue
from knowledge.models import Article, Version

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser, User

HEARTBEAT_FRESH = timedelta(seconds=15)


def room_name() -> str:
    return f"call-{secrets.token_urlsafe(15)}"


def agent_identity(call_id: str) -> str:
    """What the agent is called in the room of this call."""
    return f"agent-{call_id}"


class CallQuerySet(models.QuerySet["Call"]):
    def visible_to(self, user: User | AnonymousUser) -> CallQuerySet:
        """The calls of venues where `user` works. A stranger sees none."""
        return self.filter(venue__in=Venue.objects.visible_to(user))

    def going_on(self) -> CallQuerySet:
        return self.exclude(state=Call.State.ENDED)


class Call(models.Model):
    class State(models.TextChoices):
        OPENED = "opened"  # a token was given out
        LIVE = "live"  # the visitor is in the room
        ENDED = "ended"

    class Mode(models.TextChoices):
        VOICE = "voice"
        TEXT = "text"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    venue = models.ForeignKey(Venue, models.CASCADE, related_name="calls")
    room = models.CharField(max_length=60, unique=True, default=room_name)
    state = models.CharField(max_length=10, choices=State, default=State.OPENED)
    language = models.CharField(max_length=10, default="en")
    mode = models.CharField(max_length=10, choices=Mode, default=Mode.VOICE)
    visitor_name = models.CharField(max_length=60, blank=True)
    page = models.CharField(max_length=200, blank=True)
    agent_state = models.CharField(max_length=15, blank=True, help_text="listening, thinking or speaking")
    opened_at = models.DateTimeField(default=timezone.now)
    began_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    end_reason = models.CharField(max_length=40, blank=True)

    objects = CallQuerySet.as_manager()

    class Meta:
        ordering = ["-opened_at"]
        indexes = [models.Index(fields=["venue", "state"]), models.Index(fields=["state", "opened_at"])]

    def __str__(self) -> str:
        return f"Call {str(self.pk)[:8]} at {self.venue}"

    @property
    def visitor_identity(self) -> str:
        return f"visitor-{self.pk.hex[:12]}"

    @property
    def agent_identity(self) -> str:
        return agent_identity(str(self.pk))

    @property
    def minutes(self) -> float:
        """How long it has been live, 0 before it began."""
        if not self.began_at:
            return 0.0
        return ((self.ended_at or timezone.now()) - self.began_at).total_seconds() / 60

    def begin(self, at: datetime | None = None) -> bool:
        """The visitor is in the room. False if that was known, or if the call is over."""
        opened = Call.objects.filter(pk=self.pk, state=Call.State.OPENED)
        # One UPDATE whose row count is the answer: webhooks come twice, late and out of order.
        if not opened.update(state=Call.State.LIVE, began_at=at or timezone.now()):
            return False
        self._tell_the_staff()
        return True

    def end(self, reason: str, at: datetime | None = None) -> bool:
        """The call is over. False if it was over already; the first reason stays."""
        going_on = Call.objects.filter(pk=self.pk).going_on()
        if not going_on.update(
            state=Call.State.ENDED, ended_at=at or timezone.now(), end_reason=reason[:40], agent_state=""
        ):
            return False
        self._tell_the_staff()
        return True

    def show_agent_state(self, agent_state: str) -> None:
        """What the agent is doing now, for the staff's screens."""
        if Call.objects.filter(pk=self.pk).going_on().update(agent_state=agent_state):
            self._tell_the_staff()

    def add_turn(
        self,
        speaker: str,
        text: str,
        *,
        language: str = "",
        said_at: datetime | None = None,
        metrics: dict[str, Any] | None = None,
        is_interrupted: bool = False,
        is_answered: bool | None = None,
        citations: Iterable[tuple[int, str, float]] = (),
    ) -> Turn:
        """Store one thing said, then show it to the staff who are watching.

        `citations` are (version id, passage text, score). `metrics` are milliseconds by stage.
        """
        from voice import gaps, live

        with transaction.atomic():
            # The row is locked by this UPDATE until commit, so that two turns never get one number.
            Call.objects.filter(pk=self.pk).update(language=F("language"))
            last = self.turns.aggregate(last=Max("number"))["last"] or 0
            turn = self.turns.create(
                number=last + 1,
                speaker=speaker,
                text=text,
                language=language or self.language,
                said_at=said_at or timezone.now(),
                metrics=metrics or {},
                is_interrupted=is_interrupted,
                is_answered=is_answered,
            )
            Citation.objects.bulk_create(
                Citation(turn=turn, version_id=version, passage=passage, score=score)
                for version, passage, score in citations
            )
            transaction.on_commit(lambda: live.show_turn(turn))
            if speaker == Turn.Speaker.AGENT and is_answered is False:
                transaction.on_commit(lambda: gaps.notice_in_background.enqueue(turn.pk), robust=True)
        return turn

    def _tell_the_staff(self) -> None:
        from voice import live

        transaction.on_commit(lambda: live.show_call(self))


class Turn(models.Model):
    class Speaker(models.TextChoices):
        VISITOR = "visitor"
        AGENT = "agent"
        STAFF = "staff"

    call = models.ForeignKey(Call, models.CASCADE, related_name="turns")
    number = models.PositiveIntegerField()
    speaker = models.CharField(max_length=10, choices=Speaker)
    text = models.TextField()
    language = models.CharField(max_length=10, blank=True)
    said_at = models.DateTimeField(default=timezone.now)
    metrics = models.JSONField(default=dict, blank=True, help_text="Milliseconds by stage.")
    is_interrupted = models.BooleanField(default=False)
    is_answered = models.BooleanField(null=True, help_text="Of an agent's turn: did it rest on something written?")

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["call", "number"], name="one_turn_a_number")]

    def __str__(self) -> str:
        return f"{self.speaker}: {self.text[:60]}"


class Citation(models.Model):
    """The passage that supports an answer, in the version that was spoken."""

    turn = models.ForeignKey(Turn, models.CASCADE, related_name="citations")
    version = models.ForeignKey(Version, models.CASCADE, related_name="citations")
    passage = models.TextField()
    score = models.FloatField()  # how sure search was, 0 to 1

    def __str__(self) -> str:
        return f"{self.version} in turn {self.turn_id}"


class WorkerQuerySet(models.QuerySet["Worker"]):
    def present(self) -> WorkerQuerySet:
        return self.filter(seen_at__gte=timezone.now() - HEARTBEAT_FRESH)

    def free_slots(self) -> int:
        """Calls that could begin now.

        Workers count a call from the moment its agent is sent, before the visitor comes; calls that were opened since
        the oldest heartbeat may not be in it yet, and so hold a slot of their own.
        """
        counted = self.present().aggregate(free=Sum("free_slots"), since=Min("seen_at"))
        if not counted["free"]:
            return 0
        opened = Call.objects.filter(state=Call.State.OPENED, opened_at__gt=counted["since"]).count()
        return max(0, counted["free"] - opened)


class Worker(models.Model):
    """An agent worker says that it is there: LiveKit cannot tell. Written every five seconds."""

    name = models.CharField(max_length=100, unique=True)
    seen_at = models.DateTimeField()
    slots = models.PositiveSmallIntegerField()
    free_slots = models.PositiveSmallIntegerField()
    profile = models.CharField(max_length=10)
    hears = models.JSONField(default=list, help_text="Languages that it can hear.")
    speaks = models.JSONField(default=list, help_text="Languages that it can speak.")
    rough = models.JSONField(default=list, help_text="Languages whose voice or ear is a makeshift.")

    objects = WorkerQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.name}: {self.free_slots} of {self.slots} free"


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
