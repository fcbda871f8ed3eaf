"""What staff make of a visitor's question: a golden question of the venue, with one click."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from concierge.access import member_required
from concierge.models import Membership, Venue
from knowledge import golden
from voice.models import AuditEntry, Call, Turn

EDITOR = Membership.Role.EDITOR


@require_POST
@member_required(EDITOR)
def make_golden(request: HttpRequest, pk: UUID) -> HttpResponseRedirect:
    """The turn in `turn` becomes a golden question whose right articles are those that its answer rested on."""
    editable = Venue.objects.visible_to(request.user, EDITOR)
    call = get_object_or_404(Call.objects.filter(venue__in=editable).select_related("venue"), pk=pk)
    number = request.POST.get("turn", "")
    turns = call.turns.filter(speaker=Turn.Speaker.VISITOR)
    turn = get_object_or_404(turns, pk=int(number) if number.isdecimal() else 0)
    answer = call.turns.filter(number__gt=turn.number, speaker=Turn.Speaker.AGENT).first()
    slugs = answer.citations.values_list("version__text__article__slug", flat=True).distinct() if answer else []
    golden.store(call.venue, turn.text, turn.language, slugs)
    AuditEntry.objects.create(user_id=request.user.pk, call=call, venue_id=call.venue_id, verb="golden")
    messages.success(
        request,
        _("Kept as a golden question. Its articles are those of the answer; change them under Knowledge if not right."),
    )
    return redirect("staff:call", pk=call.pk)
