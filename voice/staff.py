"""Pages for staff: the wall of calls, one call, and what staff can do to it."""

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from concierge.access import member_required
from concierge.models import Membership, Venue
from voice import auditing, handing_off, recordings, scorecards, screens, verbs
from voice.models import AuditEntry, Call, CallBack, HandOff, Shift


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
    is_over = call.state == Call.State.ENDED
    may_erase = Venue.objects.visible_to(request.user, Membership.Role.MANAGER).filter(pk=call.venue_id).exists()
    auditing.note_reading(call, request.user)
    return render(
        request,
        "voice/call.html",
        _wall(request)
        | {
            "call": call,
            "transcript": screens.transcript_html(call),
            "may_steer": may_steer,
            "may_edit": may_edit,
            "may_erase": is_over and may_erase,
            "has_recording": is_over and recordings.is_kept(call),
            "scorecards": call.scorecards.select_related("reviewer"),
            "scorecard": scorecards.form_of(call, request.user) if is_over and may_edit else None,
            "longest_line": verbs.LONGEST_LINE,
            "spoken_language": verbs.spoken_language(call),
        },
    )


@require_POST
@member_required(Membership.Role.AGENT)
def act(request: HttpRequest, pk: UUID, verb: str) -> HttpResponse:
    """Do one verb. A script is told in JSON: message, and for listening and talking url and token of the room."""
    may_steer = Venue.objects.visible_to(request.user, Membership.Role.AGENT)
    call = get_object_or_404(Call.objects.filter(venue__in=may_steer), pk=pk)
    if verb not in verbs.VERBS:
        raise Http404
    is_script = request.headers.get("Accept", "").startswith("application/json")
    try:
        done = verbs.do(call, request.user, verb, request.POST.get("line", ""))  # type: ignore[arg-type]
    except verbs.Refused as refusal:
        if is_script:
            return JsonResponse({"message": str(refusal)}, status=_status_of(refusal))
        (messages.error if isinstance(refusal, verbs.LineDown) else messages.info)(request, str(refusal))
    else:
        if is_script:
            return JsonResponse({"message": done.message, **done.room})
        messages.info(request, done.message)
    return redirect("staff:call", pk=call.pk)


@require_POST
@member_required(Membership.Role.AGENT)
def claim(request: HttpRequest, pk: int) -> HttpResponse:
    """Come to a visitor who waits for a person. The first who does is the one."""
    may_steer = Venue.objects.visible_to(request.user, Membership.Role.AGENT)
    hand_off = get_object_or_404(HandOff.objects.filter(call__venue__in=may_steer).select_related("call"), pk=pk)
    if handing_off.claim(hand_off, request.user):  # type: ignore[arg-type]
        audited = {"call": hand_off.call, "venue_id": hand_off.call.venue_id, "verb": "claim"}
        AuditEntry.objects.create(user_id=request.user.pk, **audited)
        messages.success(request, _("The visitor waits for you. Take over by voice or by typing."))
    else:
        messages.info(request, _("Somebody else was first, or the visitor waits no longer."))
    return redirect("staff:call", pk=hand_off.call_id)


@require_POST
@member_required(Membership.Role.AGENT)
def called_back(request: HttpRequest, pk: int) -> HttpResponse:
    """The visitor was called: nobody else needs to."""
    may_steer = Venue.objects.visible_to(request.user, Membership.Role.AGENT)
    asked = get_object_or_404(CallBack.objects.filter(call__venue__in=may_steer).select_related("call__venue"), pk=pk)
    if handing_off.called_back(asked, request.user):  # type: ignore[arg-type]
        audited = {"call": asked.call, "venue_id": asked.call.venue_id, "verb": "called_back"}
        AuditEntry.objects.create(user_id=request.user.pk, **audited)
        messages.success(request, _("Marked as called back."))
    else:
        messages.info(request, _("Somebody had called back already."))
    return redirect("staff:wall")


@require_POST
@member_required(Membership.Role.AGENT)
def shift(request: HttpRequest) -> HttpResponse:
    """Go on shift (`on`=1) or off it, at `venue`, or at all venues where one may take calls."""
    change = handing_off.begin_shift if request.POST.get("on") == "1" else handing_off.end_shift
    venue = request.POST.get("venue", "")
    change(request.user, venue)  # type: ignore[arg-type]
    shown = f"?{urlencode({'venue': venue})}" if venue else ""
    return redirect(f"{reverse('staff:wall')}{shown}")


def _status_of(refusal: verbs.Refused) -> int:
    if isinstance(refusal, verbs.BadLine):
        return 400
    return 503 if isinstance(refusal, verbs.LineDown) else 409


def _wall(request: HttpRequest) -> dict[str, object]:
    """The calls of the venue in `?venue=`, or of all where the user works."""
    venues = Venue.objects.visible_to(request.user)
    slug = request.GET.get("venue", "")
    shown = venues.filter(slug=slug) if slug else venues
    if slug and not shown:
        slug, shown = "", venues
    going_on, ended = screens.going_on(shown), screens.just_ended(shown)
    return {
        "venues": venues.prefetch_related("texts"),
        "shown_venue": slug,
        "live_count": len(going_on),
        "may_be_rung": Venue.objects.visible_to(request.user, Membership.Role.AGENT)
        .filter(memberships__user=request.user, pk__in=shown)  # type: ignore[misc]
        .exists(),
        "is_on_shift": Shift.objects.filter(user=request.user, venue__in=shown).exists(),  # type: ignore[misc]
        "may_call_back": Venue.objects.visible_to(request.user, Membership.Role.AGENT).exists(),
        "call_backs": screens.call_backs_html(shown),
        "live_cards": screens.cards_html(going_on),
        "ended_cards": screens.cards_html(ended),
    }
