"""What reviewers think of calls."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy

from voice.models.calls import Call


class Scorecard(models.Model):
    """What one reviewer thinks of a call that is over."""

    class Degree(models.TextChoices):
        YES = "yes", gettext_lazy("yes")
        PARTLY = "partly", gettext_lazy("partly")
        NO = "no", gettext_lazy("no")

    class HandOffHandled(models.TextChoices):
        WELL = "well", gettext_lazy("handled well")
        BADLY = "badly", gettext_lazy("handled badly")
        UNNEEDED = "unneeded", gettext_lazy("not needed")

    call = models.ForeignKey(Call, models.CASCADE, related_name="scorecards")
    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    is_correct = models.CharField(gettext_lazy("Was it correct?"), max_length=10, choices=Degree)
    is_complete = models.CharField(gettext_lazy("Was it complete?"), max_length=10, choices=Degree)
    is_polite = models.CharField(gettext_lazy("Was it polite?"), max_length=10, choices=Degree)
    hand_off = models.CharField(gettext_lazy("A person for the visitor"), max_length=10, choices=HandOffHandled)
    note = models.CharField(gettext_lazy("Note"), max_length=500, blank=True)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["at"]
        constraints = [models.UniqueConstraint(fields=["call", "reviewer"], name="one_scorecard_a_reviewer")]

    def __str__(self) -> str:
        return f"{self.reviewer} on {self.call}"
