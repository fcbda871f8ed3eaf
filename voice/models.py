"""Calls: opened with a token, live once a visitor is in the room, ended once. What was said is in `turns`."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core import signing
from django.db import models, transaction
from django.db.models import Count, F, Max, Min, Q, Sum
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy

from concierge.models import Membership, Venue
from knowledge.lexical import fold, words
from knowledge.models import Article, Version
from voice import meters

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser, User

HEARTBEAT_FRESH = timedelta(seconds=15)
LONGEST_HAPPENING = 500
RATING_SALT = "voice.rating"
# A staff page that is open says so every five seconds.
WATCHING_FRESH = timedelta(seconds=12)


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
        fresh = self.watchings.filter(seen_at__gte=timezone.now() - WATCHING_FRESH).select_related("user")
        return list({watching.user_id: watching.user for watching in fresh}.values())

    def is_owner_here(self) -> bool:
        """Does whoever has taken over still have the call open? True if nobody has."""
        owner = Call.objects.values_list("owner", flat=True).get(pk=self.pk)
        fresh = timezone.now() - WATCHING_FRESH
        return owner is None or self.watchings.filter(user=owner, seen_at__gte=fresh).exists()

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
        from voice import review

        # Before it is told, so that the staff's screens show the outcome.
        transaction.on_commit(lambda: review.after_the_call(self), robust=True)
        self._tell_the_staff()
        return True

    def show_agent_state(self, agent_state: str) -> None:
        """What the agent is doing now, for the staff's screens."""
        from voice import live

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
        from voice import gaps, live, masking

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
            if speaker == Turn.Speaker.AGENT and is_answered is False:
                transaction.on_commit(lambda: gaps.notice_in_background.enqueue(turn.pk), robust=True)
        return turn

    def add_happening(
        self, kind: str, name: str, text: str = "", *, ms: int | None = None, user: User | None = None
    ) -> Happening:
        """Store something that is done and not said, then show it between the turns."""
        from voice import live, masking

        text = masking.masked(text, self.venue)
        happening = self.happenings.create(kind=kind, name=name[:60], text=text[:LONGEST_HAPPENING], ms=ms, user=user)
        transaction.on_commit(lambda: live.show_happening(happening))
        return happening

    def begin_recording(self, at: datetime) -> None:
        """From `at` on the sound is kept: second 0 of the file."""
        Call.objects.filter(pk=self.pk).update(recording_began_at=at)
        self.recording_began_at = at

    def _tell_the_staff(self) -> None:
        from voice import live

        transaction.on_commit(lambda: live.show_call(self))


def search_words(text: str, language: str) -> str:
    """What history searches in: the stems with a blank on each side, then the folded text for whole phrases."""
    return f" {' '.join(words(text, language))} \n {' '.join(fold(text).split())} "


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

    call = models.ForeignKey(Call, models.CASCADE, related_name="turns")
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
        from voice import live

        if "ear_ms" in self.metrics:
            return
        self.metrics = self.metrics | {"ear_ms": ms}
        with transaction.atomic():
            self.save(update_fields=["metrics"])
            transaction.on_commit(lambda: meters.observe_stages({"ear_ms": ms}), robust=True)
            transaction.on_commit(lambda: live.show_turn(self))


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

    call = models.ForeignKey(Call, models.CASCADE, related_name="happenings")
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


class Watching(models.Model):
    """One open page of one call. Its socket writes the row, keeps it fresh and deletes it."""

    call = models.ForeignKey(Call, models.CASCADE, related_name="watchings")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    seen_at = models.DateTimeField(default=timezone.now)

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
