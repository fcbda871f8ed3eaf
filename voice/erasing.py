"""Erasing what is kept of one visitor.

Visitors are known by nothing: no cookie, no key that outlives their open page, no address. So one call is chosen, and
its other calls are found by what is known of it: made from the same opened page (surely the same visitor), the same
number left to be called back, or the same name given (perhaps).

With a call goes all that was made of it: turns and what is searched in them, sources, the timeline, summary, rating,
scorecards, call-backs, questions among the gaps, and the recording. Golden questions and articles stay: they are the
venue's own words, whatever gave the idea. The audit keeps that a call was read and erased, and nothing that was in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.models import AnonymousUser, User
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from concierge.access import member_required
from concierge.models import Membership, Venue
from voice import live, masking, recordings
from voice.models import AuditEntry, Call, CallBack, Gap

MANAGER = Membership.Role.MANAGER
MOST_OTHERS = 50


@dataclass(frozen=True)
class Other:
    """Another call that is, or may be, the same visitor's."""

    call: Call
    why: str
    is_sure: bool = False


@require_http_methods(["GET", "POST"])
@member_required(MANAGER)
def erase_page(request: HttpRequest, pk: UUID) -> HttpResponse:
    managed = Venue.objects.visible_to(request.user, MANAGER)
    over = Call.objects.filter(venue__in=managed, state=Call.State.ENDED).select_related("venue")
    call = get_object_or_404(over, pk=pk)
    others = others_of(call)
    if request.method == "POST" and request.POST.get("sure") == "yes":
        ticked = set(request.POST.getlist("also"))
        chosen = [call, *(other.call for other in others if str(other.call.pk) in ticked)]
        count = erase(chosen, request.user)
        told = ngettext("%(count)d call is erased.", "%(count)d calls are erased.", count) % {"count": count}
        messages.success(request, told)
        return redirect("staff:history")
    facts = {
        "call": call,
        "others": others,
        "turns": call.turns.count(),
        "questions": call.turns.filter(gap_question__isnull=False).count(),
        "call_backs": call.call_backs.count(),
        "has_recording": recordings.is_kept(call),
        "is_unsure": request.method == "POST",
    }
    return render(request, "voice/erase.html", facts, status=422 if request.method == "POST" else 200)


def others_of(call: Call) -> list[Other]:
    """Calls at the same venue that are over, those surely of the same visitor first."""
    over = Call.objects.filter(venue=call.venue, state=Call.State.ENDED).exclude(pk=call.pk)
    found: dict[UUID, Other] = {}
    if call.visit:
        for same in over.filter(visit=call.visit):
            found.setdefault(same.pk, Other(same, _("from the same opened page"), is_sure=True))
    numbers = [left.number for left in call.call_backs.all()]
    if numbers:
        for left in CallBack.objects.filter(call__in=over).select_related("call"):
            if any(masking.is_same_number(left.number, number) for number in numbers):
                found.setdefault(left.call_id, Other(left.call, _("the same number was left")))
    if call.visitor_name:
        for same in over.filter(visitor_name__iexact=call.visitor_name):
            found.setdefault(same.pk, Other(same, _("the same name was given")))
    return list(found.values())[:MOST_OTHERS]


def erase(calls: Sequence[Call], user: User | AnonymousUser) -> int:
    """Delete these calls and all that was made of them. Returns how many there still were."""
    pks = [call.pk for call in calls]
    with transaction.atomic():
        gaps = list(Gap.objects.filter(questions__turn__call__in=pks).values_list("pk", flat=True))
        AuditEntry.objects.filter(call__in=pks).update(details={})
        AuditEntry.objects.bulk_create(
            AuditEntry(user_id=user.pk, venue_id=call.venue_id, verb="erase", details={"call": str(call.pk)})
            for call in calls
        )
        _all, counts = Call.objects.filter(pk__in=pks).delete()
        Gap.objects.filter(pk__in=gaps, questions=None, article=None).delete()
        transaction.on_commit(lambda: recordings.delete(pks), robust=True)
        for call in calls:
            transaction.on_commit(lambda call=call: live.forget_call(call))  # type: ignore[misc]
    return counts.get("voice.Call", 0)
