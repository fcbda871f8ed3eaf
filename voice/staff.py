"""Pages for staff: the wall of calls, one call, and what staff can do to it."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from concierge.access import member_required
from concierge.models import Membership, Venue
from voice import live, rooms
from voice.models import Call


@require_safe
@member_required()
def wall(request: HttpRequest) -> HttpResponse:
    return render(request, "voice/wall.html", _wall(request))


@require_safe
@member_required()
def call_page(request: HttpRequest, pk: UUID) -> HttpResponse:
    call = get_object_or_404(Call.objects.visible_to(request.user).select_related("venue"), pk=pk)
    may_steer = Venue.objects.visible_to(request.user, Membership.Role.AGENT).filter(pk=call.venue_id).exists()
    may_edit = Venue.objects.visible_to(request.user, Membership.Role.EDITOR).filter(pk=call.venue_id).exists()
    return render(
        request,
        "voice/call.html",
        _wall(request)
        | {"call": call, "transcript": live.transcript_html(call), "may_steer": may_steer, "may_edit": may_edit},
    )


@require_POST
@member_required(Membership.Role.AGENT)
def end_call(request: HttpRequest, pk: UUID) -> HttpResponseRedirect:
    """Ask the agent to say goodbye. The call ends when it has hung up; the page shows that when it happens."""
    may_steer = Venue.objects.visible_to(request.user, Membership.Role.AGENT)
    call = get_object_or_404(Call.objects.filter(venue__in=may_steer), pk=pk)
    if call.state == Call.State.ENDED:
        messages.info(request, _("This call is over already."))
    else:
        try:
            rooms.steer(call, "hang_up")
        except rooms.RoomGone:
            messages.info(request, _("This call is over already."))
        except rooms.RoomsError:
            messages.error(request, _("The call could not be ended: its line does not answer. Please try again."))
        else:
            messages.info(request, _("The concierge says goodbye and hangs up."))
    return redirect("staff:call", pk=call.pk)


def _wall(request: HttpRequest) -> dict[str, object]:
    """The calls of the venue in `?venue=`, or of all where the user works."""
    venues = Venue.objects.visible_to(request.user)
    slug = request.GET.get("venue", "")
    shown = venues.filter(slug=slug) if slug else venues
    if slug and not shown:
        slug, shown = "", venues
    going_on, ended = live.going_on(shown), live.just_ended(shown)
    return {
        "venues": venues.prefetch_related("texts"),
        "shown_venue": slug,
        "live_count": len(going_on),
        "live_cards": live.cards_html(going_on),
        "ended_cards": live.cards_html(ended),
    }
