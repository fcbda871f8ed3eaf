"""Letting visitors in: LiveKit's token endpoint convention, on a venue's own host.

https://docs.livekit.io/frontends/build/authentication/endpoint
"""

import json
from typing import Any, TypedDict
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from concierge.access import on_venue_host
from concierge.models import Venue
from voice import lines, meters, rooms
from voice.models import Call

LONGEST_NAME = 60  # characters
ATTRIBUTES = {"lang", "mode", "page", "record", "visit"}
LARGEST_BODY = 4096  # bytes


class BadRequest(Exception):
    """What the client sent that it must not send, in one sentence."""


class Wishes(TypedDict):
    """What a visitor's browser may say about the call that it asks for."""

    visitor_name: str
    language: str
    mode: str
    page: str
    visit: str
    is_recorded: bool


@csrf_exempt  # a visitor has no session; the Origin is checked instead
@require_POST
@on_venue_host
def token(request: HttpRequest) -> JsonResponse:
    venue: Venue = request.venue  # type: ignore[attr-defined]
    translation.activate(translation.get_language_from_request(request))
    if not is_own_page(request):
        return refusal("foreign_origin", _("This call can only be started from the venue's own page."), 403)
    try:
        lines.check_address(request)
        wishes = read_wishes(request, venue)
        translation.activate(wishes["language"])
        lines.check_venue(venue)
        lines.check_worker()
        call = open_call(venue, wishes)
    except BadRequest as error:
        return refusal("bad_request", str(error), 400)
    except lines.NoLine as reason:
        response = refusal(reason.code, reason.message, reason.status)
        response["Retry-After"] = str(reason.retry_after_seconds)
        return response
    return no_store(
        JsonResponse(
            {
                "server_url": settings.LIVEKIT_PUBLIC_URL,
                "participant_token": rooms.visitor_token(call),
                "call": str(call.pk),
                "recorded": call.is_recorded,
                "rating_key": call.rating_key,
                "expires_at": (timezone.now() + rooms.TOKEN_LIFETIME).isoformat(),
            },
            status=201,
        )
    )


def open_call(venue: Venue, wishes: Wishes) -> Call:
    call = venue.calls.create(**wishes)
    try:
        rooms.open_room(call)
    except rooms.RoomsError:
        call.end("no_room")
        raise lines.not_available() from None
    return call


def read_wishes(request: HttpRequest, venue: Venue) -> Wishes:
    """Check every field of the body. Raises BadRequest that names the field."""
    if request.content_type != "application/json":
        raise BadRequest("Send the request as application/json.")
    if len(request.body) > LARGEST_BODY:
        raise BadRequest(f"The body is larger than {LARGEST_BODY} bytes.")
    try:
        body = json.loads(request.body or b"{}")
    except ValueError:
        raise BadRequest("The body is not JSON.") from None
    if not isinstance(body, dict):
        raise BadRequest("The body must be a JSON object.")
    for name in body.keys() - {"participant_name", "participant_attributes"}:
        raise BadRequest(f"{name} is not yours to choose; leave it out.")

    visitor_name = text_field("participant_name", body.get("participant_name", ""), LONGEST_NAME)
    attributes = body.get("participant_attributes", {})
    if not isinstance(attributes, dict):
        raise BadRequest("participant_attributes must be an object of strings.")
    for name in attributes.keys() - ATTRIBUTES:
        raise BadRequest(f"participant_attributes.{name} is not known; allowed are lang, mode, page, record and visit.")
    language = text_field("participant_attributes.lang", attributes.get("lang", venue.default_language), 10)
    if language not in venue.languages:
        raise BadRequest(f"participant_attributes.lang must be one of {', '.join(venue.languages)}.")
    mode = text_field("participant_attributes.mode", attributes.get("mode", Call.Mode.VOICE), 10)
    if mode not in Call.Mode.values:
        raise BadRequest("participant_attributes.mode must be voice or text.")
    page = text_field("participant_attributes.page", attributes.get("page", ""), 200)
    visit = text_field("participant_attributes.visit", attributes.get("visit", ""), 36)
    agreed = text_field("participant_attributes.record", attributes.get("record", "no"), 10)
    if agreed not in {"yes", "no"}:
        raise BadRequest("participant_attributes.record must be yes or no.")
    # A venue that does not record cannot be made to; typed words have no sound.
    is_recorded = venue.records_calls and agreed == "yes" and mode == Call.Mode.VOICE
    return Wishes(
        visitor_name=visitor_name, language=language, mode=mode, page=page, visit=visit, is_recorded=is_recorded
    )


def text_field(name: str, value: Any, most: int) -> str:
    if not isinstance(value, str):
        raise BadRequest(f"{name} must be a string.")
    if len(value) > most:
        raise BadRequest(f"{name} is longer than {most} characters.")
    if "\x00" in value:
        raise BadRequest(f"{name} has a character that is not text.")
    return value.strip()


def is_own_page(request: HttpRequest) -> bool:
    """Browsers send the Origin with every POST; another site's page has another one. SDKs send none."""
    origin = request.headers.get("Origin")
    return origin is None or urlsplit(origin).netloc.lower() == request.get_host().lower()


def refusal(code: str, message: str, status: int) -> JsonResponse:
    meters.TOKENS_REFUSED.labels(code).inc()
    return no_store(JsonResponse({"error": code, "message": message}, status=status))


def no_store(response: JsonResponse) -> JsonResponse:
    response["Cache-Control"] = "no-store"
    return response
