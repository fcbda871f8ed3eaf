"""What is said in a call, what it rests on, and what is done in it beside the words."""

from __future__ import annotations

from django.conf import settings
from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy

from knowledge.lexical import fold, words
from knowledge.models import Version
from voice import live, meters

LONGEST_HAPPENING = 500


class Turn(models.Model):
    class Speaker(models.TextChoices):
        VISITOR = "visitor"
        AGENT = "agent"
        STAFF = "staff"

    class Wrong(models.TextChoices):
        """Why a member of staff calls an answer wrong, which decides what becomes of it (voice.wrong)."""

        OTHER_ARTICLE = "other_article", gettext_lazy("another article answers it")
        NO_ANSWER = "no_answer", gettext_lazy("nothing here answers it, and it should have said so")
        OUTDATED = "outdated", gettext_lazy("what is written is wrong or out of date")
        MISSING = "missing", gettext_lazy("the right answer is not written anywhere")

    call = models.ForeignKey("voice.Call", models.CASCADE, related_name="turns")
    number = models.PositiveIntegerField()
    speaker = models.CharField(max_length=10, choices=Speaker)
    text = models.TextField()
    language = models.CharField(max_length=10, blank=True)
    said_at = models.DateTimeField(default=timezone.now)
    metrics = models.JSONField(default=dict, blank=True, help_text="Milliseconds by stage.")
    is_interrupted = models.BooleanField(default=False)
    is_answered = models.BooleanField(null=True, help_text="Of an agent's turn: did it rest on something written?")
    is_confirmed = models.BooleanField(default=False, help_text="Of an agent's turn: it passed on a note of the staff.")
    search_words = models.TextField(blank=True, editable=False)
    wrong = models.CharField(max_length=15, choices=Wrong, blank=True, help_text="Of an agent's turn: why it is wrong.")

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["call", "number"], name="one_turn_a_number")]

    def __str__(self) -> str:
        return f"{self.speaker}: {self.text[:60]}"

    def note_ear(self, ms: int) -> None:
        """How long the visitor waited, as their page says; it came when the turn was stored already."""
        if "ear_ms" in self.metrics:
            return
        self.metrics = self.metrics | {"ear_ms": ms}
        with transaction.atomic():
            self.save(update_fields=["metrics"])
            transaction.on_commit(lambda: meters.observe_stages({"ear_ms": ms}), robust=True)
            transaction.on_commit(lambda: live.show_turn(self))


def search_words(text: str, language: str) -> str:
    """What history searches in: the stems with a blank on each side, then the folded text for whole phrases."""
    return f" {' '.join(words(text, language))} \n {' '.join(fold(text).split())} "


class Citation(models.Model):
    """The passage that supports an answer, in the version that was spoken."""

    turn = models.ForeignKey(Turn, models.CASCADE, related_name="citations")
    version = models.ForeignKey(Version, models.CASCADE, related_name="citations")
    passage = models.TextField()
    score = models.FloatField()  # how sure search was, 0 to 1

    def __str__(self) -> str:
        return f"{self.version} in turn {self.turn_id}"


class Happening(models.Model):
    """What took place in a call beside the words: a tool was called, something failed, staff did something."""

    class Kind(models.TextChoices):
        TOOL = "tool"
        ERROR = "error"
        VERB = "verb"

    call = models.ForeignKey("voice.Call", models.CASCADE, related_name="happenings")
    kind = models.CharField(max_length=10, choices=Kind)
    name = models.CharField(max_length=60)
    text = models.CharField(max_length=500, blank=True)
    ms = models.PositiveIntegerField(null=True, blank=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["at", "pk"]

    def __str__(self) -> str:
        return f"{self.kind}: {self.name}"
