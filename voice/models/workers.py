"""The agent workers that are there."""

from __future__ import annotations

from datetime import timedelta

from django.db import models
from django.db.models import Min, Sum
from django.utils import timezone

from voice.models.calls import Call

HEARTBEAT_FRESH = timedelta(seconds=15)


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
