"""The page of numbers that people look at. Each figure stands beside the rule by which it is computed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from concierge.access import member_required
from concierge.models import Membership, Venue
from concierge.templatetags.look import own_name
from voice.models import Call
from voice.numbers import Numbers, Wait, numbers_of

SHOWN_DAYS = 30
STAGE_NAMES = {
    "end_of_turn_ms": _("end of turn"),
    "stt_ms": _("transcription"),
    "search_ms": _("search"),
    "llm_ms": _("model"),
    "tts_ms": _("voice"),
    "total_ms": _("whole wait, by the server"),
    "ear_ms": _("whole wait, at the ear"),
}


class NumbersForm(forms.Form):
    venue = forms.ChoiceField(required=False, widget=forms.Select(attrs={"class": "box"}))
    since = forms.DateField(required=False, widget=forms.DateInput(attrs={"type": "date", "class": "box"}))
    until = forms.DateField(required=False, widget=forms.DateInput(attrs={"type": "date", "class": "box"}))

    def __init__(self, venues: QuerySet[Venue], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        places = [(venue.slug, venue.text().name) for venue in venues]
        self.fields["venue"].choices = [("", _("All venues")), *places]  # type: ignore[attr-defined]


@require_safe
@member_required()
def numbers_page(request: HttpRequest) -> HttpResponse:
    mine = Venue.objects.visible_to(request.user).prefetch_related("texts")
    form = NumbersForm(mine, days_asked(request))
    form.is_valid()
    facts = form.cleaned_data
    venues = mine.filter(slug=facts["venue"]) if facts.get("venue") else mine
    numbers = numbers_of(venues, facts.get("since"), facts.get("until"))
    editable = Venue.objects.visible_to(request.user, Membership.Role.EDITOR)
    page = {
        "form": form,
        "numbers": numbers,
        "headlines": headlines(numbers),
        "hours": [(f"{hour:02}", count) for hour, count in enumerate(numbers.by_hour)],
        "languages": [(own_name(code), count) for code, count in numbers.by_language],
        "outcomes": [(Call.Outcome(value).label, count) for value, count in numbers.by_outcome.items()],
        "waits": [(STAGE_NAMES[wait.stage], wait) for wait in numbers.waits if wait.answers],
        "editable": set(editable.values_list("slug", flat=True)),
    }
    return render(request, "voice/numbers.html", page)


def days_asked(request: HttpRequest) -> dict[str, str]:
    """What the address asks for; without any day, the last thirty."""
    asked = request.GET.dict()
    if not asked.get("since") and not asked.get("until"):
        today = timezone.now().date()
        asked |= {"since": (today - timedelta(days=SHOWN_DAYS - 1)).isoformat(), "until": ""}
    return {str(name): str(value) for name, value in asked.items()}


def headlines(numbers: Numbers) -> list[tuple[Any, str, Any]]:
    """Name, figure and rule of what stands on top."""
    wait = next((wait for wait in reversed(numbers.waits) if wait.answers), Wait("", 0, None, None))
    return [
        (_("Calls"), str(numbers.calls), _("Calls that began on these days: a visitor was in the room.")),
        (_("Minutes"), str(numbers.minutes), _("From a visitor's coming to the end, added up over calls that ended.")),
        (
            _("Answered"),
            percent(numbers.share(Call.Outcome.ANSWERED, Call.Outcome.PARTLY)),
            _("Answered or partly answered ÷ all calls that ended, without those abandoned."),
        ),
        (
            _("Handed off"),
            percent(numbers.share(Call.Outcome.HANDED_OFF)),
            _("Handed off ÷ all calls that ended, without those abandoned."),
        ),
        (
            _("Median wait"),
            _("%(seconds)s s") % {"seconds": f"{wait.p50 / 1000:.2f}"} if wait.p50 is not None else "–",
            _("p50 of the whole wait, at the ear where visitors' pages say it, else by the server."),
        ),
    ]


def percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.0%}"
