"""What a venue keeps of its visitors' calls, and for how long: the page on which its managers decide it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from concierge.access import member_required
from concierge.models import Membership, Venue
from voice.models import AuditEntry
from voice.retention import expired

MANAGER = Membership.Role.MANAGER
LONGEST_DAYS = 3650


class KeepingForm(forms.ModelForm):
    retention_days = forms.IntegerField(
        min_value=1,
        max_value=LONGEST_DAYS,
        label=gettext_lazy("Days until a call is deleted"),
        widget=forms.NumberInput(attrs={"class": "box num", "aria-describedby": "days-help"}),
    )

    class Meta:
        model = Venue
        fields = ["records_calls", "masks_numbers", "retention_days"]

    def losing(self, before: int) -> int:
        """How many calls that are kept under `before` days would be deleted at once under those of the form."""
        days = self.cleaned_data["retention_days"]
        return expired(self.instance, days).count() if days < before else 0


@require_http_methods(["GET", "POST"])
@member_required(MANAGER)
def keeping_page(request: HttpRequest, venue: str) -> HttpResponse:
    """A shorter time that would delete calls at once needs a yes. Each change is audited, with what was before."""
    managed = Venue.objects.visible_to(request.user, MANAGER).prefetch_related("texts")
    place = get_object_or_404(managed, slug=venue)
    before = {name: getattr(place, name) for name in KeepingForm.Meta.fields}
    form = KeepingForm(request.POST if request.method == "POST" else None, instance=place)
    losing = 0
    if form.is_bound and form.is_valid():
        losing = form.losing(before["retention_days"])
        if not losing or request.POST.get("sure") == request.POST["retention_days"]:  # a yes to these days only
            keep(form, before, request.user.pk)
            messages.success(request, _("Saved. It holds for calls that begin from now on; the days hold for all."))
            return redirect("staff:keeping", place.slug)
    facts = {"form": form, "place": place, "managed": managed, "losing": losing, "most_days": LONGEST_DAYS}
    return render(request, "voice/keeping.html", facts, status=422 if form.is_bound else 200)


def keep(form: KeepingForm, before: dict[str, Any], user_id: int | None) -> None:
    changes = {name: [before[name], form.cleaned_data[name]] for name in form.changed_data}
    if not changes:
        return
    with transaction.atomic():
        form.instance.save(update_fields=list(changes))
        AuditEntry.objects.create(user_id=user_id, venue=form.instance, verb="keep", details={"changes": changes})
