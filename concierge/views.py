"""What visitors and passers-by see: the page of a venue, and the way to it."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone, translation
from django.utils.translation.trans_real import parse_accept_lang_header
from django.views.decorators.http import require_safe

from concierge import converters  # noqa: F401 - urls.py uses <language:…>
from concierge.access import on_venue_host
from concierge.models import Notice, Venue
from concierge.places import HOUSE, places_of
from concierge.words import visitor_words


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """The bare address: on a venue's host its page in the visitor's language, on the console's the wall."""
    venue: Venue | None = request.venue  # type: ignore[attr-defined]
    if venue is None:
        return redirect("/staff/")
    # LocaleMiddleware adds the Vary header.
    return redirect("venue", best_language(venue, request.headers.get("Accept-Language", "")))


home.door = "any"  # type: ignore[attr-defined]  # it tells nothing and only sends on


def best_language(venue: Venue, accepted: str) -> str:
    """The first of the accepted languages that the venue has: "ar-AE" is served by "ar"."""
    for code, _quality in parse_accept_lang_header(accepted.lower()):
        for candidate in (code, code.split("-")[0]):
            if candidate in venue.languages:
                return candidate
    return venue.default_language


@require_safe
@on_venue_host
def venue_page(request: HttpRequest, language: str) -> HttpResponse:
    venue: Venue = request.venue  # type: ignore[attr-defined]
    if language not in venue.languages:
        raise Http404
    now = venue.now()
    with translation.override(language), timezone.override(venue.zone):
        places = places_of(venue, now, language)
        response = render(
            request,
            "concierge/venue.html",
            {
                "venue": venue,
                "text": venue.text(language),
                "language": language,
                "other_languages": [code for code in venue.languages if code != language],
                "notices": Notice.objects.filter(venue=venue).current(language, now),
                "places": places,
                "house": next((place for place in places if place.slug == HOUSE), places[0] if places else None),
                "today": now.date(),
                "words": visitor_words(),
                "livekit_url": settings.LIVEKIT_PUBLIC_URL,
            },
        )
    response.headers["Content-Language"] = language
    return response
