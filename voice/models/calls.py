"""Calls: opened with a token, live once a visitor is in the room, ended once. What was said is in `turns`."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core import signing
from django.db import models, transaction
from django.db.models import F, Max, Q
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy

from concierge.models import Venue
from voice import live, masking, meters
from voice.models.turns import LONGEST_HAPPENING, Citation, Happening, Turn, search_words

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser, User

RATING_SALT = "voice.rating"

# What else follows when a call has ended, and when something was said; each after commit. voice.apps says what.
after_the_end: list[Callable[[Call], None]] = []
after_a_turn: list[Callable[[Turn], None]] = []


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

    class Held(models.TextChoices):
        """How a member of staff speaks in the agent's place."""

        TYPING = "typing"
        VOICE = "voice"

    class Outcome(models.TextChoices):
        """What became of a call that took place; voice.review has the rules."""

        ANSWERED = "answered", gettext_lazy("answered")
        PARTLY = "partly", gettext_lazy("partly answered")
        UNANSWERED = "unanswered", gettext_lazy("not answered")
        HANDED_OFF = "handed_off", gettext_lazy("handed off")
        ABANDONED = "abandoned", gettext_lazy("abandoned")

    class Rating(models.TextChoices):
        GOOD = "good", gettext_lazy("it helped")
        POOR = "poor", gettext_lazy("it did not help")

    class Tag(models.TextChoices):
        """What a reviewer may want to look at; voice.review has the rule of each."""

        DEAD_AIR = "dead_air", gettext_lazy("dead air")
        TALKED_OVER = "talked_over", gettext_lazy("talked over")
        REPEATED = "repeated", gettext_lazy("asked again")
        NO_SOURCE = "no_source", gettext_lazy("no source")
        SLOW_TURN = "slow_turn", gettext_lazy("slow answer")

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
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="calls_held",
        help_text="Who of the staff has taken over.",
    )
    owner_since = models.DateTimeField(null=True, blank=True)
    held_as = models.CharField(max_length=10, choices=Held, blank=True)
    is_muted = models.BooleanField(default=False, help_text="The agent hears and does not answer.")
    connection = models.CharField(max_length=10, blank=True, help_text="The visitor's line: excellent, good or poor.")
    greeting_ms = models.PositiveIntegerField(
        null=True,
        blank=True,
        help_text="From the click to the greeting, as the visitor's page says.",
    )
    outcome = models.CharField(max_length=10, choices=Outcome, blank=True, help_text="Set when the call has ended.")
    # Words with a blank on each side, since SQLite cannot look into a JSON list.
    tag_words = models.CharField(max_length=120, blank=True)
    summary = models.JSONField(default=dict, blank=True, help_text="What it was about, in each language of the staff.")
    reviewed_at = models.DateTimeField(null=True, blank=True, help_text="When tags and summary were made.")
    # Two calls from one opened page have the same. It is kept nowhere in the browser.
    visit = models.CharField(max_length=36, blank=True, help_text="The page, once opened, from which it was made.")
    is_recorded = models.BooleanField(
        default=False, help_text="As it was at the start: the venue records, and the visitor agreed."
    )
    recording_began_at = models.DateTimeField(null=True, blank=True, help_text="Second 0 of the recording.")
    rating = models.CharField(max_length=5, choices=Rating, blank=True, help_text="What the visitor thought of it.")
    rating_words = models.CharField(max_length=500, blank=True)

    objects = CallQuerySet.as_manager()

    class Meta:
        ordering = ["-opened_at"]
        indexes = [
            models.Index(fields=["venue", "state"]),
            models.Index(fields=["state", "opened_at"]),
            models.Index(fields=["venue", "opened_at"]),
            models.Index(fields=["venue", "visit"]),
        ]

    def __str__(self) -> str:
        return f"Call {str(self.pk)[:8]} at {self.venue}"

    @property
    def visitor_identity(self) -> str:
        return f"visitor-{self.pk.hex[:12]}"

    @property
    def agent_identity(self) -> str:
        return agent_identity(str(self.pk))

    @property
    def rating_key(self) -> str:
        """With it, and only with it, the visitor rates this call."""
        return signing.dumps(str(self.pk), salt=RATING_SALT)

    @cached_property
    def watchers(self) -> list[User]:
        """The staff who have this call open when this is first asked, each once."""
        return list(
            {watching.user_id: watching.user for watching in self.watchings.fresh().select_related("user")}.values()
        )

    def is_owner_here(self) -> bool:
        """Does whoever has taken over still have the call open? True if nobody has."""
        owner = Call.objects.values_list("owner", flat=True).get(pk=self.pk)
        return owner is None or self.watchings.fresh().filter(user=owner).exists()

    @property
    def tags(self) -> list[str]:
        return self.tag_words.split()

    @property
    def tag_names(self) -> list[str]:
        return [str(Call.Tag(tag).label) for tag in self.tags if tag in Call.Tag.values]

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
        # Before it is told, so that the staff's screens show the outcome.
        for follow in after_the_end:
            transaction.on_commit(partial(follow, self), robust=True)
        self._tell_the_staff()
        return True

    def show_agent_state(self, agent_state: str) -> None:
        """What the agent is doing now, for the staff's screens."""
        if Call.objects.filter(pk=self.pk).going_on().update(agent_state=agent_state):
            transaction.on_commit(lambda: live.show_agent_state(self, agent_state))

    def who_has_the_word(self) -> tuple[str, bool]:
        """As the row is now: how a member of staff speaks in the agent's place, if one does, and is the agent muted?"""
        return Call.objects.values_list("held_as", "is_muted").get(pk=self.pk)

    def was_ended_by_staff(self) -> bool:
        """Has somebody pressed End? The agent may not have taken the order."""
        return self.audit.filter(verb="end").exists()

    def take(self, user: User, how: str) -> bool:
        """`user` speaks in the agent's place from now on. False if somebody else does, or if the call is over."""
        free = Call.objects.filter(Q(owner=None) | Q(owner=user), pk=self.pk).going_on()
        # One UPDATE whose row count is the answer: of two who press at once, one has the call.
        if not free.update(owner=user, owner_since=timezone.now(), held_as=how, is_muted=False):
            return False
        self._tell_the_staff()
        return True

    def give_back(self, user: User | None = None) -> bool:
        """The agent has the word again. False if nobody had taken it, or somebody other than `user`."""
        held = Call.objects.filter(pk=self.pk, owner__isnull=False)
        if user:
            held = held.filter(owner=user)
        if not held.update(owner=None, owner_since=None, held_as=""):
            return False
        self._tell_the_staff()
        return True

    def mute_agent(self, *, is_muted: bool) -> None:
        if Call.objects.filter(pk=self.pk).going_on().update(is_muted=is_muted):
            self._tell_the_staff()

    def show_connection(self, quality: str) -> None:
        """How good the visitor's line is now."""
        if Call.objects.filter(pk=self.pk).going_on().exclude(connection=quality).update(connection=quality):
            self._tell_the_staff()

    def note_greeting(self, ms: int) -> None:
        """When the greeting could be heard, as the visitor's page says. The first word of it stays."""
        if Call.objects.filter(pk=self.pk, greeting_ms=None).update(greeting_ms=ms):
            meters.GREETING.observe(ms / 1000)
            self._tell_the_staff()

    def go_on_in(self, language: str, words: str = "") -> None:
        """The visitor speaks another language from now on; `words` say it to the staff."""
        self.language = language
        Call.objects.filter(pk=self.pk).update(language=language)
        self.add_happening(Happening.Kind.VERB, "language", words)
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
        is_confirmed: bool = False,
        citations: Iterable[tuple[int, str, float]] = (),
    ) -> Turn:
        """Store one thing said, with its numbers masked, then show it to the staff who are watching.

        `citations` are (version id, passage text, score). `metrics` are milliseconds by stage.
        """
        text = masking.masked(text, self.venue)
        with transaction.atomic():
            # The row is locked by this UPDATE until commit, so that two turns never get one number.
            Call.objects.filter(pk=self.pk).update(language=F("language"))
            last = self.turns.aggregate(last=Max("number"))["last"] or 0
            turn = self.turns.create(
                number=last + 1,
                speaker=speaker,
                text=text,
                search_words=search_words(text, language or self.language),
                language=language or self.language,
                said_at=said_at or timezone.now(),
                metrics=metrics or {},
                is_interrupted=is_interrupted,
                is_answered=is_answered,
                is_confirmed=is_confirmed,
            )
            Citation.objects.bulk_create(
                Citation(turn=turn, version_id=version, passage=passage, score=score)
                for version, passage, score in citations
            )
            transaction.on_commit(lambda: live.show_turn(turn))
            transaction.on_commit(partial(meters.count_turn, speaker, is_answered, metrics or {}), robust=True)
            for follow in after_a_turn:
                transaction.on_commit(partial(follow, turn), robust=True)
        return turn

    def add_happening(
        self, kind: str, name: str, text: str = "", *, ms: int | None = None, user: User | None = None
    ) -> Happening:
        """Store something that is done and not said, then show it between the turns."""
        text = masking.masked(text, self.venue)
        happening = self.happenings.create(kind=kind, name=name[:60], text=text[:LONGEST_HAPPENING], ms=ms, user=user)
        transaction.on_commit(lambda: live.show_happening(happening))
        return happening

    def begin_recording(self, at: datetime) -> None:
        """From `at` on the sound is kept: second 0 of the file."""
        Call.objects.filter(pk=self.pk).update(recording_began_at=at)
        self.recording_began_at = at

    def _tell_the_staff(self) -> None:
        transaction.on_commit(lambda: live.show_call(self))
