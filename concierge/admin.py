"""The admin, for the platform's operators: venues, who works there, and when they are open."""

from __future__ import annotations

from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db.models import QuerySet
from django.http import HttpRequest

from concierge.models import Domain, Membership, Notice, OpeningHours, SpecialDay, Venue, VenueText

language_code = RegexValidator(r"^[a-z]{2,3}(-[a-z0-9]{2,6})?$", "Write a language code such as en, ar or zh-hans.")


class LanguagesField(forms.CharField):
    """Language codes with commas between them; the first is the default."""

    def prepare_value(self, value: Any) -> str:
        return ", ".join(value) if isinstance(value, list) else value

    def has_changed(self, initial: Any, data: Any) -> bool:
        return super().has_changed(self.prepare_value(initial), data)

    def clean(self, value: Any) -> list[str]:
        codes = [code.strip().lower() for code in super().clean(value).split(",") if code.strip()]
        if not codes:
            raise ValidationError("Write at least one language.")
        for code in codes:
            language_code(code)
        if len(set(codes)) < len(codes):
            raise ValidationError("A language stands here twice.")
        return codes


class NamesField(forms.JSONField):
    """A name in each language: {"en": "Front desk", "ar": "الاستقبال"}."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(widget=forms.Textarea(attrs={"rows": 2, "cols": 40, "dir": "auto"}), **kwargs)

    def clean(self, value: Any) -> dict[str, str]:
        names = super().clean(value)
        if not isinstance(names, dict) or not all(isinstance(name, str) and name for name in names.values()):
            raise ValidationError('Write a name for each language, such as {"en": "Front desk"}.')
        return names


class VenueForm(forms.ModelForm):
    languages = LanguagesField(help_text="Codes with commas between them, such as en, ar. The first is the default.")

    class Meta:
        model = Venue
        fields = "__all__"  # noqa: DJ007 (the admin is for superusers)

    def clean_timezone(self) -> str:
        zone = self.cleaned_data["timezone"]
        if zone not in available_timezones():
            raise ValidationError(f"{zone} is no time zone. Write one such as Asia/Dubai.")
        return zone

    def clean_accent_hue(self) -> int:
        hue = self.cleaned_data["accent_hue"]
        if hue > 360:
            raise ValidationError("A hue lies between 0 and 360.")
        return hue

    def clean_voice(self) -> dict[str, Any]:
        voice = self.cleaned_data["voice"] or {}
        if not isinstance(voice, dict):
            raise ValidationError('Write choices by name, such as {"tts_voice": "…"}, or {} for none.')
        return voice


class HoursForm(forms.ModelForm):
    names = NamesField(help_text='The name in each language: {"en": "Front desk"}.')

    class Meta:
        model = OpeningHours
        fields = ["venue", "slug", "names", "rules", "position"]


class SpecialDayForm(forms.ModelForm):
    names = NamesField(help_text='The occasion in each language: {"en": "Ramadan"}.')

    class Meta:
        model = SpecialDay
        fields = ["starts_on", "ends_on", "rules", "names"]


class TextInline(admin.StackedInline):
    model = VenueText
    extra = 0


class DomainInline(admin.TabularInline):
    model = Domain
    extra = 0


class HoursInline(admin.TabularInline):
    """Special days are on the page behind the link."""

    model = OpeningHours
    form = HoursForm
    extra = 0
    show_change_link = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[OpeningHours]:
        return super().get_queryset(request).select_related("venue")


class NoticeInline(admin.TabularInline):
    model = Notice
    extra = 0


class MembershipInline(admin.TabularInline):
    model = Membership
    extra = 0
    autocomplete_fields = ["user"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Membership]:
        return super().get_queryset(request).select_related("venue", "user")


@admin.register(Venue)
class VenueAdmin(admin.ModelAdmin):
    form = VenueForm
    list_display = ["slug", "name", "kind", "hosts", "languages", "timezone"]
    list_filter = ["kind"]
    search_fields = ["slug", "texts__name", "domains__host"]
    readonly_fields = ["records_calls", "masks_numbers", "retention_days"]  # decided, and audited, in voice.keeping
    inlines = [TextInline, DomainInline, HoursInline, NoticeInline, MembershipInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Venue]:
        return super().get_queryset(request).prefetch_related("texts", "domains")

    @admin.display(description="name")
    def name(self, venue: Venue) -> str:
        return venue.text(venue.default_language).name

    @admin.display(description="hosts")
    def hosts(self, venue: Venue) -> str:
        return ", ".join(domain.host for domain in venue.domains.all())


class SpecialDayInline(admin.TabularInline):
    model = SpecialDay
    form = SpecialDayForm
    extra = 0


@admin.register(OpeningHours)
class OpeningHoursAdmin(admin.ModelAdmin):
    form = HoursForm
    list_display = ["slug", "venue", "rules"]
    list_filter = ["venue"]
    list_select_related = ["venue"]
    search_fields = ["slug", "venue__slug"]
    inlines = [SpecialDayInline]


@admin.register(Notice)
class NoticeAdmin(admin.ModelAdmin):
    list_display = ["text", "venue", "language", "starts_at", "ends_at"]
    list_filter = ["venue", "language"]
    list_select_related = ["venue"]
    search_fields = ["text"]


@admin.register(Membership)
class MembershipAdmin(admin.ModelAdmin):
    list_display = ["user", "venue", "role"]
    list_filter = ["role", "venue"]
    list_select_related = ["user", "venue"]
    search_fields = ["user__username", "user__email", "venue__slug"]
    autocomplete_fields = ["user", "venue"]
