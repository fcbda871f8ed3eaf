"""A reviewer's scorecard of a call that is over: one a reviewer, which they may change."""

from __future__ import annotations

from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.models import AnonymousUser, User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from concierge.access import member_required
from concierge.models import Membership, Venue
from voice.models import AuditEntry, Call, Scorecard

EDITOR = Membership.Role.EDITOR
ASKED = ["is_correct", "is_complete", "is_polite", "hand_off"]


class ScorecardForm(forms.ModelForm):
    class Meta:
        model = Scorecard
        fields = [*ASKED, "note"]
        widgets = dict.fromkeys(ASKED, forms.RadioSelect) | {
            "note": forms.Textarea(attrs={"class": "box", "rows": 2, "dir": "auto"})
        }

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        for name in ASKED:
            field = self.fields[name]
            field.choices = [choice for choice in field.choices if choice[0]]  # type: ignore[attr-defined]


def form_of(call: Call, user: User | AnonymousUser, data: object = None) -> ScorecardForm:
    mine = call.scorecards.filter(reviewer_id=user.pk).first()
    return ScorecardForm(data, instance=mine or Scorecard(call=call, reviewer_id=user.pk), auto_id="score_%s")


@require_POST
@member_required(EDITOR)
def score(request: HttpRequest, pk: UUID) -> HttpResponse:
    editable = Venue.objects.visible_to(request.user, EDITOR)
    call = get_object_or_404(Call.objects.filter(venue__in=editable, state=Call.State.ENDED), pk=pk)
    form = form_of(call, request.user, request.POST)
    if form.is_valid():
        facts = form.cleaned_data | {"at": timezone.now()}
        call.scorecards.update_or_create(reviewer_id=request.user.pk, defaults=facts)
        AuditEntry.objects.create(user_id=request.user.pk, call=call, venue_id=call.venue_id, verb="score")
        messages.success(request, _("Your scorecard is stored."))
    else:
        messages.error(request, _("Answer each question of the scorecard; a note has at most 500 characters."))
    return redirect("staff:call", pk=call.pk)
