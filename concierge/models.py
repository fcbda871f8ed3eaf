"""The venues this installation serves, who works there, and when they are open."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils import timezone, translation

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser, User

# Labels of letters, digits and inner hyphens; no port, no path. A name in another script is written in its xn-- form.
HOST_NAME = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))*")


def one_language() -> list[str]:
    return ["en"]


class VenueQuerySet(models.QuerySet["Venue"]):
    def visible_to(self, user: User | AnonymousUser, role: str | None = None) -> VenueQuerySet:
        """The venues where `user` works, as at least `role`; all of them for a platform admin."""
        if not user.is_authenticated:
            return self.none()  # memberships__user=None would match every venue without staff
        if user.is_superuser:
            return self
        roles = Membership.Role.at_least(role or Membership.Role.VIEWER)
        return self.filter(memberships__user=user, memberships__role__in=roles).distinct()


class Venue(models.Model):
    """One place with a page and a voice. Its words in each language are in `texts`."""

    class Kind(models.TextChoices):
        HOTEL = "hotel"
        MALL = "mall"
        MUSEUM = "museum"
        CLINIC = "clinic"
        OTHER = "other"

    slug = models.SlugField(unique=True)
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.OTHER)
    languages = models.JSONField(default=one_language, help_text="Language codes, the first is the default.")
    timezone = models.CharField(max_length=50, default="Asia/Dubai")
    accent_hue = models.PositiveSmallIntegerField(default=205, help_text="0 to 360, the hue of the accent colour.")
    accent_chroma = models.DecimalField(max_digits=3, decimal_places=2, default=Decimal("0.09"))
    hero = models.CharField(max_length=200, blank=True, help_text="A picture under static/, such as heroes/palm.svg.")
    desk_phone = models.CharField(max_length=30, blank=True)
    voice = models.JSONField(default=dict, blank=True, help_text='Choices for this venue, such as {"tts_voice": "…"}.')

    retention_days = models.PositiveSmallIntegerField(default=30, help_text="Days after which calls are deleted.")
    masks_numbers = models.BooleanField(
        default=True, help_text="Telephone, card and Emirates-ID numbers become dots in what is stored."
    )
    records_calls = models.BooleanField(
        default=False, help_text="Keep the sound of a call whose visitor has agreed to it before."
    )
    longest_call_minutes = models.PositiveSmallIntegerField(default=15)
    daily_minutes = models.PositiveIntegerField(default=600, help_text="Minutes of calls a day, all together.")
    concurrent_calls = models.PositiveSmallIntegerField(default=10)

    objects = VenueQuerySet.as_manager()

    class Meta:
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.slug

    @property
    def default_language(self) -> str:
        return self.languages[0]

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    def text(self, language: str | None = None) -> VenueText:
        """The venue's words in `language` (the active one by default), else in its first language."""
        wanted = language or translation.get_language() or self.default_language
        texts = {text.language: text for text in self.texts.all()}
        return texts.get(wanted) or texts.get(self.default_language) or VenueText(venue=self, name=self.slug)

    def now(self) -> datetime:
        return timezone.now().astimezone(self.zone)


class VenueText(models.Model):
    """What a venue says of itself in one language."""

    venue = models.ForeignKey(Venue, models.CASCADE, related_name="texts")
    language = models.CharField(max_length=10)
    name = models.CharField(max_length=100)
    headline = models.CharField(max_length=120, blank=True, help_text="The large line on the page.")
    intro = models.TextField(blank=True, help_text="Two or three sentences: what this place is, what can be asked.")
    greeting = models.CharField(max_length=300, blank=True, help_text="The first words a caller hears.")
    address = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["venue", "language"], name="one_text_a_language")]

    def __str__(self) -> str:
        return f"{self.name} ({self.language})"


class Domain(models.Model):
    """A host name under which visitors reach a venue, without the port."""

    venue = models.ForeignKey(Venue, models.CASCADE, related_name="domains")
    host = models.CharField(max_length=253, unique=True)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.host

    def save(self, *args: object, **kwargs: object) -> None:
        self.host = self.host.strip().rstrip(".").lower()
        super().save(*args, **kwargs)  # type: ignore[arg-type]

    def clean(self) -> None:
        self.host = self.host.strip().rstrip(".").lower()
        if not HOST_NAME.fullmatch(self.host):
            raise ValidationError({"host": "Write the host name alone, such as concierge.palmhotel.ae."})
        if self.host in settings.CONSOLE_HOSTS:
            raise ValidationError({"host": f"{self.host} is the console's host. Choose another name for the venue."})


class Membership(models.Model):
    """What a user may do at one venue. Each role may do all that the roles before it may."""

    class Role(models.TextChoices):
        VIEWER = "viewer", "Viewer"
        AGENT = "agent", "Agent on duty"
        EDITOR = "editor", "Editor"
        MANAGER = "manager", "Venue manager"

        @classmethod
        def at_least(cls, role: str) -> list[str]:
            roles = list(cls.values)
            return roles[roles.index(role) :]

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="memberships")
    venue = models.ForeignKey(Venue, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role, default=Role.VIEWER)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "venue"], name="one_role_a_venue")]

    def __str__(self) -> str:
        return f"{self.user} is {self.get_role_display()} at {self.venue}"


class OpeningHours(models.Model):
    """When one part of a venue is open: the whole house, the front desk, a restaurant."""

    venue = models.ForeignKey(Venue, models.CASCADE, related_name="hours")
    slug = models.SlugField(help_text="'house' for the venue itself, 'desk' for its front desk, else any name.")
    names = models.JSONField(default=dict, help_text='The name in each language: {"en": "Front desk"}.')
    rules = models.CharField(
        max_length=500, help_text="OpenStreetMap syntax, such as Mo-Fr 08:00-20:00; Sa,Su 10:00-18:00."
    )
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["position", "pk"]
        verbose_name_plural = "opening hours"
        constraints = [models.UniqueConstraint(fields=["venue", "slug"], name="one_row_a_place")]

    def __str__(self) -> str:
        return f"{self.slug} of {self.venue}"

    def name(self, language: str | None = None) -> str:
        return self.names.get(language or translation.get_language()) or self.names.get("en") or self.slug

    def clean(self) -> None:
        from concierge.hours import BadRules, check_rules

        try:
            check_rules(self.rules, timezone=self.venue.timezone if self.venue_id else "")
        except BadRules as error:
            raise ValidationError({"rules": str(error)}) from None


class SpecialDay(models.Model):
    """Days on which other hours hold: Ramadan, a holiday, a day of repairs."""

    hours = models.ForeignKey(OpeningHours, models.CASCADE, related_name="special_days")
    starts_on = models.DateField()
    ends_on = models.DateField()
    rules = models.CharField(max_length=200, help_text="Times of these days, such as 10:00-16:00, or 'closed'.")
    names = models.JSONField(default=dict, help_text='The occasion in each language: {"en": "Ramadan"}.')

    class Meta:
        ordering = ["starts_on"]

    def __str__(self) -> str:
        return f"{self.names.get('en', '')} {self.starts_on}"

    def name(self, language: str | None = None) -> str:
        return self.names.get(language or translation.get_language()) or self.names.get("en", "")

    def clean(self) -> None:
        from concierge.hours import BadRules, check_rules

        if self.ends_on and self.starts_on and self.ends_on < self.starts_on:
            raise ValidationError({"ends_on": "The last day lies before the first."})
        try:
            check_rules(self.rules, timezone=self.hours.venue.timezone if self.hours_id else "")
        except BadRules as error:
            raise ValidationError({"rules": str(error)}) from None


class NoticeQuerySet(models.QuerySet["Notice"]):
    def current(self, language: str, at: datetime | None = None) -> NoticeQuerySet:
        at = at or timezone.now()
        begun = Q(starts_at=None) | Q(starts_at__lte=at)
        not_over = Q(ends_at=None) | Q(ends_at__gt=at)
        return self.filter(begun & not_over, language=language)


class Notice(models.Model):
    """One sentence for today, on the page and known to the concierge: the pool is closed until five."""

    venue = models.ForeignKey(Venue, models.CASCADE, related_name="notices")
    language = models.CharField(max_length=10)
    text = models.CharField(max_length=300)
    starts_at = models.DateTimeField(null=True, blank=True)
    ends_at = models.DateTimeField(null=True, blank=True)

    objects = NoticeQuerySet.as_manager()

    def __str__(self) -> str:
        return self.text[:60]
