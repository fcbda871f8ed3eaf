"""Who listened, read, took along and did what: an AuditEntry each, and the page for managers that shows them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib.auth.models import AnonymousUser, User
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from concierge.access import member_required
from concierge.models import Membership, Venue
from voice import history
from voice.models import AuditEntry, Call

MANAGER = Membership.Role.MANAGER
# Who reloads a page reads it once.
ONCE_IN = timedelta(hours=1)
ENTRIES_A_PAGE = 50

DONE = {
    "read": _("read a call"),
    "play": _("heard a recording"),
    "export": _("took calls along"),
    "erase": _("erased a call"),
    "listen": _("listened"),
    "note": _("left a note"),
    "say": _("let the concierge say a line"),
    "mute": _("muted the concierge"),
    "unmute": _("unmuted the concierge"),
    "type": _("took over by typing"),
    "talk": _("took over by voice"),
    "hand_back": _("handed back"),
    "end": _("ended the call"),
    "claim": _("came to a visitor"),
    "called_back": _("called a visitor back"),
    "wrong": _("called an answer wrong"),
    "score": _("filled in a scorecard"),
    "golden": _("made a golden question"),
    "keep": _("changed what is kept"),
}


def note_reading(call: Call, user: User | AnonymousUser, verb: str = "read") -> None:
    """Once an hour for a person, who has passed a door, and a call."""
    since = timezone.now() - ONCE_IN
    if not AuditEntry.objects.filter(call=call, user=user.pk, verb=verb, at__gte=since).exists():
        AuditEntry.objects.create(call=call, venue_id=call.venue_id, user_id=user.pk, verb=verb)


class AuditForm(forms.Form):
    venue = forms.ChoiceField(required=False)
    person = forms.ChoiceField(required=False)
    verb = forms.ChoiceField(required=False, choices=[("", _("Whatever was done")), *DONE.items()])
    since = forms.DateField(required=False, widget=forms.DateInput(attrs={"type": "date", "class": "box"}))
    until = forms.DateField(required=False, widget=forms.DateInput(attrs={"type": "date", "class": "box"}))

    def __init__(self, venues: QuerySet[Venue], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        people = User.objects.filter(pk__in=AuditEntry.objects.filter(venue__in=venues).values("user"))
        names = [(name, name) for name in people.order_by("username").values_list("username", flat=True)]
        places = [(venue.slug, venue.text().name) for venue in venues]
        self.fields["venue"].choices = [("", _("All venues")), *places]  # type: ignore[attr-defined]
        self.fields["person"].choices = [("", _("Anybody")), *names]  # type: ignore[attr-defined]
        for name in ("venue", "person", "verb"):
            self.fields[name].widget.attrs["class"] = "box"


@require_safe
@member_required(MANAGER)
def audit_page(request: HttpRequest) -> HttpResponse:
    """Of the venues that the user manages, the latest first. A filter that cannot be is passed over."""
    mine = Venue.objects.visible_to(request.user, MANAGER).prefetch_related("texts")
    form = AuditForm(mine, request.GET)
    form.is_valid()
    facts = form.cleaned_data
    venues = mine.filter(slug=facts["venue"]) if facts.get("venue") else mine
    entries = AuditEntry.objects.filter(venue__in=venues)
    if facts.get("person"):
        entries = entries.filter(user__username=facts["person"])
    if facts.get("verb"):
        entries = entries.filter(verb=facts["verb"])
    since, until = facts.get("since"), facts.get("until")
    if since or until:
        entries = entries.filter(history.within_days(venues, since, until, of="at"))
    entries = entries.select_related("venue", "user").prefetch_related("venue__texts")
    page = Paginator(entries, ENTRIES_A_PAGE).get_page(request.GET.get("page"))
    is_filtered = any(request.GET.get(name) for name in form.fields)
    return render(request, "voice/audit.html", {"form": form, "page": page, "is_filtered": is_filtered})
