"""Who of the staff is there, who is called to a visitor, and what they did."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy

from concierge.models import Membership, Venue
from voice.models.calls import Call

# A staff page that is open says so every five seconds.
WATCHING_FRESH = timedelta(seconds=12)


class WatchingQuerySet(models.QuerySet["Watching"]):
    def fresh(self) -> WatchingQuerySet:
        """The pages that are open now."""
        return self.filter(seen_at__gte=timezone.now() - WATCHING_FRESH)


class Watching(models.Model):
    """One open page of one call. Its socket writes the row, keeps it fresh and deletes it."""

    call = models.ForeignKey(Call, models.CASCADE, related_name="watchings")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    seen_at = models.DateTimeField(default=timezone.now)

    objects = WatchingQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.user} watches {self.call}"


class ShiftQuerySet(models.QuerySet["Shift"]):
    def present(self, venue: Venue) -> ShiftQuerySet:
        """Those on shift whose console is open now, and who still may take a call there."""
        return self.filter(
            venue=venue,
            seen_at__gte=timezone.now() - WATCHING_FRESH,
            user__is_active=True,
            user__memberships__venue=venue,
            user__memberships__role__in=Membership.Role.at_least(Membership.Role.AGENT),
        )


class Shift(models.Model):
    """Somebody of the staff can be called to visitors of a venue. Deleted when the shift is over."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="shifts")
    venue = models.ForeignKey(Venue, models.CASCADE, related_name="shifts")
    began_at = models.DateTimeField(default=timezone.now)
    seen_at = models.DateTimeField(default=timezone.now, help_text="Their console was open then.")

    objects = ShiftQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "venue"], name="one_shift_a_venue")]

    def __str__(self) -> str:
        return f"{self.user} at {self.venue}"


class HandOff(models.Model):
    """The agent calls a person to a call. Whoever claims it first has it."""

    class Reason(models.TextChoices):
        ASKED_FOR_PERSON = "asked_for_person", gettext_lazy("asked for a person")
        KNOWLEDGE_MISSING = "knowledge_missing", gettext_lazy("nothing is written about it")
        NOT_ALLOWED = "not_allowed", gettext_lazy("the concierge may not do it")
        TOOL_FAILED = "tool_failed", gettext_lazy("something failed")
        EMERGENCY = "emergency", gettext_lazy("emergency")

    class Outcome(models.TextChoices):
        WAITING = "waiting"
        CLAIMED = "claimed"
        NOBODY = "nobody"  # nobody was there, or nobody came

    call = models.ForeignKey(Call, models.CASCADE, related_name="hand_offs")
    reason = models.CharField(max_length=20, choices=Reason)
    outcome = models.CharField(max_length=10, choices=Outcome, default=Outcome.WAITING)
    asked_at = models.DateTimeField(default=timezone.now)
    claimed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="hand_offs"
    )
    claimed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-asked_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["call"], condition=Q(outcome="waiting"), name="a_call_waits_for_one_person_at_a_time"
            )
        ]

    def __str__(self) -> str:
        return f"{self.reason} in {self.call}"


class CallBack(models.Model):
    """A visitor whom nobody could come to asks to be called back."""

    call = models.ForeignKey(Call, models.CASCADE, related_name="call_backs")
    number = models.CharField(max_length=40)
    words = models.CharField(max_length=500, blank=True)
    asked_at = models.DateTimeField(default=timezone.now)
    done_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    done_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-asked_at"]

    def __str__(self) -> str:
        return f"{self.number} for {self.call}"


class AuditEntry(models.Model):
    """What a member of staff did to a call, read or took along. It outlives the call, though not the words in it."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    call = models.ForeignKey(Call, models.SET_NULL, null=True, related_name="audit")
    venue = models.ForeignKey(Venue, models.CASCADE, related_name="audit")
    verb = models.CharField(max_length=20)
    details = models.JSONField(default=dict, blank=True)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-at", "-pk"]
        verbose_name_plural = "audit entries"
        indexes = [models.Index(fields=["venue", "at"]), models.Index(fields=["call", "user", "verb"])]

    def __str__(self) -> str:
        return f"{self.user}: {self.verb}"
